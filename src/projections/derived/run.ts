import { addOffset, type OffsetSet } from './offset-set.ts'

/**
 * The events of a segment that have one term: their offsets, ascending, or a bit for each event of the segment, 16 to a
 * unit from the lowest on.
 */
export type Run = { readonly offsets: ArrayLike<number> } | { readonly bits: Uint16Array }

export const noRun: Run = { offsets: [] }

/** Adds the offsets of a run for which the set has room. */
export function addRun(set: OffsetSet, run: Run): void {
  if ('offsets' in run) {
    const { offsets } = run
    for (let at = 0; at < offsets.length; at += 1) addOffset(set, offsets[at] as number)
    return
  }
  const { bits } = run
  const words = Math.min(set.length, bits.length >>> 1)
  for (let word = 0; word < words; word += 1) {
    const both = (bits[2 * word] as number) | ((bits[2 * word + 1] as number) << 16)
    set[word] = (set[word] as number) | both
  }
}

/** Calls `visit` with each offset of a run, ascending. */
export function eachOffset(run: Run, visit: (offset: number) => void): void {
  if ('offsets' in run) {
    for (let at = 0; at < run.offsets.length; at += 1) visit(run.offsets[at] as number)
    return
  }
  for (let unit = 0; unit < run.bits.length; unit += 1) {
    for (let bits = run.bits[unit] as number; bits !== 0; bits &= bits - 1) {
      visit(16 * unit + 31 - Math.clz32(bits & -bits))
    }
  }
}
