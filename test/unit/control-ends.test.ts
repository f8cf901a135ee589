import { afterEach, describe, expect, it } from 'vitest'
import { memoryStore, openControl, type VaultError } from '../../src/index.ts'
import { noKdf } from '../../src/keys/no-kdf.ts'
import { Calls } from '../../src/vault/calls.ts'
import type { OperatedVault } from '../../src/vault/control/called.ts'
import { Operator } from '../../src/vault/control/operator.ts'
import { Session } from '../../src/vault/session.ts'
import { Vault } from '../../src/vault/vault.ts'
import {
  type ControlledPlace,
  controlledPlace,
  type Impostor,
  impostor,
} from '../fixtures/control.ts'

const made: { remove(): Promise<void> }[] = []
afterEach(async () => {
  for (const each of made.splice(0)) await each.remove()
})

async function place(options = {}): Promise<ControlledPlace> {
  const one = await controlledPlace(options)
  made.push(one)
  return one
}

describe('when a vault that is served is closed', () => {
  it('what is under way is answered first, and what may take long ends', async () => {
    const { vault, enter, owner, path } = await place()
    const entered = await enter()
    const followed = entered.audit.follow()
    await followed.next()
    const rest = (async () => {
      for await (const _ of followed);
    })()
    const { signal } = new AbortController()
    const writes = Array.from({ length: 20 }, (_, i) =>
      entered.write(`under-way/${i}`, 'x', { signal }).then(
        ({ position }) => position,
        ({ code }: VaultError) => code,
      ),
    )
    await writes[0]
    const ended = expect(rest).rejects.toMatchObject({
      code: 'CLOSED',
      message: 'the vault is closed',
    })
    await vault.close()
    await ended
    const outcomes = await Promise.all(writes)
    const again = await Vault.open({ path, unlock: owner, actor: 'svc/host' })
    for (const [i, outcome] of outcomes.entries()) {
      const isThere = await again.exists(`under-way/${i}`)
      // Whoever was told something was told the truth.
      if (typeof outcome === 'number' || outcome === 'CLOSED') {
        expect([outcome, isThere]).toEqual([outcome, outcome !== 'CLOSED'])
      } else expect(outcome).toBe('UNCERTAIN')
    }
    await again.close()
    await expect(entered.list()).rejects.toMatchObject({
      code: 'CLOSED',
      message: 'the process that serves the vault went away',
    })
    await expect(enter()).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })

  it('a change that is under way is waited for, and not given up', async () => {
    const options = { unlock: noKdf, actor: 'svc/host', store: memoryStore() }
    const session = await Session.create(options)
    const calls = new Calls(session).operator({ actor: 'a', slot: 'x', timeout: 5000 })
    let land = (_: unknown): void => undefined
    const signals: AbortSignal[] = []
    const write = (_: string, __: string, { signal }: { signal: AbortSignal }) => {
      signals.push(signal)
      return new Promise((resolve) => {
        land = resolve
      })
    }
    const vault = { write } as unknown as OperatedVault
    const operator = new Operator({ role: 'owner', slot: 'x', calls, vault })
    const lines: string[] = []
    const line = async (text: string) => void lines.push(text)
    const args = ['a', 'b', { signal: { $signal: true } }]
    const called = operator.call(
      { verb: 'write', args },
      { line, signal: new AbortController().signal },
    )
    let isClosed = false
    const closing = operator.close('the vault is closed').then(() => {
      isClosed = true
    })
    await new Promise((resolve) => setImmediate(resolve))
    expect([isClosed, signals.map(({ aborted }) => aborted)]).toEqual([false, [false]])
    land({ version: 1 })
    await Promise.all([called, closing])
    expect(lines).toEqual(['{"result":{"version":1}}'])
    await session.close()
  })

  it('nobody is waited for who only looks on', async () => {
    const { vault, enter } = await place()
    const entered = await enter()
    const idle = entered.audit.follow({ type: 'keys.shredded' })
    const next = idle.next().catch(({ code }: VaultError) => code)
    await entered.list()
    const before = performance.now()
    await vault.close()
    expect(performance.now() - before).toBeLessThan(5_000)
    expect(await next).toBe('CLOSED')
  })
})

describe('when a vault that is served is opened again', () => {
  it('whoever is in goes on', async () => {
    const { vault, enter } = await place()
    const entered = await enter()
    await vault.reopen()
    await entered.write('a', 'b')
    expect((await entered.read('a')).text()).toBe('b')
  })
})

describe('when a caller gives up', () => {
  it('the work ends at the other end, too', async () => {
    const options = { unlock: noKdf, actor: 'svc/host' }
    const session = await Session.create({ ...options, store: memoryStore() })
    const vault = await Vault.create({ ...options, store: memoryStore() })
    const calls = new Calls(session).operator({ actor: 'a', slot: 'x', timeout: 5000 })
    const operator = new Operator({ role: 'owner', slot: 'x', calls, vault })
    const gone = new AbortController()
    const lines: string[] = []
    const line = async (text: string) => {
      lines.push(text)
      gone.abort()
    }
    await operator.call({ verb: 'audit.follow', args: [] }, { line, signal: gone.signal })
    expect(lines).toHaveLength(2)
    expect(JSON.parse(lines[1] ?? '')).toMatchObject({ error: { code: 'ABORTED' } })
    await vault.close()
    await session.close()
  })

  it('hears that he aborted, and is out of nothing else', async () => {
    const { enter } = await place()
    const entered = await enter()
    const abort = new AbortController()
    const idle = entered.audit.follow({ type: 'keys.shredded', signal: abort.signal })
    const next = idle.next().catch((error: VaultError) => error)
    await entered.list()
    abort.abort()
    expect(await next).toMatchObject({ code: 'ABORTED', message: 'the caller aborted' })
    const { signal } = abort
    await expect(entered.write('a', 'b', { signal })).rejects.toMatchObject({ code: 'ABORTED' })
    expect(await entered.exists('a')).toBe(false)
  })

  it('gives up coming in, and later nothing but what he gives up', async () => {
    const { path, owner: unlock } = await place()
    const abort = new AbortController()
    const { signal } = abort
    const entered = await openControl({ path, unlock, actor: 'user/ana', signal })
    abort.abort()
    expect(await entered.write('a', 'b')).toMatchObject({ version: 1 })
    expect(await entered.write('a', 'c')).toMatchObject({ version: 2 })
    await entered.close()
    await expect(openControl({ path, unlock, actor: 'user/ana', signal })).rejects.toMatchObject({
      code: 'ABORTED',
      message: 'the caller aborted',
    })
  })

  it('has read enough, and nobody goes on reading for him', async () => {
    const { enter } = await place()
    const entered = await enter()
    for (let i = 0; i < 100; i++) {
      for await (const page of entered.audit.query({ limit: 1 })) {
        expect(page.events).toHaveLength(1)
        break
      }
    }
    expect(await entered.exists('a')).toBe(false)
  })
})

describe('what the other process leaves unanswered', () => {
  async function entered(call: (body: string) => string | undefined) {
    const { vault, path, owner: unlock, remove } = await controlledPlace({ serve: false })
    await vault.close()
    const fake: Impostor = await impostor(path, { unlock, call })
    const there = await openControl({ path, unlock, actor: 'user/ana' })
    made.push({
      remove: async () => {
        await there.close()
        await fake.close()
        await remove()
      },
    })
    return { there, fake }
  }

  it('is not known of a change, and of a look there is nothing to know', async () => {
    const { there } = await entered(() => undefined)
    await expect(there.write('a', 'b')).rejects.toMatchObject({
      code: 'UNCERTAIN',
      message:
        'the process that serves the vault went away before it was known whether the change took place',
    })
    await expect(there.read('a')).rejects.toMatchObject({
      code: 'CLOSED',
      message: 'the process that serves the vault went away',
    })
    await expect(there.list()).rejects.toMatchObject({ code: 'CLOSED' })
  })

  it('is not known of a change that was aborted once it was sent', async () => {
    const abort = new AbortController()
    const { there, fake } = await entered(() => {
      abort.abort()
      return undefined
    })
    const { signal } = abort
    await expect(there.write('a', 'b', { signal })).rejects.toMatchObject({
      code: 'UNCERTAIN',
      message: 'the caller aborted before it was known whether the change took place',
    })
    const { length } = fake.heard
    await expect(there.write('a', 'b', { signal })).rejects.toMatchObject({ code: 'ABORTED' })
    expect(fake.heard).toHaveLength(length)
  })

  it('may end in the middle, or be of another release', async () => {
    const answers = [
      '{"item":1}\n{"ite',
      '{"item":1}\n',
      '{"later":1}\n',
      '{"result":{"$later":1}}\n',
    ]
    const { there } = await entered(() => answers.shift())
    const codes: string[] = []
    for (let i = 0; i < 4; i++) {
      codes.push(
        await there.list().then(
          () => 'answered',
          ({ code }: VaultError) => code,
        ),
      )
    }
    expect(codes).toEqual(['CLOSED', 'CLOSED', 'UNSUPPORTED', 'UNSUPPORTED'])
  })

  it('is a failure of which nothing is told, where the program failed', async () => {
    const { there } = await entered(() => '{"error":{"defect":true}}\n')
    const error = await there.list().catch((caught: unknown) => caught)
    expect(error).toBeInstanceOf(Error)
    expect(error).not.toHaveProperty('code')
  })
})

describe('what is large', () => {
  it('arrives whole', async () => {
    const { enter } = await place()
    const entered = await enter()
    const bytes = Buffer.alloc(1024 * 1024, 0xa5)
    await entered.write('large', bytes)
    expect((await entered.read('large')).bytes().equals(bytes)).toBe(true)
    await Promise.all(
      Array.from({ length: 300 }, (_, i) => entered.write(`many/${i}`, 'ü'.repeat(999))),
    )
    expect((await entered.list('many/', { limit: 1000 })).items).toHaveLength(300)
    await expect(entered.write('larger', Buffer.alloc(bytes.length + 1))).rejects.toMatchObject({
      code: 'TOO_LARGE',
    })
  })
})
