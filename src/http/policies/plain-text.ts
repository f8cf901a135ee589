const base64 = /^[A-Za-z0-9+/]+={0,2}$/

/**
 * The text of a policy, which may be sent in base64 (RFC 4648 §4), as Vault takes it: no text that means anything as a
 * policy is base64 as well.
 */
export function plainText(given: string): string {
  const packed = given.replace(/[\r\n]/g, '')
  if (packed.length % 4 !== 0 || !base64.test(packed)) return given
  const bytes = Buffer.from(packed, 'base64')
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return given
  }
}
