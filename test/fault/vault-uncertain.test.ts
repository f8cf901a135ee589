import { rm } from 'node:fs/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Vault, VaultError } from '../../src/index.ts'
import { faultStore } from '../../src/testing/fault-store.ts'
import { checkStore } from '../fixtures/check-vault.ts'
import { bothStores, create, refusal, scratch } from './vault-material.ts'

let folder: string
beforeAll(async () => {
  folder = await scratch({ fast: true })
})
afterAll(() => rm(folder, { recursive: true }))

const stores = bothStores(() => folder)

describe.each(stores)('over %s', (_name, inner) => {
  let store: ReturnType<typeof faultStore>
  let vault: Vault
  beforeEach(async () => {
    store = faultStore(inner())
    vault = await create({ store })
    await vault.write('a', 'one')
    await vault.write('b', 'two')
  })

  async function checked(): Promise<void> {
    await vault.close()
    const opened = await store.open()
    await checkStore(opened)
    await opened.close()
  }

  it.each([
    ['before', false],
    ['after', true],
  ] as const)(
    'a commit that failed %s it was stored is UNCERTAIN, and outcome tells',
    async (when, landed) => {
      store.faults.fail('commit', { when })
      let queued: Promise<VaultError[]> | undefined
      store.faults.onStep = (step) => {
        if (step !== 'commit' || queued !== undefined) return
        queued = Promise.all([vault.write('c', 'x'), vault.read('a')].map(refusal))
      }
      const calls = [
        vault.read('b'),
        vault.write('a', 'three'),
        vault.delete('b'),
        vault.read('absent'),
      ]
      const errors = await Promise.all(calls.map(refusal))
      for (const error of errors) {
        expect(error).toMatchObject({ code: 'UNCERTAIN', retry: 'reopen' })
        expect(error.eventIds).toHaveLength(1)
      }
      for (const error of (await queued) ?? []) {
        expect(error).toMatchObject({ code: 'FAILED', retry: 'reopen' })
        expect(error.eventIds ?? []).toEqual([])
      }
      expect(queued).toBeDefined()
      const ids = errors.flatMap(({ eventIds = [] }) => eventIds)
      for (const call of [vault.read('a'), vault.list(), vault.outcome(ids[0] ?? '')]) {
        expect(await refusal(call)).toMatchObject({ code: 'FAILED' })
      }
      expect(await vault.health()).toMatchObject({ status: 'failed' })
      store.faults.onStep = undefined
      await vault.reopen()
      const found = await Promise.all(ids.map((id) => vault.outcome(id)))
      expect(found.map((event) => event?.type)).toEqual(
        landed
          ? ['secret.accessed', 'secret.written', 'secret.deleted', 'secret.denied']
          : ids.map(() => undefined),
      )
      expect(found.map((event) => event?.id)).toEqual(landed ? ids : ids.map(() => undefined))
      expect((await vault.read('a')).text()).toBe(landed ? 'three' : 'one')
      expect(await vault.exists('b')).toBe(!landed)
      expect(await vault.exists('c')).toBe(false)
      expect(await vault.health()).toMatchObject({ status: 'ok' })
      await checked()
    },
  )

  it('a value that was opened while its commit failed is not handed out, whatever is on disk', async () => {
    for (const when of ['before', 'after'] as const) {
      store.faults.fail('commit', { when })
      expect(await refusal(vault.read('a'))).toMatchObject({ code: 'UNCERTAIN' })
      await vault.reopen()
    }
    await checked()
  })

  it('a refusal for want of space poisons nothing', async () => {
    const error = new VaultError('NO_SPACE', 'too little space is free (injected)')
    store.faults.fail('commit', { error })
    expect(await refusal(vault.write('a', 'three'))).toMatchObject({ code: 'NO_SPACE' })
    expect((await vault.read('a')).text()).toBe('one')
    expect((await vault.write('a', 'three')).version).toBe(2)
    await checked()
  })

  it('a reopen that fails can be tried again', async () => {
    store.faults.fail('commit', { when: 'after' })
    expect(await refusal(vault.write('a', 'three'))).toMatchObject({ code: 'UNCERTAIN' })
    store.faults.fail('commit', { when: 'after' })
    expect(await refusal(vault.reopen())).toMatchObject({ code: 'UNCERTAIN' })
    expect(await refusal(vault.read('a'))).toMatchObject({ code: 'FAILED' })
    await vault.reopen()
    expect((await vault.read('a')).text()).toBe('three')
    await checked()
  })

  it('what stands beside the log can fail without the callers, and health tells', async () => {
    store.faults.fail('files.overwrite')
    await vault.write('a', 'three')
    // The head is written behind the answer; the next one begins when that has ended.
    await vault.write('a', 'four')
    expect((await vault.read('a')).text()).toBe('four')
    store.faults.fail('derived.write', { when: 'before' })
    await vault.reopen()
    expect((await vault.read('a')).text()).toBe('four')
    await checked()
  })

  it('a head that cannot be written is told by health until one can', async () => {
    const written = new Promise<void>((resolve) => {
      store.faults.onStep = (step) => {
        if (step !== 'files.overwrite') return
        resolve()
        throw new VaultError('FAILED', 'the head cannot be written (injected)')
      }
    })
    await vault.write('a', 'three')
    await written
    await expect
      .poll(() => vault.health())
      .toMatchObject({
        status: 'ok',
        headFailure: 'the head cannot be written (injected)',
      })
    store.faults.onStep = undefined
    await vault.write('a', 'four')
    await expect.poll(() => vault.health()).not.toHaveProperty('headFailure')
    await checked()
  })

  it('a key row that cannot be read fails its reader, and nobody beside it', async () => {
    await vault.reopen()
    store.faults.fail('keys.get', { error: new VaultError('FAILED', 'a key row (injected)') })
    const [one, two] = await Promise.allSettled([vault.read('a'), vault.read('b')])
    const failed = [one, two].filter(({ status }) => status === 'rejected')
    expect(failed).toMatchObject([{ reason: { code: 'FAILED', message: 'a key row (injected)' } }])
    expect((await vault.read('a')).text()).toBe('one')
    expect((await vault.read('b')).text()).toBe('two')
    await checked()
  })
})
