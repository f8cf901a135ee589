/** The closed sets of words that events are made of. Adding to one is a change of the format. */

export const secretTypes = [
  'generic',
  'api_key',
  'database_password',
  'certificate',
  'ssh_key',
  'oauth_token',
  'encryption_key',
] as const
export type SecretType = (typeof secretTypes)[number]

export const rotationTriggers = ['manual', 'schedule', 'compromise', 'wire'] as const
export type RotationTrigger = (typeof rotationTriggers)[number]

export const denialCauses = [
  'policy',
  'expired',
  'not_yet_valid',
  'deleted',
  'destroyed',
  'absent',
  // A version that is kept, beyond those that the KV wire shows.
  'hidden',
] as const
export type DenialCause = (typeof denialCauses)[number]

/** What can be shown to be let in, and be refused. */
export const authMethods = ['keyslot', 'token', 'approle'] as const
export type AuthMethod = (typeof authMethods)[number]

/** Why a token or a login was refused: there was none, it is not known or no longer, it had run out, it was used up. */
export const authFailures = ['missing', 'unknown', 'expired', 'spent'] as const
export type AuthFailure = (typeof authFailures)[number]

/** The operations a refusal or an inspection can be about. */
export const operations = [
  'read',
  'watch',
  'write',
  'rotate',
  'annotate',
  'delete',
  'restore',
  'destroy',
  'purge',
  'exists',
  'list',
  'describe',
  'history',
  'export',
  'backup',
  'audit',
  'report',
  'policy',
  'keys',
  'token',
] as const
export type Operation = (typeof operations)[number]

/** What a rule lets an actor do, or not. */
export const capabilities = [
  'read',
  'list',
  'describe',
  'write',
  'rotate',
  'annotate',
  'delete',
  'destroy',
  'purge',
  'audit',
  'report',
  'policy',
  'token',
  'keys',
] as const
export type Capability = (typeof capabilities)[number]
