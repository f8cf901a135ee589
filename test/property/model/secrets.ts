import type { VaultErrorCode } from '../../../src/errors.ts'
import type { EventType, SecretMeta } from '../../../src/events/catalogue.ts'
import type { RotationTrigger } from '../../../src/events/words.ts'
import type { SecretInput } from '../../../src/secret/value.ts'

/*
 * The model: secrets as a plain Map, each row replaced as a whole. It keeps every version with its value in the clear,
 * knows no log and folds no event; what an operation answers, and which events it leaves, follows from the rows alone.
 */

type State = 'live' | 'deleted' | 'destroyed'

export interface ModelVersion {
  readonly version: number
  readonly value: SecretInput
  readonly state: State
  readonly createdAt: number
  readonly createdBy: string
  readonly origin: 'written' | RotationTrigger
  readonly changed: boolean
  readonly position: number
  readonly reason?: string
  readonly expiresAt?: number
  readonly notBefore?: number
  readonly stateChangedAt?: number
  readonly stateChangedBy?: string
  /** Told by the event that wrote it; what destroys it must name the same. */
  readonly keyId?: string
}

export interface ModelSecret {
  readonly versions: readonly ModelVersion[]
  readonly meta: SecretMeta
  /** Position of the newest event that changed it. */
  readonly last: number
  readonly createdAt: number
  readonly updatedAt: number
  readonly updatedBy: string
  readonly valueChangedAt: number
  readonly rotationCount: number
  readonly lastRotatedAt?: number
  readonly accessCount: number
  readonly lastAccessedAt?: number
}

export type Model = ReadonlyMap<string, ModelSecret>

/** When, by whom and at which position an operation is decided. */
export interface At {
  readonly now: number
  readonly position: number
  readonly actor: string
}

export interface ExpectedFact {
  readonly type: EventType
  readonly subject: string
  readonly data: Readonly<Record<string, unknown>>
}

export type Answer = { readonly returns: unknown } | { readonly throws: VaultErrorCode | string }

/** What an operation comes to. `next` is the secret afterwards, null where it is gone, absent where it stays as it is. */
export interface Expected {
  readonly answer: Answer
  readonly facts: readonly ExpectedFact[]
  readonly next?: ModelSecret | null
}

/** The model with a secret replaced, or taken away. */
export function withSecret(model: Model, path: string, next: ModelSecret | null): Model {
  const changed = new Map(model)
  if (next === null) changed.delete(path)
  else changed.set(path, next)
  return changed
}

/** Values of one look however they come: text, bytes or fields. */
export function shownValue(value: SecretInput): Readonly<Record<string, unknown>> {
  if (typeof value === 'string') return { text: value }
  return value instanceof Uint8Array
    ? { hex: Buffer.from(value).toString('hex') }
    : { fields: { ...value } }
}

export function newestOf({ versions }: ModelSecret): ModelVersion {
  return versions.at(-1) as ModelVersion
}

export function refused(code: VaultErrorCode): Expected {
  return { answer: { throws: code }, facts: [] }
}

export function denied(
  code: VaultErrorCode,
  { verb, path }: { verb: string; path: string },
  about: { cause: string; version?: number },
): Expected {
  const data = { operation: verb, ...about }
  return { answer: { throws: code }, facts: [{ type: 'secret.denied', subject: path, data }] }
}

export const deniedStates = { deleted: 'DELETED', destroyed: 'DESTROYED' } as const

export function marked(
  rows: readonly ModelVersion[],
  { versions, state, at }: { versions: readonly ModelVersion[]; state: State; at: At },
): readonly ModelVersion[] {
  return rows.map((row) =>
    versions.includes(row)
      ? { ...row, state, stateChangedAt: at.now, stateChangedBy: at.actor }
      : row,
  )
}

export function destructionOf(
  subject: string,
  gone: readonly ModelVersion[],
  about: { cause: string; previous: number },
): readonly ExpectedFact[] {
  if (gone.length === 0) return []
  const versions = gone.map(({ version, keyId }) => ({ version, keyId }))
  return [{ type: 'secret.destroyed', subject, data: { versions, ...about } }]
}

export function touched({ now, actor }: At, last: number) {
  return { last, updatedAt: now, updatedBy: actor }
}

export function previousOf(secret: ModelSecret | undefined) {
  return secret === undefined ? {} : { previous: secret.last }
}
