import { describe, expect, it } from 'vitest'
import { TrackedMap } from '../../src/projections/derived/tracked-map.ts'

describe('a tracked map', () => {
  it('knows which keys were set, removed or cleared since they were last taken', () => {
    const map = new TrackedMap<{ n: number }>([['a', { n: 1 }]])
    expect(map.takeTouched()).toEqual(new Set(['a']))
    map.set('b', { n: 2 }).set('c', { n: 3 })
    map.delete('a')
    expect(map.delete('never there')).toBe(false)
    expect(map.takeTouched()).toEqual(new Set(['a', 'b', 'c']))
    expect(map.takeTouched().size).toBe(0)
    map.clear()
    expect(map.takeTouched()).toEqual(new Set(['b', 'c']))
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

  it('restores rows without touching them, and touches again what a flush could not write', () => {
    const map = new TrackedMap<number>()
    map.restore('a', 1)
    map.restore('b', 2)
    map.restore('a', undefined)
    expect([...map]).toEqual([['b', 2]])
    expect(map.takeTouched().size).toBe(0)
    map.touch(['a', 'b'])
    expect(map.takeTouched()).toEqual(new Set(['a', 'b']))
  })
})
