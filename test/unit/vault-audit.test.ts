import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { matches, parsePattern } from '../../src/events/pattern.ts'
import type { AuditEvent, AuditQuery, Vault } from '../../src/index.ts'
import { testVault } from '../../src/testing.ts'
import { eventsOf } from '../fixtures/events.ts'

async function withHistory() {
  const made = await testVault()
  const { vault, clock } = made
  for (const [i, path] of ['prod/db/password', 'prod/db/user', 'prod/api', 'test/api'].entries()) {
    clock.advance(1000)
    await vault.write(path, `value ${i}`, { actor: i % 2 ? 'user/ana' : 'svc/deploy' })
    await vault.read(path, { actor: 'svc/billing' })
    await vault.read(`${path}/none`, { actor: 'user/eve' }).catch(() => undefined)
  }
  return made
}

/** The same query, by looking at every event. */
async function slowly(vault: Vault, query: AuditQuery): Promise<AuditEvent[]> {
  const { subject, actor, type, outcome } = query
  const isDenied = (event: AuditEvent) =>
    ['secret.denied', 'auth.failed', 'secret.rotation_failed'].includes(event.type)
  const time = (date: Date | string) => new Date(date).getTime()
  const events = (await eventsOf(vault)).filter(
    (event) =>
      (subject === undefined || matches(parsePattern(subject), event.subject)) &&
      (actor === undefined || matches(parsePattern(actor), event.actor)) &&
      (type === undefined || [type].flat().includes(event.type)) &&
      (outcome === undefined || isDenied(event) === (outcome === 'denied')) &&
      (query.from === undefined || event.time >= time(query.from)) &&
      (query.to === undefined || event.time <= time(query.to)),
  )
  return query.order === 'newest' ? events.reverse() : events
}

describe('an audit query', () => {
  it('finds what a look at every event finds, in both orders and any pages', async () => {
    const { vault, clock } = await withHistory()
    const patterns = [
      '**',
      'prod/**',
      'prod/*',
      'prod/db/password',
      '*/db/*',
      'none',
      'prod/*/user',
    ]
    const actors = ['**', 'svc/*', 'user/ana', 'svc/billing', 'nobody']
    const maybe = <T>(...values: T[]) => fc.option(fc.constantFrom(...values), { nil: undefined })
    const times = maybe(...[-9000, -2000, -1000, 0].map((ms) => new Date(clock.now() + ms)))
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          subject: maybe(...patterns),
          actor: maybe(...actors),
          type: maybe<AuditQuery['type'] & (string | readonly string[])>(
            'secret.written',
            ['secret.accessed', 'secret.denied'],
            'vault.opened',
          ),
          outcome: maybe<'allowed' | 'denied'>('allowed', 'denied'),
          from: times,
          to: times,
          order: maybe<'oldest' | 'newest'>('oldest', 'newest'),
          limit: maybe(1, 3, 100),
        }),
        async (given) => {
          const query = Object.fromEntries(
            Object.entries(given).filter(([, value]) => value !== undefined),
          ) as AuditQuery
          const { limit, ...unlimited } = query
          const found = await eventsOf(vault, { ...unlimited, ...(limit && { limit }) })
          const wanted = await slowly(vault, unlimited)
          expect(found.map(({ position }) => position)).toEqual(
            wanted.map(({ position }) => position),
          )
        },
      ),
      { numRuns: 200 },
    )
  })

  it('is CLOSED, and no forgery, where the vault is closed between two pages', async () => {
    const { vault } = await testVault()
    await Promise.all(Array.from({ length: 500 }, (_, n) => vault.write(`a/${n}`, 'x')))
    const pages = vault.audit.query({ limit: 1 })
    await pages.next()
    await vault.close()
    const drained = async () => {
      for await (const _ of pages);
    }
    await expect(drained()).rejects.toMatchObject({ code: 'CLOSED' })
  })

  it('goes on from the page before, whatever was appended since', async () => {
    const { vault } = await withHistory()
    const query: AuditQuery = { subject: 'prod/**', limit: 3 }
    const seen: number[] = []
    for (let after: number | undefined; ; ) {
      const page = (
        await vault.audit.query({ ...query, ...(after !== undefined && { after }) }).next()
      ).value
      if (!page) break
      seen.push(...page.events.map(({ position }) => position))
      await vault.read('prod/api')
      after = page.next
      if (after === undefined || seen.length > 20) break
    }
    const all = (await eventsOf(vault, { subject: 'prod/**' })).map(({ position }) => position)
    expect(seen).toEqual(all.slice(0, seen.length))
    expect(seen.length).toBeGreaterThan(9)
  })

  it('shows plain JSON: bytes in hex, and no box', async () => {
    const { vault } = await testVault({ a: 'x' })
    const [event] = await eventsOf(vault, { type: 'secret.written' })
    expect(event).toEqual(JSON.parse(JSON.stringify(event)))
    expect(event?.data).not.toHaveProperty('box')
    expect(event).toMatchObject({ data: { keyId: expect.stringMatching(/^[0-9a-f]{64}$/) } })
  })

  it.each<[string, AuditQuery]>([
    ['by no term', { subject: '*/none' }],
    ['by a term that everything has', { subject: 'a/*/none' }],
    ['from the newest on', { subject: '*/none', order: 'newest' }],
  ])(
    'that looks at everything %s lets others go first, and ends when it is aborted',
    async (_, query) => {
      const { vault } = await testVault({ 'a/b': 'x' })
      await Promise.all(Array.from({ length: 12_000 }, () => vault.read('a/b')))
      const abort = new AbortController()
      const { signal } = abort
      const looking = vault.audit.query({ ...query, signal }).next()
      let ended = false
      const over = looking.then(
        () => expect.fail('it was not aborted'),
        (error: unknown) => {
          ended = true
          return error
        },
      )
      await new Promise((resolve) => setImmediate(resolve))
      expect(ended).toBe(false)
      abort.abort()
      expect(await over).toMatchObject({ code: 'ABORTED', message: 'the caller aborted' })
      await expect(vault.audit.query({ ...query, signal }).next()).rejects.toMatchObject({
        code: 'ABORTED',
      })
      expect(await eventsOf(vault, query)).toEqual([])
    },
  )

  it('resolves dates across a corrected clock', async () => {
    const { vault, clock } = await testVault()
    await vault.write('early', 'x')
    const wrong = clock.now() + 10 * 24 * 3600 * 1000
    clock.jump(10 * 24 * 3600 * 1000)
    await expect(vault.write('a', 'x')).rejects.toMatchObject({ code: 'CLOCK' })
    await vault.acceptClock({ reason: 'believed it' })
    await vault.write('wrong', 'x')
    clock.jump(-10 * 24 * 3600 * 1000)
    await expect(vault.write('b', 'x')).rejects.toMatchObject({ code: 'CLOCK' })
    await vault.acceptClock({ reason: 'set right' })
    clock.advance(1000)
    await vault.write('right', 'x')
    const until = async (to: Date) =>
      (await eventsOf(vault, { type: 'secret.written', to })).map(({ subject }) => subject)
    expect(await until(new Date(clock.now()))).toEqual(['early', 'wrong', 'right'])
    expect(await until(new Date(wrong))).toEqual(['early', 'wrong', 'right'])
    expect(
      (await eventsOf(vault, { type: 'clock.corrected' })).map(({ context }) => context.reason),
    ).toEqual(['believed it', 'set right'])
  })
})

describe('following the audit trail', () => {
  it('gives what is there, then what comes, and goes on after a position', async () => {
    const { vault } = await testVault({ a: 'x' })
    const following = vault.audit.follow({ subject: 'a' })
    expect((await following.next()).value?.type).toBe('secret.written')
    const next = following.next()
    await vault.read('other').catch(() => undefined)
    await vault.read('a')
    const accessed = (await next).value
    expect(accessed?.type).toBe('secret.accessed')
    await vault.rotate('a', 'y')
    const later = vault.audit.follow({ after: accessed?.position ?? 0, subject: 'a' })
    expect((await later.next()).value?.type).toBe('secret.rotated')
    await vault.close()
    expect(await later.next()).toEqual({ done: true, value: undefined })
  })

  it('is refused behind an event that the log does not hold', async () => {
    const { vault } = await testVault({ a: 'x' })
    const { position } = await vault.write('a', 'y')
    const following = vault.audit.follow({ after: position + 1 })
    await expect(following.next()).rejects.toMatchObject({
      code: 'INVALID',
      message: `after: the log holds ${position + 1} events, none at position ${position + 1}`,
      expected: position,
      found: position + 1,
    })
  })

  it('misses nothing across a reopen', async () => {
    const { vault } = await testVault({ a: 'x' })
    const positions: number[] = []
    const abort = new AbortController()
    const following = (async () => {
      for await (const event of vault.audit.follow({ signal: abort.signal }))
        positions.push(event.position)
    })()
    for (let i = 0; i < 5; i++) {
      await vault.read('a')
      await vault.reopen()
    }
    const { size } = await vault.health()
    await expect.poll(() => positions.length).toBe(size)
    abort.abort()
    await expect(following).rejects.toMatchObject({ code: 'ABORTED' })
    expect(positions).toEqual(Array.from({ length: size }, (_, i) => i))
  })
})
