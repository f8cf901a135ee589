import { isUtf8 } from 'node:buffer'
import { viewOf } from '../crypto/bytes.ts'
import { VaultError } from '../errors.ts'
import { hashBytes } from './tree.ts'

/**
 * What the text formats of C2SP share. A reader takes one spelling of each thing, the one that a writer makes: where two
 * parsers could differ, nothing is proved.
 *
 * decimal := "0" | a digit but "0" ‖ digits        up to 2^53 - 1
 * base64  := RFC 4648 §4, padded, its unused bits 0
 * hash    := base64 of 32 bytes
 */

/** Hashes of one proof: a log of 2^63 leaves needs no more. */
const proofHashesMax = 63

/** `INVALID`: what was read, and what should have stood there. Never what did. */
export function malformed(what: string, expected: string): VaultError {
  return new VaultError('INVALID', `${what}: expected ${expected}`)
}

/** The text of these bytes, if they are UTF-8 and no more than `bytesMax`. */
export function decodeText(bytes: Uint8Array, what: string, bytesMax: number): string {
  expectSize(bytes.length, what, bytesMax)
  if (!isUtf8(bytes)) throw malformed(what, 'UTF-8')
  return viewOf(bytes).toString('utf8')
}

export function expectSize(size: number, what: string, bytesMax: number): void {
  if (size <= bytesMax) return
  throw new VaultError('TOO_LARGE', `${what}: expected at most ${bytesMax} bytes, found ${size}`, {
    expected: bytesMax,
    found: size,
  })
}

export function parseDecimal(text: string, what: string): number {
  const value = /^(0|[1-9][0-9]{0,15})$/.test(text) ? Number(text) : Number.NaN
  if (Number.isSafeInteger(value)) return value
  throw malformed(what, 'a decimal below 2^53 without leading zeros')
}

export function parseBase64(text: string, what: string): Buffer {
  const bytes = Buffer.from(text, 'base64')
  if (bytes.toString('base64') !== text) throw malformed(what, 'padded base64')
  return bytes
}

export function parseHash(text: string, what: string): Buffer {
  const hash = parseBase64(text, what)
  if (hash.length !== hashBytes) throw malformed(what, `${hashBytes} bytes in base64`)
  return hash
}

/** What stands in front of a note: lines, a blank one, and the bytes behind it. */
export function parseHead(
  bytes: Uint8Array,
  what: string,
  headBytesMax: number,
): { lines: string[]; rest: Buffer } {
  const end = viewOf(bytes).indexOf('\n\n')
  if (end < 0) throw malformed(what, 'a blank line')
  const lines = decodeText(bytes.subarray(0, end), what, headBytesMax).split('\n')
  return { lines, rest: viewOf(bytes).subarray(end + 2) }
}

export function parseProof(lines: readonly string[], what: string): Buffer[] {
  if (lines.length > proofHashesMax) throw malformed(what, `at most ${proofHashesMax} hashes`)
  return lines.map((line, i) => parseHash(line, `${what}: hash ${i + 1}`))
}

export function formatProof(proof: readonly Uint8Array[]): string {
  return proof.map((hash) => `${viewOf(hash).toString('base64')}\n`).join('')
}
