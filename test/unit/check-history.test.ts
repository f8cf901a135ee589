import { describe, expect, it } from 'vitest'
import type { VaultEvent } from '../../src/events/catalogue.ts'
import { plainEvent } from '../../src/events/decode.ts'
import { eventId } from '../../src/index.ts'
import { testVault } from '../../src/testing.ts'
import { checkHistory } from '../fixtures/check-history.ts'
import { checkStore } from '../fixtures/check-vault.ts'

async function looked() {
  const { vault, store } = await testVault()
  const events: VaultEvent[] = []
  vault.events$.subscribe((commit) => events.push(...commit.events.map(plainEvent)))
  for (let n = 0; n < 12; n++) await vault.kv.put('a', { n }, { mount: 'secret' })
  await vault.kv.read('a', { mount: 'secret', version: 1 }).catch(() => undefined)
  await vault.policies.write('p', {
    rules: [{ effect: 'allow', capabilities: ['audit'], paths: ['**'] }],
  })
  const scope = vault.as({ actor: 'user/ana', roles: ['r'] })
  await vault.roles.write('r', { policies: ['p'] })
  await scope.explain({ actor: 'user/eve' }, { capability: 'read', path: 'a' })
  const { id } = await vault.write('b', 'x', { id: eventId(Date.UTC(2026, 0, 1)) })
  await scope.outcome(id)
  await vault.close()
  return { events, store }
}

describe('the history of a vault, by its events alone', () => {
  it('is true where versions are kept that the wire does not show, and looks have a subject', async () => {
    const { events, store } = await looked()
    expect(events).toContainEqual(
      expect.objectContaining({ data: { operation: 'read', cause: 'hidden', version: 1 } }),
    )
    const subjects = events
      .filter(({ type }) => type === 'audit.read')
      .map((event) => event.subject)
    expect(subjects).toEqual(['a', 'b'])
    const opened = await store.open()
    await checkStore(opened)
    await opened.close()
  })

  it.each<[string, (event: VaultEvent) => unknown]>([
    [
      'was not hidden',
      (event) => event.type === 'secret.denied' && { data: { ...event.data, version: 12 } },
    ],
    [
      'was not absent',
      (event) => event.type === 'secret.denied' && { data: { ...event.data, cause: 'absent' } },
    ],
    ['about the vault itself', (event) => event.type === 'audit.read' && { data: { filter: {} } }],
    ['about the vault itself', (event) => event.type === 'policy.written' && { subject: 'a' }],
  ])('is not where it %s', async (words, change) => {
    const { events } = await looked()
    const changed = events.map((event) => ({ ...event, ...Object(change(event)) }) as VaultEvent)
    expect(() => checkHistory(events)).not.toThrow()
    expect(() => checkHistory(changed)).toThrow(words)
  })
})
