import { fc, it } from '@fast-check/vitest'
import { describe, expect } from 'vitest'
import { LifeSlots } from '../../src/projections/derived/life-slots.ts'

describe('the slot that a path takes', () => {
  it.prop([
    fc.array(fc.oneof(fc.constant('take' as const), fc.nat()), { minLength: 60, maxLength: 200 }),
  ])('is the lowest that is free, whatever was freed before and in which order', async (steps) => {
    const slots = await LifeSlots.of({ chunks: [] } as never)
    const held = new Map<string, number>()
    let taken = 0
    const begun = Array.from({ length: 40 }, () => 'take' as const)
    for (const step of [...begun, ...steps]) {
      if (step === 'take') {
        const free = new Set(Array.from({ length: taken }, (_, slot) => slot))
        for (const slot of held.values()) free.delete(slot)
        const expected = Math.min(...free, taken)
        const path = `path-${held.size}-${taken}-${expected}`
        expect(slots.take(path)).toBe(expected)
        held.set(path, expected)
        taken = Math.max(taken, expected + 1)
      } else {
        const [path, slot] = [...held][step % Math.max(1, held.size)] ?? []
        if (path === undefined || slot === undefined) continue
        slots.free(path, slot)
        held.delete(path)
      }
    }
    expect(slots.taken).toBe(taken)
  })
})
