import { createCipheriv, createDecipheriv } from 'node:crypto'
import { VaultError } from '../errors.ts'

export const tagBytes = 16

/** One key and the 12-byte nonce that goes with it: such a pair seals at most one message. */
export interface GcmKey {
  readonly key: Uint8Array
  readonly nonce: Uint8Array
}

/** AES-256-GCM (NIST SP 800-38D §7.1): `ciphertext ‖ tag(16)`. */
export function sealGcm({ key, nonce }: GcmKey, plain: Uint8Array, aad: Uint8Array): Buffer {
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes })
  cipher.setAAD(aad)
  const sealed = Buffer.allocUnsafe(plain.length + tagBytes)
  sealed.set(cipher.update(plain))
  cipher.final()
  sealed.set(cipher.getAuthTag(), plain.length)
  return sealed
}

/**
 * SP 800-38D §7.2. `INTEGRITY` when the tag does not match, without saying more: an altered byte and another key
 * look the same.
 */
export function openGcm({ key, nonce }: GcmKey, sealed: Uint8Array, aad: Uint8Array): Buffer {
  const length = sealed.length - tagBytes
  if (length < 0) {
    throw new VaultError(
      'INTEGRITY',
      `expected a ${tagBytes}-byte tag, found ${sealed.length} sealed bytes`,
    )
  }
  // Without `authTagLength` Node's decipher takes a tag of 4 bytes for a tag.
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes })
  decipher.setAAD(aad).setAuthTag(sealed.subarray(length))
  const plain = decipher.update(sealed.subarray(0, length))
  try {
    decipher.final()
  } catch {
    // What is not authentic is not released (SP 800-38D §7.2, step 8). Node's error says nothing that helps.
    plain.fill(0)
    throw new VaultError(
      'INTEGRITY',
      'sealed bytes do not open: altered, or sealed under another key or for another place',
    )
  }
  return plain
}

const zeroNonce = new Uint8Array(12)

/**
 * Seals the only message that `key` will ever seal: `ciphertext ‖ tag(16)`.
 *
 * GCM asks that no pair of key and nonce seals twice (SP 800-38D §8). The key is random and used once, so the pair
 * is fresh whatever the nonce; a constant one spares its bytes and leaves nothing to go wrong at random.
 */
export function sealOnce(key: Uint8Array, plain: Uint8Array, aad: Uint8Array): Buffer {
  return sealGcm({ key, nonce: zeroNonce }, plain, aad)
}

/** Opens what `sealOnce` made; `INTEGRITY` otherwise. */
export function openOnce(key: Uint8Array, sealed: Uint8Array, aad: Uint8Array): Buffer {
  return openGcm({ key, nonce: zeroNonce }, sealed, aad)
}
