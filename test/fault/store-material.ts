import { LevelStore, type LevelStoreOptions } from '../../src/store/level.ts'
import type { Store } from '../../src/store/port.ts'

export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

/** A commit in shape alone: "MUN1" ‖ epoch u32 ‖ count u32 ‖ nonce(24) ‖ body. */
export function sealed(count: number, bodyBytes = 100): Uint8Array {
  const commit = new Uint8Array(36 + bodyBytes).fill(0xab, 36)
  commit.set(bytes('MUN1'))
  new DataView(commit.buffer).setUint32(8, count)
  return commit
}

/** A store that counts as a vault: with a keyring. */
export async function createVault(path: string, options?: LevelStoreOptions): Promise<LevelStore> {
  const store = await LevelStore.create(path, options)
  await store.files.replace('keyring', bytes('stands for a keyring'))
  return store
}

/** First positions of the commits from `from` on. */
export async function positions(store: Store, from = 0): Promise<number[]> {
  const found: number[] = []
  for await (const batch of store.read({ from })) found.push(...batch.map(({ first }) => first))
  return found
}

/** A closed vault with six commits of two events each, at 0, 2, … 10. */
export async function closedVault(path: string): Promise<void> {
  const store = await createVault(path)
  for (let first = 0; first < 12; first += 2) await store.commit({ first, sealed: sealed(2) })
  await store.close()
}
