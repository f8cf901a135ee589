import { describe, expect, it } from 'vitest'
import { generate, memoryStore, type Vault, VaultError } from '../../src/index.ts'
import { testVault } from '../../src/testing.ts'
import { appendedBy, eventsOf } from '../fixtures/events.ts'

async function withSecret() {
  const made = await testVault({ 'prod/db/password': 'hunter2' })
  return { ...made, path: 'prod/db/password' }
}

/** The error that a call rejects with. */
async function refused(call: Promise<unknown>): Promise<VaultError> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (error instanceof VaultError) return error
  throw new Error('expected a VaultError', { cause: error })
}

describe('every operation is an event', () => {
  const path = 'prod/db/password'
  const cases: readonly [string, (vault: Vault) => Promise<unknown>, readonly string[]][] = [
    ['write', (v) => v.write(path, 'x'), ['secret.written']],
    ['write of a new path', (v) => v.write('a', 'x'), ['secret.written']],
    ['read', (v) => v.read(path), ['secret.accessed']],
    ['read of a version', (v) => v.read(path, { version: 1 }), ['secret.accessed']],
    ['read of nothing', (v) => v.read('none'), ['secret.denied']],
    ['read of no such version', (v) => v.read(path, { version: 9 }), ['secret.denied']],
    ['rotate', (v) => v.rotate(path, 'x'), ['secret.rotated']],
    ['rotate by a generator', (v) => v.rotate(path, generate.hex()), ['secret.rotated']],
    ['rotate of nothing', (v) => v.rotate('none', 'x'), ['secret.denied']],
    [
      'rotate by a function that fails',
      (v) => v.rotate(path, () => Promise.reject(new Error('no entropy'))),
      ['secret.rotation_failed'],
    ],
    [
      'rotate by a function that makes no value',
      (v) => v.rotate(path, () => 7 as never),
      ['secret.rotation_failed'],
    ],
    ['annotate', (v) => v.annotate(path, { owner: 'team' }), ['secret.annotated']],
    ['annotate of nothing', (v) => v.annotate('none', { owner: 'team' }), ['secret.denied']],
    ['delete', (v) => v.delete(path), ['secret.deleted']],
    ['delete of nothing', (v) => v.delete('none'), ['secret.denied']],
    ['restore of what is live', (v) => v.restore(path), []],
    ['destroy', (v) => v.destroy(path, { versions: [1] }), ['secret.destroyed']],
    ['destroy of no such version', (v) => v.destroy(path, { versions: [2] }), ['secret.denied']],
    ['purge', (v) => v.purge(path), ['secret.destroyed', 'secret.purged']],
    ['purge of nothing', (v) => v.purge('none'), ['secret.denied']],
    ['exists', (v) => v.exists(path), []],
    ['list', (v) => v.list('prod/'), []],
    ['describe', (v) => v.describe(path), []],
    ['history', (v) => v.history(path), []],
    ['a compare-and-set that lost', (v) => v.write(path, 'x', { ifVersion: 7 }), []],
    ['bad arguments', (v) => v.write('a//b', 'x'), []],
    ['an audit query', (v) => eventsOf(v), []],
  ]
  it.each(cases)('%s', async (_, work, types) => {
    const { vault } = await withSecret()
    expect(await appendedBy(vault, () => work(vault))).toEqual(types)
    await vault.close()
  })

  it('records inspections where the vault is told to', async () => {
    const { vault } = await testVault({ a: 'x' }, { inspections: true })
    const types = await appendedBy(vault, async () => {
      await vault.exists('a')
      await vault.list()
      await vault.describe('a')
      await vault.history('a')
      await vault.describe('none').catch(() => undefined)
    })
    expect(types).toEqual([...Array(4).fill('secret.inspected'), 'secret.denied', 'audit.read'])
  })

  it('records openings, closings and what the caller said of itself', async () => {
    const store = memoryStore()
    const { vault } = await testVault({ a: 'x' }, { store })
    await vault.read('a', {
      actor: 'user/ana',
      reason: 'on call',
      source: '10.0.0.7',
      correlationId: 'c1',
      causationId: 'c0',
      traceId: 't1',
    })
    const [event] = await eventsOf(vault, { type: 'secret.accessed' })
    expect(event).toMatchObject({
      actor: 'user/ana',
      subject: 'a',
      context: {
        reason: 'on call',
        source: '10.0.0.7',
        correlationId: 'c1',
        causationId: 'c0',
        traceId: 't1',
        auth: { method: 'claimed' },
      },
      data: { operation: 'read', version: 1 },
    })
    await vault.reopen()
    const types = (await eventsOf(vault)).map(({ type }) => type)
    expect(types).toEqual([
      'vault.created',
      'vault.opened',
      'secret.written',
      'secret.accessed',
      'vault.closed',
      'vault.opened',
    ])
    await vault.close()
  })
})

describe('a value', () => {
  it('comes back as it was written: text, bytes, fields', async () => {
    const { vault } = await testVault()
    await vault.write('text', 'pässwörd\n')
    await vault.write('bytes', Buffer.from([0, 255, 7]))
    await vault.write('fields', { user: 'app', port: 5432, nested: { list: [1, null, true] } })
    expect((await vault.read('text')).text()).toBe('pässwörd\n')
    expect([...(await vault.read('bytes')).bytes()]).toEqual([0, 255, 7])
    expect((await vault.read('fields')).fields()).toEqual({
      user: 'app',
      port: 5432,
      nested: { list: [1, null, true] },
    })
  })

  it('is the one that was given, whatever the caller does to its own copy afterwards', async () => {
    const { vault } = await testVault()
    const bytes = Buffer.from('before')
    const fields = { user: 'before' }
    const writing = Promise.all([vault.write('bytes', bytes), vault.write('fields', fields)])
    bytes.fill(0)
    fields.user = 'after'
    await writing
    expect((await vault.read('bytes')).text()).toBe('before')
    expect((await vault.read('fields')).fields()).toEqual({ user: 'before' })
    const again = { user: 'before' }
    const rewriting = vault.write('fields', again)
    again.user = 'after'
    expect((await rewriting).changed).toBe(false)
  })

  it('stays readable by its version after newer ones', async () => {
    const { vault, path } = await withSecret()
    for (const value of ['two', 'three', 'four']) await vault.rotate(path, value)
    const values = await Promise.all(
      [1, 2, 3, 4].map(async (version) => (await vault.read(path, { version })).text()),
    )
    expect(values).toEqual(['hunter2', 'two', 'three', 'four'])
  })

  it('is read without a cache too', async () => {
    const { vault, path } = await withSecret()
    await vault.read(path)
    await vault.rotate(path, 'two')
    expect((await vault.read(path)).text()).toBe('two')
    await vault.destroy(path, { versions: [2] })
    expect((await refused(vault.read(path))).code).toBe('DESTROYED')
  })
})

describe('a version', () => {
  it('counts from 1 without gaps, and again after a purge', async () => {
    const { vault, path } = await withSecret()
    expect((await vault.write(path, 'b')).version).toBe(2)
    expect((await vault.rotate(path, 'c')).version).toBe(3)
    await vault.delete(path)
    expect((await vault.write(path, 'd')).version).toBe(4)
    await vault.purge(path)
    expect(await vault.exists(path)).toBe(false)
    expect((await vault.write(path, 'e')).version).toBe(1)
  })

  it('is refused once deleted, readable once restored, gone once destroyed', async () => {
    const { vault, path } = await withSecret()
    expect(await vault.delete(path)).toMatchObject({ path, versions: [1] })
    expect(await refused(vault.read(path))).toMatchObject({
      code: 'DELETED',
      message: `version 1 of ${path} is deleted; restore it to read it`,
    })
    expect(await vault.exists(path)).toBe(false)
    expect((await vault.restore(path)).versions).toEqual([1])
    expect((await vault.read(path)).text()).toBe('hunter2')
    expect((await vault.destroy(path, { versions: [1] })).versions).toEqual([1])
    expect((await refused(vault.read(path))).code).toBe('DESTROYED')
    expect((await refused(vault.restore(path))).code).toBe('DESTROYED')
    expect((await vault.destroy(path, { versions: [1] })).versions).toEqual([])
  })

  it('is destroyed, key and all, when maxVersions pushes it out', async () => {
    const { vault, path } = await withSecret()
    await vault.annotate(path, { maxVersions: 2 })
    await vault.rotate(path, 'two')
    const types = await appendedBy(vault, () => vault.rotate(path, 'three'))
    expect(types).toEqual(['secret.rotated', 'secret.destroyed'])
    expect((await refused(vault.read(path, { version: 1 }))).code).toBe('DESTROYED')
    const states = (await vault.history(path)).map(({ version, state }) => [version, state])
    expect(states).toEqual([
      [3, 'live'],
      [2, 'live'],
      [1, 'destroyed'],
    ])
  })

  it('is written only at the version that the caller expects', async () => {
    const { vault, path } = await withSecret()
    expect(await refused(vault.write(path, 'x', { ifVersion: 0 }))).toMatchObject({
      code: 'CONFLICT',
      expected: 0,
      found: 1,
      retry: 'now',
      message: `${path} is at version 1, not 0`,
    })
    await vault.write(path, 'x', { ifVersion: 1, casRequired: true })
    expect((await refused(vault.write(path, 'y'))).message).toMatch(/requires ifVersion/)
    const results = await Promise.allSettled(
      ['p', 'q', 'r'].map((value) => vault.write(path, value, { ifVersion: 2 })),
    )
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  })
})

describe('dates', () => {
  it('refuse a value before and after its time, and say when', async () => {
    const { vault, clock } = await testVault()
    const now = clock.now()
    await vault.write('a', 'x', {
      notBefore: new Date(now + 1000),
      expiresAt: new Date(now + 2000).toISOString(),
    })
    expect((await refused(vault.read('a'))).code).toBe('NOT_YET_VALID')
    clock.advance(1000)
    expect((await vault.read('a')).text()).toBe('x')
    clock.advance(1000)
    const error = await refused(vault.read('a'))
    expect(error.code).toBe('EXPIRED')
    expect(error.message).toContain(new Date(now + 2000).toISOString())
    expect((await refused(vault.read('a', { allowExpired: true }))).message).toBe(
      'allowExpired needs a reason',
    )
    await vault.read('a', { allowExpired: true, reason: 'forensics' })
    const [event] = (await eventsOf(vault, { type: 'secret.accessed' })).slice(-1)
    expect(event).toMatchObject({ data: { allowExpired: true }, context: { reason: 'forensics' } })
  })

  it('of an earlier value do not silently make a new one unreadable', async () => {
    const { vault, clock } = await testVault()
    await vault.write('a', 'x', { expiresAt: new Date(clock.now() + 1000) })
    clock.advance(2000)
    expect((await refused(vault.rotate('a', 'y'))).message).toMatch(/has passed: give a new one/)
    await vault.rotate('a', 'y', { expiresAt: null })
    expect((await vault.describe('a')).expiresAt).toBeUndefined()
  })
})

describe('metadata', () => {
  it('is kept until it is changed or taken away, and comes back from its own JSON', async () => {
    const { vault, clock } = await testVault()
    await vault.write('a', 'x', {
      type: 'api_key',
      description: 'for mail',
      owner: 'team/pay',
      tags: { team: 'pay' },
      rotateEvery: 1000,
      maxVersions: 5,
      expiresAt: new Date(clock.now() + 5000),
    })
    clock.advance(10)
    await vault.rotate('a', 'y')
    await vault.rotate('a', 'y')
    await vault.read('a')
    const info = await vault.describe('a')
    expect(info).toMatchObject({
      path: 'a',
      type: 'api_key',
      version: 3,
      rotationCount: 2,
      accessCount: 1,
      lastAccessedAt: new Date(clock.now()),
      tags: { team: 'pay' },
      owner: 'team/pay',
      maxVersions: 5,
    })
    const copy = JSON.parse(JSON.stringify(info))
    await vault.write('b', 'x', { expiresAt: copy.expiresAt, tags: copy.tags, type: copy.type })
    expect((await vault.describe('b')).expiresAt).toEqual(info.expiresAt)
    await vault.annotate('a', { tags: null, owner: null, maxVersions: null })
    const after = await vault.describe('a')
    expect(after.tags).toEqual({})
    expect(after.owner).toBeUndefined()
    expect(after.maxVersions).toBeUndefined()
  })

  it('tells the age of the value, whatever else was done to the secret', async () => {
    const { vault, clock } = await testVault({ a: 'x' })
    const first = clock.now()
    clock.advance(1000)
    expect((await vault.rotate('a', 'x')).changed).toBe(false)
    await vault.annotate('a', { owner: 'o' })
    expect((await vault.describe('a')).valueChangedAt).toEqual(new Date(first))
    clock.advance(1000)
    expect((await vault.rotate('a', 'z')).changed).toBe(true)
    expect((await vault.describe('a')).valueChangedAt).toEqual(new Date(clock.now()))
  })

  it('lists in pages, in order, under a prefix', async () => {
    const paths = ['b/1', 'a/2', 'a/1', 'a/3', 'ab', 'c']
    const { vault } = await testVault(Object.fromEntries(paths.map((path) => [path, 'x'])))
    const first = await vault.list('a/', { limit: 2 })
    expect(first.items.map(({ path }) => path)).toEqual(['a/1', 'a/2'])
    const rest = await vault.list('a/', { limit: 2, after: first.next ?? '' })
    expect(rest.items.map(({ path }) => path)).toEqual(['a/3'])
    expect(rest.next).toBeUndefined()
    await vault.purge('a/2')
    expect((await vault.list()).items.map(({ path }) => path)).toEqual([
      'a/1',
      'a/3',
      'ab',
      'b/1',
      'c',
    ])
    const empty = await testVault()
    expect((await empty.vault.list()).items).toEqual([])
  })
})

describe('bad input', () => {
  const big = 'x'.repeat(1024 * 1024 + 1)
  const cases: readonly [string, (vault: Vault) => Promise<unknown>, string, RegExp][] = [
    ['an empty path', (v) => v.read(''), 'INVALID', /path/],
    ['a path with an empty segment', (v) => v.write('a//b', 'x'), 'INVALID', /path/],
    ['a dot segment', (v) => v.write('a/../b', 'x'), 'INVALID', /path/],
    ['a path that is too long', (v) => v.write('a/'.repeat(300), 'x'), 'TOO_LARGE', /512/],
    ['a value that is too large', (v) => v.write('a', big), 'TOO_LARGE', /1048576/],
    ['no value', (v) => v.write('a', undefined as never), 'INVALID', /value/],
    ['a number for a value', (v) => v.write('a', 7 as never), 'INVALID', /value/],
    ['an unknown type', (v) => v.write('a', 'x', { type: 'token' as never }), 'INVALID', /type/],
    [
      'a date without a zone',
      (v) => v.write('a', 'x', { expiresAt: '2026-01-01T00:00' }),
      'INVALID',
      /expiresAt/,
    ],
    [
      'too many tags',
      (v) =>
        v.write('a', 'x', {
          tags: Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`t${i}`, ''])),
        }),
      'TOO_LARGE',
      /64/,
    ],
    [
      'a tag that is no string',
      (v) => v.write('a', 'x', { tags: { t: 1 as never } }),
      'INVALID',
      /tags/,
    ],
    [
      'dates in the wrong order',
      (v) => v.write('a', 'x', { notBefore: '2027-01-01', expiresAt: '2026-06-01' }),
      'INVALID',
      /notBefore/,
    ],
    ['a broken ifVersion', (v) => v.write('a', 'x', { ifVersion: -1 }), 'INVALID', /ifVersion/],
    ['a broken version', (v) => v.read('a', { version: 0 }), 'INVALID', /version/],
    ['no versions to destroy', (v) => v.destroy('a', { versions: [] }), 'INVALID', /versions/],
    ['a broken timeout', (v) => v.read('a', { timeout: 0 }), 'INVALID', /timeout/],
    ['a broken actor', (v) => v.read('a', { actor: 'a*' }), 'INVALID', /actor/],
    [
      'a reason that is too long',
      (v) => v.read('a', { reason: 'x'.repeat(2049) }),
      'TOO_LARGE',
      /reason/,
    ],
    ['nothing to annotate', (v) => v.annotate('a', {}), 'INVALID', /annotate/],
    ['a broken limit', (v) => v.list('', { limit: 0 }), 'INVALID', /limit/],
    ['a broken pattern', (v) => eventsOf(v, { subject: 'a*' }), 'INVALID', /subject/],
    ['an unknown event type', (v) => eventsOf(v, { type: 'x' as never }), 'INVALID', /type/],
    [
      'an unknown trigger',
      (v) => v.rotate('a', 'x', { trigger: 'x' as never }),
      'INVALID',
      /trigger/,
    ],
    ['an id that is none', (v) => v.outcome('x'), 'INVALID', /id/],
  ]
  it.each(cases)('is refused and named: %s', async (_, work, code, message) => {
    const { vault } = await testVault()
    const { size } = await vault.health()
    const error = await refused(work(vault))
    expect(error.code).toBe(code)
    expect(error.message).toMatch(message)
    expect((await vault.health()).size).toBe(size)
  })
})
