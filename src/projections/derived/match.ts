import { addOffsets, keepCommon, offsetsBetween, positionsIn } from './offset-set.ts'

/** What is asked of one segment. */
export interface SegmentQuery {
  /** The segment's first position. */
  readonly base: number
  /** Positions within the segment, from `from` to `to - 1`. */
  readonly from: number
  readonly to: number
  /** Hashes: one at least of each group. */
  readonly groups: readonly (readonly number[])[]
}

/** The offsets of a hash's events within a segment; undefined when they cannot be had. */
export type Find = (
  hash: number,
) => ArrayLike<number> | undefined | Promise<ArrayLike<number> | undefined>

/** Ascending positions of the events that match; undefined as soon as `find` gives that. */
export async function matchSegment(
  { base, from, to, groups }: SegmentQuery,
  find: Find,
): Promise<number[] | undefined> {
  const left = offsetsBetween(from - base, to - base)
  for (const hashes of groups) {
    const found = new Uint32Array(left.length)
    for (const hash of hashes) {
      const offsets = await find(hash)
      if (offsets === undefined) return undefined
      addOffsets(found, offsets)
    }
    // What lies in no event of a group is not looked for in the next.
    if (!keepCommon(left, found)) return []
  }
  return positionsIn(left, base)
}
