import { breather } from '../breather.ts'

/** Up to `limit` paths that begin with `prefix` and stand behind `after`. */
export interface PathRange {
  readonly prefix: string
  readonly after: string | undefined
  readonly limit: number
}

/** Paths that are kept together: so many are moved at most where one comes or goes. */
const chunkMax = 512
/** Paths that are sorted in one go, which takes a few milliseconds, and passed before the time is looked at. */
const sortedAtOnce = 2048
const passedAtOnce = 256

/** Each of them sorted and not empty, one behind the other. */
type Chunks = string[][]

/**
 * The paths of a map, in the order of UTF-16 code units. They are put in order when somebody first asks; from then on
 * each that comes or goes is put in its place.
 */
export class SortedPaths {
  readonly #paths: () => Iterable<string>
  #chunks: Chunks | undefined
  /** While they are put in order in slices: what came, and what went, meanwhile. */
  #coming: { readonly isThere: Map<string, boolean>; readonly done: Promise<void> } | undefined

  constructor(paths: () => Iterable<string>) {
    this.#paths = paths
  }

  /** A path came; one that was there already stays. */
  add(path: string): void {
    if (this.#chunks !== undefined) insert(this.#chunks, path)
    else this.#coming?.isThere.set(path, true)
  }

  /** A path went. */
  delete(path: string): void {
    if (this.#chunks !== undefined) remove(this.#chunks, path)
    else this.#coming?.isThere.set(path, false)
  }

  /**
   * Puts them in order in slices, so that whoever asks next is answered at once; undefined where they are. Asking
   * without it is answered as well, and holds up the process for as long as it takes to sort all of them.
   */
  ready(): Promise<void> | undefined {
    if (this.#chunks !== undefined) return undefined
    if (this.#coming === undefined) {
      const isThere = new Map<string, boolean>()
      this.#coming = { isThere, done: this.#sort(isThere) }
    }
    return this.#coming.done
  }

  page({ prefix, after, limit }: PathRange): string[] {
    const chunks = this.#sorted()
    const start =
      after !== undefined && after >= prefix
        ? placeOf(chunks, (path) => path <= after)
        : placeOf(chunks, (path) => path < prefix)
    const page: string[] = []
    for (const path of from(chunks, start)) {
      if (page.length === limit || !path.startsWith(prefix)) break
      page.push(path)
    }
    return page
  }

  /** The first path that is not before `start`: one look, however many there are. */
  firstFrom(start: string): string | undefined {
    const chunks = this.#sorted()
    const { chunk, at } = placeOf(chunks, (path) => path < start)
    return chunks[chunk]?.[at]
  }

  #sorted(): Chunks {
    if (this.#chunks === undefined) this.#chunks = inChunks([...this.#paths()].sort())
    this.#coming = undefined
    return this.#chunks
  }

  async #sort(isThere: Map<string, boolean>): Promise<void> {
    const isDone = () => this.#chunks !== undefined
    const breathe = breather()
    const chunks = inChunks(await sortedInSlices(this.#paths(), breathe, isDone))
    // The loop ends once it has come to the last change, and nothing comes in between that and the end.
    for (const [path, isKept] of isThere) {
      isThere.delete(path)
      if (isKept) insert(chunks, path)
      else remove(chunks, path)
      await breathe()
      if (isDone()) return
    }
    if (isDone()) return
    this.#chunks = chunks
    this.#coming = undefined
  }
}

/** Sorts runs, then merges pairs of them until one is left. It ends early, with some of them, where nobody needs it. */
async function sortedInSlices(
  paths: Iterable<string>,
  breathe: () => Promise<void> | undefined,
  isDone: () => boolean,
): Promise<readonly string[]> {
  let run: string[] = []
  let runs = [run]
  for (const path of paths) {
    if (run.push(path) < sortedAtOnce) continue
    run.sort()
    await breathe()
    if (isDone()) return run
    run = []
    runs.push(run)
  }
  run.sort()
  while (runs.length > 1) {
    const longer: string[][] = []
    for (let i = 0; i < runs.length; i += 2) {
      longer.push(await merged(runs[i] ?? [], runs[i + 1] ?? [], breathe))
      if (isDone()) return run
    }
    runs = longer
  }
  return runs[0] ?? []
}

async function merged(
  a: readonly string[],
  b: readonly string[],
  breathe: () => Promise<void> | undefined,
): Promise<string[]> {
  const both: string[] = []
  for (let [i, j] = [0, 0]; i < a.length || j < b.length; ) {
    const [first, second] = [a[i], b[j]]
    const isFirst = second === undefined || (first !== undefined && first <= second)
    both.push((isFirst ? first : second) as string)
    if (isFirst) i += 1
    else j += 1
    if (both.length % passedAtOnce === 0) await breathe()
  }
  return both
}

function inChunks(sorted: readonly string[]): Chunks {
  const chunks: Chunks = []
  for (let at = 0; at < sorted.length; at += chunkMax) chunks.push(sorted.slice(at, at + chunkMax))
  return chunks
}

interface Place {
  readonly chunk: number
  readonly at: number
}

/** Where the first path stands that is not among those at the front which are `before`. */
function placeOf(chunks: Chunks, before: (path: string) => boolean): Place {
  const chunk = partition(chunks, (paths) => before(paths.at(-1) as string))
  return { chunk, at: partition(chunks[chunk] ?? [], before) }
}

function* from(chunks: Chunks, { chunk, at }: Place): Iterable<string> {
  const first = chunks[chunk]
  if (first === undefined) return
  for (let i = at; i < first.length; i++) yield first[i] as string
  for (let next = chunk + 1; next < chunks.length; next++) yield* chunks[next] ?? []
}

function insert(chunks: Chunks, path: string): void {
  const last = chunks.length - 1
  if (last < 0) {
    chunks.push([path])
    return
  }
  const place = placeOf(chunks, (each) => each < path)
  const isLast = place.chunk > last
  const chunk = chunks[isLast ? last : place.chunk] as string[]
  const at = isLast ? chunk.length : place.at
  if (chunk[at] === path) return
  chunk.splice(at, 0, path)
  if (chunk.length > chunkMax) {
    chunks.splice((isLast ? last : place.chunk) + 1, 0, chunk.splice(chunkMax / 2))
  }
}

function remove(chunks: Chunks, path: string): void {
  const { chunk: index, at } = placeOf(chunks, (each) => each < path)
  const chunk = chunks[index]
  if (chunk?.[at] !== path) return
  chunk.splice(at, 1)
  if (chunk.length === 0) chunks.splice(index, 1)
}

/** How many items, all at the front, are `before`. */
function partition<T>(sorted: readonly T[], before: (item: T) => boolean): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (before(sorted[middle] as T)) low = middle + 1
    else high = middle
  }
  return low
}
