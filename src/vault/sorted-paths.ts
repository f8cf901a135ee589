/** Up to `limit` paths that begin with `prefix` and stand behind `after`. */
export interface PathRange {
  readonly prefix: string
  readonly after: string | undefined
  readonly limit: number
}

/** The paths of a map in order, for pages: sorted when asked, and again only after paths came or went. */
export class SortedPaths {
  readonly #paths: () => Iterable<string>
  #sorted: string[] | undefined

  constructor(paths: () => Iterable<string>) {
    this.#paths = paths
  }

  /** A path came or went. */
  stale(): void {
    this.#sorted = undefined
  }

  /** In the order of UTF-16 code units. */
  page({ prefix, after, limit }: PathRange): string[] {
    this.#sorted ??= [...this.#paths()].sort()
    const sorted = this.#sorted
    const start =
      after !== undefined && after >= prefix ? firstAbove(sorted, after) : firstFrom(sorted, prefix)
    const page: string[] = []
    for (let at = start; at < sorted.length && page.length < limit; at++) {
      const path = sorted[at]
      if (path === undefined || !path.startsWith(prefix)) break
      page.push(path)
    }
    return page
  }
}

function firstFrom(sorted: readonly string[], key: string): number {
  return partition(sorted, (path) => path < key)
}

function firstAbove(sorted: readonly string[], key: string): number {
  return partition(sorted, (path) => path <= key)
}

/** How many items, all at the front, are `before`. */
function partition(sorted: readonly string[], before: (path: string) => boolean): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const path = sorted[middle]
    if (path !== undefined && before(path)) low = middle + 1
    else high = middle
  }
  return low
}
