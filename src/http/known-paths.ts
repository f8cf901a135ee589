interface KnownPath {
  readonly segments: readonly string[]
  readonly open: boolean
}

/**
 * The paths that the app has routes for, whatever the method: a request that no route takes is told apart by them, into
 * one for a path that there is not and one for an operation that the path does not have.
 */
export class KnownPaths {
  readonly #paths: KnownPath[] = []

  /** @param pattern a route's: `/v1/sys/policy/:name`, `/v1/secret/data/*` */
  add(pattern: string, { open }: { readonly open: boolean }): void {
    this.#paths.push({ segments: pattern.split('/'), open })
  }

  /** The path's own entry, or undefined where there is no such path. `path` is what is left of a URL without its query. */
  find(path: string): { readonly open: boolean } | undefined {
    const segments = path.split('/')
    return this.#paths.find((known) => matches(known.segments, segments))
  }
}

function matches(pattern: readonly string[], segments: readonly string[]): boolean {
  if (pattern.at(-1) === '*') {
    const literal = pattern.slice(0, -1)
    return segments.length > literal.length && literal.every(alike(segments))
  }
  return pattern.length === segments.length && pattern.every(alike(segments))
}

function alike(segments: readonly string[]): (part: string, index: number) => boolean {
  return (part, index) => part.startsWith(':') || part === segments[index]
}
