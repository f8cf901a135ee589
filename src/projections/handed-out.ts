import type { HandedOut } from '../events/auth-events.ts'
import { handedOutMax } from '../limits.ts'

/** What is kept of something random that was handed out once: a token, or a secret id. */
export interface HandedOutRow {
  readonly accessor: string
  /** Keyed, in hexadecimal digits. */
  readonly hash: string
  /** Of the log, whose keys the hash is made under. */
  readonly epoch: number
  /** Milliseconds since the epoch; from then on it is worth nothing. */
  readonly expiresAt?: number
  /** How often it may still be used; absent where nobody counts. */
  readonly usesLeft?: number
  readonly meta: Readonly<Record<string, string>>
  /** Milliseconds since the epoch. */
  readonly issuedAt: number
  readonly issuedBy: string
  /** Of the event that issued it. */
  readonly position: number
}

interface Issued {
  readonly data: HandedOut
  readonly position: number
  readonly time: number
  readonly actor: string
}

export function handedOutRow({ data, position, time, actor }: Issued): HandedOutRow {
  const { accessor, hash, epoch, expiresAt, uses, meta = {} } = data
  return {
    accessor,
    hash: Buffer.from(hash).toString('hex'),
    epoch,
    ...(expiresAt !== undefined && { expiresAt }),
    ...(uses !== undefined && { usesLeft: uses }),
    meta,
    issuedAt: time,
    issuedBy: actor,
    position,
  }
}

export function hasExpired({ expiresAt }: Pick<HandedOutRow, 'expiresAt'>, now: number): boolean {
  return expiresAt !== undefined && expiresAt <= now
}

const prunedFrom = 1024
/** How many rows beyond those that it may hold a table is given before it is looked through once more. */
const beyondStep = 64

/**
 * Drops the rows that are worth nothing any more, each time the table has doubled, and where it holds more than it may:
 * rows that nobody asks for do not pile up, and a row costs the same however many there are. It depends on the events
 * alone, and not on the order of the rows.
 */
export function prune<R>(rows: Map<string, R>, isDead: (row: R) => boolean): void {
  const { size } = rows
  const hasDoubled = size >= prunedFrom && (size & (size - 1)) === 0
  const isBeyond = size > handedOutMax && (size - handedOutMax) % beyondStep === 1
  if (!hasDoubled && !isBeyond) return
  const dead: string[] = []
  for (const [accessor, row] of rows) if (isDead(row)) dead.push(accessor)
  for (const accessor of dead) rows.delete(accessor)
}

/** Of a table that is full, until when it is taken to be. */
const fullUntil = new WeakMap<object, number>()
/** How long that is at the most: rows end by their use as well, and with others. */
const fullMsMax = 60_000

/**
 * Whether there is room for one more row. A table that is full is looked through once, and then no sooner than one of its
 * rows ends by time or a minute has passed: whoever goes on asking holds nobody up.
 */
export function hasRoom<R extends HandedOutRow>(
  rows: ReadonlyMap<string, R>,
  now: number,
  isDead: (row: R) => boolean,
): boolean {
  if (rows.size < handedOutMax) {
    fullUntil.delete(rows)
    return true
  }
  if (now < (fullUntil.get(rows) ?? Number.NEGATIVE_INFINITY)) return false
  let until = now + fullMsMax
  for (const row of rows.values()) {
    if (isDead(row)) return true
    until = Math.min(until, row.expiresAt ?? until)
  }
  fullUntil.set(rows, until)
  return false
}
