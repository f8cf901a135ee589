import { hkdfSha256, sha256 } from '../crypto/hash.ts'
import { randomKey } from '../crypto/random.ts'
import { VaultError } from '../errors.ts'
import { decodeBase32, encodeBase32 } from './base32.ts'
import type { Credential } from './unlock.ts'

/**
 * text  := ["MUNIMENT-RECOVERY-"] 14 groups of 4 characters, "-" between them
 * bits  := key(32) ‖ SHA-256("muniment/v1/recovery-check" ‖ key)[:3]      280 bits, 5 a character
 *
 * The slot's key is HKDF-SHA-256(key, "muniment/v1/recovery"): 256 random bits need no slow derivation.
 */
const prefix = 'MUNIMENT-RECOVERY-'
const keyBytes = 32
const checkBytes = 3
const checkLabel = Buffer.from('muniment/v1/recovery-check')

/** A fresh recovery key, to print and lock away: the text is shown once and kept nowhere. */
export interface RecoveryKey {
  readonly text: string
  readonly credential: Credential
}

/**
 * Makes a recovery key: 256 random bits that open a vault when its passphrase is lost.
 *
 * @example
 * const { text, credential } = recoveryKey()
 * console.log(text) // MUNIMENT-RECOVERY-7Z3K-…
 * const vault = await Vault.open({ path: './vault', unlock: recoveryKey.parse(typed) })
 */
export function recoveryKey(): RecoveryKey {
  const key = randomKey()
  const bytes = Buffer.concat([key, checkOf(key)])
  const text = encodeBase32(bytes, prefix)
  bytes.fill(0)
  return { text, credential: credential(key) }
}

/**
 * Reads a recovery key as typed: in either case, with or without its prefix, spaces and hyphens. `INVALID` with
 * the place of the mistake where that can be told.
 */
recoveryKey.parse = (text: string): Credential => {
  const bytes = decodeBase32(text, {
    prefix,
    length: keyBytes + checkBytes,
    what: 'recovery key',
  })
  const key = bytes.subarray(0, keyBytes)
  if (!checkOf(key).equals(bytes.subarray(keyBytes))) {
    throw new VaultError('INVALID', 'recovery key: its check fails, so a character is mistyped')
  }
  return credential(key)
}

function credential(key: Uint8Array): Credential {
  return {
    kinds: ['recovery'],
    newKdf: () => ({ kdf: 'recovery' }),
    key: async () => hkdfSha256(key, 'muniment/v1/recovery'),
  }
}

function checkOf(key: Uint8Array): Buffer {
  return sha256(checkLabel, key).subarray(0, checkBytes)
}
