import { VaultError } from '../errors.ts'
import type { SecretMeta } from '../events/catalogue.ts'
import { timeMsMax } from '../limits.ts'

/** What a caller says of a secret: absent leaves a field as it is, null takes it away. */
export type MetaPatch = {
  readonly [F in Exclude<keyof SecretMeta, 'type' | 'fingerprint'>]?: SecretMeta[F] | null
} & { readonly type?: SecretMeta['type'] }

/** What was read out of a value: it holds for that value, so it replaces what was read out of the one before. */
export interface ValueFacts {
  readonly expiresAt?: number
  readonly notBefore?: number
  readonly fingerprint?: string
}

const patchable = [
  'description',
  'owner',
  'tags',
  'expiresAt',
  'notBefore',
  'rotateEvery',
  'maxVersions',
  'casRequired',
  'expireAfter',
] as const satisfies readonly (keyof MetaPatch)[]

export function patchMeta(before: SecretMeta, patch: MetaPatch): SecretMeta {
  const meta: Record<string, unknown> = { ...before, type: patch.type ?? before.type }
  for (const field of patchable) {
    const value = patch[field]
    if (value === null) delete meta[field]
    else if (value !== undefined) meta[field] = value
  }
  return checked(meta as unknown as SecretMeta)
}

/**
 * The metadata of a secret that gets a new value. That expires when the caller says, or the value itself; else
 * `expireAfter` from now on, where the secret has that. Throws `INVALID` where the date of an earlier value would make the
 * new one unreadable from the start: whoever writes it must say what holds.
 */
export function metaOfNewValue(
  before: SecretMeta | undefined,
  { patch, facts, now }: { patch: MetaPatch; facts: ValueFacts; now: number },
): SecretMeta {
  const { fingerprint: _, ...kept } = before ?? { type: 'generic' as const }
  const isSaid = patch.expiresAt !== undefined || facts.expiresAt !== undefined
  const lasting = patch.expireAfter === undefined ? kept.expireAfter : patch.expireAfter
  const isCounted = !isSaid && typeof lasting === 'number'
  const counted = isCounted ? { expiresAt: expiryOf(now, lasting) } : {}
  const meta = patchMeta({ ...kept, ...facts, ...counted }, patch)
  const inherited = !isSaid && !isCounted
  if (inherited && meta.expiresAt !== undefined && meta.expiresAt <= now) {
    throw new VaultError(
      'INVALID',
      `expiresAt of the earlier value (${new Date(meta.expiresAt).toISOString()}) has passed: give a new one, or null`,
    )
  }
  return meta
}

/** When what is written now and lasts so long expires. */
export function expiryOf(now: number, lasting: number): number {
  return Math.min(now + lasting, timeMsMax)
}

function checked(meta: SecretMeta): SecretMeta {
  const { notBefore, expiresAt } = meta
  if (notBefore !== undefined && expiresAt !== undefined && notBefore >= expiresAt) {
    throw new VaultError('INVALID', 'notBefore must be earlier than expiresAt', {
      expected: `before ${new Date(expiresAt).toISOString()}`,
      found: new Date(notBefore).toISOString(),
    })
  }
  return meta
}
