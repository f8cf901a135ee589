import { existsSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type Clock,
  type Credential,
  levelStore,
  memoryStore,
  type StoreOpener,
  Vault,
  VaultError,
} from '../../src/index.ts'
import { noKdf } from '../../src/keys/no-kdf.ts'
import { testClock } from '../../src/testing/test-clock.ts'
import type { VaultPlace } from '../../src/vault/options.ts'

export const long = process.env.MUNIMENT_LONG === '1'
const actor = 'svc/test'

/** A folder to make vaults in; in memory where durability is not what is tested and there is such a place. */
export function scratch({ fast = false } = {}): Promise<string> {
  const base = fast && existsSync('/dev/shm') ? '/dev/shm' : tmpdir()
  return mkdtemp(join(base, 'muniment-fault-'))
}

/** What makes a store of each kind, another one each time; those on disk stand in `folder`. */
export function bothStores(folder: () => string): [name: string, inner: () => StoreOpener][] {
  let stores = 0
  return [
    ['memory', () => memoryStore()],
    ['LevelDB', () => levelStore(join(folder(), `store-${stores++}`))],
  ]
}

interface Opening {
  readonly unlock?: Credential
  readonly clock?: Clock
}

/** A vault without a KDF, unless told otherwise. */
export function create(place: VaultPlace, { unlock = noKdf, clock }: Opening = {}): Promise<Vault> {
  return Vault.create({ ...place, unlock, actor, ...(clock && { clock }) })
}

export function open(
  place: VaultPlace,
  { unlock = noKdf, clock, ...rest }: Opening & { acceptClock?: boolean; timeout?: number } = {},
): Promise<Vault> {
  return Vault.open({ ...place, ...rest, unlock, actor, ...(clock && { clock }) })
}

/** What a call was rejected with. */
export async function refusal(call: Promise<unknown>): Promise<VaultError> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (error instanceof VaultError) return error
  throw new Error('expected a VaultError', { cause: error })
}

/** The `n`-th of a sequence of numbers from 0 to 1 that a seed decides (Steele and Vigna, SplitMix32). */
export function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x9e3779b9) | 0
    let bits = Math.imul(state ^ (state >>> 16), 0x21f0aaad)
    bits = Math.imul(bits ^ (bits >>> 15), 0x735a2d97)
    return ((bits ^ (bits >>> 15)) >>> 0) / 2 ** 32
  }
}

/** A vault in which everything has happened once; `later` adds to it what came after. */
export async function populated(path: string): Promise<void> {
  const clock = testClock()
  const vault = await create({ path }, { clock })
  await vault.write('prod/db', 'first value', { tags: { team: 'pay' }, description: 'a database' })
  await vault.write('prod/bytes', Buffer.from([0, 1, 2, 255]))
  await vault.write('prod/fields', { user: 'app', password: 'of fields', port: 5432 })
  await vault.write('prod/capped', 'one', { maxVersions: 2 })
  clock.advance(1000)
  await vault.rotate('prod/db', 'second value', { trigger: 'schedule', reason: 'quarterly' })
  await vault.write('prod/capped', 'two')
  await vault.write('prod/capped', 'three')
  await vault.annotate('prod/bytes', { owner: 'user/ana', expiresAt: '2030-01-01' })
  await vault.read('prod/db', { reason: 'start-up', actor: 'user/ana' })
  await vault.read('prod/absent').catch(() => undefined)
  await vault.close()
}

export async function later(path: string, said = 'after all'): Promise<void> {
  const clock = testClock(Date.UTC(2026, 0, 2))
  const vault = await open({ path }, { clock })
  await vault.keyslots.add(noKdf, { label: 'second' })
  await vault.write('prod/gone', `destroyed ${said}`)
  await vault.write('prod/gone', 'value that stays')
  await vault.destroy('prod/gone', { versions: [1] })
  await vault.write('prod/purged', 'purged value')
  await vault.purge('prod/purged')
  await vault.rotate('prod/db', `third value ${said}`)
  await vault.delete('prod/db', { versions: [2] })
  await vault.delete('prod/fields')
  await vault.read('prod/fields').catch(() => undefined)
  await vault.close()
}
