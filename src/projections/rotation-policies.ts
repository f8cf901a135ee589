import type { EventData, RotationScope, SecretMeta } from '../events/catalogue.ts'
import type { SecretType } from '../events/words.ts'
import { cryptoperiods, dayMs } from './cryptoperiods.ts'
import { defineProjection } from './projection.ts'
import type { VersionState } from './secrets.ts'

export interface RotationPolicyRow extends RotationScope {
  /** Milliseconds; absent where the scope is exempt. */
  readonly rotateEvery?: number
  /** The event that wrote it. */
  readonly position: number
  readonly writtenAt: number
  readonly writtenBy: string
}

/** By scope (`scopeKey`). */
export type RotationPoliciesState = Map<string, RotationPolicyRow>

/** How old the values of which secrets may get: the policies in force. */
export const rotationPolicies = defineProjection<RotationPoliciesState>({
  name: 'rotation-policies',
  version: 1,
  initial: () => new Map(),
  on: {
    'rotation_policy.written': (rows, { data, position, time, actor }) => {
      rows.set(scopeKey(data), {
        ...scopeOf(data),
        ...(data.rotateEvery !== undefined && { rotateEvery: data.rotateEvery }),
        position,
        writtenAt: time,
        writtenBy: actor,
      })
    },
    'rotation_policy.removed': (rows, { data }) => {
      rows.delete(scopeKey(data))
    },
  },
})

/** One scope, one key. An empty prefix is as good as none. */
export function scopeKey({ prefix = '', type }: RotationScope): string {
  return `${type ?? ''}:${prefix}`
}

function scopeOf({ prefix, type }: EventData['rotation_policy.removed']): RotationScope {
  return { ...(prefix !== undefined && { prefix }), ...(type !== undefined && { type }) }
}

/**
 * Policies, those that go before others first: a longer prefix before a shorter one, and of one prefix that which names
 * a type before that which names none.
 */
export function byPrecedence(
  policies: ReadonlyMap<string, RotationPolicyRow>,
): readonly RotationPolicyRow[] {
  const rank = ({ prefix = '', type }: RotationPolicyRow) =>
    2 * prefix.length + (type === undefined ? 0 : 1)
  return [...policies.values()].sort((a, b) => rank(b) - rank(a))
}

/** Maximum ages that hold where neither the secret nor a policy says one. */
const defaultMaxAgeMs: Readonly<Partial<Record<SecretType, number>>> = {
  encryption_key: cryptoperiods.dataEncryption.protect,
}

/**
 * How old a secret's value may get, in milliseconds; undefined where nothing says so, or a policy exempts it. The
 * secret's own `rotateEvery` goes before policies, a policy before the default of its type.
 *
 * @param policies in their order of precedence (`byPrecedence`)
 * @example
 * maxAgeOf('prod/db', { type: 'generic', rotateEvery: 90 * 24 * 3600 * 1000 }, []) // 7776000000
 */
export function maxAgeOf(
  path: string,
  { type, rotateEvery }: Pick<SecretMeta, 'type' | 'rotateEvery'>,
  policies: readonly RotationPolicyRow[],
): number | undefined {
  if (rotateEvery !== undefined) return rotateEvery
  const policy = policies.find(
    (each) => (each.type === undefined || each.type === type) && path.startsWith(each.prefix ?? ''),
  )
  return policy === undefined ? defaultMaxAgeMs[type] : policy.rotateEvery
}

/**
 * - `exempt`: no maximum age applies, or there is no value to rotate: the newest version is deleted or destroyed
 * - `ok`: younger than its maximum age · `due`: so little younger that a rotation is due
 * - `overdue`: as old or older, and rotated at least once · `never`: as old or older, and never rotated
 */
export type RotationStatus = 'ok' | 'due' | 'overdue' | 'never' | 'exempt'

export interface RotationFacts {
  readonly state: VersionState
  /** Milliseconds since the epoch, whoever changed it. */
  readonly valueChangedAt: number
  /** How many `secret.rotated` events it has had. */
  readonly rotations: number
  /** As `maxAgeOf` says. */
  readonly maxAge: number | undefined
}

export interface RotationJudgement {
  readonly status: RotationStatus
  /** When the value reaches its maximum age, in milliseconds since the epoch; absent where it is exempt. */
  readonly due?: number
}

/** What of a value's maximum age may be left before a rotation counts as due, and no more than that long. */
const dueShare = 1 / 5
const dueWithinMsMax = 14 * dayMs

/**
 * Whether a secret was rotated in time.
 *
 * @param at.now the moment to judge at, in milliseconds since the epoch
 * @param at.dueWithin how long before its date a value counts as due, in milliseconds: 14 days or a fifth of the
 *   maximum age, whichever is less, unless said
 */
export function rotationStatusOf(
  { state, valueChangedAt, rotations, maxAge }: RotationFacts,
  at: { readonly now: number; readonly dueWithin?: number | undefined },
): RotationJudgement {
  if (maxAge === undefined || state !== 'live') return { status: 'exempt' }
  const due = valueChangedAt + maxAge
  if (at.now >= due) return { status: rotations > 0 ? 'overdue' : 'never', due }
  const within = at.dueWithin ?? Math.min(dueWithinMsMax, maxAge * dueShare)
  return { status: at.now >= due - within ? 'due' : 'ok', due }
}
