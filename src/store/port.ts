/**
 * What Muniment needs of a place that keeps its bytes. Everything handed to a store is sealed, or public by
 * design; a store never needs a key. `storeContract` of `muniment/testing` is the suite that each must pass.
 */

/** One sealed commit and the position of its first event. */
export interface StoredCommit {
  readonly first: number
  readonly sealed: Uint8Array
}

/** A key row's name: the first position of the commit that wrote it, and its number within that commit. */
export interface KeyRowId {
  readonly first: number
  readonly block: number
}

export interface KeyRow {
  readonly id: KeyRowId
  readonly bytes: Uint8Array
}

/** Rows to write (whole, replacing what stood there) and rows to remove. */
export interface KeyChanges {
  readonly put?: readonly KeyRow[]
  readonly remove?: readonly KeyRowId[]
}

export interface CommitWrite {
  /** Must equal the head, else `CONFLICT` and nothing is written. */
  readonly first: number
  /** Absent when only key rows change. */
  readonly sealed?: Uint8Array
  readonly keys?: KeyChanges
  /**
   * Said of a copy that is worth nothing before its end: the commit may become durable with the next that does not say
   * it, instead of by itself. A store may pass over it.
   */
  readonly durable?: false
}

export interface KeyTable {
  get(id: KeyRowId): Promise<Uint8Array | undefined>
  /** All rows, ordered by `first`, then `block`, as they were when the first was asked for: a backup relies on it. */
  entries(): AsyncIterable<KeyRow>
}

/** `[key, bytes]` */
export type Row = readonly [Uint8Array, Uint8Array]

/** Disposable rows: snapshots and indexes. Losing all of them loses time, nothing else. */
export interface RowTable {
  get(key: Uint8Array): Promise<Uint8Array | undefined>
  /** Rows with `from <= key < to`, in the order of their keys' bytes, in batches. */
  range(from: Uint8Array, to: Uint8Array): AsyncIterable<readonly Row[]>
  /** Atomic and durable, or throws. */
  write(changes: { put?: readonly Row[]; remove?: readonly Uint8Array[] }): Promise<void>
  /** Removes every row. */
  clear(): Promise<void>
}

/**
 * Small named files (`[a-z0-9][a-z0-9.-]*`, at most 128 bytes; anything else is `INVALID`). The LevelDB store keeps
 * `log`, `derived`, `owner` and `control.sock` for itself.
 */
export interface FileTable {
  read(name: string): Promise<Uint8Array | undefined>
  /** Replaces the whole file: after a crash either the old or the new bytes stand there, synced. */
  replace(name: string, bytes: Uint8Array): Promise<void>
  /**
   * Writes bytes at an offset in place, extending the file with zeros if need be, **not** synced: they survive
   * the process, not the machine.
   */
  overwrite(name: string, offset: number, bytes: Uint8Array): Promise<void>
  /** Removes the file, if it is there. */
  remove(name: string): Promise<void>
  /** All names, sorted. */
  list(): Promise<readonly string[]>
}

/**
 * The port. A commit is atomic and durable (see `durable`) once its promise resolves; when it rejects with anything but
 * `CONFLICT`, `NO_SPACE`, `CLOSED`, `INVALID` or `TOO_LARGE` it may or may not have happened, and nothing more is
 * written until a reopen.
 *
 * Refusals are told by the `code` of the error, whatever its class. Bytes handed in are the caller's again once the
 * promise has settled; bytes handed out are the caller's.
 */
export interface Store {
  /** The next position: 0 for an empty log. */
  head(): Promise<number>
  commit(write: CommitWrite): Promise<void>
  /**
   * Commits in order, dense, in batches, from the one that holds position `from` to the one that holds
   * `to - 1` (by default: to the head when the read began).
   */
  read(range: { from: number; to?: number }): AsyncIterable<readonly StoredCommit[]>
  readonly keys: KeyTable
  readonly derived: RowTable
  readonly files: FileTable
  /** Where it is, for messages: a folder, a URL without credentials, `memory`. */
  readonly location: string
  /** Bytes that can still be written, where the store can tell. */
  free?(): Promise<number | undefined>
  /** Waits for what is in flight, then lets go. A second call does nothing. */
  close(): Promise<void>
}

/**
 * How a vault gets its store, and gets it again on `reopen()`.
 *
 * `create` throws `EXISTS` over a vault; `open` throws `NOT_FOUND` where there is none and `IN_USE` where another
 * holds it. A vault is where there is a file named `keyring`, or a commit: what a create that got no further left
 * behind is created over.
 */
export interface StoreOpener {
  create(): Promise<Store>
  open(): Promise<Store>
}

/** How many events a sealed commit holds: bytes 8 to 11 of its header, in the clear (`docs/format.md`). */
export function commitCount(sealed: Uint8Array): number {
  return new DataView(sealed.buffer, sealed.byteOffset, sealed.byteLength).getUint32(8)
}
