/**
 * SHA-256 (FIPS 180-4) of a file as it is read: the one of WebCrypto takes a file as a whole, and reports may be larger
 * than the memory of a page.
 */

/** @import { Bytes } from './bytes.js' */

/** FIPS 180-4 §4.2.2: the first 32 bits of the fractions of the cube roots of the first 64 primes. */
const roundConstants = new Int32Array(fractions(64, Math.cbrt))
/** FIPS 180-4 §5.3.3: those of the square roots of the first eight. */
const initialState = fractions(8, Math.sqrt)

const blockBytes = 64

/**
 * @param {number} count
 * @param {(prime: number) => number} root
 * @returns {number[]}
 */
function fractions(count, root) {
  /** @type {number[]} */
  const primes = []
  for (let n = 2; primes.length < count; n++) {
    if (primes.every((prime) => n % prime !== 0)) primes.push(n)
  }
  return primes.map((prime) => Math.floor((root(prime) % 1) * 2 ** 32))
}

/** One hash under way. */
export class Sha256 {
  #state = new Int32Array(initialState)
  #schedule = new Int32Array(blockBytes)
  #rest = new Uint8Array(blockBytes)
  #restLength = 0
  #length = 0

  /** @param {Uint8Array} bytes */
  update(bytes) {
    this.#length += bytes.length
    let at = 0
    if (this.#restLength > 0) {
      at = Math.min(blockBytes - this.#restLength, bytes.length)
      this.#rest.set(bytes.subarray(0, at), this.#restLength)
      this.#restLength += at
      if (this.#restLength < blockBytes) return this
      this.#blocks(this.#rest, 0)
    }
    at = this.#blocks(bytes, at)
    this.#rest.set(bytes.subarray(at))
    this.#restLength = bytes.length - at
    return this
  }

  /** @returns {Bytes} 32 bytes; the hash is at its end then */
  digest() {
    const bits = this.#length * 8
    // §5.1.1: a one bit, zeros, and the length in bits at the end of a block.
    const padding = new Uint8Array(
      (this.#restLength < 56 ? blockBytes : 2 * blockBytes) - this.#restLength,
    )
    padding[0] = 0x80
    const view = new DataView(padding.buffer)
    view.setUint32(padding.length - 8, Math.floor(bits / 2 ** 32))
    view.setUint32(padding.length - 4, bits % 2 ** 32)
    this.update(padding)
    const digest = new DataView(new ArrayBuffer(32))
    this.#state.forEach((word, i) => {
      digest.setInt32(4 * i, word)
    })
    return new Uint8Array(digest.buffer)
  }

  /**
   * Takes every whole block from `from` on; returns where the rest begins.
   *
   * @param {Uint8Array} bytes
   * @param {number} from
   */
  #blocks(bytes, from) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    let at = from
    for (; at + blockBytes <= bytes.length; at += blockBytes) {
      expandBlock(this.#schedule, view, at)
      compress(this.#state, this.#schedule)
    }
    return at
  }
}

/**
 * §6.2.2, step 1: the message schedule of a block.
 *
 * @param {Int32Array} w
 * @param {DataView} bytes
 * @param {number} at
 */
function expandBlock(w, bytes, at) {
  for (let t = 0; t < 16; t++) w[t] = bytes.getInt32(at + 4 * t)
  for (let t = 16; t < 64; t++) {
    const x = wordAt(w, t - 15)
    const y = wordAt(w, t - 2)
    const small0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3)
    const small1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10)
    w[t] = (wordAt(w, t - 16) + small0 + wordAt(w, t - 7) + small1) | 0
  }
}

/**
 * §6.2.2, steps 2 to 4.
 *
 * @param {Int32Array} state
 * @param {Int32Array} w
 */
function compress(state, w) {
  let a = wordAt(state, 0)
  let b = wordAt(state, 1)
  let c = wordAt(state, 2)
  let d = wordAt(state, 3)
  let e = wordAt(state, 4)
  let f = wordAt(state, 5)
  let g = wordAt(state, 6)
  let h = wordAt(state, 7)
  for (let t = 0; t < 64; t++) {
    const big1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7))
    const t1 = (h + big1 + ((e & f) ^ (~e & g)) + wordAt(roundConstants, t) + wordAt(w, t)) | 0
    const big0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10))
    const t2 = (big0 + ((a & b) ^ (a & c) ^ (b & c))) | 0
    h = g
    g = f
    f = e
    e = (d + t1) | 0
    d = c
    c = b
    b = a
    a = (t1 + t2) | 0
  }
  state[0] = wordAt(state, 0) + a
  state[1] = wordAt(state, 1) + b
  state[2] = wordAt(state, 2) + c
  state[3] = wordAt(state, 3) + d
  state[4] = wordAt(state, 4) + e
  state[5] = wordAt(state, 5) + f
  state[6] = wordAt(state, 6) + g
  state[7] = wordAt(state, 7) + h
}

/**
 * @param {Int32Array} words
 * @param {number} at a place that there is
 */
function wordAt(words, at) {
  return /** @type {number} */ (words[at])
}

/**
 * @param {readonly Uint8Array[]} parts
 * @returns {Bytes}
 */
export function sha256(...parts) {
  const hash = new Sha256()
  for (const part of parts) hash.update(part)
  return hash.digest()
}
