import { describe, expect, it } from 'vitest'
import { xaes } from '../../src/crypto/xaes.ts'
import { keySpace, rowKey, sealedRows } from '../../src/projections/derived/sealed-rows.ts'
import { binding, keysOf, open, rowTable } from '../fixtures/derived.ts'

const space = keySpace(0x73, 'rotations')
const key = rowKey(space, 1, 2)
const integrity = { code: 'INTEGRITY', message: 'a row of the derived store does not open' }

describe('sealed rows', () => {
  it('come back as they were, and only as sealed bytes in the table', async () => {
    const table = await rowTable()
    const rows = open(table)
    await rows.write({ put: [rows.seal(key, Buffer.from('plain text'))] })
    expect((await rows.get(key))?.toString()).toBe('plain text')
    const stored = Buffer.from((await table.get(key)) ?? [])
    expect(stored.includes('plain text')).toBe(false)
    expect(stored.length).toBe(24 + 10 + 16)
    expect(await rows.get(rowKey(space, 1, 3))).toBeUndefined()
  })

  it('open in ranges, in the order of their keys', async () => {
    const rows = open(await rowTable())
    const numbers = [258, 3, 70_000, 1]
    await rows.write({
      put: numbers.map((n) => rows.seal(rowKey(space, 1, n), Buffer.from(`${n}`))),
    })
    const found: string[] = []
    for await (const batch of rows.range(rowKey(space, 1, 2), rowKey(space, 1, 70_000))) {
      found.push(...batch.map(([, plain]) => plain.toString()))
    }
    expect(found).toEqual(['3', '258'])
  })

  it('do not open at another key, for another vault, or altered', async () => {
    const table = await rowTable()
    const rows = open(table)
    const [, row] = rows.seal(key, Buffer.from('x'))
    const elsewhere = rowKey(space, 1, 9)
    const altered = rowKey(space, 1, 10)
    const flipped = Buffer.from(rows.seal(altered, Buffer.from('x'))[1])
    flipped.writeUInt8(flipped.readUInt8(24) ^ 1, 24)
    const short = rowKey(space, 1, 11)
    await table.write({
      put: [
        [key, row],
        [elsewhere, row],
        [altered, flipped],
        [short, row.subarray(0, 20)],
      ],
    })
    await expect(rows.get(elsewhere)).rejects.toMatchObject(integrity)
    await expect(rows.get(altered)).rejects.toMatchObject(integrity)
    await expect(rows.get(short)).rejects.toMatchObject(integrity)
    await expect(open(table, Buffer.alloc(24, 2)).get(key)).rejects.toMatchObject(integrity)
    expect(await open(table, binding).get(key)).toEqual(Buffer.from('x'))
  })

  it('are closed, not doubtful, once their key is gone', async () => {
    const table = await rowTable()
    const brief = xaes(Buffer.alloc(32, 7))
    const rows = sealedRows({ table, cipher: brief, binding })
    await rows.write({ put: [rows.seal(key, Buffer.from('x'))] })
    brief.erase()
    await expect(rows.get(key)).rejects.toMatchObject({
      code: 'CLOSED',
      message: 'this key has been erased',
    })
  })

  it('clear one space and leave its neighbours', async () => {
    const table = await rowTable()
    const rows = open(table)
    const spaces = ['a', 'ab', 'b'].map((name) => keySpace(0x73, name))
    const keys = spaces.flatMap((one) => [rowKey(one, 0xff, 1), rowKey(one, 0)])
    await rows.write({ put: keys.map((one) => rows.seal(one, Buffer.from('x'))) })
    await rows.clear(spaces[0])
    expect(await Promise.all(spaces.map(async (one) => (await keysOf(table, one)).length))).toEqual(
      [0, 1, 1],
    )
    await rows.clear()
    expect(await rows.get(rowKey(keySpace(0x73, 'b'), 0))).toBeUndefined()
  })

  it('have names of 255 bytes at the most', () => {
    expect(keySpace(1, 'x'.repeat(255)).length).toBe(257)
    expect(() => keySpace(1, 'x'.repeat(256))).toThrow(
      'the name of a projection takes at most 255 bytes',
    )
  })
})
