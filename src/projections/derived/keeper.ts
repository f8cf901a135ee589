import type { Row } from '../../store/port.ts'

/** Rows to write and rows to remove, sealed and ready for `RowTable.write`. */
export interface RowChanges {
  readonly put?: readonly Row[]
  readonly remove?: readonly Uint8Array[]
}

/**
 * What a keeper had not yet stored at one position of the log.
 *
 * The rows of all keepers, their metas and the position go to the table in one atomic write, so that after a
 * crash the table holds either all of this capture or all of the one before.
 */
export interface Capture {
  /** Names the rows that the state consists of. Whoever stores it seals it together with the position. */
  readonly meta: Uint8Array
  /** Encodes and seals, about a millisecond a step: let the event loop turn between two steps. Iterated once. */
  changes(): Iterable<RowChanges>
  /** The write has succeeded. */
  done(): void
  /** The write has failed, or was never tried: the next capture holds this one's rows again. */
  failed(): void
}

/** Keeps one projection's state in the derived store. */
export interface Keeper {
  /** Takes, synchronously, what has changed since the last capture. One at a time: end it by `done` or `failed`. */
  capture(): Capture
  /**
   * Reads the state that `meta` names into an empty keeper. False at any doubt (a row that is missing, stale or not
   * ours): call `reset` and replay from position 0.
   */
  load(meta: Uint8Array): Promise<boolean>
  /** Empties the state and forgets what is stored. The rows themselves go by `SealedRows.clear(space)`. */
  reset(): void
  /** One step, a few milliseconds at most, of work that can wait; false once there is none. Call it after a flush. */
  step?(): Promise<boolean>
}
