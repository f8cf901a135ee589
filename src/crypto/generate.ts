import { generateKeyPairSync, randomInt } from 'node:crypto'
import { VaultError } from '../errors.ts'
import type { SecretInput } from '../secret/value.ts'
import { rawPublicKey } from './ed25519.ts'
import { randomBytes } from './random.ts'
import { ed25519PublicLine } from './ssh-key.ts'

/** Makes new values for `write` and `rotate`. */
export interface Generator {
  /** What it makes, for people: `password of 32 characters out of 66`. Never anything of a value. */
  readonly spec: string
  /** The secret type that suits what it makes, where there is one. */
  readonly type?: 'ssh_key'
  /** A fresh value at every call. */
  make(): SecretInput
}

const passwordLengthMin = 8
const passwordLengthMax = 1024
const alphabetMin = 2
const alphabetMax = 1024
const randomBytesMin = 16
const randomBytesMax = 1024

/** RFC 3986's unreserved characters: a password of these goes into a URL, a shell word or a file as it is. */
const unreserved = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~'

/**
 * `length` characters (8 to 1024), each drawn evenly from the alphabet. The default, 32 out of 66, has 193 bits.
 * `alphabet` is a string of distinct characters (code points). `INVALID` for anything else.
 */
function password(options: { length?: number; alphabet?: string } = {}): Generator {
  const { length = 32 } = options
  expectCount('length', length, [passwordLengthMin, passwordLengthMax])
  const characters = distinctCharacters(options.alphabet ?? unreserved)
  return {
    spec: `password of ${length} characters out of ${characters.length}`,
    // `randomInt` rejects what would favour the alphabet's beginning.
    make: () =>
      Array.from({ length }, () => characters[randomInt(characters.length)] ?? '').join(''),
  }
}

/** `bytes` random bytes (16 to 1024, by default 32) in lower-case hexadecimal. */
function hex(options: { bytes?: number } = {}): Generator {
  return encoded('hex', options)
}

/** `bytes` random bytes (16 to 1024, by default 32) in base64 (RFC 4648 §4), with padding. */
function base64(options: { bytes?: number } = {}): Generator {
  return encoded('base64', options)
}

function encoded(encoding: 'hex' | 'base64', { bytes = 32 }: { bytes?: number }): Generator {
  expectCount('bytes', bytes, [randomBytesMin, randomBytesMax])
  return {
    spec: `${bytes} random bytes in ${encoding}`,
    make: () => randomBytes(bytes).toString(encoding),
  }
}

/**
 * An Ed25519 key pair as fields: `privateKey` (PKCS #8, PEM), `publicKey` (SPKI, PEM) and `sshPublicKey` (a line of
 * `authorized_keys`).
 */
function ed25519(): Generator {
  return {
    spec: 'ed25519 key pair',
    type: 'ssh_key',
    make: () => {
      const { privateKey, publicKey } = generateKeyPairSync('ed25519')
      return {
        privateKey: privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
        publicKey: publicKey.export({ format: 'pem', type: 'spki' }).toString(),
        sshPublicKey: ed25519PublicLine(rawPublicKey(publicKey)),
      }
    },
  }
}

/**
 * Makers of new values, from the operating system's randomness.
 *
 * @example
 * await vault.rotate('prod/db/password', generate.password({ length: 40 }))
 */
export const generate = { password, hex, base64, ed25519 } as const

function expectCount(what: string, found: number, [least, most]: readonly [number, number]): void {
  if (Number.isSafeInteger(found) && found >= least && found <= most) return
  throw new VaultError('INVALID', `${what}: expected ${least} to ${most}, found ${found}`, {
    expected: `${least} to ${most}`,
    found,
  })
}

function distinctCharacters(alphabet: string): readonly string[] {
  const characters = Array.from(alphabet)
  expectCount('characters of alphabet', characters.length, [alphabetMin, alphabetMax])
  if (/\p{Surrogate}/u.test(alphabet)) {
    throw new VaultError('INVALID', 'alphabet: expected characters, found half of one')
  }
  const twice = characters.find((character, at) => characters.indexOf(character) !== at)
  if (twice !== undefined) {
    throw new VaultError(
      'INVALID',
      `alphabet: expected distinct characters, found two of "${twice}"`,
    )
  }
  return characters
}
