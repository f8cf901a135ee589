import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { openGcm, openOnce, sealOnce } from '../../src/crypto/gcm.ts'
import { nonce24, randomKey } from '../../src/crypto/random.ts'
import { xaes } from '../../src/crypto/xaes.ts'

const empty = Buffer.alloc(0)
const aad = Buffer.from('where it belongs')
const broken = expect.objectContaining({
  code: 'INTEGRITY',
  message: expect.stringMatching(/do not open|expected a 16-byte tag/),
})

describe('XAES-256-GCM', () => {
  // C2SP XAES-256-GCM.md, "Test vectors", at 5ba5ee83: one for each value of L's top bit.
  it.each([
    {
      bit: 0,
      key: '01'.repeat(32),
      aad: '',
      sealed: 'ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271',
    },
    {
      bit: 1,
      key: '03'.repeat(32),
      aad: 'c2sp.org/XAES-256-GCM',
      sealed: '986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d',
    },
  ])('agrees with the published vector whose L begins with bit $bit', (vector) => {
    const cipher = xaes(Buffer.from(vector.key, 'hex'))
    const nonce = Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWX')
    const plain = Buffer.from('XAES-256-GCM')
    const bound = Buffer.from(vector.aad)
    expect(cipher.seal(nonce, plain, bound).toString('hex')).toBe(vector.sealed)
    expect(cipher.open(nonce, Buffer.from(vector.sealed, 'hex'), bound)).toEqual(plain)
  })

  it('agrees with the accumulated hash of 10,000 random messages', () => {
    // XAES-256-GCM_test.go, TestAccumulated: everything is drawn from SHAKE128 of nothing.
    const draw = shakeReader(10_000 * 320)
    const accumulated = createHash('shake128', { outputLength: 32 })
    for (let round = 0; round < 10_000; round += 1) {
      const cipher = xaes(draw(32))
      const nonce = draw(24)
      const plain = draw(draw(1).readUInt8())
      const bound = draw(draw(1).readUInt8())
      const sealed = cipher.seal(nonce, plain, bound)
      if (!cipher.open(nonce, sealed, bound).equals(plain)) throw new Error(`round ${round}`)
      accumulated.update(sealed)
      cipher.erase()
    }
    expect(accumulated.digest('hex')).toBe(
      'e6b9edf2df6cec60c8cbd864e2211b597fb69a529160cd040d56c0c210081939',
    )
  })

  it('refuses every flipped bit of nonce, ciphertext, tag and aad, and another key', () => {
    const key = randomKey()
    const cipher = xaes(key)
    const nonce = nonce24()
    const sealed = cipher.seal(nonce, Buffer.from('value'), aad)
    const parts = { nonce, sealed, aad }
    for (const name of ['nonce', 'sealed', 'aad'] as const) {
      for (let bit = 0; bit < parts[name].length * 8; bit += 1) {
        const changed = { ...parts, [name]: flipped(parts[name], bit) }
        expect(() => cipher.open(changed.nonce, changed.sealed, changed.aad)).toThrow(broken)
      }
    }
    expect(() => xaes(randomKey()).open(nonce, sealed, aad)).toThrow(broken)
    expect(cipher.open(nonce, sealed, aad).toString()).toBe('value')
  })

  it('refuses keys and nonces of other lengths', () => {
    expect(() => xaes(Buffer.alloc(16))).toThrow(
      expect.objectContaining({ code: 'INVALID', message: 'key: expected 32 bytes, found 16' }),
    )
    const message = 'nonce: expected 24 bytes, found 12'
    const refused = expect.objectContaining({ code: 'INVALID', message })
    const cipher = xaes(randomKey())
    expect(() => cipher.seal(Buffer.alloc(12), empty, empty)).toThrow(refused)
    expect(() => cipher.open(Buffer.alloc(12), Buffer.alloc(16), empty)).toThrow(refused)
  })

  it('neither seals nor opens once erased, and leaves the caller its key', () => {
    const key = Buffer.alloc(32, 7)
    const cipher = xaes(key)
    const nonce = nonce24()
    const sealed = cipher.seal(nonce, empty, empty)
    cipher.erase()
    cipher.erase()
    const closed = expect.objectContaining({ code: 'CLOSED' })
    expect(() => cipher.seal(nonce, empty, empty)).toThrow(closed)
    expect(() => cipher.open(nonce, sealed, empty)).toThrow(closed)
    expect(key).toEqual(Buffer.alloc(32, 7))
  })
})

describe('AES-256-GCM with 16-byte tags', () => {
  it('opens what it sealed once, and nothing else', () => {
    const key = randomKey()
    const sealed = sealOnce(key, Buffer.from('value'), aad)
    expect(openOnce(key, sealed, aad).toString()).toBe('value')
    expect(() => openOnce(key, sealed, empty)).toThrow(broken)
    expect(() => openOnce(randomKey(), sealed, aad)).toThrow(broken)
  })

  it('says no more of a failure than that there is one', () => {
    const sealed = sealOnce(randomKey(), Buffer.from('value'), aad)
    const error = thrownBy(() => openOnce(randomKey(), sealed, aad))
    expect(error).not.toHaveProperty('cause')
  })

  it('refuses a tag cut to the 4 bytes that Node would take', () => {
    const key = randomKey()
    const sealed = sealOnce(key, empty, aad)
    for (const length of [0, 4, 8, 12, 15]) {
      expect(() => openOnce(key, sealed.subarray(0, length), aad)).toThrow(broken)
    }
    const nonce = Buffer.alloc(12)
    const long = sealOnce(key, Buffer.alloc(64), aad)
    expect(() => openGcm({ key, nonce }, long.subarray(0, 64 + 4), aad)).toThrow(broken)
  })
})

function thrownBy(work: () => unknown): unknown {
  try {
    work()
  } catch (error) {
    return error
  }
  throw new Error('nothing was thrown')
}

function flipped(bytes: Uint8Array, bit: number): Buffer {
  const changed = Buffer.from(bytes)
  changed[bit >> 3]! ^= 1 << (bit & 7)
  return changed
}

/** Bytes of SHAKE128(""), of which Node gives as many as it is asked for, at once. */
function shakeReader(most: number): (length: number) => Buffer {
  const stream = createHash('shake128', { outputLength: most }).digest()
  let at = 0
  return (length) => {
    at += length
    if (at > most) throw new Error('the stream ran out')
    return stream.subarray(at - length, at)
  }
}
