import { rm } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventId, type Vault } from '../../src/index.ts'
import { faultStore } from '../../src/testing/fault-store.ts'
import { checkStore } from '../fixtures/check-vault.ts'
import { bothStores, create, open, refusal, scratch } from './vault-material.ts'

let folder: string
beforeAll(async () => {
  folder = await scratch({ fast: true })
})
afterAll(() => rm(folder, { recursive: true }))

const stores = bothStores(() => folder)

const verbs: Readonly<Record<string, (vault: Vault, id: string) => Promise<object>>> = {
  write: (vault, id) => vault.write('a', 'two', { id, owner: 'ana' }),
  rotate: (vault, id) => vault.rotate('a', () => 'made', { id }),
  annotate: (vault, id) => vault.annotate('a', { id, owner: 'ana' }),
  delete: (vault, id) => vault.delete('a', { id }),
  restore: (vault, id) => vault.restore('b', { id }),
  destroy: (vault, id) => vault.destroy('a', { id, versions: [1] }),
  purge: (vault, id) => vault.purge('a', { id }),
}

const cases = stores.flatMap(([name, inner]) =>
  Object.entries(verbs).flatMap(([verb, ask]) =>
    (['before', 'after'] as const).map((when) => ({ name, inner, verb, ask, when })),
  ),
)

describe('a change under an id whose commit failed', () => {
  it.each(cases)(
    '$when it was stored over $name is made once: $verb',
    async ({ inner, ask, when }) => {
      const store = faultStore(inner())
      const vault = await create({ store })
      await vault.write('a', 'one')
      await vault.write('b', 'one')
      await vault.delete('b')
      const { position } = vault
      const id = eventId()

      store.faults.fail('commit', { when })
      const [first, beside] = await Promise.all(
        [ask(vault, id), vault.write('c', 'x')].map(refusal),
      )
      expect(first).toMatchObject({ code: 'UNCERTAIN' })
      expect(first?.eventIds?.[0]).toBe(id)
      expect(beside).toMatchObject({ code: 'UNCERTAIN' })
      expect(await refusal(ask(vault, id))).toMatchObject({ code: 'FAILED' })

      await vault.reopen()
      const landed = await vault.outcome(id)
      expect(landed !== undefined).toBe(when === 'after')
      const answer = await ask(vault, id)
      const after = vault.position
      expect(await ask(vault, id)).toEqual(answer)
      expect(vault.position).toBe(after)
      const event = await vault.outcome(id)
      expect(event).toMatchObject({ id, context: { given: {} } })
      // It landed once: with the failed commit, or with the second call.
      if (when === 'after') expect(event).toEqual(landed)
      else expect(event?.position).toBeGreaterThan(position + 1)

      await vault.close()
      const again = await open({ store })
      expect(await ask(again, id)).toEqual(answer)
      expect(await again.outcome(id)).toEqual(event)
      await again.close()
      const opened = await store.open()
      await checkStore(opened)
      await opened.close()
    },
  )
})
