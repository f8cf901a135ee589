import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type { Vault } from '../../src/index.ts'
import { testVault } from '../../src/testing.ts'

const count = 640

/** Paths in an order that is not theirs, of more than one alphabet. */
const pathOf = (i: number): string => {
  const n = (i * 367) % count
  return `${['Z', 'a', 'é', '\u{1f511}'][n % 4]}/app-${n % 7}/secret-${n}`
}

const each = (work: (path: string, i: number) => Promise<unknown>) =>
  Promise.all(Array.from({ length: count }, (_, i) => work(pathOf(i), i)))

/** Every secret changed between the two moments, each in one of a few ways. */
async function changed(): Promise<{ vault: Vault; from: number; to: number }> {
  const { vault } = await testVault()
  await each(async (path, i) => {
    if (i % 5 !== 0) await vault.write(path, 'one', { owner: 'user/ana' })
  })
  const from = (await vault.health()).size - 1
  await each(async (path, i) => {
    if (i % 5 === 1) await vault.purge(path)
    else if (i % 5 === 2) await vault.annotate(path, { owner: 'user/bo' })
    else await vault.write(path, 'two')
  })
  return { vault, from, to: (await vault.health()).size - 1 }
}

/** How often others had their turn until a work was done. */
async function turnsDuring(work: Promise<unknown>): Promise<number> {
  let [turns, isBusy] = [0, true]
  const done = work.finally(() => {
    isBusy = false
  })
  while (isBusy) {
    await turn()
    turns++
  }
  await done
  return turns
}

describe('the difference of many secrets', () => {
  it('is in the order of UTF-16 code units, and tells of each once', async () => {
    const { vault, from, to } = await changed()
    const { secrets, counts } = await vault.diff({ position: from }, { position: to })
    const paths = secrets.map(({ path }) => path)
    expect(paths).toEqual(Array.from({ length: count }, (_, i) => pathOf(i)).sort())
    const way = count / 5
    expect(counts).toMatchObject({
      // A purge destroys the value first.
      changes: count + way,
      secrets: count,
      bySecretChange: { added: way, purged: way, annotated: way, written: 2 * way },
    })
    const annotated = secrets.filter(({ change }) => change === 'annotated')
    expect(new Set(annotated.map(({ fields }) => JSON.stringify(fields)))).toEqual(
      new Set([JSON.stringify([{ field: 'owner', before: 'user/ana', after: 'user/bo' }])]),
    )
  })

  it('is the same however the log goes on meanwhile', async () => {
    const { vault, from, to } = await changed()
    const ends = [{ position: from }, { position: to }] as const
    const alone = await vault.diff(...ends)
    let [isBusy, written] = [true, 0]
    const asked = vault.diff(...ends).finally(() => {
      isBusy = false
    })
    // Those that come last in the log are looked at last: they have changed by then.
    for (let i = count - 1; isBusy && i > 0; i -= 5) {
      await vault.write(pathOf(i), 'three', { owner: 'user/eve' })
      await vault.purge(pathOf(i))
      written++
    }
    expect(await asked).toEqual(alone)
    expect(written).toBeGreaterThan(0)
  })

  it('gives others their turn, and ends where its caller aborts', async () => {
    const { vault, from, to } = await changed()
    const ends = [{ position: from }, { position: to }] as const
    expect(await turnsDuring(vault.diff(...ends))).toBeGreaterThan(count / 32)
    const abort = new AbortController()
    const asked = vault.diff(...ends, { signal: abort.signal })
    const refused = expect(asked).rejects.toMatchObject({
      code: 'ABORTED',
      message: 'the caller aborted',
    })
    for (let turns = 0; turns < 12; turns++) await turn()
    abort.abort()
    await refused
  })
})
