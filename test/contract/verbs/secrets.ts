import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { eventId } from '../../../src/client.ts'
import { generate } from '../../../src/index.ts'
import { eventsOf } from '../../fixtures/events.ts'
import type { OpenSubject, Subject } from './subject.ts'

/** The verbs of secrets. */
export function secretVerbs(open: OpenSubject): void {
  describe('secrets', () => {
    let subject: Subject
    beforeEach(async () => {
      subject = await open()
    })
    afterEach(() => subject.close())

    it.each([
      ['text', 'hunter2 ünïcode'],
      ['an empty text', ''],
      ['fields', { user: 'app', ports: [1, 2], nested: { on: true, none: null } }],
    ])('gives %s back as it was written', async (_, value) => {
      const { vault } = subject
      await vault.write('prod/db/password', value)
      const secret = await vault.read('prod/db/password')
      const given = secret.kind === 'fields' ? secret.fields() : secret.text()
      expect(given).toEqual(value)
    })

    it('gives bytes back as they were written', async () => {
      const bytes = Uint8Array.from({ length: 70_000 }, (_, i) => i % 251)
      await subject.vault.write('a', bytes)
      const secret = await subject.vault.read('a')
      expect(secret.kind).toBe('bytes')
      expect(new Uint8Array(secret.bytes())).toEqual(bytes)
    })

    it('tells of a write where it stands, and of the next one whether it changed anything', async () => {
      const { vault } = subject
      const first = await vault.write('a/b', 'x', { tags: { team: 'pay' } })
      const second = await vault.write('a/b', 'x')
      expect(first).toMatchObject({ path: 'a/b', version: 1, changed: true })
      expect(second).toMatchObject({ version: 2, changed: false })
      expect(second.position).toBeGreaterThan(first.position)
    })

    it('describes a secret with dates', async () => {
      const { vault, clock } = subject
      const expiresAt = new Date(clock.now() + 3_600_000)
      await vault.write('a', 'x', {
        type: 'api_key',
        expiresAt,
        owner: 'team/pay',
        tags: { a: 'b' },
      })
      const info = await vault.describe('a')
      expect(info).toMatchObject({ path: 'a', type: 'api_key', owner: 'team/pay', expiresAt })
      expect(info.createdAt).toBeInstanceOf(Date)
      expect(info.tags).toEqual({ a: 'b' })
    })

    it('lists in pages, each from where the one before ends', async () => {
      const { vault } = subject
      for (const name of ['p/1', 'p/2', 'p/3', 'q/1']) await vault.write(name, 'x')
      const first = await vault.list('p/', { limit: 2 })
      expect(first.items.map(({ path }) => path)).toEqual(['p/1', 'p/2'])
      expect(first.next).toBe('p/2')
      const last = await vault.list('p/', { limit: 2, after: first.next ?? '' })
      expect(last.items.map(({ path }) => path)).toEqual(['p/3'])
      expect(last.next).toBeUndefined()
    })

    it('rotates to what a generator makes, and counts it', async () => {
      const { vault } = subject
      await vault.write('a', 'x')
      const rotated = await vault.rotate('a', generate.password({ length: 40 }), {
        trigger: 'compromise',
      })
      expect(rotated).toMatchObject({ version: 2, rotationCount: 1, changed: true })
      expect((await vault.read('a')).text()).toHaveLength(40)
      expect((await vault.history('a')).map(({ origin }) => origin)).toEqual([
        'compromise',
        'written',
      ])
    })

    it('deletes, restores, destroys and purges versions', async () => {
      const { vault } = subject
      await vault.write('a', '1')
      await vault.write('a', '2')
      expect(await vault.delete('a')).toMatchObject({ path: 'a', versions: [2] })
      expect(await vault.exists('a')).toBe(false)
      expect(await vault.restore('a', { versions: [2] })).toMatchObject({ versions: [2] })
      expect(await vault.destroy('a', { versions: [1] })).toMatchObject({ versions: [1] })
      await expect(vault.read('a', { version: 1 })).rejects.toMatchObject({
        code: 'DESTROYED',
        path: 'a',
        message: 'version 1 of a is destroyed: its key is gone',
      })
      expect((await vault.purge('a')).versions).toContain(2)
      await expect(vault.describe('a')).rejects.toMatchObject({ code: 'NOT_FOUND', path: 'a' })
    })

    it('looks at what was', async () => {
      const { vault } = subject
      const { position } = await vault.write('a', 'old')
      await vault.write('a', 'new')
      const then = await vault.asOf({ position })
      expect(then.position).toBe(position)
      expect((await then.describe('a')).version).toBe(1)
      expect((await then.read('a')).text()).toBe('old')
      expect((await then.list()).items).toHaveLength(1)
    })

    it('has on record why it looked at what was', async () => {
      const { vault, host } = subject
      const { position } = await vault.write('a', 'old')
      await vault.asOf({ position }, { reason: 'incident 12', causationId: 'ticket 3' })
      const [look] = await eventsOf(host, { type: 'secret.inspected' })
      expect(look?.context).toMatchObject({ reason: 'incident 12', causationId: 'ticket 3' })
    })

    it.each([
      ['a path that is none', { path: 'a//b', code: 'INVALID' }],
      ['a secret that is not there', { path: 'nowhere', code: 'NOT_FOUND' }],
    ])('refuses %s by its code', async (_, { path, code }) => {
      await expect(subject.vault.read(path)).rejects.toMatchObject({ name: 'VaultError', code })
    })

    it('tells what a compare-and-set found', async () => {
      const { vault } = subject
      await vault.write('a', 'x')
      await expect(vault.write('a', 'y', { ifVersion: 3 })).rejects.toMatchObject({
        code: 'CONFLICT',
        message: 'a is at version 1, not 3',
        expected: 3,
        found: 1,
        retry: 'now',
      })
    })

    it('does a change once that comes twice under one id', async () => {
      const { vault, host } = subject
      const id = eventId()
      const first = await vault.write('a', 'x', { id })
      expect(first.id).toBe(id)
      expect(await vault.write('a', 'x', { id })).toEqual(first)
      expect((await host.history('a')).length).toBe(1)
      await expect(vault.write('a', 'y', { id })).rejects.toMatchObject({ code: 'CONFLICT' })
    })

    it('puts the reason on record', async () => {
      const { vault, host } = subject
      await vault.write('a', 'x')
      await vault.read('a', { reason: 'incident 12: “früh”' })
      for await (const { events } of host.audit.query({ type: 'secret.accessed' })) {
        expect(events.at(-1)?.context.reason).toBe('incident 12: “früh”')
      }
    })

    it('gives up when its caller does', async () => {
      const signal = AbortSignal.abort(new Error('enough'))
      await expect(subject.vault.read('a', { signal })).rejects.toMatchObject({ code: 'ABORTED' })
    })
  })
}
