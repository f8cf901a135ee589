import { isUtf8 } from 'node:buffer'
import { createReadStream } from 'node:fs'
import {
  checkKdfParams,
  defaultArgon2id,
  defaultPbkdf2,
  deriveKey,
  type KdfParams,
} from '../crypto/kdf.ts'
import { randomKey } from '../crypto/random.ts'
import { VaultError } from '../errors.ts'
import { passphraseBytesMax } from '../limits.ts'
import type { Credential } from './unlock.ts'

/** How new keyslots derive their key; what opens an existing one stands in that slot. */
export type PassphraseOptions =
  | {
      readonly kdf?: 'argon2id'
      readonly memoryKiB?: number
      readonly passes?: number
      readonly lanes?: number
    }
  | { readonly kdf: 'pbkdf2'; readonly iterations?: number }

/**
 * Opens a vault with a passphrase of 1 to 4,096 bytes.
 *
 * Text is prepared as RFC 8265 §4.2 (OpaqueString) has it, so that it opens whatever keyboard it was typed on:
 * Unicode's other spaces become U+0020, then NFC; upper and lower case stay as they are. Bytes are taken as they are.
 *
 * `INVALID` for an empty or overlong one; `UNSUPPORTED` for KDF parameters out of bounds.
 *
 * @example
 * await Vault.open({ path: './vault', unlock: passphrase('correct horse battery staple') })
 * await Vault.create({ path: './vault', unlock: passphrase(text, { kdf: 'pbkdf2' }) })
 */
export function passphrase(text: string | Uint8Array, options: PassphraseOptions = {}): Credential {
  const secret = typeof text === 'string' ? prepared(text) : Uint8Array.from(text)
  expectLength('passphrase', secret)
  return credential(async () => Uint8Array.from(secret), options)
}

/**
 * The passphrase is the content of a file, without one newline at its end; read at each unlocking, not before.
 * UTF-8 is prepared like text, anything else taken as bytes. `INVALID`, naming the file, where it cannot be read.
 */
passphrase.fromFile = (path: string, options: PassphraseOptions = {}): Credential =>
  credential(() => readSecret(path), options)

/** The passphrase is in an environment variable, read at each unlocking. `INVALID`, naming it, where it is not set. */
passphrase.fromEnv = (name: string, options: PassphraseOptions = {}): Credential =>
  credential(async () => {
    const text = process.env[name]
    if (text === undefined) {
      throw new VaultError('INVALID', `environment variable ${name} holds no passphrase: not set`)
    }
    const secret = prepared(text)
    expectLength(`passphrase in environment variable ${name}`, secret)
    return secret
  }, options)

/**
 * Milliseconds that one derivation takes on this machine, with a passphrase made up for it: what each unlocking of a
 * keyslot with these options will cost. Derivations run one at a time, so others that are under way are waited for and
 * counted. `UNSUPPORTED` for KDF parameters out of bounds, `FAILED` where the memory cannot be had.
 *
 * @example
 * const ms = await measureKdf({ memoryKiB: 256 * 1024 })
 */
export async function measureKdf(options: PassphraseOptions = {}): Promise<number> {
  const params = paramsOf(options)
  const begun = performance.now()
  const key = await deriveKey(randomKey(), params)
  const took = performance.now() - begun
  key.fill(0)
  return took
}

/** `read` gives a copy that is wiped after use. */
function credential(read: () => Promise<Uint8Array>, options: PassphraseOptions): Credential {
  const newKdf = (): KdfParams => {
    const params = paramsOf(options)
    checkKdfParams(params)
    return params
  }
  newKdf()
  return {
    kinds: ['argon2id', 'pbkdf2'],
    newKdf,
    key: async ({ kdf }) => {
      if (kdf.kdf !== 'argon2id' && kdf.kdf !== 'pbkdf2') {
        throw new VaultError('INVALID', `a passphrase has no key for a keyslot of kind ${kdf.kdf}`)
      }
      const secret = await read()
      try {
        return await deriveKey(secret, kdf)
      } finally {
        secret.fill(0)
      }
    },
  }
}

function paramsOf(options: PassphraseOptions): KdfParams {
  if (options.kdf === 'pbkdf2') {
    const defaults = defaultPbkdf2()
    return { ...defaults, iterations: options.iterations ?? defaults.iterations }
  }
  const defaults = defaultArgon2id()
  const {
    memoryKiB = defaults.memoryKiB,
    passes = defaults.passes,
    lanes = defaults.lanes,
  } = options
  return { ...defaults, memoryKiB, passes, lanes }
}

function prepared(text: string): Buffer {
  if (/\p{Surrogate}/u.test(text)) {
    throw new VaultError('INVALID', 'passphrase: expected text, found half a surrogate pair')
  }
  return Buffer.from(text.replaceAll(/\p{Space_Separator}/gu, ' ').normalize('NFC'))
}

async function readSecret(path: string): Promise<Uint8Array> {
  const content = await readBounded(path)
  const newline = content.at(-1) !== 0x0a ? 0 : content.at(-2) === 0x0d ? 2 : 1
  const line = content.subarray(0, content.length - newline)
  expectLength(`passphrase in ${path}`, line)
  if (!isUtf8(line)) return line
  const secret = prepared(line.toString())
  content.fill(0)
  return secret
}

/** Reads a little more than a passphrase can be, so that a device or a mistaken path does not fill the memory. */
async function readBounded(path: string): Promise<Buffer> {
  const chunks: Buffer[] = []
  try {
    for await (const chunk of createReadStream(path, { end: passphraseBytesMax + 2 })) {
      chunks.push(chunk)
    }
    return Buffer.concat(chunks)
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown'
    throw new VaultError('INVALID', `passphrase file ${path} cannot be read: ${code}`, {
      cause,
      path,
    })
  } finally {
    for (const chunk of chunks) chunk.fill(0)
  }
}

function expectLength(what: string, { length }: Uint8Array): void {
  if (length >= 1 && length <= passphraseBytesMax) return
  throw new VaultError(
    'INVALID',
    `${what}: expected 1 to ${passphraseBytesMax} bytes, found ${length}`,
  )
}
