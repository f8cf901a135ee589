import { describe, expect, it } from 'vitest'
import { TrackedMap } from '../../src/projections/derived/tracked-map.ts'

describe('a tracked map', () => {
  it('knows which rows were set, removed or cleared since they were last taken', () => {
    const map = new TrackedMap<{ n: number }>([['a', { n: 1 }]])
    expect([...map.takeTouched()]).toEqual([['a', { n: 1 }]])
    map.set('b', { n: 2 }).set('c', { n: 3 }).set('b', { n: 4 })
    map.delete('a')
    expect(map.delete('never there')).toBe(false)
    const touched = map.takeTouched()
    map.set('b', { n: 5 })
    const expected = { a: undefined, b: { n: 4 }, c: { n: 3 } }
    expect(touched).toEqual(new Map(Object.entries(expected)))
    map.clear()
    expect(map.takeTouched()).toEqual(new Map(Object.entries({ b: undefined, c: undefined })))
    expect(map.takeTouched().size).toBe(0)
    expect(map.size).toBe(0)
  })

  it('freezes rows, so that one cannot be changed behind its back', () => {
    const map = new TrackedMap<{ n: number }>([['a', { n: 1 }]])
    const row = map.get('a') ?? { n: 0 }
    expect(() => {
      row.n = 2
    }).toThrow(TypeError)
    map.restore('b', { n: 1 })
    expect(Object.isFrozen(map.get('b'))).toBe(true)
  })

  it('takes rows of bytes, and none that is undefined', () => {
    const map = new TrackedMap<Uint8Array | undefined>([['a', Buffer.from('x')]])
    expect(map.get('a')).toEqual(Buffer.from('x'))
    expect(() => map.set('b', undefined)).toThrow(
      expect.objectContaining({ code: 'INVALID', message: 'expected a row, found undefined' }),
    )
    expect(map.has('b')).toBe(false)
  })

  it('takes back what a flush could not write, but for what was touched since', () => {
    const map = new TrackedMap<number>([
      ['a', 1],
      ['b', 1],
      ['c', 1],
    ])
    const lost = map.takeTouched()
    map.set('b', 2).delete('c')
    map.giveBack(lost)
    const expected = { a: 1, b: 2, c: undefined }
    expect(map.takeTouched()).toEqual(new Map(Object.entries(expected)))
  })

  it('restores rows without touching them', () => {
    const map = new TrackedMap<number>()
    map.restore('a', 1)
    expect([...map]).toEqual([['a', 1]])
    expect(map.takeTouched().size).toBe(0)
  })
})
