/** Bounds of the format, checked on writing and on reading. Bytes are UTF-8 bytes. */

export const pathBytesMax = 512
export const segmentBytesMax = 128
export const actorBytesMax = 512
export const valueBytesMax = 1024 * 1024
export const fieldsMax = 256
export const tagsMax = 64
export const tagKeyBytesMax = 128
export const tagValueBytesMax = 512
export const descriptionBytesMax = 4096
export const ownerBytesMax = 512
export const contextBytesMax = 4096
export const reasonBytesMax = 2048
export const versionsMax = 1_000_000
/** The newest versions of a secret that the wire shows, where neither it nor its mount says how many are kept. */
export const wireVersionsShown = 10
/** Versions that one delete, restore or destroy may name. */
export const versionsPerCallMax = 512
/** `rotateEvery` at the most: 100 years. */
export const rotateEveryMsMax = 100 * 366 * 24 * 3600 * 1000
/** What a report may be asked to count as due: a year. */
export const askedDueWithinMsMax = 366 * 24 * 3600 * 1000
/** Dates run from 1970 to the end of the year 9999. */
export const timeMsMax = 253_402_300_799_999

/** Names of policies, roles and reports. */
export const nameBytesMax = 128
export const rulesPerPolicyMax = 256
export const pathsPerRuleMax = 64
/** Paths of all rules of one policy, and the segments of those: compiling them holds up the writer. */
export const patternsPerPolicyMax = 1024
export const segmentsPerPolicyMax = 4096
export const policiesPerRoleMax = 64
/** Segments of the paths of all policies that one role names. */
export const segmentsPerRoleMax = 16_384

/** A policy's own text. */
export const policyTextBytesMax = 32 * 1024
/** Tokens and secret ids: what is said of each, and how long one may last or a renewal add. */
export const accessorBytesMax = 64
export const handedOutMsMax = 100 * 366 * 24 * 3600 * 1000
/** What a renewal may add to a token that has no bound of its own, where that is more than it was issued with: 32 days. */
export const renewalMsMax = 32 * 24 * 3600 * 1000
/** Tokens that hold at one time, and secret ids likewise: all of them are in memory. */
export const handedOutMax = 100_000
/** How many tokens may have been issued one through the other. */
export const tokenDepthMax = 16
/** Applications that log in by themselves: each login is compared with all of them. */
export const appRolesMax = 1024

/** How far the time in an id that a caller gives may lie from the vault's: an hour. */
export const givenIdMsMax = 60 * 60 * 1000
/** Ids that callers gave whose events are known: beyond them the oldest are let go, and refused from then on. */
export const givenIdsMax = 100_000

export const commitEventsMax = 128
/** Event bytes that the writer puts into one commit, one larger event or one larger command excepted. */
export const commitBytesMax = 64 * 1024
/** What a reader accepts of one commit: a value of the largest size, or a purge of very many versions. */
export const commitSealedBytesMax = 8 * 1024 * 1024
export const eventBytesMax = 4 * 1024 * 1024
export const eventDepthMax = 8

/** Value keys sealed together in one key row. */
export const keysPerRowMax = 64
export const keyslotsMax = 16
export const keyslotLabelBytesMax = 128
export const keyringBytesMax = 16 * 1024 * 1024
export const passphraseBytesMax = 4096

/** A file that secrets are taken from, and how deep the JSON in it may be nested. */
export const transferBytesMax = 256 * 1024 * 1024
export const transferDepthMax = 64
