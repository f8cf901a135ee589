import { sha256 } from '../crypto/hash.ts'
import { VaultError } from '../errors.ts'
import { decodeBase32, encodeBase32, exchangeDigit, placeOf } from './base32.ts'

/**
 * text  := ["MUNIMENT-SHARE-"] 18 groups of 4 characters, "-" between them
 * bits  := body(41) ‖ SHA-256("muniment/v1/share-check" ‖ body)[:4]      360 bits, 5 a character
 * body  := version u8 (1) ‖ setId(4) ‖ threshold u8 ‖ of u8 ‖ number u8 ‖ point
 * point := y(32) ‖ x u8
 *
 * Version and setId fill the first two groups, which are alike on all shares of a set: people can sort them.
 */
const prefix = 'MUNIMENT-SHARE-'
const version = 1
const headBytes = 8
const pointBytes = 33
const bodyBytes = headBytes + pointBytes
const checkBytes = 4
const textBytes = bodyBytes + checkBytes
const characters = (textBytes * 8) / 5
const checkLabel = Buffer.from('muniment/v1/share-check')

const sharesMax = 16
const shareThresholdMin = 2

export const setIdBytes = 4

/** How many shares there are, and how many of them open. */
export interface ShareCount {
  /** 2 to `of`. */
  readonly threshold: number
  /** At most 16. */
  readonly of: number
}

/** One share, read from its text. */
export interface Share extends ShareCount {
  /** 8 hexadecimal digits. */
  readonly setId: string
  /** 1 to `of`. */
  readonly number: number
  /** A function, so that whoever prints a share does not print what it holds. */
  readonly point: () => Uint8Array
}

/** What is wrong with a count, or undefined. */
export function shareCountFault({ threshold, of }: ShareCount): string | undefined {
  const integers = Number.isInteger(threshold) && Number.isInteger(of)
  if (integers && threshold >= shareThresholdMin && threshold <= of && of <= sharesMax) {
    return undefined
  }
  return `expected ${shareThresholdMin} <= threshold <= of <= ${sharesMax}, found ${threshold} of ${of}`
}

export function encodeShare({ setId, threshold, of, number, point }: Share): string {
  const bytes = Buffer.alloc(textBytes)
  bytes.writeUInt8(version)
  bytes.write(setId, 1, 'hex')
  bytes.set([threshold, of, number], 1 + setIdBytes)
  bytes.set(point(), headBytes)
  bytes.set(checkOf(bytes), bodyBytes)
  const text = encodeBase32(bytes, prefix)
  bytes.fill(0)
  return text
}

/**
 * Reads a share as typed; `what` names it in messages. `INVALID` with the place of the mistake where that can be told,
 * `UNSUPPORTED` for a later version.
 */
export function parseShare(text: string, what: string): Share {
  const bytes = decodeBase32(text, { prefix, length: textBytes, what })
  if (!checkHolds(bytes)) {
    const at = mistypedAt(bytes)
    const where = at === undefined ? 'more than one character' : placeOf(at)
    throw new VaultError('INVALID', `${what}: its check fails, so ${where} is mistyped`)
  }
  const found = bytes.readUInt8()
  if (found !== version) {
    throw new VaultError('UNSUPPORTED', `${what}: expected version ${version}, found ${found}`, {
      expected: version,
      found,
    })
  }
  return shareOf(bytes, what)
}

function shareOf(bytes: Buffer, what: string): Share {
  const setId = bytes.toString('hex', 1, 1 + setIdBytes)
  const [threshold, of, number] = [bytes.readUInt8(5), bytes.readUInt8(6), bytes.readUInt8(7)]
  const point = new Uint8Array(bytes.subarray(headBytes, bodyBytes))
  const fault = shareCountFault({ threshold, of })
  if (fault !== undefined) throw new VaultError('INVALID', `${what}: ${fault}`)
  if (number < 1 || number > of) {
    throw new VaultError('INVALID', `${what}: expected share 1 to ${of}, found ${number}`)
  }
  return { setId, threshold, of, number, point: () => point }
}

/**
 * The character that is mistyped where it is the only one: of the 2,232 texts that differ in one character, the check
 * holds for the right one, and by chance for another once in two million searches.
 */
function mistypedAt(bytes: Buffer): number | undefined {
  const trial = Buffer.from(bytes)
  for (let index = 0; index < characters; index += 1) {
    for (let change = 1; change < 32; change += 1) {
      exchangeDigit(trial, index, change)
      if (checkHolds(trial)) return index
      exchangeDigit(trial, index, change)
    }
  }
  return undefined
}

function checkHolds(bytes: Buffer): boolean {
  return checkOf(bytes).equals(bytes.subarray(bodyBytes))
}

function checkOf(bytes: Buffer): Buffer {
  return sha256(checkLabel, bytes.subarray(0, bodyBytes)).subarray(0, checkBytes)
}
