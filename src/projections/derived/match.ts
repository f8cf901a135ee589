import { keepCommon, offsetsBetween, positionsIn } from './offset-set.ts'
import { addRun, type Run } from './run.ts'

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

/** A hash's events within a segment; undefined when they cannot be had. */
export type Find = (hash: number) => Run | undefined | Promise<Run | undefined>

/** Ascending positions of the events that match; undefined as soon as `find` gives that. */
export async function matchSegment(
  { base, from, to, groups }: SegmentQuery,
  find: Find,
): Promise<number[] | undefined> {
  const left = offsetsBetween(from - base, to - base)
  for (const hashes of groups) {
    const found = new Uint32Array(left.length)
    for (const hash of hashes) {
      const run = await find(hash)
      if (run === undefined) return undefined
      addRun(found, run)
    }
    // What lies in no event of a group is not looked for in the next.
    if (!keepCommon(left, found)) return []
  }
  return positionsIn(left, base)
}
