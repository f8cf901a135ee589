import type { KeyObject } from 'node:crypto'
import { isWeakPublicKey, rawPublicKey } from '../crypto/ed25519.ts'
import { sha256 } from '../crypto/hash.ts'
import { VaultError } from '../errors.ts'
import { expectSize, malformed, parseBase64 } from './lines.ts'

/**
 * C2SP signed-note, verifier keys:
 *
 * vkey  := name "+" keyId "+" base64(type u8 ‖ public key(32))       the base64 may hold a "+" as well
 * keyId := SHA-256(name ‖ 0A ‖ type u8 ‖ public key)[:4]             as 8 lower-case hex digits
 * name  := characters, at least one: no white space, no "+", no control character
 */
export interface Vkey {
  readonly name: string
  readonly type: SignatureType
  /** 8 hex digits. They name a key and prove nothing: others are easily made to have the same. */
  readonly keyId: string
  /** Raw, 32 bytes. */
  readonly publicKey: Buffer
}

/** What a key signs: a note's text as it is, or a checkpoint and the time at which a witness saw it. */
export type SignatureType = 'ed25519' | 'cosignature/v1'

const typeBytes: Record<SignatureType, number> = { ed25519: 0x01, 'cosignature/v1': 0x04 }
const types = new Map(
  Object.entries(typeBytes).map(([type, byte]) => [byte, type as SignatureType]),
)

/** A name of the formats' own characters, and nothing that a terminal would obey. */
export const namePattern = /^[^\p{White_Space}\p{Cc}+]+$/u
const publicKeyBytes = 32
const vkeyBytesMax = 4096

/**
 * The vkey under which a key's signatures are verified.
 *
 * @param key an Ed25519 key, private or public
 * @throws VaultError `INVALID` for what is no name
 */
export function vkeyOf(name: string, key: KeyObject, type: SignatureType = 'ed25519'): Vkey {
  if (!namePattern.test(name)) throw malformed('key name', 'no white space, "+" or control')
  const publicKey = rawPublicKey(key)
  return { name, type, keyId: keyIdOf(name, material(type, publicKey)), publicKey }
}

/**
 * Reads a vkey, as a person pins it.
 *
 * @throws VaultError `INVALID`, `TOO_LARGE`, or `UNSUPPORTED` for a key of another type
 * @example
 * parseVkey('example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k')
 */
export function parseVkey(text: string): Vkey {
  expectSize(Buffer.byteLength(text), 'vkey', vkeyBytesMax)
  const [name = '', keyId = '', ...rest] = text.split('+')
  const encoded = rest.join('+')
  if (!namePattern.test(name) || !/^[0-9a-f]{8}$/.test(keyId) || encoded === '') {
    throw malformed('vkey', 'name+key id in 8 hex digits+base64')
  }
  const bytes = parseBase64(encoded, 'vkey')
  const type = types.get(bytes[0] ?? 0)
  if (type === undefined) {
    throw new VaultError('UNSUPPORTED', `vkey: expected a key of type 1 or 4, found ${bytes[0]}`)
  }
  if (keyIdOf(name, bytes) !== keyId) throw malformed('vkey', 'the key id of its name and key')
  const publicKey = bytes.subarray(1)
  if (publicKey.length !== publicKeyBytes) throw malformed('vkey', 'a public key of 32 bytes')
  if (isWeakPublicKey(publicKey)) throw malformed('vkey', 'a public key that is not of small order')
  return { name, type, keyId, publicKey }
}

export function formatVkey({ name, type, keyId, publicKey }: Vkey): string {
  return `${name}+${keyId}+${material(type, publicKey).toString('base64')}`
}

function material(type: SignatureType, publicKey: Uint8Array): Buffer {
  return Buffer.from([typeBytes[type], ...publicKey])
}

function keyIdOf(name: string, bytes: Uint8Array): string {
  return sha256(Buffer.from(`${name}\n`), bytes).toString('hex', 0, 4)
}
