import { commitEventsMax } from '../../limits.ts'
import { lastUpTo, type OffsetSet } from './offset-set.ts'

/** Which positions from `from` to `to - 1` are those of the first event of a commit. */
export interface CommitStarts {
  readonly from: number
  readonly to: number
  readonly starts: OffsetSet
}

/** The first position of the commit that holds a position; undefined where it is not known. */
export type CommitFinder = (position: number) => Promise<number | undefined>

/** Finds commits by the starts that `read` gives of a position's surroundings, which are kept for the next that lies there. */
export function commitFinder(read: (position: number) => Promise<CommitStarts>): CommitFinder {
  let last: CommitStarts | undefined

  async function around(position: number): Promise<CommitStarts> {
    if (last === undefined || position < last.from || position >= last.to) {
      last = await read(position)
    }
    return last
  }

  return async (position) => {
    const least = Math.max(0, position - commitEventsMax + 1)
    // It may have begun in the surroundings before.
    for (let at = position; at >= least; ) {
      const { from, starts } = await around(at)
      const offset = lastUpTo(starts, at - from)
      if (offset !== undefined) return from + offset
      at = from - 1
    }
    return undefined
  }
}
