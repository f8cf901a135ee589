import { createHash, createHmac, hash, hkdfSync, timingSafeEqual } from 'node:crypto'

const hashBytes = 32

/** Parts of one hash are joined here, then wiped: some are keys. */
const scratch = Buffer.alloc(4096)

/** SHA-256 of the parts, joined. */
export function sha256(...parts: readonly Uint8Array[]): Buffer {
  const [only] = parts
  if (parts.length === 1 && only !== undefined) return oneShot(only)
  let length = 0
  for (const part of parts) length += part.length
  if (length > scratch.length) return streamed(parts)
  let at = 0
  for (const part of parts) {
    scratch.set(part, at)
    at += part.length
  }
  const digest = oneShot(scratch.subarray(0, length))
  scratch.fill(0, 0, length)
  return digest
}

/**
 * `crypto.hash` (Node 20.12) skips the hash object of `createHash`. The digest comes as a latin1 string because Node
 * 20 takes 0.3 µs for that and 0.8 µs for a buffer; 'binary' is latin1's other name.
 */
function oneShot(bytes: Uint8Array): Buffer {
  return Buffer.from(hash('sha256', bytes, 'binary'), 'binary')
}

function streamed(parts: readonly Uint8Array[]): Buffer {
  const digest = createHash('sha256')
  for (const part of parts) digest.update(part)
  return digest.digest()
}

/** HMAC-SHA-256 (RFC 2104) of the parts, joined. */
export function hmacSha256(key: Uint8Array, ...parts: readonly Uint8Array[]): Buffer {
  const mac = createHmac('sha256', key)
  for (const part of parts) mac.update(part)
  return mac.digest()
}

/**
 * HKDF-SHA-256 (RFC 5869): 32 bytes for the purpose that `info` names. No salt: every key that comes here is
 * uniformly random (§3.1).
 */
export function hkdfSha256(key: Uint8Array, info: string): Buffer {
  return Buffer.from(hkdfSync('sha256', key, '', info, hashBytes))
}

/** Compares in a time that depends on the lengths only. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b)
}
