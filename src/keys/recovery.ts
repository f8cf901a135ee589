import { hkdfSha256, sha256 } from '../crypto/hash.ts'
import { randomKey } from '../crypto/random.ts'
import { VaultError } from '../errors.ts'
import type { Credential } from './unlock.ts'

/**
 * text  := ["MUNIMENT-RECOVERY-"] 14 groups of 4 characters, "-" between them
 * bits  := key(32) ‖ SHA-256("muniment/v1/recovery-check" ‖ key)[:3]      280 bits, 5 a character
 *
 * In Crockford's base32, which reads o as 0 and i and l as 1, and has no u. The slot's key is HKDF-SHA-256(key,
 * "muniment/v1/recovery"): 256 random bits need no slow derivation.
 */
const prefix = 'MUNIMENT-RECOVERY-'
const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const keyBytes = 32
const checkBytes = 3
const characters = ((keyBytes + checkBytes) * 8) / 5
const groupLength = 4
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
  const text = encode(bytes)
  bytes.fill(0)
  return { text, credential: credential(key) }
}

/**
 * Reads a recovery key as typed: in either case, with or without its prefix, spaces and hyphens. `INVALID` with
 * the place of the mistake where that can be told.
 */
recoveryKey.parse = (text: string): Credential => {
  const typed = text.toUpperCase().replaceAll(/[\s-]/g, '')
  const bytes = decode(typed.replace(/^MUNIMENTRECOVERY/, ''))
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

function encode(bytes: Buffer): string {
  let digits = ''
  for (let at = 0; at < bytes.length; at += 5) {
    // 40 bits are 8 characters, and an integer that a number holds exactly.
    const bits = bytes.readUIntBE(at, 5)
    for (let place = 7; place >= 0; place -= 1) {
      digits += alphabet.charAt(Math.floor(bits / 32 ** place) % 32)
    }
  }
  return prefix + (digits.match(/.{4}/g) ?? []).join('-')
}

function decode(typed: string): Buffer {
  if (typed.length !== characters) {
    throw new VaultError(
      'INVALID',
      `recovery key: expected ${characters} characters, found ${typed.length}`,
    )
  }
  const bytes = Buffer.alloc(keyBytes + checkBytes)
  for (let at = 0; at < characters; at += 8) {
    let bits = 0
    for (let index = at; index < at + 8; index += 1) bits = bits * 32 + digitAt(typed, index)
    bytes.writeUIntBE(bits, (at / 8) * 5, 5)
  }
  return bytes
}

function digitAt(typed: string, index: number): number {
  const character = typed.charAt(index).replace('O', '0').replace(/[IL]/, '1')
  const digit = alphabet.indexOf(character)
  if (digit >= 0) return digit
  const group = Math.floor(index / groupLength) + 1
  throw new VaultError(
    'INVALID',
    `recovery key: character ${(index % groupLength) + 1} of group ${group} is none of its alphabet`,
  )
}
