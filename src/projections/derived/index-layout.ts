import { Packr } from 'msgpackr'

/*
 * key  := space ‖ 'm' ‖ mini u32 ‖ row u32  |  space ‖ 'f' ‖ full u32 ‖ row u32               rows: segment.ts
 * meta := msgpack [format, layout]
 *
 * Full segments cover the positions from 0, complete minis those that follow, the last mini the rest up to `size`. The
 * minis of the first `swept` full segments have been removed.
 *
 * A full segment is merged in memory, row by row, from its minis on disk; the next capture writes it and names it,
 * and the one after that removes the minis. So whoever was about to read a mini finds its rows or, by then, a full
 * segment in its place. A crash before the capture costs the merge; a crash before the removal leaves minis that
 * `swept` knows of.
 *
 * What could someone do who has the disk and not the key? Remove rows, or put older ones of this vault back. The meta
 * fixes which segments there are and what range each covers, and the seed fixes their content, so that whatever else
 * stands there is missing, or of another range or seed: a doubt, never an event that is silently not found.
 */

const format = 2
const packr = new Packr({ useRecords: false, variableMapSize: true })

/** Events in a mini segment and in a full one. */
export interface SegmentSizes {
  readonly mini: number
  /** A multiple of `mini`, at most 65,536: offsets within a segment are u16. */
  readonly full: number
}

export interface IndexLayout {
  readonly seed: number
  readonly sizes: SegmentSizes
  /** Events that it holds. */
  readonly size: number
  /** Full segments. */
  readonly fulls: number
  /** Full segments whose minis are gone. */
  readonly swept: number
}

export function encodeLayout(layout: IndexLayout): Buffer {
  return packr.pack([format, layout])
}

/** Undefined for a meta of another format, or of segments of other sizes. */
export function decodeLayout(
  meta: Uint8Array,
  { mini, full }: SegmentSizes,
): IndexLayout | undefined {
  const [found, layout] = packr.unpack(meta) as readonly [number, IndexLayout]
  const ours = found === format && layout.sizes.mini === mini && layout.sizes.full === full
  return ours ? layout : undefined
}

/** A segment on disk. */
export interface StoredSegment {
  readonly part: keyof SegmentSizes
  readonly number: number
  /** It covers the positions from `from` to `to - 1`. */
  readonly from: number
  readonly to: number
}

/** The segment that holds a position, complete. */
export function segmentAt(
  sizes: SegmentSizes,
  part: keyof SegmentSizes,
  position: number,
): StoredSegment {
  const number = Math.floor(position / sizes[part])
  return { part, number, from: number * sizes[part], to: (number + 1) * sizes[part] }
}

/** The minis that a full segment is made of. */
export function minisOf(sizes: SegmentSizes, full: number): readonly StoredSegment[] {
  const length = sizes.full / sizes.mini
  return Array.from({ length }, (_, n) =>
    segmentAt(sizes, 'mini', full * sizes.full + n * sizes.mini),
  )
}
