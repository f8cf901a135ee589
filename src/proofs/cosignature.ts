import { type KeyObject, sign } from 'node:crypto'
import { readU64, writeU64 } from '../crypto/bytes.ts'
import { VaultError } from '../errors.ts'
import { timeMsMax } from '../limits.ts'

/**
 * C2SP tlog-cosignature, Ed25519: a witness says that at this time the log that it has seen grow is at this checkpoint.
 *
 * cosignature := time u64 ‖ Ed25519(message)(64)            time in seconds since the epoch
 * message     := "cosignature/v1\ntime " decimal(time) "\n" ‖ text of the checkpoint
 */
export const cosignatureBytes = 8 + 64

const secondsMax = Math.floor(timeMsMax / 1000)

/** The time of a cosignature, and what has to be verified. */
export interface Cosignature {
  readonly seconds: number
  readonly message: Buffer
  /** Ed25519, 64 bytes. */
  readonly signature: Buffer
}

export function cosign(
  text: string,
  { key, seconds }: { readonly key: KeyObject; readonly seconds: number },
): Buffer {
  const time = Buffer.alloc(8)
  writeU64(time, expectTime(seconds), 0)
  return Buffer.concat([time, sign(null, messageOf(text, seconds), key)])
}

/** Takes a cosignature of a text apart: 72 bytes, not verified yet. */
export function readCosignature(text: string, bytes: Buffer): Cosignature {
  const seconds = expectTime(readU64(bytes, 0))
  return { seconds, message: messageOf(text, seconds), signature: bytes.subarray(8) }
}

function messageOf(text: string, seconds: number): Buffer {
  return Buffer.from(`cosignature/v1\ntime ${seconds}\n${text}`)
}

function expectTime(seconds: number): number {
  if (Number.isSafeInteger(seconds) && seconds >= 0 && seconds <= secondsMax) return seconds
  throw new VaultError('INTEGRITY', 'cosignature: expected a time in seconds before the year 10000')
}
