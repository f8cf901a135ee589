import type { Vault } from '../../../src/vault/vault.ts'

type Call = (vault: Vault) => Promise<unknown>

/** Calls whose arguments are no good, whatever the vault holds: each is `INVALID`, and nothing is recorded of it. */
export const badCalls = {
  'a path with an empty segment': (vault) => vault.write('a//b', 'x'),
  'a path that climbs': (vault) => vault.read('a/../b'),
  'half a surrogate pair': (vault) => vault.write('a', '\ud800'),
  'no value': (vault) => vault.write('a', undefined as unknown as string),
  'a negative ifVersion': (vault) => vault.write('a', 'x', { ifVersion: -1 }),
  'a type that is none': (vault) => vault.write('a', 'x', { type: 'wish' as 'generic' }),
  'a date without a zone': (vault) => vault.write('a', 'x', { expiresAt: '2026-01-01T00:00' }),
  'dates the wrong way round': (vault) =>
    vault.write('new', 'x', { notBefore: '2026-02-01', expiresAt: '2026-01-01' }),
  'no versions kept': (vault) => vault.annotate('a', { maxVersions: 0 }),
  'an annotation of nothing': (vault) => vault.annotate('a', {}),
  'a trigger that is none': (vault) => vault.rotate('a', 'x', { trigger: 'whim' as 'manual' }),
  'version 0': (vault) => vault.read('a', { version: 0 }),
  'an expired read without a reason': (vault) => vault.read('a', { allowExpired: true }),
  'a deletion of no versions': (vault) => vault.delete('a', { versions: [] }),
  'a destruction that names none': (vault) =>
    vault.destroy('a', {} as { versions: readonly number[] }),
  'an actor that is a pattern': (vault) => vault.purge('a', { actor: 'user/*' }),
  'an empty reason': (vault) => vault.read('a', { reason: '' }),
  'a page of none': (vault) => vault.list('', { limit: 0 }),
  'a history of half a version': (vault) => vault.history('a', { limit: 0.5 }),
} as const satisfies Record<string, Call>

export type BadCall = keyof typeof badCalls
