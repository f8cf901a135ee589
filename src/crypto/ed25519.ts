import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'

/** PKCS #8 (RFC 8410 §7) and SubjectPublicKeyInfo (§4) of Ed25519, up to the 32 bytes of the key. */
const pkcs8Prefix = Buffer.from('302e020100300506032b657004220420', 'hex')
const spkiPrefix = Buffer.from('302a300506032b6570032100', 'hex')

/** The private key whose seed (RFC 8032 §5.1.5) is given: 32 random bytes. */
export function privateKeyOf(seed: Uint8Array): KeyObject {
  const der = Buffer.concat([pkcs8Prefix, seed])
  try {
    return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  } finally {
    der.fill(0)
  }
}

/** The 32 bytes of a private or public Ed25519 key's public half. */
export function rawPublicKey(key: KeyObject): Buffer {
  const publicKey = key.type === 'private' ? createPublicKey(key) : key
  return publicKey.export({ format: 'der', type: 'spki' }).subarray(spkiPrefix.length)
}

/** The public key of 32 raw bytes. */
export function publicKeyOf(raw: Uint8Array): KeyObject {
  return createPublicKey({
    key: Buffer.concat([spkiPrefix, raw]),
    format: 'der',
    type: 'spki',
  })
}

/**
 * The five y of points whose order divides 8, as RFC 8032 §5.1.2 writes them with the sign of x cleared: 0, 1, -1 and
 * the two of order 8.
 */
const smallOrder: readonly string[] = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
]
/** y from p = 2^255 - 19 to 2^255 - 1, little-endian: a second spelling of a smaller one. */
const beyondP = /^(e[d-f]|f.)(ff){30}7f$/

/**
 * Whether these 32 bytes are a public key that no honest key pair has. OpenSSL takes them, and under a key of small order
 * anybody's signatures verify, so that whoever publishes one can deny what was signed.
 */
export function isWeakPublicKey(raw: Uint8Array): boolean {
  const y = Buffer.from(raw)
  y.writeUInt8(y.readUInt8(31) & 0x7f, 31)
  const hex = y.toString('hex')
  return smallOrder.includes(hex) || beyondP.test(hex)
}
