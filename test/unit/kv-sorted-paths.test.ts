import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SortedPaths } from '../../src/vault/sorted-paths.ts'

const letters = ['a', 'b', '/', '-', '0', 'é', '\u{1F511}']
const path = fc
  .array(fc.constantFrom(...letters), { minLength: 1, maxLength: 4 })
  .map((some) => some.join(''))
const step = fc.record({ path, isGone: fc.boolean() })

/** As the vault keeps them: a set that says what there is, and its order, told of what comes and goes. */
function kept(initial: Iterable<string> = []) {
  const all = new Set(initial)
  const paths = new SortedPaths(() => all.keys())
  return {
    all,
    paths,
    take: (change: { path: string; isGone: boolean }) => {
      if (change.isGone) {
        all.delete(change.path)
        paths.delete(change.path)
      } else {
        all.add(change.path)
        paths.add(change.path)
      }
    },
  }
}

function everything(paths: SortedPaths): string[] {
  return paths.page({ prefix: '', after: undefined, limit: Number.POSITIVE_INFINITY })
}

/** More than are kept together in one piece. */
const many = Array.from({ length: 5000 }, (_, i) => `p/${(i * 7919) % 5000}`)

describe('paths in their order', () => {
  it('are those that there are, whatever came and went before and after somebody asked', () => {
    fc.assert(
      fc.property(fc.array(path), fc.array(step), fc.nat(30), (initial, steps, asked) => {
        const { all, paths, take } = kept(initial)
        for (const [i, change] of steps.entries()) {
          if (i === asked) everything(paths)
          take(change)
        }
        expect(everything(paths)).toEqual([...all].sort())
      }),
    )
  })

  it('are found from any text on', () => {
    fc.assert(
      fc.property(fc.array(path), path, (initial, start) => {
        const { all, paths } = kept(initial)
        expect(paths.firstFrom(start)).toBe([...all].sort().find((each) => each >= start))
      }),
    )
  })

  it('come in pages of a prefix, behind any text', () => {
    const some = fc.record({ prefix: fc.constantFrom('', 'a', 'a/', 'b'), after: path })
    fc.assert(
      fc.property(fc.array(path), some, fc.integer({ min: 1, max: 5 }), (initial, about, limit) => {
        const { all, paths } = kept(initial)
        const expected = [...all]
          .sort()
          .filter((each) => each.startsWith(about.prefix) && each > about.after)
        expect(paths.page({ ...about, limit })).toEqual(expected.slice(0, limit))
      }),
    )
  })

  it('stay in their order where there are many of them, and where most of them go again', () => {
    const { all, paths, take } = kept(many)
    everything(paths)
    for (let i = 0; i < 5000; i++) take({ path: `q/${(i * 7919) % 5000}`, isGone: false })
    for (const path of many) take({ path, isGone: true })
    expect(everything(paths)).toEqual([...all].sort())
    for (const path of [...all]) take({ path, isGone: true })
    expect(everything(paths)).toEqual([])
    take({ path: 'a', isGone: false })
    expect(everything(paths)).toEqual(['a'])
  })

  it('are put in order in slices, and what comes and goes meanwhile takes its place', async () => {
    const { all, paths, take } = kept(many)
    const ready = paths.ready()
    expect(ready).toBeInstanceOf(Promise)
    for (const path of many.slice(0, 100)) take({ path, isGone: true })
    for (const path of ['a', 'p/00', 'z']) take({ path, isGone: false })
    await ready
    expect(paths.ready()).toBeUndefined()
    expect(everything(paths)).toEqual([...all].sort())
  })

  it('are at hand at once for whoever does not wait for the slices', async () => {
    const { all, paths, take } = kept(many)
    const ready = paths.ready()
    expect(everything(paths)).toEqual([...all].sort())
    take({ path: 'a', isGone: false })
    await ready
    expect(everything(paths)).toEqual([...all].sort())
  })
})
