/** Ranges of positions whose events could not be read, in order: `from` up to, and without, `to`. */
export interface Holes {
  readonly count: number
  add(from: number, to: number): void
  has(position: number): boolean
}

export function collectHoles(): Holes {
  const froms: number[] = []
  const tos: number[] = []
  return {
    get count() {
      return froms.length
    },
    add: (from, to) => {
      froms.push(from)
      tos.push(to)
    },
    has: (position) => {
      const at = froms.findLastIndex((from) => from <= position)
      return at !== -1 && position < (tos[at] ?? 0)
    },
  }
}
