import type { FastifyRequest } from 'fastify'
import { VaultError } from '../../index.ts'

/**
 * Which of these media types the caller would rather have, by the Accept header (RFC 9110 §12.5.1): the first of them
 * where it says nothing or likes several alike. Parameters of a range, other than its weight, are passed over. Throws
 * `INVALID` where it takes none of them.
 *
 * @example
 * prefers(request, ['application/json', 'application/x-ndjson'])
 *
 * @param types in the order in which the server would rather give them; there is at least one
 */
export function prefers<T extends string>(
  { headers }: Pick<FastifyRequest, 'headers'>,
  types: readonly T[],
): T {
  const ranges = rangesOf(headers.accept ?? '')
  let best: { readonly type: T; readonly weight: number } | undefined
  for (const type of types) {
    const weight = weightOf(type, ranges)
    if (weight > (best?.weight ?? 0)) best = { type, weight }
  }
  if (best !== undefined) return best.type
  throw new VaultError('INVALID', `header accept: this operation answers with ${types.join(', ')}`)
}

/** `type/subtype`, `type/*` or the one of everything, and how much it is liked: from 0, not at all, to 1. */
interface MediaRange {
  readonly range: string
  readonly weight: number
}

const everything: readonly MediaRange[] = [{ range: '*/*', weight: 1 }]

function rangesOf(accept: string): readonly MediaRange[] {
  if (accept.trim() === '') return everything
  // A parameter may be quoted, and hold a comma.
  const elements = accept.match(/(?:"(?:[^"\\]|\\.)*"?|[^",])+/g) ?? []
  return elements.map(rangeOf).filter((range) => range !== undefined)
}

/** Undefined for what is no media range, which is passed over. */
function rangeOf(element: string): MediaRange | undefined {
  const [range = '', ...parameters] = element.split(';').map((part) => part.trim().toLowerCase())
  if (!/^[^\s/"]+\/[^\s/"]+$/.test(range)) return undefined
  const said = parameters.find((parameter) => parameter.startsWith('q='))
  if (said === undefined) return { range, weight: 1 }
  return /^q=(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(said)
    ? { range, weight: Number(said.slice('q='.length)) }
    : undefined
}

/** The narrowest range that a type falls in says how much it is liked. */
function weightOf(type: string, ranges: readonly MediaRange[]): number {
  const [essence = ''] = type.toLowerCase().split(';')
  const [kind = ''] = essence.split('/')
  for (const range of [essence.trim(), `${kind}/*`, '*/*']) {
    const weights = ranges.filter((each) => each.range === range).map(({ weight }) => weight)
    if (weights.length > 0) return Math.max(...weights)
  }
  return 0
}
