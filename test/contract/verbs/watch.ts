import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { OpenSubject, Subject } from './subject.ts'

/** The values of a secret as they change. */
export function watchVerbs(open: OpenSubject): void {
  describe('a watch', () => {
    let subject: Subject
    let stop: AbortController
    beforeEach(async () => {
      stop = new AbortController()
      subject = await open()
      await subject.host.write('a', 'one')
    })
    afterEach(async () => {
      stop.abort()
      await subject.close()
    })

    const deliveries = async () => {
      const versions: number[] = []
      for await (const { events } of subject.host.audit.query({ type: 'secret.accessed' })) {
        for (const { data } of events) if ('version' in data) versions.push(Number(data.version))
      }
      return versions
    }

    it('gives the current value, then each newest, every delivery on record', async () => {
      const { vault, host } = subject
      const watching = vault.watch('a', { signal: stop.signal, reason: 'pool' })
      const first = (await watching.next()).value
      expect([first?.text(), first?.version, first?.type]).toEqual(['one', 1, 'generic'])
      const coming = watching.next()
      await host.write('other', 'x')
      await host.rotate('a', 'two')
      expect((await coming).value?.text()).toBe('two')
      expect(await deliveries()).toEqual([1, 2])
      for await (const { events } of host.audit.query({ type: 'secret.accessed' })) {
        expect(events.map(({ context }) => context.reason)).toEqual(['pool', 'pool'])
      }
    })

    it('gives whoever has the newest only what is newer, and reads nothing meanwhile', async () => {
      const { vault, host } = subject
      const { position } = await host.rotate('a', 'two')
      let coming: Promise<unknown> | undefined
      await new Promise<void>((resolve) => {
        const watching = vault.watch('a', {
          after: position,
          signal: stop.signal,
          onCaughtUp: resolve,
        })
        coming = watching.next().then(({ value }) => value?.text())
      })
      expect(await deliveries()).toEqual([])
      await host.rotate('a', 'three')
      expect(await coming).toBe('three')
      expect(await deliveries()).toEqual([3])
    })

    it('gives whoever has an older one the newest', async () => {
      const { vault, host } = subject
      const { position } = await host.rotate('a', 'two')
      await host.rotate('a', 'three')
      const watching = vault.watch('a', { after: position, signal: stop.signal })
      expect((await watching.next()).value?.version).toBe(3)
    })

    it.each([
      ['DELETED', () => subject.host.delete('a')],
      ['DESTROYED', () => subject.host.destroy('a', { versions: [1] })],
      ['NOT_FOUND', () => subject.host.purge('a')],
    ])('ends as a read does: %s', async (code, change) => {
      const watching = subject.vault.watch('a', { signal: stop.signal })
      await watching.next()
      const coming = watching.next()
      await change()
      await expect(coming).rejects.toMatchObject({ name: 'VaultError', code, path: 'a' })
    })

    it('ends with the policy that lets it', async () => {
      const { vault, host } = subject
      const watching = vault.watch('a', { signal: stop.signal })
      await watching.next()
      const coming = watching.next()
      for (const { accessor } of await host.tokens.list()) await host.tokens.revoke(accessor)
      await expect(coming).rejects.toMatchObject({ name: 'VaultError', code: 'DENIED' })
    })

    it('ends with the vault', async () => {
      const { vault, host } = subject
      const watching = vault.watch('a', { signal: stop.signal })
      await watching.next()
      const coming = watching.next()
      await host.close()
      await expect(coming).rejects.toMatchObject({ name: 'VaultError', code: 'CLOSED' })
    })

    it('begins with what a read would refuse', async () => {
      const watching = subject.vault.watch('nowhere', { signal: stop.signal })
      await expect(watching.next()).rejects.toMatchObject({ code: 'NOT_FOUND', path: 'nowhere' })
      await expect(subject.vault.watch('a//b').next()).rejects.toMatchObject({ code: 'INVALID' })
      await expect(subject.vault.watch('a', { after: -1 }).next()).rejects.toMatchObject({
        code: 'INVALID',
      })
    })

    it('gives up when its caller does', async () => {
      const watching = subject.vault.watch('a', { signal: stop.signal })
      await watching.next()
      const coming = watching.next()
      stop.abort(new Error('enough'))
      await expect(coming).rejects.toMatchObject({ code: 'ABORTED' })
    })
  })
}
