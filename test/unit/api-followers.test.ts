import { describe, expect, it } from 'vitest'
import type { VaultEvent } from '../../src/events/catalogue.ts'
import { type Awaited, type Waiter, Waiters } from '../../src/log/awaited.ts'
import { testVault } from '../../src/testing.ts'

const event = (position: number, fields: Partial<VaultEvent> = {}) =>
  ({ position, type: 'secret.written', subject: 'p/q/r', actor: 'svc/a', ...fields }) as VaultEvent

function concerned(about: Awaited, events: readonly VaultEvent[], next = 0): boolean {
  const waiters = new Waiters()
  const waiter: Waiter = { next, about, wake: () => undefined }
  waiters.add(waiter)
  const found = waiters.concernedBy({ events, end: (events.at(-1)?.position ?? -1) + 1 })
  waiters.remove(waiter)
  expect([waiters.size, waiters.concernedBy({ events, end: 1_000 }).size]).toEqual([0, 0])
  return found.has(waiter)
}

describe('those who wait at the end of the log', () => {
  it.each<[string, Awaited, boolean]>([
    ['every event, where nothing is said', {}, true],
    ['its subject', { traits: [{ kind: 'subject', text: 'p/q/r' }] }, true],
    ['what its subject is below', { traits: [{ kind: 'under-subject', text: 'p/q' }] }, true],
    ['what its subject is far below', { traits: [{ kind: 'under-subject', text: 'p' }] }, true],
    ['its actor', { traits: [{ kind: 'actor', text: 'svc/a' }] }, true],
    ['what its actor is below', { traits: [{ kind: 'under-actor', text: 'svc' }] }, true],
    [
      'its type, among others',
      {
        traits: [
          { kind: 'type', text: 'x' },
          { kind: 'type', text: 'secret.written' },
        ],
      },
      true,
    ],
    ['another subject', { traits: [{ kind: 'subject', text: 'p/q' }] }, false],
    [
      'what is not above its subject',
      { traits: [{ kind: 'under-subject', text: 'p/q/r' }] },
      false,
    ],
    [
      'its type, of another subject',
      {
        traits: [{ kind: 'type', text: 'secret.written' }],
        isMeant: ({ subject }) => subject === 'x',
      },
      false,
    ],
  ])('are woken by %s: as it is said', (_, about, expected) => {
    expect(concerned(about, [event(7)])).toBe(expected)
  })

  it('are not woken by what lies before them', () => {
    for (const about of [{}, { traits: [{ kind: 'subject', text: 'p/q/r' }] } as const]) {
      expect(concerned(about, [event(7), event(8)], 9)).toBe(false)
      expect(concerned(about, [event(7), event(8)], 8)).toBe(true)
    }
  })

  it('are woken by what cannot be told, to see for themselves', () => {
    const isMeant = () => {
      throw new Error('damaged')
    }
    expect(
      concerned({ traits: [{ kind: 'type', text: 'secret.written' }], isMeant }, [event(1)]),
    ).toBe(true)
  })
})

describe('a follower', () => {
  it('is given every event once, wherever it begins, while a hundred others wait for other things', async () => {
    const { vault } = await testVault({})
    const stop = new AbortController()
    const others = Array.from({ length: 100 }, (_, i) => {
      const { signal } = new AbortController()
      return vault.audit
        .follow({ subject: `quiet/${i}`, signal: AbortSignal.any([signal, stop.signal]) })
        .next()
    })
    for (let i = 0; i < 600; i++) await vault.write(`p/${i % 3}`, 'x')
    const { size } = await vault.health()
    for (const [after, filter] of [
      [-1, {}],
      [0, { subject: 'p/1' }],
      [300, { subject: 'p/**' }],
      [590, {}],
      [size, {}],
    ] as const) {
      const seen: number[] = []
      const query = { ...filter, ...(after >= 0 && { after }), signal: stop.signal }
      const following = (async () => {
        for await (const { position, context } of vault.audit.follow(query)) {
          seen.push(position)
          if (context.reason === `last after ${after}`) return
        }
      })()
      await vault.write('p/2', 'x')
      await vault.write('p/1', 'x', { reason: `last after ${after}` })
      await following
      const expected: number[] = []
      for await (const { events } of vault.audit.query({
        ...filter,
        ...(after >= 0 && { after }),
      })) {
        expected.push(...events.map(({ position }) => position))
      }
      expect(seen).toEqual(expected)
    }
    stop.abort()
    const ended = await Promise.allSettled(others)
    expect(ended.every(({ status }) => status === 'rejected')).toBe(true)
    await vault.close()
  })
})
