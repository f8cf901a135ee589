import { VaultError } from '../errors.ts'

/**
 * text := [prefix] groups of 4 characters, "-" between them, 5 bits a character, first bit first
 *
 * In Crockford's base32, which reads o as 0 and i and l as 1, and has no u.
 */
const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const groupLength = 4
const digitBits = 5

interface Base32Text {
  /** Printed before the groups, "-" at its end; may be left out when the text is typed. */
  readonly prefix: string
  /** Bytes, a multiple of 5. */
  readonly length: number
  /** What the text is, for messages. */
  readonly what: string
}

/** The bytes, a multiple of 5, as text to print. */
export function encodeBase32(bytes: Buffer, prefix: string): string {
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

/** Reads a text as typed: in either case, with or without its prefix, spaces and hyphens. */
export function decodeBase32(text: string, { prefix, length, what }: Base32Text): Buffer {
  const bare = bareOf(text)
  const start = bareOf(prefix)
  const typed = bare.startsWith(start) ? bare.slice(start.length) : bare
  const characters = (length * 8) / digitBits
  if (typed.length !== characters) {
    throw new VaultError(
      'INVALID',
      `${what}: expected ${characters} characters, found ${typed.length}`,
    )
  }
  const bytes = Buffer.alloc(length)
  for (let at = 0; at < characters; at += 8) {
    let bits = 0
    for (let index = at; index < at + 8; index += 1) bits = bits * 32 + digitAt(typed, index, what)
    bytes.writeUIntBE(bits, (at / 8) * 5, 5)
  }
  return bytes
}

/** Puts another character in the place of one, in the bytes that they stand for: `change` is XORed to its 5 bits. */
export function exchangeDigit(bytes: Buffer, index: number, change: number): void {
  const bit = index * digitBits
  const at = Math.min(Math.floor(bit / 8), bytes.length - 2)
  const shift = 16 - digitBits - (bit - at * 8)
  bytes.writeUInt16BE(bytes.readUInt16BE(at) ^ (change << shift), at)
}

/** Where people find the character of this index. */
export function placeOf(index: number): string {
  return `character ${(index % groupLength) + 1} of group ${Math.floor(index / groupLength) + 1}`
}

function bareOf(text: string): string {
  return text.toUpperCase().replaceAll(/[\s-]/g, '')
}

function digitAt(typed: string, index: number, what: string): number {
  const character = typed.charAt(index).replace('O', '0').replace(/[IL]/, '1')
  const digit = alphabet.indexOf(character)
  if (digit >= 0) return digit
  throw new VaultError('INVALID', `${what}: ${placeOf(index)} is none of its alphabet`)
}
