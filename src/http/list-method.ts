/**
 * The wire's methods LIST and SCAN are unknown to Node's HTTP parser, which refuses a request at the first byte
 * of a method that is not in `http.METHODS`. LINK and BIND are in it, have the same length and mean nothing to
 * the wire. So the parser is shown each in place of the other: LIST arrives as LINK, and a client that really
 * sends LINK has sent LIST as far as the parser can see, and is refused with 400 like any other unknown method.
 * A handler of LINK therefore serves LIST and nothing else.
 */
const shownFor: ReadonlyMap<string, string> = new Map([
  ['LIST ', 'LINK '],
  ['LINK ', 'LIST '],
  ['SCAN ', 'BIND '],
  ['BIND ', 'SCAN '],
])

/** Bytes of a method above and the space that ends it (RFC 9112 §3): without the space it might go on. */
const wordBytes = 5

/**
 * Rewrites, in place, the method at the start of `request`, which must be where a request begins.
 *
 * @returns whether it is settled what the parser shall see: false where `request` is too short to tell.
 */
export function showMethod(request: Buffer): boolean {
  const word = request.toString('latin1', 0, wordBytes)
  const shown = shownFor.get(word)
  if (shown !== undefined) request.write(shown, 'latin1')
  return word.length === wordBytes || ![...shownFor.keys()].some((known) => known.startsWith(word))
}

const sentAs: ReadonlyMap<string, string> = new Map([
  ['LINK', 'LIST'],
  ['BIND', 'SCAN'],
])

/**
 * The method that the client of a wire server sent: `LIST` where the parser saw LINK, `SCAN` where it saw BIND.
 *
 * @example
 * createWireServer((request, response) => response.end(methodOf(request)))
 */
export function methodOf(request: { readonly method?: string | undefined }): string {
  const { method = '' } = request
  return sentAs.get(method) ?? method
}
