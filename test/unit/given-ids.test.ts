import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { uuidv7 } from '../../src/events/uuid.ts'
import { generate, memoryStore, Vault, type VaultEvent } from '../../src/index.ts'
import { noKdf } from '../../src/keys/no-kdf.ts'
import { givenIdMsMax, givenIdsMax } from '../../src/limits.ts'
import { type GivenIdsState, givenIds, mayBeLetGo } from '../../src/projections/given-ids.ts'
import { startFold } from '../../src/projections/projection.ts'
import { testClock, testVault } from '../../src/testing.ts'
import { checkStore } from '../fixtures/check-vault.ts'

const hourMs = 3_600_000
const idAt = (time: number) => uuidv7(time, randomBytes(10))

async function opened(secrets: Record<string, string> = { a: 'one' }) {
  const { vault, clock, store } = await testVault(secrets)
  const again = async () => {
    const opening = await store.open()
    await checkStore(opening)
    await opening.close()
  }
  return {
    vault,
    clock,
    store,
    check: () => vault.close().then(again),
    id: () => idAt(clock.now()),
  }
}

const another = {
  code: 'CONFLICT',
  retry: 'never',
  message: expect.stringMatching(/^id [0-9a-f-]{36} was used for another request$/),
}

describe('each verb that changes a secret, asked for twice under one id', () => {
  const verbs: Record<string, (vault: Vault, id: string) => Promise<{ position: number }>> = {
    write: (vault, id) => vault.write('a', 'two', { id, tags: { b: '1', a: '2' }, reason: id }),
    rotate: (vault, id) => vault.rotate('a', 'two', { id, trigger: 'schedule' }),
    'rotate to what is made': (vault, id) => vault.rotate('a', generate.password(), { id }),
    annotate: (vault, id) => vault.annotate('a', { id, owner: 'ana', description: null }),
    delete: (vault, id) => vault.delete('a', { id, versions: [1] }),
    restore: (vault, id) => vault.restore('b', { id }),
    destroy: (vault, id) => vault.destroy('a', { id, versions: [1] }),
    purge: (vault, id) => vault.purge('a', { id }),
  }

  it.each(Object.entries(verbs))('%s is done once', async (_, ask) => {
    const { vault, id: make, check } = await opened({ a: 'one', b: 'one' })
    await vault.write('a', 'one and a half')
    await vault.delete('b')
    const id = make()
    const first = await ask(vault, id)
    const { position } = vault
    expect(await ask(vault, id)).toEqual(first)
    // What others do meanwhile changes nothing of it.
    await vault.write('a', 'three', { owner: 'eve' })
    await vault.rotate('a', 'four')
    await vault.delete('a')
    expect(await ask(vault, id)).toEqual(first)
    expect(vault.position).toBe(position + 3)
    expect(await vault.outcome(id)).toMatchObject({
      id,
      context: { given: { request: expect.stringMatching(/^[0-9a-f]{32}$/) } },
    })
    if ('id' in first) expect(first.id).toBe(id)
    await check()
  })

  it.each(Object.entries(verbs))('%s is no other verb', async (name, ask) => {
    const { vault, id: make, check } = await opened({ a: 'one', b: 'one' })
    await vault.delete('b')
    const id = make()
    await ask(vault, id)
    const { position } = vault
    for (const [other, wrong] of Object.entries(verbs)) {
      if (other === name) continue
      await expect(wrong(vault, id), other).rejects.toMatchObject(another)
    }
    expect(vault.position).toBe(position)
    await check()
  })

  it('gives a purge of many versions its first answer', async () => {
    const { vault, id: make, check } = await opened()
    for (let i = 0; i < 1100; i++) await vault.write('a', `v${i}`)
    const id = make()
    const first = await vault.purge('a', { id })
    expect(first.versions).toHaveLength(1101)
    await vault.write('a', 'again')
    expect(await vault.purge('a', { id })).toEqual(first)
    expect(await vault.exists('a')).toBe(true)
    await check()
  })
})

describe('other content under an id that was used', () => {
  const base = { tags: { team: 'pay' }, owner: 'ana' }
  it.each<[string, (vault: Vault, id: string) => Promise<unknown>]>([
    ['another value', (vault, id) => vault.write('a', 'three', { ...base, id })],
    [
      'the same text as bytes',
      (vault, id) => vault.write('a', Buffer.from('two'), { ...base, id }),
    ],
    ['another path', (vault, id) => vault.write('b', 'two', { ...base, id })],
    ['a part of the options', (vault, id) => vault.write('a', 'two', { owner: 'ana', id })],
    ['more options', (vault, id) => vault.write('a', 'two', { ...base, description: null, id })],
    ['another actor', (vault, id) => vault.write('a', 'two', { ...base, actor: 'user/eve', id })],
  ])('%s is refused, and changes nothing', async (_, ask) => {
    const { vault, id: make, check } = await opened()
    const id = make()
    await vault.write('a', 'two', { ...base, id })
    const { position } = vault
    const refused = ask(vault, id)
    await expect(refused).rejects.toMatchObject(another)
    await expect(refused).rejects.not.toThrow(/two|three/)
    expect(vault.position).toBe(position)
    await check()
  })

  it('is no other spelling of the same', async () => {
    const { vault, id: make } = await opened()
    const id = make()
    const expiresAt = new Date('2100-01-01T00:00:00Z')
    const first = await vault.write('a', 'two', { id, tags: { x: '1', y: '2' }, expiresAt })
    const same = { tags: { y: '2', x: '1' }, expiresAt: expiresAt.toISOString(), reason: 'again' }
    expect(await vault.write('a', 'two', { id, ...same })).toEqual(first)
  })

  it('does not tell whether a value is one that is destroyed', async () => {
    const { vault, id: make, check } = await opened()
    const id = make()
    const { version } = await vault.write('a', 'two', { id })
    await vault.destroy('a', { versions: [version] })
    await expect(vault.write('a', 'two', { id })).rejects.toMatchObject({
      code: 'CONFLICT',
      retry: 'never',
      message: `id ${id} was used for a value that is destroyed: whether this is the same cannot be told`,
    })
    await check()
  })

  it('is told apart from what lost a comparison, and a comparison that was won stays so', async () => {
    const { vault, id: make } = await opened()
    const id = make()
    const first = await vault.write('a', 'two', { id, ifVersion: 1 })
    expect(await vault.write('a', 'two', { id, ifVersion: 1 })).toEqual(first)
    await expect(vault.write('a', 'two', { id: make(), ifVersion: 1 })).rejects.toMatchObject({
      code: 'CONFLICT',
      retry: 'now',
      message: 'a is at version 2, not 1',
    })
  })
})

describe('an id of a caller', () => {
  it.each([
    'x',
    '',
    '0198C1D2-5F3E-7A41-9C77-2B1F0E6D5A34',
    '0198c1d2-5f3e-4a41-9c77-2b1f0e6d5a34',
    7,
  ])('is a UUID of version 7, and not %s', async (id) => {
    const { vault } = await opened()
    const options = { id: id as string }
    const refused = {
      code: 'INVALID',
      message: 'id must be a UUID of version 7 in lower case canonical text',
    }
    await expect(vault.write('a', 'x', options)).rejects.toMatchObject(refused)
    await expect(vault.rotate('a', 'x', options)).rejects.toMatchObject(refused)
    await expect(vault.annotate('a', { ...options, owner: 'x' })).rejects.toMatchObject(refused)
    await expect(vault.delete('a', options)).rejects.toMatchObject(refused)
    await expect(vault.purge('a', options)).rejects.toMatchObject(refused)
  })

  it('is of a time within an hour of the vault', async () => {
    const { vault, clock } = await opened()
    const now = clock.now()
    await vault.write('early', 'x', { id: idAt(now - hourMs) })
    await vault.write('late', 'x', { id: idAt(now + hourMs) })
    for (const far of [now - hourMs - 1, now + hourMs + 1, 0]) {
      await expect(vault.write('b', 'x', { id: idAt(far) })).rejects.toMatchObject({
        code: 'INVALID',
        message: `id must be of a time within an hour of ${new Date(now).toISOString()}, and is of ${new Date(far).toISOString()}`,
      })
    }
    const made: string[] = []
    const make = () => {
      made.push('once')
      return 'two'
    }
    await expect(vault.rotate('early', make, { id: idAt(0) })).rejects.toThrow('within an hour')
    expect(made).toEqual([])
  })

  it('is no id that an event of the vault bears already', async () => {
    const { vault, clock, check } = await opened()
    const { id } = await vault.write('b', 'x')
    await expect(vault.write('b', 'x', { id })).rejects.toMatchObject(another)
    for (let i = 0; i < 500; i++) {
      clock.advance(100)
      await vault.write('b', 'y')
    }
    await expect(vault.write('b', 'x', { id })).rejects.toMatchObject(another)
    await check()
  })

  it('can be used again where nothing came of it', async () => {
    const { vault, id: make, check } = await opened()
    const id = make()
    await expect(vault.rotate('b', 'x', { id })).rejects.toMatchObject({ code: 'NOT_FOUND' })
    await vault.restore('a', { id })
    expect(await vault.outcome(id)).toBeUndefined()
    const first = await vault.write('b', 'x', { id })
    expect(await vault.write('b', 'x', { id })).toEqual(first)
    await check()
  })

  it('brings one event of a hundred callers, and a hundred equal answers', async () => {
    const { vault, id: make, check } = await opened()
    const id = make()
    const { position } = vault
    const answers = await Promise.all(
      Array.from({ length: 100 }, () => vault.write('a', 'two', { id })),
    )
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1)
    expect(vault.position).toBe(position + 1)
    await check()
  })

  it('keeps those who change one secret in the order of their calls', async () => {
    const { vault, id: make, check } = await opened({ a: '0', b: '0' })
    const id = make()
    const outcomes = await Promise.allSettled([
      vault.rotate('absent', 'x', { id }),
      vault.write('b', '1', { id }),
      vault.write('b', '2'),
      vault.write('a', '1', { id }),
      vault.write('b', '3', { id: make() }),
    ])
    expect(outcomes).toMatchObject([
      { reason: { code: 'NOT_FOUND' } },
      { value: { version: 2 } },
      { value: { version: 3 } },
      { reason: { code: 'CONFLICT' } },
      { value: { version: 4 } },
    ])
    expect((await vault.read('b')).text()).toBe('3')
    await check()
  })

  it('lets a function of the host make one value, however many wait for it', async () => {
    const { vault, id: make } = await opened()
    const id = make()
    let calls = 0
    const rotated = () =>
      vault.rotate(
        'a',
        async () => {
          await Promise.resolve()
          return `made ${calls++}`
        },
        { id },
      )
    const answers = await Promise.all([rotated(), rotated(), rotated()])
    expect(await rotated()).toEqual(answers[0])
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1)
    expect(calls).toBe(1)
    expect((await vault.read('a')).text()).toBe('made 0')
    await expect(vault.rotate('a', 'made 0', { id })).rejects.toMatchObject(another)
  })

  it('waits for an earlier call no longer than its caller wants', async () => {
    const { vault, id: make } = await opened()
    const id = make()
    let finish = (_: string) => {}
    const first = vault.rotate('a', () => new Promise((resolve) => (finish = resolve)), { id })
    const second = new AbortController()
    const waiting = vault.rotate('a', () => 'never', { id, signal: second.signal })
    const late = vault.rotate('a', () => 'never', { id, timeout: 5 })
    await expect(late).rejects.toMatchObject({ code: 'TIMEOUT' })
    second.abort()
    await expect(waiting).rejects.toMatchObject({ code: 'ABORTED' })
    finish('made')
    expect(await first).toMatchObject({ version: 2, rotationCount: 1 })
  })

  it('is known after a reopening, and after a crash', async () => {
    const store = memoryStore()
    const clock = testClock()
    const options = { store, unlock: noKdf, actor: 'test', clock }
    const vault = await Vault.create(options)
    const id = idAt(clock.now())
    const first = await vault.write('a', 'one', { id })
    await vault.reopen()
    expect(await vault.write('a', 'one', { id })).toEqual(first)
    await vault.close()
    const again = await Vault.open(options)
    expect(await again.write('a', 'one', { id })).toEqual(first)
    await expect(again.write('a', 'two', { id })).rejects.toMatchObject(another)
    expect(await again.outcome(id)).toMatchObject({ position: first.position })
    await again.close()
  })

  it('is judged as the first call was, and its repetition is on record as a look', async () => {
    const { vault, id: make } = await opened()
    const rules = [{ effect: 'allow', capabilities: ['write'], paths: ['**'] }] as const
    await vault.policies.write('p', { rules })
    await vault.roles.write('r', { policies: ['p'] })
    await vault.roles.grant('user/ana', 'r')
    const ana = vault.as({ actor: 'user/ana' })
    const id = make()
    const first = await ana.write('a', 'two', { id })
    expect(await ana.write('a', 'two', { id })).toEqual(first)
    expect(await newest(vault)).toMatchObject({
      type: 'secret.inspected',
      subject: 'a',
      data: { operation: 'write' },
    })
    await expect(
      vault.as({ actor: 'user/eve', roles: ['r'] }).write('a', 'two', { id }),
    ).rejects.toMatchObject(another)
    await vault.roles.withdraw('user/ana', 'r')
    await expect(ana.write('a', 'two', { id })).rejects.toMatchObject({ code: 'DENIED' })
    // What it did itself it may be told, whatever it may do by now.
    expect(await ana.outcome(id)).toMatchObject({ id, position: first.position })
    const { data } = await newest(vault)
    expect(data).toEqual({ filter: { outcome: id } })
    await expect(vault.as({ actor: 'user/eve' }).outcome(id)).rejects.toMatchObject({
      code: 'DENIED',
    })
    expect(await vault.as({ actor: 'user/eve' }).outcome(make())).toBeUndefined()
  })
})

async function newest(vault: Vault) {
  for await (const { events } of vault.audit.query({ order: 'newest', limit: 1 })) {
    if (events[0] !== undefined) return events[0]
  }
  throw new Error('the log is empty')
}

describe('ids that were let go', () => {
  const start = Date.UTC(2026, 0, 1)
  let position = 0
  const written = (id: string, time: number): VaultEvent =>
    ({
      ...{ id, time, position: position++, schema: 1, actor: 'x', subject: 'a' },
      type: 'secret.written',
      context: { given: { request: 'x' } },
      data: {},
    }) as unknown as VaultEvent
  function fold() {
    position = 0
    return startFold<GivenIdsState>(givenIds)
  }

  it('are those that are admitted no longer', () => {
    const { state, apply } = fold()
    const ids = Array.from({ length: 5000 }, (_, i) => idAt(start + i * 10_000))
    for (const [i, id] of ids.entries()) apply([written(id, start + i * 10_000)])
    const last = start + 4999 * 10_000
    for (const [i, id] of ids.entries()) {
      const isAdmitted = start + i * 10_000 >= last - givenIdMsMax
      expect(state.get(id)).toBe(isAdmitted ? i : undefined)
      expect(mayBeLetGo(state, id)).toBe(!isAdmitted)
    }
  })

  it('are the earliest where there are too many, a second of them at a time', () => {
    const { state, apply } = fold()
    const ids = Array.from({ length: givenIdsMax + 20_000 }, (_, i) => idAt(start + i))
    const shuffled = ids.map((_, i) => ids[(i * 7919) % ids.length] as string)
    let worst = 0
    for (const id of shuffled) {
      const { size } = state
      apply([written(id, start)])
      worst = Math.max(worst, size - state.size)
    }
    expect(state.size).toBeLessThanOrEqual(givenIdsMax)
    expect(state.size).toBeGreaterThan(givenIdsMax - 2000)
    const wrong = ids.filter((id) => mayBeLetGo(state, id) === state.has(id))
    expect(wrong).toEqual([])
    // As many as are of one second.
    expect(worst).toBeLessThanOrEqual(1000)
  })

  it('are those alone: ids of other times are admitted where the clock is set back', () => {
    const { state, apply } = fold()
    const before = idAt(start)
    apply([written(before, start)])
    const ahead = start + 48 * hourMs
    const ids = Array.from({ length: 3000 }, (_, i) => idAt(ahead + i * 10_000))
    for (const [i, id] of ids.entries()) apply([written(id, ahead + i * 10_000)])
    expect(state.has(before)).toBe(false)
    expect(mayBeLetGo(state, before)).toBe(true)
    for (const id of ids) expect(mayBeLetGo(state, id)).toBe(!state.has(id))
    expect(mayBeLetGo(state, idAt(start + 24 * hourMs))).toBe(false)
  })

  it('are of a few stretches of time, of which the earliest are taken for one', () => {
    const { state, apply } = fold()
    const ids: string[] = []
    for (let day = 0; day < 30; day++) {
      for (let i = 0; i < 10; i++) {
        const time = start + day * 24 * hourMs + i
        const id = idAt(time)
        ids.push(id)
        apply([written(id, time)])
      }
    }
    for (const id of ids) expect(mayBeLetGo(state, id)).toBe(!state.has(id))
    const between = (day: number) => idAt(start + (day + 0.5) * 24 * hourMs)
    expect([2, 20, 27].map((day) => mayBeLetGo(state, between(day)))).toEqual([true, false, false])
    expect(JSON.stringify(state.get('')).length).toBeLessThan(1000)
  })

  it('are refused, and outcome finds their events all the same', async () => {
    const { vault, clock, check } = await opened()
    const early = clock.now() - 30 * 60_000
    const id = idAt(early)
    const first = await vault.write('a', 'two', { id })
    clock.advance(29 * 60_000)
    const kept = idAt(clock.now())
    await vault.write('b', 'x', { id: kept })
    clock.advance(50 * 60_000)
    await vault.write('c', 'x', { id: idAt(clock.now()) })
    await expect(vault.write('a', 'two', { id })).rejects.toMatchObject({ code: 'INVALID' })
    expect(await vault.outcome(id)).toMatchObject({ id, position: first.position })
    expect(await vault.outcome(idAt(early))).toBeUndefined()
    expect((await vault.write('b', 'x', { id: kept })).version).toBe(1)
    await check()
  })
})
