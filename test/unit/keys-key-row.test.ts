import { describe, expect, it } from 'vitest'
import { randomKey } from '../../src/crypto/random.ts'
import { xaes } from '../../src/crypto/xaes.ts'
import { type KeyRowEntry, openKeyRow, sealKeyRow } from '../../src/keys/key-row.ts'

const place = { vaultId: Buffer.alloc(16, 1), first: 41_007, block: 1 }
const wrapping = { epoch: 2, cipher: xaes(randomKey()) }
const wrappings = new Map([[wrapping.epoch, wrapping.cipher]])

function entries(count: number): KeyRowEntry[] {
  return Array.from({ length: count }, () => ({ keyId: randomKey(), valueKey: randomKey() }))
}

function refusal(what: string): unknown {
  const message = `key row 1 of the commit at position 41007 ${what}`
  return expect.objectContaining({ code: 'INTEGRITY', message })
}

describe('a key row', () => {
  it.each([1, 2, 64])('holds %d keys', (count) => {
    const keys = entries(count)
    const row = sealKeyRow(wrapping, place, keys)
    expect(row).toHaveLength(4 + 24 + 64 * count + 16)
    expect(openKeyRow(wrappings, place, row)).toEqual(keys)
  })

  it.each([0, 65])('does not hold %d', (count) => {
    expect(() => sealKeyRow(wrapping, place, entries(count))).toThrow(
      expect.objectContaining({
        code: 'INVALID',
        message: `key row: expected 1 to 64 keys, found ${count}`,
      }),
    )
  })

  it('refuses a changed byte anywhere, naming the row', () => {
    const row = sealKeyRow(wrapping, place, entries(1))
    for (let at = 0; at < row.length; at += 1) {
      const changed = Buffer.from(row)
      changed[at]! ^= 0x80
      const anyRefusal = {
        code: 'INTEGRITY',
        message: expect.stringMatching(/^key row 1 of .* 41007/),
      }
      expect(() => openKeyRow(wrappings, place, changed)).toThrow(
        expect.objectContaining(anyRefusal),
      )
    }
  })

  it('opens in its own place and vault only', () => {
    const row = sealKeyRow(wrapping, place, entries(1))
    const changes = [{ first: 41_008 }, { block: 2 }, { vaultId: Buffer.alloc(16) }]
    for (const change of changes) {
      expect(() => openKeyRow(wrappings, { ...place, ...change }, row)).toThrow(/does not open$/)
    }
  })

  it('refuses lengths that no row has', () => {
    const row = sealKeyRow(wrapping, place, entries(2))
    for (const length of [0, 4, 44, 107, 109, row.length - 1]) {
      expect(() => openKeyRow(wrappings, place, row.subarray(0, length))).toThrow(
        refusal(`is ${length} bytes long`),
      )
    }
    const long = Buffer.alloc(4 + 24 + 64 * 65 + 16)
    expect(() => openKeyRow(wrappings, place, long)).toThrow(refusal('is 4204 bytes long'))
  })

  it('names a wrapping key that the keyring has dropped', () => {
    const row = sealKeyRow({ ...wrapping, epoch: 1 }, place, entries(1))
    expect(() => openKeyRow(wrappings, place, row)).toThrow(
      refusal('is sealed under wrapping key 1, which the keyring does not hold'),
    )
  })

  it('is closed once its wrapping key is erased', () => {
    const cipher = xaes(randomKey())
    const row = sealKeyRow({ epoch: 1, cipher }, place, entries(1))
    cipher.erase()
    expect(() => openKeyRow(new Map([[1, cipher]]), place, row)).toThrow(
      expect.objectContaining({ code: 'CLOSED' }),
    )
  })
})
