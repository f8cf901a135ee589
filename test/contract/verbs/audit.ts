import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { AuditEvent } from '../../../src/index.ts'
import type { OpenSubject, Subject } from './subject.ts'

/** The audit trail, and what became of a change. */
export function auditVerbs(open: OpenSubject): void {
  describe('the audit trail', () => {
    let subject: Subject
    let stop: AbortController
    beforeEach(async () => {
      stop = new AbortController()
      subject = await open()
    })
    afterEach(async () => {
      stop.abort()
      await subject.close()
    })

    it('gives pages of one log, whatever comes to it meanwhile', async () => {
      const { vault, host } = subject
      for (let i = 0; i < 5; i++) await host.write('a', String(i))
      const pages = vault.audit.query({ subject: 'a', type: 'secret.written', limit: 2 })
      const first = await pages.next()
      await host.write('a', 'later')
      const rest = []
      for await (const page of pages) rest.push(page)
      const all = [first.value, ...rest].map((page) => page?.events.map(versionOf))
      expect(all).toEqual([[1, 2], [3, 4], [5]])
      expect(first.value).toMatchObject({ next: first.value?.events[1]?.position })
      expect(rest.map(({ size }) => size)).toEqual([first.value?.size, first.value?.size])
      expect(rest.at(-1)).not.toHaveProperty('next')
    })

    it('gives the newest first, and those of a time', async () => {
      const { vault, host, clock } = subject
      await host.write('a', '1')
      clock.advance(60_000)
      const from = new Date(clock.now())
      await host.write('a', '2')
      await host.write('b', '1')
      clock.advance(60_000)
      await host.write('a', '3')
      const found = await eventsOf(vault.audit.query({ type: ['secret.written'], order: 'newest' }))
      expect(found.map(({ subject }) => subject)).toEqual(['a', 'b', 'a', 'a'])
      const dated = { from, to: from.toISOString(), outcome: 'allowed', subject: '**' } as const
      expect((await eventsOf(vault.audit.query(dated))).map(({ subject }) => subject)).toEqual([
        'a',
        'b',
      ])
    })

    it('has on record why it is looked at', async () => {
      const { vault, host } = subject
      const why = { reason: 'quarterly review', causationId: 'ticket 3' }
      await eventsOf(vault.audit.query({ actor: 'user/bob', ...why }))
      const following = vault.audit.follow({ ...why, reason: 'on call', signal: stop.signal })
      await following.next()
      await following.return()
      const looks = await eventsOf(host.audit.query({ type: 'audit.read' }))
      expect(looks.map(({ context }) => context)).toMatchObject([
        why,
        { ...why, reason: 'on call' },
      ])
      expect(looks[0]?.data).toEqual({ filter: { actor: 'user/bob' } })
    })

    it('gives no page where nothing matches', async () => {
      expect(await eventsOf(subject.vault.audit.query({ subject: 'nowhere' }))).toEqual([])
    })

    it('shows an event as the host sees it', async () => {
      const { vault, host } = subject
      await host.write('a', new Uint8Array([1, 2]), { tags: { team: 'pay' } })
      const query = { subject: 'a', type: 'secret.written' } as const
      const found = await eventsOf(vault.audit.query(query))
      expect(found).toHaveLength(1)
      expect(found).toEqual(await eventsOf(host.audit.query(query)))
    })

    it('puts a look on record as what it is about', async () => {
      const { vault, host } = subject
      await eventsOf(vault.audit.query({ subject: 'a/**', type: 'secret.denied' }))
      await vault.audit
        .follow({ subject: 'b', after: 0, signal: AbortSignal.timeout(60_000) })
        .return()
      const looks = await eventsOf(host.audit.query({ type: 'audit.read' }))
      expect(looks.map(({ data }) => data)).toEqual([
        { filter: { subject: 'a/**', type: 'secret.denied' } },
      ])
    })

    it('follows from a position on: what was, then what comes, each once', async () => {
      const { vault, host } = subject
      await host.write('a', '1')
      const { position } = await host.write('a', '2')
      await host.write('b', '1')
      await host.write('a', '3')
      const following = vault.audit.follow({
        subject: 'a',
        after: position - 1,
        signal: stop.signal,
      })
      const versions = [await next(following), await next(following)].map(versionOf)
      const coming = next(following)
      await host.write('b', '2')
      await host.write('a', '4')
      expect([...versions, versionOf(await coming)]).toEqual([2, 3, 4])
    })

    it('tells that it has begun, and up to where all was given', async () => {
      const { vault, host } = subject
      const { position } = await host.write('a', '1')
      const told: string[] = []
      const caughtUp = new Promise<number>((resolve) => {
        const following = vault.audit.follow({
          subject: 'nowhere',
          signal: stop.signal,
          onBegin: () => told.push('begun'),
          onCaughtUp: (at) => {
            told.push('caught up')
            resolve(at)
          },
        })
        following.next().catch(() => undefined)
      })
      expect(await caughtUp).toBeGreaterThanOrEqual(position)
      expect(told).toEqual(['begun', 'caught up'])
    })

    it('ends a follower whose token is revoked, though nothing comes that it waits for', async () => {
      const { vault, host } = subject
      const following = vault.audit.follow({
        subject: 'nowhere',
        signal: stop.signal,
        onCaughtUp: () => void revokeAll(subject),
      })
      await expect(following.next()).rejects.toMatchObject({ name: 'VaultError', code: 'DENIED' })
      const denied = await eventsOf(host.audit.query({ type: 'secret.denied' }))
      expect(denied.at(-1)).toMatchObject({ actor: 'svc/contract', data: { operation: 'audit' } })
    })

    it('ends a follower with the vault', async () => {
      const { vault, host } = subject
      let ended: Promise<IteratorResult<AuditEvent, void>> | undefined
      const caughtUp = new Promise<void>((resolve) => {
        const following = vault.audit.follow({ subject: 'nowhere', onCaughtUp: () => resolve() })
        ended = following.next()
      })
      await caughtUp
      await host.close()
      expect(await ended).toEqual({ done: true, value: undefined })
    })

    it('gives a follower up when its caller does', async () => {
      const following = subject.vault.audit.follow({ subject: 'nowhere', signal: stop.signal })
      const waiting = following.next()
      stop.abort(new Error('enough'))
      await expect(waiting).rejects.toMatchObject({ code: 'ABORTED' })
    })

    it.each([
      ['a type that there is none of', { type: 'secret.lost' as 'secret.written' }],
      ['a position that is none', { after: -1 }],
      ['a pattern that is none', { subject: 'a//b' }],
    ])('refuses %s', async (_, query) => {
      const { audit } = subject.vault
      await expect(eventsOf(audit.query(query))).rejects.toMatchObject({ code: 'INVALID' })
      const following = async () => audit.follow({ ...query, signal: stop.signal }).next()
      await expect(following()).rejects.toMatchObject({ code: 'INVALID' })
    })

    it('tells what became of a change, by the id of its event', async () => {
      const { vault, host } = subject
      const written = await vault.write('a', '1')
      expect(await vault.outcome(written.id)).toMatchObject({
        position: written.position,
        type: 'secret.written',
        subject: 'a',
      })
      const never = '01a22515-840d-7096-814c-b2f766e05823'
      expect(await vault.outcome(never)).toBeUndefined()
      await expect(vault.outcome('nonsense')).rejects.toMatchObject({ code: 'INVALID' })
      expect((await eventsOf(host.audit.query({ type: 'audit.read' }))).length).toBe(2)
    })
  })
}

async function revokeAll({ host }: Subject): Promise<void> {
  for (const { accessor } of await host.tokens.list()) await host.tokens.revoke(accessor)
}

async function next(following: AsyncGenerator<AuditEvent, void, void>): Promise<AuditEvent> {
  const { value } = await following.next()
  if (value === undefined) throw new Error('it has ended')
  return value
}

function versionOf(event: AuditEvent): number | undefined {
  return event.type === 'secret.written' ? event.data.version : undefined
}

async function eventsOf(
  pages: AsyncGenerator<{ readonly events: readonly AuditEvent[] }, void, void>,
): Promise<AuditEvent[]> {
  const events: AuditEvent[] = []
  for await (const page of pages) events.push(...page.events)
  return events
}
