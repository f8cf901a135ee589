import type { KeyRow, StoredCommit } from '../../store/port.ts'
import type { Brief, Findings, ReadItem, Unreadable } from './verifier.ts'

/** What a worker is told, in order; it answers each message but the brief, which it answers with `ready`. */
export type Message =
  | { readonly kind: 'keyRows'; readonly rows: readonly KeyRow[] }
  | { readonly kind: 'keyRowsLost'; readonly fault: string }
  | { readonly kind: 'commits'; readonly packed: Packed }
  | { readonly kind: 'end' }

export type Answer =
  | { readonly kind: 'ready' }
  | { readonly kind: 'taken' }
  | { readonly kind: 'findings'; readonly findings: Findings }

export interface WorkerData {
  readonly brief: Brief
}

/** Commits whose bytes lie in one piece of memory, which goes to the other thread without a copy. */
export interface Packed {
  readonly bytes: ArrayBuffer
  /** Of each commit, its first position and how many of the bytes are its own; in order, with what could not be read. */
  readonly items: readonly ({ readonly first: number; readonly length: number } | Unreadable)[]
}

export function packCommits(read: readonly ReadItem[]): Packed {
  const sizes = read.map((item) => ('fault' in item ? 0 : item.sealed.length))
  const bytes = new Uint8Array(sizes.reduce((sum, size) => sum + size, 0))
  let at = 0
  const items = read.map((item) => {
    if ('fault' in item) return item
    bytes.set(item.sealed, at)
    at += item.sealed.length
    return { first: item.first, length: item.sealed.length }
  })
  return { bytes: bytes.buffer, items }
}

export function unpackCommits({ bytes, items }: Packed): readonly ReadItem[] {
  let at = 0
  return items.map((item): StoredCommit | Unreadable => {
    if ('fault' in item) return item
    const sealed = new Uint8Array(bytes, at, item.length)
    at += item.length
    return { first: item.first, sealed }
  })
}
