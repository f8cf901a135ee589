/** Offsets within a segment, a bit each. */
export type OffsetSet = Uint32Array

/** The offsets from `from` to `to - 1`. */
export function offsetsBetween(from: number, to: number): OffsetSet {
  const set = new Uint32Array(Math.ceil(to / 32)).fill(0xffffffff, from >>> 5)
  const first = from >>> 5
  const last = set.length - 1
  set[first] = (set[first] as number) & (0xffffffff << (from & 31))
  set[last] = (set[last] as number) & (0xffffffff >>> (-to & 31))
  return set
}

/** Adds one that the set has room for. */
export function addOffset(set: OffsetSet, offset: number): void {
  set[offset >>> 5] = (set[offset >>> 5] as number) | (1 << (offset & 31))
}

/** The greatest one up to and with an offset; undefined where there is none. */
export function lastUpTo(set: OffsetSet, offset: number): number | undefined {
  const top = offset >>> 5
  let bits = (set[top] ?? 0) & (0xffffffff >>> (31 - (offset & 31)))
  for (let word = top; word >= 0; bits = set[--word] ?? 0) {
    if (bits !== 0) return 32 * word + 31 - Math.clz32(bits)
  }
  return undefined
}

/** Keeps in `set` what `other` has too; false once nothing is left. */
export function keepCommon(set: OffsetSet, other: OffsetSet): boolean {
  let left = 0
  for (let word = 0; word < set.length; word += 1) {
    const common = (set[word] as number) & (other[word] as number)
    set[word] = common
    left |= common
  }
  return left !== 0
}

/** Ascending, each with `base` added. */
export function positionsIn(set: OffsetSet, base: number): number[] {
  const positions: number[] = []
  for (let word = 0; word < set.length; word += 1) {
    for (let bits = set[word] as number; bits !== 0; bits &= bits - 1) {
      positions.push(base + 32 * word + 31 - Math.clz32(bits & -bits))
    }
  }
  return positions
}
