import type { IncomingMessage } from 'node:http'

/** What a GET asks for by `?list=` or `?scan=`: what LIST and SCAN do, or what cannot be told. */
export type AskedListing = 'none' | 'LINK' | 'BIND' | 'unclear'

/**
 * Reads `?list=` and `?scan=`, which take the words that Go's `strconv.ParseBool` takes, and nothing for no; of one that
 * comes twice the first counts. A GET that asks for both is unclear.
 */
export function askedListing({
  method,
  url = '',
}: Pick<IncomingMessage, 'method' | 'url'>): AskedListing {
  const query = url.indexOf('?')
  if (method !== 'GET' || query === -1) return 'none'
  const params = new URLSearchParams(url.slice(query + 1))
  const list = goBool(params.get('list'))
  const scan = goBool(params.get('scan'))
  if (list === undefined || scan === undefined || (list && scan)) return 'unclear'
  if (list) return 'LINK'
  return scan ? 'BIND' : 'none'
}

const yes: readonly string[] = ['1', 't', 'T', 'TRUE', 'true', 'True']
const no: readonly string[] = ['0', 'f', 'F', 'FALSE', 'false', 'False', '']

/** Undefined for what is no boolean. */
export function goBool(text: string | null | undefined): boolean | undefined {
  if (text === null || text === undefined || no.includes(text)) return false
  return yes.includes(text) ? true : undefined
}
