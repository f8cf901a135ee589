import { createHash, createHmac, hash, hkdfSync } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { equalBytes, hkdfSha256, hmacSha256, sha256 } from '../../src/crypto/hash.ts'
import { nonce24, randomBytes, randomKey } from '../../src/crypto/random.ts'

describe('hashes', () => {
  it('are SHA-256 whatever way they take: one part, joined parts, a stream', () => {
    for (const length of [0, 1, 55, 64, 4095, 4096, 4097, 70_000]) {
      const bytes = Buffer.alloc(length, 'muniment \xff')
      const expected = createHash('sha256').update(bytes).digest()
      expect(sha256(bytes)).toEqual(expected)
      expect(sha256(bytes.subarray(0, length / 2), bytes.subarray(length / 2))).toEqual(expected)
    }
    expect(sha256()).toEqual(createHash('sha256').digest())
  })

  it('give through a latin1 string what Node gives as a buffer', () => {
    for (let round = 0; round < 200; round += 1) {
      const bytes = randomBytes(32)
      expect(sha256(bytes)).toEqual(hash('sha256', bytes, 'buffer'))
    }
  })

  it('are HMAC and HKDF of RFC 2104 and RFC 5869', () => {
    const key = randomKey()
    const mac = createHmac('sha256', key).update('ab').digest()
    expect(hmacSha256(key, Buffer.from('a'), Buffer.from('b'))).toEqual(mac)
    const derived = Buffer.from(hkdfSync('sha256', key, Buffer.alloc(0), 'muniment/v1/log', 32))
    expect(hkdfSha256(key, 'muniment/v1/log')).toEqual(derived)
    expect(hkdfSha256(key, 'muniment/v1/values')).not.toEqual(derived)
  })

  it('compare by content, lengths first', () => {
    expect(equalBytes(Buffer.from('abc'), Buffer.from('abc'))).toBe(true)
    expect(equalBytes(Buffer.from('abc'), Buffer.from('abd'))).toBe(false)
    expect(equalBytes(Buffer.from('abc'), Buffer.from('ab'))).toBe(false)
  })
})

describe('random bytes', () => {
  it('are used once, across refills of the pool', () => {
    const seen = new Set(Array.from({ length: 5000 }, () => nonce24().toString('hex')))
    expect(seen.size).toBe(5000)
    expect(nonce24()).toHaveLength(24)
    expect(randomKey()).toHaveLength(32)
  })

  it('stay as they are while others are drawn, in memory of their own', () => {
    const key = randomKey()
    const copy = Buffer.from(key)
    for (let round = 0; round < 1000; round += 1) randomKey()
    expect(key).toEqual(copy)
    expect(key.buffer.byteLength).toBe(32)
  })
})
