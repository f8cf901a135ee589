import { strict as assert } from 'node:assert'
import type { KeyRow, Row, Store, StoredCommit, StoreOpener } from '../../store/port.ts'
import { commitCount } from '../../store/port.ts'

/** What is asked of a store, by what it shows; each is handed a store of its own, created and empty. */
export type Cases = Readonly<Record<string, (store: Store, place: StoreOpener) => Promise<void>>>

export const keyring = 'stands for a keyring'

/** A store with a keyring, as a vault's is: without one a store is an unfinished create. */
export async function created(place: StoreOpener): Promise<Store> {
  const store = await place.create()
  await store.files.replace('keyring', utf8(keyring))
  return store
}

/** A commit in shape alone: "MUN1" ‖ epoch u32 ‖ count u32 ‖ nonce(24) ‖ body, the body told by the position. */
export function sealed(first: number, count: number): Uint8Array {
  const bytes = new Uint8Array(200).fill(first % 251, 36)
  bytes.set(utf8('MUN1'))
  const view = new DataView(bytes.buffer)
  view.setUint32(8, count)
  view.setUint32(12, first)
  return bytes
}

export function manyCommits(length: number): Uint8Array[] {
  return Array.from({ length }, (_, first) => sealed(first, 1))
}

export async function commitAll(store: Store, commits: readonly Uint8Array[]): Promise<void> {
  let first = await store.head()
  for (const bytes of commits) {
    await store.commit({ first, sealed: bytes })
    first += commitCount(bytes)
  }
}

export async function all<T>(batches: AsyncIterable<readonly T[]>): Promise<T[]> {
  const items: T[] = []
  for await (const batch of batches) items.push(...batch)
  return items
}

/** Where commits end that begin at 0 and leave nothing out. */
export function endOf(commits: readonly StoredCommit[]): number {
  let next = 0
  for (const { first, sealed: bytes } of commits) {
    assert.equal(first, next, `the commit at ${next} is missing`)
    next += commitCount(bytes)
  }
  return next
}

export async function keysOf(store: Store): Promise<[number, number, string][]> {
  const rows: [number, number, string][] = []
  for await (const { id, bytes } of store.keys.entries()) {
    rows.push([id.first, id.block, String(text(bytes))])
  }
  return rows
}

export async function rowsOf(
  store: Store,
  from: string,
  to: string,
): Promise<(string | undefined)[]> {
  return (await all(store.derived.range(utf8(from), utf8(to)))).map(([key]) => text(key))
}

export async function rejectsWith(code: string, promise: Promise<unknown>): Promise<void> {
  await assert.rejects(promise, (error: { code?: unknown }) => {
    assert.equal(error.code, code)
    return true
  })
}

export function keyRow(first: number, block: number, value: string): KeyRow {
  return { id: { first, block }, bytes: utf8(value) }
}

export function row(key: string, value: string): Row {
  return [utf8(key), utf8(value)]
}

export function utf8(value: string): Uint8Array {
  return new TextEncoder().encode(value)
}

export function text(bytes: Uint8Array | undefined): string | undefined {
  return bytes && new TextDecoder().decode(bytes)
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

export function hexOf(commit: StoredCommit): string {
  return hex(commit.sealed)
}
