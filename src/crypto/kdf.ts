import { pbkdf2 } from 'node:crypto'
import { promisify } from 'node:util'
import { argon2id, hash } from 'argon2'
import { VaultError } from '../errors.ts'
import { randomKey } from './random.ts'

/** How a passphrase becomes a key. `salt` is 16 to 64 random bytes, one salt a keyslot. */
export type KdfParams = Argon2idParams | Pbkdf2Params

/** Argon2id (RFC 9106), version 0x13. */
export interface Argon2idParams {
  readonly kdf: 'argon2id'
  readonly memoryKiB: number
  readonly passes: number
  readonly lanes: number
  readonly salt: Uint8Array
}

/** PBKDF2-HMAC-SHA256 (RFC 8018 §5.2), where policy demands it. */
export interface Pbkdf2Params {
  readonly kdf: 'pbkdf2'
  readonly iterations: number
  readonly salt: Uint8Array
}

/**
 * The least and the most that an opening takes of each parameter: the least of iterations, memory and passes is OWASP's for
 * PBKDF2-HMAC-SHA256 and Argon2id, the most is what a host can spare.
 */
export const kdfBounds = {
  saltBytes: [16, 64],
  memoryKiB: [19 * 1024, 1024 * 1024],
  passes: [2, 16],
  lanes: [1, 16],
  iterations: [600_000, 10_000_000],
} as const satisfies Readonly<Record<string, Bounds>>
type Bounds = readonly [least: number, most: number]
const derivedBytes = 32

/** RFC 9106 §4, its second choice: 64 MiB, three passes, four lanes; about 100 ms. A fresh salt. */
export function defaultArgon2id(): Argon2idParams {
  return { kdf: 'argon2id', memoryKiB: 64 * 1024, passes: 3, lanes: 4, salt: freshSalt() }
}

/** 600,000 iterations and a fresh salt. */
export function defaultPbkdf2(): Pbkdf2Params {
  return { kdf: 'pbkdf2', iterations: kdfBounds.iterations[0], salt: freshSalt() }
}

function freshSalt(): Buffer {
  return randomKey().subarray(0, kdfBounds.saltBytes[0])
}

/**
 * Holds parameters to their floor (a weakened keyslot) and ceiling (one that takes the host's memory or time).
 * `UNSUPPORTED`, naming the parameter, what was found and what is allowed.
 */
export function checkKdfParams(params: KdfParams): void {
  expectWithin(`${params.kdf} salt bytes`, params.salt.length, kdfBounds.saltBytes)
  if (params.kdf === 'pbkdf2') {
    expectWithin('pbkdf2 iterations', params.iterations, kdfBounds.iterations)
    return
  }
  expectWithin('argon2id memory in KiB', params.memoryKiB, kdfBounds.memoryKiB)
  expectWithin('argon2id passes', params.passes, kdfBounds.passes)
  expectWithin('argon2id lanes', params.lanes, kdfBounds.lanes)
}

function expectWithin(what: string, found: number, [least, most]: Bounds): void {
  if (Number.isSafeInteger(found) && found >= least && found <= most) return
  throw new VaultError('UNSUPPORTED', `${what}: expected ${least} to ${most}, found ${found}`, {
    expected: `${least} to ${most}`,
    found,
  })
}

let lastDerivation: Promise<unknown> = Promise.resolve()

/**
 * Derives 32 bytes. One derivation at a time in the process, in the order of the calls: each fills the threads
 * that `fsync` needs too, and four at once make a synced write take a hundred times as long.
 *
 * `UNSUPPORTED` for parameters out of bounds, `FAILED` when the memory cannot be had.
 */
export function deriveKey(passphrase: Uint8Array, params: KdfParams): Promise<Buffer> {
  const derivation = lastDerivation.then(() => derive(passphrase, params))
  lastDerivation = derivation.catch(() => undefined)
  return derivation
}

async function derive(passphrase: Uint8Array, params: KdfParams): Promise<Buffer> {
  checkKdfParams(params)
  try {
    return params.kdf === 'argon2id'
      ? await argon2idHash(passphrase, params)
      : await promisify(pbkdf2)(passphrase, params.salt, params.iterations, derivedBytes, 'sha256')
  } catch (cause) {
    throw new VaultError('FAILED', `${params.kdf} failed`, { cause, retry: 'now' })
  }
}

async function argon2idHash(passphrase: Uint8Array, params: Argon2idParams): Promise<Buffer> {
  const input = Buffer.alloc(passphrase.length)
  input.set(passphrase)
  try {
    return await hash(input, {
      raw: true,
      type: argon2id,
      version: 0x13,
      salt: Buffer.from(params.salt),
      memoryCost: params.memoryKiB,
      timeCost: params.passes,
      parallelism: params.lanes,
      hashLength: derivedBytes,
    })
  } finally {
    input.fill(0)
  }
}
