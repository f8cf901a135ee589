/** A bucket in the making: what closed terms have, in its columns, and behind that the offsets of the term at hand. */
export interface BucketDraft {
  /** The length of a run of bits: no run is longer. */
  readonly bitUnits: number
  readonly hashes: number[]
  readonly ends: number[]
  units: Uint16Array
  length: number
}

const firstCapacity = 1024

export function bucketDraft(bitUnits: number): BucketDraft {
  return { bitUnits, hashes: [], ends: [], units: new Uint16Array(firstCapacity), length: 0 }
}

/** Appends an offset of the term at hand, above those that it has. */
export function pushOffset(draft: BucketDraft, offset: number): void {
  if (draft.length === draft.units.length) {
    const units = new Uint16Array(2 * draft.length)
    units.set(draft.units)
    draft.units = units
  }
  draft.units[draft.length] = offset
  draft.length += 1
}

/** Ends the term at hand, whose hash is above those before it: its offsets become bits where these are no longer. */
export function closeTerm(draft: BucketDraft, hash: number): void {
  const { bitUnits, ends, units } = draft
  const start = ends.at(-1) ?? 0
  if (draft.length - start >= bitUnits) {
    const bits = new Uint16Array(bitUnits)
    for (let at = start; at < draft.length; at += 1) {
      const offset = units[at] as number
      bits[offset >>> 4] = (bits[offset >>> 4] as number) | (1 << (offset & 15))
    }
    units.set(bits, start)
    draft.length = start + bitUnits
  }
  draft.hashes.push(hash)
  ends.push(draft.length)
}
