import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { defineProjection } from '../../../src/index.ts'
import type { OpenSubject, Subject } from './subject.ts'

/** A host's own: how often each secret was written, and whose. */
const writers = defineProjection({
  name: 'writers',
  version: 3,
  initial: () => new Map<string, { times: number; by: Set<string> }>(),
  on: {
    'secret.written': (state, { subject, actor }) => {
      const { times, by } = state.get(subject) ?? { times: 0, by: new Set<string>() }
      state.set(subject, { times: times + 1, by: new Set([...by, actor]) })
    },
  },
})

/** What projections say, by their names. */
export function projectionVerbs(open: OpenSubject): void {
  describe('projections', () => {
    let subject: Subject
    beforeEach(async () => {
      subject = await open()
    })
    afterEach(() => subject.close())

    it("lists the vault's own, and those of its host", async () => {
      const { vault, host } = subject
      await host.project(writers)
      const { position } = await host.write('a', '1')
      await vault.projections.get('writers', { minPosition: position })
      const list = await vault.projections.list()
      expect(list.find(({ name }) => name === 'rotations')).toMatchObject({
        builtIn: true,
        state: 'current',
      })
      expect(list.at(-1)).toMatchObject({ name: 'writers', version: 3, builtIn: false })
    })

    it('says what one has seen by now, or had then', async () => {
      const { vault, host } = subject
      const { position } = await host.write('a', '1')
      await host.rotate('a', '2')
      const now = await vault.projections.get('rotations')
      const then = await vault.projections.get('rotations', { at: { position } })
      expect(now.view).toMatchObject({ a: { count: 1 } })
      expect(then).toMatchObject({ name: 'rotations', position: position + 1 })
      expect(then.view).not.toMatchObject({ a: { count: 1 } })
    })

    it("waits until one of the host's has seen an event", async () => {
      const { vault, host } = subject
      await host.project(writers)
      const { position } = await vault.write('a', '1')
      const state = await vault.projections.get('writers', { minPosition: position })
      expect(state.position).toBeGreaterThan(position)
      expect(state.view).toEqual({ a: { times: 1, by: ['svc/contract'] } })
    })

    it('gives up waiting for what does not come', async () => {
      const waiting = subject.vault.projections.get('rotations', {
        minPosition: 1_000_000,
        timeout: 5,
      })
      await expect(waiting).rejects.toMatchObject({ name: 'VaultError', code: 'TIMEOUT' })
    })

    it.each([
      ['a name that is none', 'no such thing', 'INVALID'],
      ['a projection that there is not', 'nothing', 'NOT_FOUND'],
    ])('refuses %s', async (_, name, code) => {
      await expect(subject.vault.projections.get(name)).rejects.toMatchObject({ code })
    })

    it('puts each look on record', async () => {
      const { vault, host } = subject
      await vault.projections.get('accesses')
      await vault.projections.list()
      for await (const { events } of host.audit.query({ type: 'audit.read' })) {
        expect(events.map(({ data }) => data)).toEqual([
          { filter: { projection: 'accesses' } },
          { filter: { look: 'projections' } },
        ])
      }
    })

    it('shows no name of a key', async () => {
      const { vault, host } = subject
      await host.write('a', '1')
      const { view } = await vault.projections.get('secrets')
      expect(view).toMatchObject({ a: { version: 1 } })
      expect(JSON.stringify(view)).not.toContain('keyId')
    })
  })
}
