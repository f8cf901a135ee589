import { describe, expect, it } from 'vitest'
import { type Projection, plainState, rotations, secrets, versions } from '../../src/index.ts'
import { testVault } from '../../src/testing.ts'

const count = 1_500

describe('the state of a projection that moves on meanwhile', () => {
  it('has the rows of a map as they were when it was asked for', async () => {
    const rows = new Map(Array.from({ length: 1_000 }, (_, n) => [`p/${n}`, { n }]))
    const then = Object.fromEntries(rows)
    // It is at work on the first rows once the call is made: what follows comes in between.
    const asked = plainState(rows)
    rows.delete('p/999')
    rows.set('p/998', { n: -1 })
    rows.set('q', { n: 0 })
    const shown = await asked
    expect(shown).toEqual(then)
    expect(Object.keys(shown as object)).toEqual(Object.keys(then))
  })

  it('is that of its position, row by row, whatever is written and purged', async () => {
    const { vault } = await testVault()
    const paths = Array.from({ length: count }, (_, n) => `app-${n % 7}/secret-${n}`)
    await Promise.all(paths.map((path) => vault.write(path, 'one', { tags: { team: 'pay' } })))
    for (const projection of [secrets, rotations, versions]) {
      const { name } = projection
      let isBusy = true
      const asked = vault.projections.get(name).finally(() => {
        isBusy = false
      })
      for (let n = 0; isBusy && n < count; n++) {
        const path = paths[count - 1 - n] as string
        await vault.rotate(path, 'two')
        if (n % 3 === 0) await vault.purge(path)
        if (n % 3 === 0) await vault.write(path, 'three')
      }
      const { position, view } = await asked
      const then = await vault.projections.get(name, { at: { position: position - 1 } })
      expect(then, name).toEqual({ name, position, view })
      const ofThen = await vault.replay(
        projection as unknown as Projection<ReadonlyMap<string, unknown>>,
        {
          at: { position: position - 1 },
        },
      )
      expect(Object.keys(view as object), name).toHaveLength(ofThen.view.size)
    }
  })
})
