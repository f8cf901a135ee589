import { beforeEach, describe, expect, it } from 'vitest'
import { memoryStore } from '../../src/store/memory.ts'
import type { Store } from '../../src/store/port.ts'
import { faultStore } from '../../src/testing/fault-store.ts'
import { bytes, positions, sealed } from './store-material.ts'

let opener: ReturnType<typeof faultStore>
let store: Store
beforeEach(async () => {
  opener = faultStore(memoryStore())
  store = await opener.create()
  await store.files.replace('keyring', bytes('k'))
})

const text = async (name: string) => String(Buffer.from((await store.files.read(name)) ?? []))

describe('the fault store', () => {
  it.each([
    ['before', [0]],
    ['after', [0, 1]],
  ] as const)(
    'fails the n-th commit %s it is stored, and then all until a reopen',
    async (when, kept) => {
      opener.faults.fail('commit', { when, nth: 2 })
      await store.commit({ first: 0, sealed: sealed(1) })
      const failing = store.commit({ first: 1, sealed: sealed(1) })
      await expect(failing).rejects.toMatchObject({ code: 'UNCERTAIN' })
      const next = store.commit({ first: kept.length, sealed: sealed(1) })
      await expect(next).rejects.toMatchObject({ code: 'FAILED' })
      await store.close()
      store = await opener.open()
      expect(await positions(store)).toEqual(kept)
      await store.commit({ first: kept.length, sealed: sealed(1) })
    },
  )

  it('a refusal that writes nothing poisons nothing', async () => {
    await expect(store.commit({ first: 9 })).rejects.toMatchObject({ code: 'CONFLICT' })
    await store.commit({ first: 0, sealed: sealed(1) })
  })

  it('holds a commit up until it is released, and close waits for it', async () => {
    const release = opener.faults.hang('commit')
    const committing = store.commit({ first: 0, sealed: sealed(1) })
    expect(await store.head()).toBe(0)
    const closing = store.close()
    release()
    await committing
    await closing
    store = await opener.open()
    expect(await store.head()).toBe(1)
  })

  it('fails reads, key rows and files by name', async () => {
    opener.faults.fail('read')
    opener.faults.fail('keys.get', { error: new Error('of my own') })
    opener.faults.fail('files.replace', { when: 'after' })
    await expect(positions(store)).rejects.toMatchObject({ code: 'FAILED' })
    await expect(store.keys.get({ first: 0, block: 0 })).rejects.toThrow('of my own')
    await expect(store.files.replace('a', bytes('1'))).rejects.toMatchObject({ code: 'FAILED' })
    expect(await text('a')).toBe('1')
    expect(await positions(store)).toEqual([])
  })

  it('drops a write that it answers', async () => {
    await store.files.replace('head', bytes('old'))
    opener.faults.drop('files.overwrite')
    await store.files.overwrite('head', 0, bytes('new'))
    expect(await text('head')).toBe('old')
    await store.files.overwrite('head', 0, bytes('new'))
    expect(await text('head')).toBe('new')
  })

  it('crashes: every call fails, what hung fails, and the opener opens again', async () => {
    opener.faults.hang('commit', { when: 'after' })
    const committing = store.commit({ first: 0, sealed: sealed(1) })
    const lost = expect(committing).rejects.toMatchObject({ message: /crashed/ })
    await opener.faults.crash()
    await lost
    await expect(store.head()).rejects.toMatchObject({ code: 'FAILED' })
    await expect(positions(store)).rejects.toMatchObject({ code: 'FAILED' })
    await expect(store.files.list()).rejects.toMatchObject({ code: 'FAILED' })
    await store.close()
    store = await opener.open()
    expect(await positions(store)).toEqual([0])
  })

  it.each([
    ['kept', 'sync0', 'new'],
    ['dropped', 'synced', ''],
  ] as const)('crashes with what was not synced %s', async (unsynced, head, fresh) => {
    await store.files.overwrite('head', 0, bytes('before'))
    await store.files.replace('head', bytes('synced'))
    await store.files.overwrite('head', 4, bytes('0'))
    await store.files.overwrite('fresh', 0, bytes('new'))
    await opener.faults.crash({ unsynced })
    store = await opener.open()
    expect(await text('head')).toBe(head === 'sync0' ? 'sync0d' : head)
    expect(await text('fresh')).toBe(fresh)
  })

  it('lets a test crash before each step that writes', async () => {
    const steps: string[] = []
    opener.faults.onStep = async (step) => {
      steps.push(step)
      if (step === 'derived.write') await opener.faults.crash()
    }
    await store.commit({ first: 0, sealed: sealed(1) })
    const writing = store.derived.write({ put: [[bytes('a'), bytes('1')]] })
    await expect(writing).rejects.toMatchObject({ message: /crashed/ })
    expect(steps).toEqual(['commit', 'derived.write'])
    opener.faults.onStep = undefined
    store = await opener.open()
    expect(await store.derived.get(bytes('a'))).toBeUndefined()
    expect(await store.head()).toBe(1)
  })
})
