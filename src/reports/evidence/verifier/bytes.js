/** @typedef {Uint8Array<ArrayBuffer>} Bytes */

/** Why something is not accepted, in words for whoever reads the page. */
export class Refusal extends Error {}

/**
 * @param {string} what was read
 * @param {string} expected to stand there
 */
export function malformed(what, expected) {
  return new Refusal(`${what}: expected ${expected}`)
}

/**
 * The text of these bytes, if they are UTF-8 and no more than `bytesMax`.
 *
 * @param {Uint8Array} bytes
 * @param {string} what
 * @param {number} bytesMax
 * @returns {string}
 */
export function decodeText(bytes, what, bytesMax) {
  if (bytes.length > bytesMax) {
    throw new Refusal(`${what}: expected at most ${bytesMax} bytes, found ${bytes.length}`)
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw malformed(what, 'UTF-8')
  }
}

/**
 * @param {string} text
 * @returns {Bytes}
 */
export function encodeText(text) {
  return new TextEncoder().encode(text)
}

/**
 * RFC 4648 §4, padded, its unused bits 0: `atob` alone takes other spellings as well.
 *
 * @param {string} text
 * @param {string} what
 * @returns {Bytes}
 */
export function parseBase64(text, what) {
  let raw
  try {
    raw = atob(text)
  } catch {
    throw malformed(what, 'padded base64')
  }
  if (btoa(raw) !== text) throw malformed(what, 'padded base64')
  return Uint8Array.from(raw, (character) => character.charCodeAt(0))
}

/**
 * @param {string} text
 * @param {string} what
 * @returns {Bytes}
 */
export function parseHash(text, what) {
  const hash = parseBase64(text, what)
  if (hash.length !== 32) throw malformed(what, '32 bytes in base64')
  return hash
}

/**
 * @param {string} text
 * @param {string} what
 * @returns {number}
 */
export function parseDecimal(text, what) {
  const value = /^(0|[1-9][0-9]{0,15})$/.test(text) ? Number(text) : Number.NaN
  if (Number.isSafeInteger(value)) return value
  throw malformed(what, 'a decimal below 2^53 without leading zeros')
}

/**
 * @param {Uint8Array} bytes
 * @returns {string}
 */
export function hexOf(bytes) {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}

/**
 * @param {string} hex of whole bytes, which has been checked
 * @returns {Bytes}
 */
export function bytesOfHex(hex) {
  const bytes = new Uint8Array(hex.length / 2)
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16)
  return bytes
}

/**
 * @param {Uint8Array} a
 * @param {Uint8Array} b
 * @returns {boolean}
 */
export function equalBytes(a, b) {
  return a.length === b.length && a.every((byte, i) => byte === b[i])
}

/**
 * @param {readonly Uint8Array[]} parts
 * @returns {Bytes}
 */
export function joinBytes(parts) {
  const joined = new Uint8Array(parts.reduce((length, part) => length + part.length, 0))
  let at = 0
  for (const part of parts) {
    joined.set(part, at)
    at += part.length
  }
  return joined
}
