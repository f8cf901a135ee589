import { VaultError } from '../../index.ts'

/** The bytes of a text in base64 (RFC 4648 §4), padded; undefined for any other, which Node passes over in part. */
export function bytesIn(base64: string): Buffer | undefined {
  const bytes = Buffer.from(base64, 'base64')
  return bytes.toString('base64') === base64 ? bytes : undefined
}

/** The same, of a place in a request. Throws `INVALID`. */
export function bytesAt(place: string, base64: string): Buffer {
  const bytes = bytesIn(base64)
  if (bytes !== undefined) return bytes
  throw new VaultError('INVALID', `${place} must be base64 (RFC 4648 §4), padded`)
}
