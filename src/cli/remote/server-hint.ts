import type { VaultError } from '../../index.ts'

/** What to try next where it is the way to a server that failed; undefined where it is not. */
export function serverHint({ code, message, cause }: VaultError): string | undefined {
  if (code === 'DENIED' && message === unknownToken) {
    return 'it has ended, or is of another vault: --token-file FILE, or MUNIMENT_TOKEN'
  }
  if (code === 'UNSUPPORTED' && message.startsWith('what answers is no server')) {
    return 'look at --server, or MUNIMENT_ADDR: which port, and https or http'
  }
  if (!unreached.test(message)) return undefined
  const reason = codeWithin(cause)
  if (plainCodes.test(reason)) {
    return 'the server may not speak TLS: is it http, or another port? --server URL, or MUNIMENT_ADDR'
  }
  return tlsCodes.test(reason)
    ? "its certificate is not trusted here: NODE_EXTRA_CA_CERTS=FILE names its authority's"
    : 'is it running, and is that its address? --server URL, or MUNIMENT_ADDR'
}

/** How a server refuses whoever shows no token that holds. */
const unknownToken = 'no token that holds was shown'

const unreached = /^https?:\/\/\S+ (?:cannot be reached|does not answer)/

/** As Node names what it does not trust in a certificate. */
const tlsCodes = /CERT|SIGNATURE|ISSUER/

/** As OpenSSL says that what answered was no TLS. */
const plainCodes = /^ERR_SSL_(?:WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST)$/

/** `fetch failed` says nothing: what it was stands in its cause, or in one below. */
function codeWithin(error: unknown): string {
  for (let at = error, depth = 0; at instanceof Error && depth < 4; at = at.cause, depth++) {
    if ('code' in at && typeof at.code === 'string') return at.code
  }
  return ''
}
