import { bytesOfHex, decodeText, malformed, parseHash, Refusal } from './bytes.js'
import { openCheckpoint, parseNote, verifyNote } from './notes.js'
import { verifyConsistency } from './tree.js'

/**
 * What was said of a log, signed or not:
 *
 * statement := text | note of that text
 * text      := title "\n" JSON "\n"          keys in order, no white space: one spelling
 */

/** @import { Note, VerifyEd25519, Vkey } from './notes.js' */
/** @typedef {(value: unknown) => boolean} Check */
/**
 * @typedef {object} Statement
 * @property {string} origin
 * @property {{ position: number, time: string }} asOf
 * @property {{ size: number, root: string }} head
 * @property {string} checkpoint
 * @property {readonly string[]} consistency
 * @property {{ from: number, to: number }} range
 */
/** @typedef {Statement & { sums: string }} EvidenceStatement */
/** @typedef {{ name: string, bytes: number, sha256: string }} ManifestOutput */
/**
 * @typedef {object} ManifestFields
 * @property {string} report
 * @property {number} version
 * @property {Record<string, string | number>} params
 * @property {number} rowCount
 * @property {number} findings
 * @property {{ first: number, last: number, events: number, gaps: number }} population
 * @property {readonly ManifestOutput[]} outputs
 */
/** @typedef {Statement & ManifestFields} Manifest */
/**
 * @template S
 * @typedef {{ statement: S, note: Note | undefined }} Parsed
 */

const statementBytesMax = 512 * 1024
const timeMsMax = 253_402_300_799_999

/** @type {Check} */
const natural = (value) => Number.isSafeInteger(value) && Number(value) >= 0
/** @type {Check} */
const positive = (value) => natural(value) && Number(value) >= 1
/** @type {Check} A range that no event falls into ends before it begins. */
const position = (value) => natural(value) || value === -1
/** @type {Check} */
const hexHash = (value) => typeof value === 'string' && /^[0-9a-f]{64}$/.test(value)
/** @type {Check} */
const isoTime = (value) => {
  const time = typeof value === 'string' ? Date.parse(value) : Number.NaN
  return time >= 0 && time <= timeMsMax && new Date(time).toISOString() === value
}

/**
 * @param {number} bytesMax
 * @param {number} [bytesMin]
 * @returns {Check}
 */
function text(bytesMax, bytesMin = 0) {
  return (value) =>
    typeof value === 'string' &&
    value.length >= bytesMin &&
    new TextEncoder().encode(value).length <= bytesMax
}

/**
 * @param {Check} item
 * @param {number} most
 * @returns {Check}
 */
function list(item, most) {
  return (value) => Array.isArray(value) && value.length <= most && value.every(item)
}

/**
 * An object of exactly these members.
 *
 * @param {Record<string, Check>} members
 * @returns {Check}
 */
function shape(members) {
  const names = Object.keys(members)
  return (value) =>
    isObject(value) &&
    Object.keys(value).length === names.length &&
    names.every((name) => Object.hasOwn(value, name) && members[name]?.(value[name]) === true)
}

/**
 * @param {unknown} value
 * @returns {value is Record<string, unknown>}
 */
function isObject(value) {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** @type {Check} */
const params = (value) =>
  isObject(value) &&
  Object.keys(value).length <= 16 &&
  Object.entries(value).every(([name, param]) => {
    return text(64)(name) && (natural(param) || text(4096)(param))
  })

const statementMembers = {
  origin: text(512, 1),
  asOf: shape({ position: natural, time: isoTime }),
  head: shape({ size: positive, root: hexHash }),
  checkpoint: text(64 * 1024, 1),
  consistency: list(text(64), 64),
  range: shape({ from: natural, to: position }),
}

const evidence = {
  title: 'Muniment evidence statement, version 1',
  check: shape({ ...statementMembers, sums: hexHash }),
}

const manifest = {
  title: 'Muniment report manifest, version 1',
  check: shape({
    ...statementMembers,
    report: text(128, 1),
    version: positive,
    params,
    rowCount: natural,
    findings: natural,
    population: shape({ first: natural, last: position, events: natural, gaps: natural }),
    outputs: list(shape({ name: text(512, 1), bytes: natural, sha256: hexHash }), 4096),
  }),
}

/**
 * Reads the statement of the whole; nothing is verified yet.
 *
 * @param {Uint8Array} bytes
 * @returns {Parsed<EvidenceStatement>}
 */
export function parseEvidenceStatement(bytes) {
  const { value, note } = parseStatement(bytes, evidence)
  return { statement: /** @type {EvidenceStatement} */ (value), note }
}

/**
 * Reads the manifest of a report; nothing is verified yet.
 *
 * @param {Uint8Array} bytes
 * @returns {Parsed<Manifest>}
 */
export function parseManifest(bytes) {
  const { value, note } = parseStatement(bytes, manifest)
  return { statement: /** @type {Manifest} */ (value), note }
}

/**
 * @param {Uint8Array} bytes
 * @param {{ title: string, check: Check }} kind
 */
function parseStatement(bytes, { title, check }) {
  const whole = decodeText(bytes, title, statementBytesMax)
  const note = whole.includes('\n\n') ? parseNote(bytes) : undefined
  const [first, json = '', rest, ...more] = (note?.text ?? whole).split('\n')
  if (first !== title || rest !== '' || more.length > 0) {
    throw malformed('statement', `the line "${title}" and one of JSON`)
  }
  const value = parseJson(json)
  if (!check(value)) throw malformed('statement', 'the members that one has')
  // Two readers that differ in how they read a member twice, or a number, must not see two statements.
  if (canonicalJson(value) !== json) throw malformed('statement', 'canonical JSON')
  return { value, note }
}

/**
 * @param {string} json
 * @returns {unknown}
 */
function parseJson(json) {
  try {
    return JSON.parse(json)
  } catch {
    throw malformed('statement', 'JSON')
  }
}

/**
 * JSON with keys in the order of their UTF-16 code units and no white space.
 *
 * @param {unknown} value
 */
export function canonicalJson(value) {
  return JSON.stringify(sorted(value))
}

/**
 * @param {unknown} value
 * @returns {unknown}
 */
function sorted(value) {
  if (Array.isArray(value)) return value.map(sorted)
  if (!isObject(value)) return value
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(members.map(([name, member]) => [name, sorted(member)]))
}

/**
 * Verifies that the log which a statement speaks of is the one of this key and, where the statement is signed, that this
 * key has signed it.
 *
 * @param {Parsed<Statement>} parsed
 * @param {Vkey} vkey
 * @param {VerifyEd25519 | undefined} verify
 */
export async function verifyStatement({ statement, note }, vkey, verify) {
  if (note !== undefined) await verifyNote(note, vkey, verify)
  const { asOf, head, consistency } = statement
  const bytes = new TextEncoder().encode(statement.checkpoint)
  const checkpoint = await openCheckpoint(bytes, vkey, verify)
  if (asOf.position !== head.size - 1) {
    throw new Refusal(`its last event is ${asOf.position}, and its log holds ${head.size}`)
  }
  if (vaultOf(statement.origin) !== vaultOf(vkey.name)) {
    throw new Refusal('it speaks of another vault than the key is for')
  }
  verifyConsistency({
    from: head.size,
    to: checkpoint.size,
    proof: consistency.map((hash, i) => parseHash(hash, `statement: consistency ${i + 1}`)),
    fromRoot: bytesOfHex(head.root),
    toRoot: checkpoint.root,
  })
}

/**
 * What the names of a vault's log have in common, whichever of its lives they are of: `muniment/<vault id>`.
 *
 * @param {string} origin
 */
function vaultOf(origin) {
  return origin.slice(0, origin.lastIndexOf('/'))
}
