import { describe, expect, it } from 'vitest'
import { rotations, type SecretInput, secrets, type Vault, VaultError } from '../../src/index.ts'
import { testVault } from '../../src/testing.ts'
import { appendedBy, eventsOf } from '../fixtures/events.ts'

const hourMs = 3_600_000

/** Position of the newest event. */
async function now(vault: Vault): Promise<number> {
  return (await vault.health()).size - 1
}

async function withHistory(value: SecretInput = 'one') {
  const made = await testVault()
  const { vault, clock } = made
  await vault.write('prod/db', value, { type: 'database_password', tags: { team: 'pay' } })
  await vault.write('prod/api', 'key')
  await vault.read('prod/db')
  const then = await now(vault)
  clock.advance(hourMs)
  await vault.rotate('prod/db', 'two')
  await vault.annotate('prod/db', { tags: null, type: 'generic' })
  await vault.write('prod/new', 'x')
  return { ...made, then }
}

/** The error that a call rejects with, as a test looks at it. */
async function refusal(call: Promise<unknown>): Promise<{ code: string; message: string }> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (error instanceof VaultError) return { code: error.code, message: error.message }
  throw new Error('expected a VaultError', { cause: error })
}

describe('a vault as of a moment', () => {
  it('answers as the live one did, whatever came later', async () => {
    const { vault, clock } = await testVault()
    await vault.write('prod/db', 'one', { tags: { team: 'pay' } })
    await vault.rotate('prod/db', 'two')
    await vault.write('prod/api', 'key')
    await vault.delete('prod/api')
    await vault.read('prod/db')
    const live = {
      list: await vault.list(),
      page: await vault.list('prod/', { limit: 1 }),
      db: await vault.describe('prod/db'),
      history: await vault.history('prod/db'),
      exists: [await vault.exists('prod/db'), await vault.exists('prod/api')],
    }
    const position = await now(vault)
    clock.advance(hourMs)
    await vault.rotate('prod/db', 'three')
    await vault.read('prod/db')
    await vault.restore('prod/api')
    await vault.purge('prod/db')
    const then = await vault.asOf({ position })
    expect(then.position).toBe(position)
    expect(then.time).toEqual(new Date(clock.now() - hourMs))
    expect(await then.list()).toEqual(live.list)
    expect(await then.list('prod/', { limit: 1 })).toEqual(live.page)
    expect(await then.describe('prod/db')).toEqual(live.db)
    expect(await then.history('prod/db')).toEqual(live.history)
    expect([await then.exists('prod/db'), await then.exists('prod/api')]).toEqual(live.exists)
    await vault.close()
  })

  it('ends within a commit where the position does', async () => {
    const { vault } = await testVault()
    const written = await Promise.all(['a', 'b', 'c', 'd'].map((path) => vault.write(path, 'x')))
    const [first] = written.map(({ position }) => position).sort()
    if (first === undefined) throw new Error('nothing was written')
    const then = await vault.asOf({ position: first + 1 })
    expect((await then.list()).items.map(({ path }) => path)).toEqual(['a', 'b'])
    const { view, position } = await vault.replay(secrets, { at: { position: first + 2 } })
    expect([view.size, position]).toEqual([3, first + 3])
  })

  it('is the state with the last event at or before a date', async () => {
    const { vault, clock, then } = await withHistory()
    const at = async (time: Date | string) => (await vault.asOf({ time })).position
    expect(await at(new Date(clock.now() - hourMs))).toBe(then)
    expect(await at(new Date(clock.now() - 1))).toBe(then)
    expect(await at(new Date(clock.now()))).toBe(await now(vault))
    expect(await at('9999-01-01')).toBe(await now(vault))
  })

  it('refuses a moment outside the log, and says where it begins and ends', async () => {
    const { vault } = await testVault({ a: 'x' })
    expect(await refusal(vault.asOf({ time: '2025-12-31' }))).toEqual({
      code: 'INVALID',
      message: 'moment.time is before the log, which begins at 2026-01-01T00:00:00.000Z',
    })
    expect(await refusal(vault.asOf({ position: 3 }))).toEqual({
      code: 'INVALID',
      message: 'moment.position is 3, and the log ends at 2',
    })
    expect(await refusal(vault.asOf({ position: -1 }))).toEqual({
      code: 'INVALID',
      message: 'moment.position must be a position: an integer from 0',
    })
    expect(await refusal(vault.asOf({ time: 'last week' }))).toMatchObject({
      code: 'INVALID',
      message: expect.stringMatching(/^moment\.time must be/),
    })
  })

  it('says that a path was not there then', async () => {
    const { vault, then } = await withHistory()
    const earlier = await vault.asOf({ position: then })
    const gone = {
      code: 'NOT_FOUND',
      message: `prod/new did not exist at position ${then}`,
    }
    expect(await refusal(earlier.describe('prod/new'))).toEqual(gone)
    expect(await refusal(earlier.history('prod/new'))).toEqual(gone)
    expect(await earlier.exists('prod/new')).toBe(false)
    expect(await refusal(earlier.read('prod/new'))).toEqual(gone)
    const { message } = await refusal(earlier.read('prod/db', { version: 2 }))
    expect(message).toBe(`version 2 of prod/db did not exist at position ${then}`)
    await expect(earlier.list('', { limit: 0 })).rejects.toMatchObject({ code: 'INVALID' })
  })

  it('tells how far it has come, and stops when told to', async () => {
    const { vault } = await testVault({ a: 'x' })
    const told: unknown[] = []
    const size = await now(vault)
    await vault.asOf({ position: size - 1 }, { onProgress: (progress) => told.push(progress) })
    expect(told).toEqual([{ position: size, size }])
    for (let i = 0; i < 20; i++) await vault.write('a', `${i}`)
    const aborted = vault.asOf({ position: 12 }, { signal: AbortSignal.abort() })
    await expect(aborted).rejects.toMatchObject({ code: 'ABORTED' })
  })

  it('goes on across a reopen', async () => {
    const { vault, then } = await withHistory()
    const earlier = await vault.asOf({ position: then })
    await vault.reopen()
    expect(await earlier.history('prod/db')).toHaveLength(1)
    expect((await earlier.read('prod/db')).text()).toBe('one')
    await vault.close()
    await expect(earlier.list()).rejects.toMatchObject({ code: 'CLOSED' })
  })
})

describe('reading a value as of a moment', () => {
  it('gives the version that was the newest then, or an older one of that time', async () => {
    const { vault, then } = await withHistory()
    const later = await now(vault)
    const secret = await (await vault.asOf({ position: then })).read('prod/db', { reason: 'why' })
    expect(secret.text()).toBe('one')
    expect(secret).toMatchObject({ version: 1, type: 'database_password', path: 'prod/db' })
    const newer = await vault.asOf({ position: later })
    expect((await newer.read('prod/db')).text()).toBe('two')
    expect((await newer.read('prod/db', { version: 1 })).text()).toBe('one')
  })

  it('is an access of today, recorded with the position', async () => {
    const { vault, then } = await withHistory()
    const earlier = await vault.asOf({ position: then })
    const types = await appendedBy(vault, () =>
      earlier.read('prod/db', { reason: 'incident', actor: 'user/ana' }),
    )
    expect(types).toEqual(['secret.accessed'])
    expect((await eventsOf(vault)).at(-1)).toMatchObject({
      subject: 'prod/db',
      actor: 'user/ana',
      context: { reason: 'incident' },
      data: { operation: 'read', version: 1, asOf: then },
    })
    expect((await vault.describe('prod/db')).accessCount).toBe(2)
  })

  const since: readonly [string, (vault: Vault) => Promise<unknown>, string][] = [
    ['deleted', (v) => v.delete('prod/db', { versions: [1] }), 'DELETED'],
    ['destroyed', (v) => v.destroy('prod/db', { versions: [1] }), 'DESTROYED'],
    ['pruned', (v) => v.write('prod/db', 'x', { maxVersions: 1 }), 'DESTROYED'],
    ['purged', (v) => v.purge('prod/db'), 'DESTROYED'],
    [
      'purged and written anew',
      (v) => v.purge('prod/db').then(() => v.write('prod/db', 'x')),
      'DESTROYED',
    ],
    [
      'purged, written anew and rotated',
      async (v) => {
        await v.purge('prod/db')
        await v.write('prod/db', 'x')
        await v.rotate('prod/db', 'y')
      },
      'DESTROYED',
    ],
  ]
  it.each(since)('is refused where the version was %s since', async (_, change, code) => {
    const { vault, then } = await withHistory()
    const earlier = await vault.asOf({ position: then })
    await change(vault)
    const types = await appendedBy(vault, async () => {
      expect(await refusal(earlier.read('prod/db'))).toMatchObject({
        code,
        message: expect.stringMatching(/^version 1 of prod\/db is de/),
      })
    })
    expect(types).toEqual(['secret.denied'])
    expect((await eventsOf(vault)).at(-1)).toMatchObject({
      data: { operation: 'read', cause: code.toLowerCase(), version: 1 },
    })
    await vault.close()
  })

  it('is held to the dates that hold today', async () => {
    const { vault, clock } = await testVault()
    await vault.write('a', 'x', { expiresAt: new Date(clock.now() + hourMs) })
    const early = await vault.asOf({ position: await now(vault) })
    expect((await early.read('a')).text()).toBe('x')
    clock.advance(2 * hourMs)
    expect(await refusal(early.read('a'))).toMatchObject({ code: 'EXPIRED' })
    expect(await refusal(early.read('a', { allowExpired: true }))).toMatchObject({
      code: 'INVALID',
      message: 'allowExpired needs a reason',
    })
    const forced = await early.read('a', { allowExpired: true, reason: 'incident' })
    expect(forced.text()).toBe('x')
    expect((await eventsOf(vault)).at(-1)).toMatchObject({ data: { allowExpired: true } })
    await vault.annotate('a', { expiresAt: null })
    expect((await early.read('a')).text()).toBe('x')
    await vault.annotate('a', { notBefore: new Date(clock.now() + hourMs) })
    expect(await refusal(early.read('a'))).toMatchObject({ code: 'NOT_YET_VALID' })
  })

  it('gives a version that was deleted then and is restored today', async () => {
    const { vault } = await testVault({ a: 'x' })
    await vault.delete('a')
    const earlier = await vault.asOf({ position: await now(vault) })
    expect((await earlier.describe('a')).state).toBe('deleted')
    expect(await refusal(earlier.read('a'))).toMatchObject({ code: 'DELETED' })
    await vault.restore('a')
    expect((await earlier.read('a')).text()).toBe('x')
  })

  it('never mistakes a version that was destroyed by then for one of the same number', async () => {
    const { vault } = await testVault({ a: 'x' })
    await vault.write('a', 'y', { maxVersions: 1 })
    const earlier = await vault.asOf({ position: await now(vault) })
    await vault.purge('a')
    await vault.write('a', 'z')
    expect(await refusal(earlier.read('a', { version: 1 }))).toMatchObject({ code: 'DESTROYED' })
  })
})

describe('where inspections are recorded', () => {
  it('those of an earlier state say of which', async () => {
    const { vault } = await testVault({ a: 'x' }, { inspections: true })
    const asOf = await now(vault)
    await vault.purge('a')
    const earlier = await vault.asOf({ position: asOf })
    const { size } = await vault.health()
    await earlier.list('')
    await earlier.describe('a')
    await earlier.history('a')
    await earlier.exists('a')
    await earlier.describe('b').catch(() => undefined)
    const events = await eventsOf(vault, { after: size - 1 })
    expect(events.map(({ type, data }) => [type, data]).slice(0, 5)).toEqual([
      ['secret.inspected', { operation: 'list', count: 1, asOf }],
      ['secret.inspected', { operation: 'describe', asOf }],
      ['secret.inspected', { operation: 'history', count: 1, asOf }],
      ['secret.inspected', { operation: 'exists', asOf }],
      ['secret.denied', { operation: 'describe', cause: 'absent' }],
    ])
    await vault.close()
  })

  it('so is each replay, with its projection and position', async () => {
    const { vault } = await testVault({ a: 'x' }, { inspections: true })
    const position = await now(vault)
    await vault.replay(rotations, { at: { position: 1 } })
    await vault.replay(secrets)
    const filters = await readFilters(vault)
    expect(filters.slice(0, 2)).toEqual([
      { projection: 'rotations', position: 1 },
      { projection: 'secrets', position: position + 1 },
    ])
    const { view } = await vault.replay(secrets, { at: { time: '2025-01-01' } })
    expect(view.size).toBe(0)
    expect((await readFilters(vault)).at(-2)).toEqual({ projection: 'secrets' })
  })

  it('so is each follow, once, with its filter', async () => {
    const { vault } = await testVault({ a: 'x' }, { inspections: true })
    const following = vault.audit.follow({ subject: 'a', outcome: 'allowed' })
    expect((await following.next()).value?.type).toBe('secret.written')
    await vault.read('a')
    expect((await following.next()).value?.type).toBe('secret.accessed')
    await following.return()
    expect((await readFilters(vault)).slice(0, -1)).toEqual([{ subject: 'a', outcome: 'allowed' }])
  })

  it('and nowhere else', async () => {
    const { vault } = await testVault({ a: 'x' })
    const types = await appendedBy(vault, async () => {
      await (await vault.asOf({ position: 2 })).list()
      await vault.replay(secrets)
      const following = vault.audit.follow()
      await following.next()
      await following.return()
    })
    expect(types).toEqual([])
  })
})

/** What each look at the log was recorded with. */
async function readFilters(vault: Vault): Promise<unknown[]> {
  const events = await eventsOf(vault, { type: 'audit.read' })
  return events.map((event) => ('filter' in event.data ? event.data.filter : undefined))
}
