import { VaultError } from '../errors.ts'

/**
 * A path of the API with its segments filled in, each percent-encoded as one. Throws `INVALID` for one that a URL would
 * take for a step up or for nothing.
 *
 * @example
 * at`/secrets/${path}/value`
 */
export function at(parts: TemplateStringsArray, ...names: readonly string[]): string {
  return parts.reduce((path, part, i) => `${path}${segmentOf(names[i - 1])}${part}`)
}

function segmentOf(name: unknown): string {
  if (typeof name === 'string' && name.isWellFormed() && !/^\.{0,2}$/.test(name)) {
    return encodeURIComponent(name)
  }
  throw new VaultError(
    'INVALID',
    'a path must be well-formed text, and neither empty, "." nor ".."',
  )
}
