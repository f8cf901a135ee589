import type { EventOf, VaultEvent } from '../events/catalogue.ts'
import { knownUuidTime } from '../events/uuid.ts'
import { givenIdMsMax, givenIdsMax } from '../limits.ts'
import { defineProjection } from './projection.ts'
import type { ChangeType } from './versions.ts'

/** Seconds since the epoch, in which the times in ids lie: each stretch from its first to its last, ascending. */
type Spent = readonly (readonly [first: number, last: number])[]

/** The position of the event that bears an id, by id; and of when the ids are that were let go, by no id. */
export type GivenIdsState = Map<string, number | Spent>

/**
 * Events whose ids their callers chose, so that nothing that is asked for twice under one id is done twice. A row is kept
 * for as long as its id is admitted, which is up to an hour before and behind the time in it; where there are more than may
 * be kept, those of the earliest second are let go. What was let go is refused. It depends on the events alone, and not on
 * the order of the rows.
 */
export const givenIds = defineProjection<GivenIdsState>({
  name: 'given-ids',
  version: 1,
  initial: () => new Map(),
  on: {
    'secret.written': take,
    'secret.rotated': take,
    'secret.annotated': take,
    'secret.deleted': take,
    'secret.restored': take,
    'secret.destroyed': take,
    'secret.purged': take,
  },
})

const spentKey = ''

/** The position of the event that bears an id, where a caller chose it and it was not let go. */
export function positionOfGiven(
  rows: ReadonlyMap<string, unknown>,
  id: string,
): number | undefined {
  const position = rows.get(id)
  return typeof position === 'number' ? position : undefined
}

/** Whether an id may be that of an event which is not known any more. */
export function mayBeLetGo(rows: GivenIdsState, id: string): boolean {
  const second = secondOf(id)
  return spentOf(rows).some(([first, last]) => first <= second && second <= last)
}

function take(rows: GivenIdsState, event: EventOf<ChangeType>): void {
  const { id, position, time, context }: VaultEvent = event
  if (context.given === undefined) return
  rows.set(id, position)
  const bySecond = bySecondOf(rows, id)
  const admitted = Math.floor((time - givenIdMsMax) / 1000)
  let spent = spentOf(rows)
  const before = spent
  while (bySecond.earliest < admitted || rows.size > givenIdsMax) {
    spent = withSecond(spent, bySecond.earliest)
    for (const gone of bySecond.takeEarliest()) rows.delete(gone)
  }
  if (spent !== before) rows.set(spentKey, spent)
}

function spentOf(rows: GivenIdsState): Spent {
  const spent = rows.get(spentKey)
  return typeof spent === 'object' ? spent : []
}

function secondOf(id: string): number {
  return Math.floor(knownUuidTime(id) / 1000)
}

/** The rows' ids by their seconds: what is let go is found without looking through all of them. */
class BySecond {
  readonly #ids = new Map<number, string[]>()
  #count = 0
  /** `Infinity` where there are none. */
  earliest = Number.POSITIVE_INFINITY

  get count(): number {
    return this.#count
  }

  add(id: string): void {
    const second = secondOf(id)
    const ids = this.#ids.get(second)
    if (ids === undefined) this.#ids.set(second, [id])
    else ids.push(id)
    this.#count++
    this.earliest = Math.min(this.earliest, second)
  }

  takeEarliest(): readonly string[] {
    const ids = this.#ids.get(this.earliest) ?? []
    this.#ids.delete(this.earliest)
    this.#count -= ids.length
    this.earliest = Number.POSITIVE_INFINITY
    // There are no more of them than there are seconds in the two hours in which an id is admitted.
    for (const second of this.#ids.keys()) this.earliest = Math.min(this.earliest, second)
    return ids
  }
}

/** Derived of the rows of each table, and made anew where it does not fit them. */
const indexes = new WeakMap<GivenIdsState, BySecond>()

/** With the id that was just added. */
function bySecondOf(rows: GivenIdsState, added: string): BySecond {
  const known = indexes.get(rows)
  const ids = rows.size - (rows.has(spentKey) ? 1 : 0)
  if (known?.count === ids - 1) {
    known.add(added)
    return known
  }
  const index = new BySecond()
  for (const id of rows.keys()) if (id !== spentKey) index.add(id)
  indexes.set(rows, index)
  return index
}

/** Seconds that lie no further apart are of one stretch: as far as ids are admitted. */
const gapMax = (2 * givenIdMsMax) / 1000
/** Beyond so many stretches the two earliest are taken for one: there are more where ids are rare, or the clock jumped. */
const stretchesMax = 16

/** The stretches with one more second. */
function withSecond(spent: Spent, second: number): Spent {
  const all = [...spent, [second, second] as const].sort(([a], [b]) => a - b)
  const stretches: (readonly [number, number])[] = []
  for (const [first, last] of all) {
    const open = stretches.at(-1)
    if (open === undefined || first - open[1] > gapMax) stretches.push([first, last])
    else stretches[stretches.length - 1] = [open[0], Math.max(open[1], last)]
  }
  if (stretches.length <= stretchesMax) return stretches
  const [[first] = [second], [, last] = [second, second], ...rest] = stretches
  return [[first, last], ...rest]
}
