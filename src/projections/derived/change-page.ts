import { Packr } from 'msgpackr'
import type { ChangeKind, LifeChange, LifeTable } from './life-table.ts'

/*
 * A page covers 4,096 positions of the log; page n those from n × 4,096 on. Its rows are the events among them that
 * changed a secret or handed its value out, as columns:
 *
 * page    := msgpack [mark, end, base, offsets, kinds, slots, first, times, details, [path, …]]
 * mark    := format u32 ‖ seed u32 ‖ n u32
 * end     := it covers the positions below this one
 * base    := page at whose start the newest base stands; 0 for none
 * offsets := u16 a row, of the position within the page
 * kinds   := u8 a row: 0 for an access, else its kind, + 0x40 where a life begins, + 0x80 where the value is another
 * slots   := u32 a row, of the life table
 * times   := u32 a row, since `first`, or f64 a row where that does not do
 * details := version u32, oldest u32 of each row that is no access
 * path    := of each row that begins a life
 *
 * Numbers are in the order of the machine; on one of the other order the mark reads as that of another format, which is a
 * doubt. Under one seed, a page's whole range has one content: whatever row of that key opens and has that mark and end
 * is the right one.
 */

const format = 1
const bornFlag = 0x40
const changedFlag = 0x80
const timeSpanMax = 0xffffffff
const packr = new Packr({ useRecords: false, variableMapSize: true })

/** The kind that has number n stands at n - 1. */
const kinds = [
  'written',
  'rotated',
  'annotated',
  'deleted',
  'restored',
  'destroyed',
  'marked',
  'purged',
] as const satisfies readonly ChangeKind[]

const accessed = 0
const numberOf = Object.fromEntries(kinds.map((kind, n) => [kind, n + 1])) as Record<
  ChangeKind,
  number
>

/** Rows of one page, complete or as far as it has come. */
export interface ChangePage {
  readonly number: number
  readonly end: number
  readonly base: number
  readonly count: number
  readonly offsets: Uint16Array
  readonly kinds: Uint8Array
  readonly slots: Uint32Array
  readonly times: Float64Array
  readonly details: ArrayLike<number>
  readonly paths: readonly string[]
}

/** The last page: rows are added to it, and those that stand in it stay as they are. */
export interface OpenPage extends ChangePage {
  end: number
  count: number
  /** Its first position. */
  readonly first: number
  /** It is complete once it ends here. */
  readonly limit: number
  readonly details: number[]
  readonly paths: string[]
}

export function openPage(
  { number, base, end }: Pick<ChangePage, 'number' | 'base' | 'end'>,
  pageEvents: number,
): OpenPage {
  return {
    number,
    base,
    end,
    first: number * pageEvents,
    limit: (number + 1) * pageEvents,
    count: 0,
    offsets: new Uint16Array(pageEvents),
    kinds: new Uint8Array(pageEvents),
    slots: new Uint32Array(pageEvents),
    times: new Float64Array(pageEvents),
    details: [],
    paths: [],
  }
}

/** A page that was stored before it was complete, to grow on. */
export function reopenPage(page: ChangePage, pageEvents: number): OpenPage {
  const open = openPage(page, pageEvents)
  open.offsets.set(page.offsets)
  open.kinds.set(page.kinds)
  open.slots.set(page.slots)
  open.times.set(page.times)
  for (let n = 0; n < page.details.length; n += 1) open.details.push(page.details[n] as number)
  open.paths.push(...page.paths)
  open.count = page.count
  return open
}

/** Adds a row for the event at the page's end. */
export function pushAccess(page: OpenPage, slot: number, time: number): void {
  const row = page.count
  page.offsets[row] = page.end - page.first
  page.kinds[row] = accessed
  page.slots[row] = slot
  page.times[row] = time
  page.count = row + 1
}

/** Likewise. */
export function pushChange(page: OpenPage, change: LifeChange): void {
  const { slot, time, born } = change
  const row = page.count
  pushAccess(page, slot, time)
  const flags = (born === undefined ? 0 : bornFlag) | (change.changed ? changedFlag : 0)
  page.kinds[row] = numberOf[change.kind] | flags
  page.details.push(change.version, change.oldest)
  if (born !== undefined) page.paths.push(born)
}

/**
 * Moves a table on by the rows of a page below position `to`; `onChange` is told of those that are no accesses, before
 * the table has them.
 */
export function applyPage(
  table: LifeTable,
  page: ChangePage,
  { first, to, onChange }: Applied,
): void {
  const { offsets, kinds: numbers, slots, times, count } = page
  const below = to - first
  const details = detailsOf(page)
  for (let row = 0; row < count && (offsets[row] as number) < below; row += 1) {
    if (numbers[row] === accessed) {
      table.access(slots[row] as number, times[row] as number)
      continue
    }
    const change = details(row, first)
    onChange?.(change)
    table.apply(change)
  }
}

interface Applied {
  /** The page's first position. */
  readonly first: number
  readonly to: number
  readonly onChange?: (change: LifeChange) => void
}

/** Positions from `from` to `to - 1` at which a secret changed; accesses are none. */
export function changedIn(
  { offsets, kinds: numbers, count }: ChangePage,
  { first, from, to }: { first: number; from: number; to: number },
): number[] {
  const positions: number[] = []
  for (let row = 0; row < count; row += 1) {
    const position = first + (offsets[row] as number)
    if (position >= from && position < to && numbers[row] !== accessed) positions.push(position)
  }
  return positions
}

/** Reads rows that are no accesses, in order: each call takes the next one's details. */
function detailsOf({ offsets, kinds: numbers, slots, times, details, paths }: ChangePage) {
  let detail = 0
  let path = 0
  return (row: number, first: number): LifeChange => {
    const number = numbers[row] as number
    const born = (number & bornFlag) === 0 ? undefined : paths[path++]
    const change = {
      kind: kinds[(number & ~(bornFlag | changedFlag)) - 1] ?? 'marked',
      slot: slots[row] as number,
      position: first + (offsets[row] as number),
      time: times[row] as number,
      version: details[detail] as number,
      oldest: details[detail + 1] as number,
      changed: (number & changedFlag) !== 0,
      born,
    }
    detail += 2
    return change
  }
}

/** How far a page had come at a capture: its rows up to there never change. */
export type PageExtent = Pick<ChangePage, 'end' | 'count'> & {
  readonly details: number
  readonly paths: number
}

export function extentOf({ end, count, details, paths }: ChangePage): PageExtent {
  return { end, count, details: details.length, paths: paths.length }
}

export function encodePage(page: OpenPage, seed: number, extent: PageExtent): Buffer {
  const { count } = extent
  const { first, times } = encodeTimes(page.times.subarray(0, count))
  return packr.pack([
    bytesOf(Uint32Array.of(format, seed, page.number)),
    extent.end,
    page.base,
    bytesOf(page.offsets.subarray(0, count)),
    bytesOf(page.kinds.subarray(0, count)),
    bytesOf(page.slots.subarray(0, count)),
    first,
    times,
    bytesOf(Uint32Array.from(page.details.slice(0, extent.details))),
    page.paths.slice(0, extent.paths),
  ])
}

function encodeTimes(times: Float64Array): { first: number; times: Uint8Array } {
  let first = times[0] ?? 0
  let last = first
  for (const time of times) {
    if (time < first) first = time
    else if (time > last) last = time
  }
  if (last - first > timeSpanMax) return { first: 0, times: bytesOf(times) }
  const since = new Uint32Array(times.length)
  for (let row = 0; row < times.length; row += 1) since[row] = (times[row] as number) - first
  return { first, times: bytesOf(since) }
}

type Stored = readonly [
  mark: Uint8Array,
  end: number,
  base: number,
  offsets: Uint8Array,
  kinds: Uint8Array,
  slots: Uint8Array,
  first: number,
  times: Uint8Array,
  details: Uint8Array,
  paths: readonly string[],
]

/** Undefined for a row of another format, seed, page or end. */
export function decodePage(
  plain: Uint8Array,
  { seed, number, end }: { seed: number; number: number; end: number },
): ChangePage | undefined {
  const stored = packr.unpack(plain) as Stored
  const mark = new Uint32Array(copyOf(stored[0]))
  if (mark[0] !== format || mark[1] !== seed || mark[2] !== number || stored[1] !== end) {
    return undefined
  }
  const [, , base, offsets, kindBytes, slots, first, times, details, paths] = stored
  const count = kindBytes.length
  return {
    number,
    end,
    base,
    count,
    offsets: new Uint16Array(copyOf(offsets)),
    kinds: kindBytes,
    slots: new Uint32Array(copyOf(slots)),
    times: decodeTimes(times, { first, count }),
    details: new Uint32Array(copyOf(details)),
    paths,
  }
}

function decodeTimes(
  bytes: Uint8Array,
  { first, count }: { first: number; count: number },
): Float64Array {
  const buffer = copyOf(bytes)
  if (bytes.length === 8 * count) return new Float64Array(buffer)
  const since = new Uint32Array(buffer)
  const times = new Float64Array(count)
  for (let row = 0; row < count; row += 1) times[row] = first + (since[row] as number)
  return times
}

function bytesOf({ buffer, byteOffset, byteLength }: NodeJS.TypedArray): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength)
}

/** A view of wide numbers has to begin at a multiple of their width, which bytes within a row need not. */
function copyOf(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer
}
