import { beforeEach, describe, expect, it, vi } from 'vitest'
import { accesses, memoryStore, recoveryKey, type Vault } from '../../src/index.ts'
import { faultStore } from '../../src/testing/fault-store.ts'
import { checkStore } from '../fixtures/check-vault.ts'
import { create, open, refusal } from './vault-material.ts'

let store: ReturnType<typeof faultStore>
let vault: Vault
beforeEach(async () => {
  store = faultStore(memoryStore())
  vault = await create({ store })
  await vault.write('a', 'one')
  await vault.write('b', 'two')
})

/** Closes the vault and re-verifies what it left. */
async function checked(): Promise<number> {
  await vault.close()
  const opened = await store.open()
  const { size } = await checkStore(opened)
  await opened.close()
  return size
}

/** A commit that hangs, and resolves once the store has been handed it. */
function hanging(): { handedOver: Promise<void>; release: () => void } {
  const release = store.faults.hang('commit')
  const handedOver = new Promise<void>((resolve) => {
    store.faults.onStep = (step) => {
      if (step === 'commit') resolve()
    }
  })
  return { handedOver, release }
}

const soon = { timeout: 60 }

describe('while a commit hangs', () => {
  it('every caller is told within its timeout what it can know, and the vault goes on afterwards', async () => {
    const before = (await vault.health()).size
    const { handedOver, release } = hanging()
    const written = refusal(vault.write('a', 'three', soon))
    const read = refusal(vault.read('b', soon))
    const refused = refusal(vault.read('absent', soon))
    await handedOver
    const queued = Promise.all(
      [
        vault.write('a', 'four', soon),
        vault.read('a', soon),
        vault.rotate('b', 'five', soon),
        vault.annotate('b', { ...soon, description: 'x' }),
        vault.delete('b', soon),
        vault.purge('b', soon),
        vault.acceptClock(soon),
      ].map(refusal),
    )
    expect(await written).toMatchObject({
      code: 'UNCERTAIN',
      message: expect.stringContaining('may still land'),
      eventIds: [expect.stringMatching(/^[0-9a-f-]{36}$/)],
      retry: 'never',
    })
    const disclosed = expect.stringContaining('nothing was disclosed')
    expect(await read).toMatchObject({ code: 'TIMEOUT', message: disclosed, retry: 'now' })
    expect(await refused).toMatchObject({ code: 'TIMEOUT', message: disclosed })
    for (const error of await queued) {
      expect(error).toMatchObject({
        code: 'TIMEOUT',
        message: expect.stringContaining('nothing was appended'),
      })
    }
    expect((await vault.list()).items.map(({ version }) => version)).toEqual([1, 1])
    expect(await vault.health()).toMatchObject({ status: 'ok', size: before })
    release()
    const [id = ''] = (await written).eventIds ?? []
    expect(await vault.outcome(id)).toMatchObject({ type: 'secret.written', subject: 'a' })
    expect((await vault.read('a')).text()).toBe('three')
    expect((await vault.read('b')).text()).toBe('two')
    // The write, both refused reads' records and the two reads above; nothing of what was queued.
    expect((await vault.health()).size).toBe(before + 5)
    await checked()
  })

  it('a change of keyslots is told within its timeout too', async () => {
    const { handedOver, release } = hanging()
    const written = refusal(vault.write('a', 'three', soon))
    await handedOver
    const adding = refusal(vault.keyslots.add(recoveryKey().credential, soon))
    expect(await adding).toMatchObject({
      code: 'UNCERTAIN',
      message: expect.stringContaining('did not end within 60 ms; it goes on'),
      retry: 'never',
    })
    release()
    await written
    // Nobody who is in a hurry leaves a vault that has to be opened again: the change goes on without him.
    await vi.waitFor(async () => expect(await vault.keyslots.list()).toHaveLength(2))
    expect((await vault.read('a')).text()).toBe('three')
    await vault.reopen()
    expect(await vault.keyslots.list()).toHaveLength(2)
    await checked()
  })

  it('close and reopen give up at their timeout, and go on', async () => {
    const { handedOver, release } = hanging()
    const written = vault.write('a', 'three')
    await handedOver
    expect(await refusal(vault.close(soon))).toMatchObject({
      code: 'TIMEOUT',
      message: expect.stringMatching(/^close did not end within 60 ms; it goes on$/),
    })
    expect(await refusal(vault.read('a'))).toMatchObject({ code: 'CLOSED' })
    expect(await refusal(open({ store }))).toMatchObject({ code: 'IN_USE' })
    release()
    expect((await written).version).toBe(2)
    await vault.close()
    vault = await open({ store })
    const again = hanging()
    const writing = vault.write('a', 'four')
    await again.handedOver
    expect(await refusal(vault.reopen(soon))).toMatchObject({
      code: 'TIMEOUT',
      message: expect.stringContaining('reopen did not end'),
    })
    again.release()
    await writing
    await vault.reopen()
    expect((await vault.read('a')).text()).toBe('four')
    await checked()
  })
})

describe('a caller that aborts', () => {
  const reason = new Error('the request went away')

  it('before it began has appended nothing', async () => {
    const { size } = await vault.health()
    const signal = AbortSignal.abort(reason)
    for (const call of [
      vault.write('a', 'three', { signal }),
      vault.read('a', { signal }),
      vault.delete('a', { signal }),
    ]) {
      expect(await refusal(call)).toMatchObject({
        code: 'ABORTED',
        message: 'the caller aborted; nothing was appended',
        cause: reason,
      })
    }
    expect((await vault.health()).size).toBe(size)
    await checked()
  })

  it('while it waits for its turn has appended nothing', async () => {
    const { handedOver, release } = hanging()
    const first = vault.write('a', 'three')
    await handedOver
    const stop = new AbortController()
    const calls = [
      vault.write('a', 'four', { signal: stop.signal }),
      vault.read('a', { signal: stop.signal }),
    ].map(refusal)
    stop.abort(reason)
    for (const call of calls) {
      expect(await call).toMatchObject({
        code: 'ABORTED',
        message: expect.stringContaining('nothing was appended'),
      })
    }
    release()
    const { position } = await first
    expect((await vault.health()).size).toBe(position + 1)
    await checked()
  })

  it('in flight is told what it can know: a reader has no value, a writer asks for the outcome', async () => {
    const { handedOver, release } = hanging()
    const stop = new AbortController()
    const written = refusal(vault.write('a', 'three', { signal: stop.signal }))
    const read = refusal(vault.read('b', { signal: stop.signal }))
    await handedOver
    stop.abort(reason)
    expect(await read).toMatchObject({
      code: 'ABORTED',
      message: expect.stringContaining('nothing was disclosed'),
    })
    const error = await written
    expect(error).toMatchObject({ code: 'UNCERTAIN', cause: reason })
    release()
    const [id = ''] = error.eventIds ?? []
    expect(await vault.outcome(id)).toMatchObject({ id, data: { version: 2 } })
    await checked()
  })

  it('from a query, a replay, a follower or a watch gets a VaultError as well', async () => {
    const signal = AbortSignal.abort(reason)
    const drain = async (items: AsyncIterable<unknown>) => {
      for await (const _ of items);
    }
    const calls = {
      query: () => drain(vault.audit.query({ signal })),
      'query by its index': () => drain(vault.audit.query({ signal, subject: 'a' })),
      follow: () => drain(vault.audit.follow({ signal })),
      replay: () => vault.replay(accesses, { signal }),
      watch: () => drain(vault.watch('a', { signal })),
    }
    for (const [name, call] of Object.entries(calls)) {
      expect(await refusal(call()), name).toMatchObject({ code: 'ABORTED', cause: reason })
    }
    await checked()
  })
})
