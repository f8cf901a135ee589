import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { eventTypes } from '../../src/events/event-types.ts'
import type { AuditEvent } from '../../src/index.ts'
import {
  type CompanyYear,
  companyYear,
  type YearOptions,
} from '../fixtures/company-year/company-year.ts'
import { yearEnd, yearStart } from '../fixtures/company-year/days.ts'
import { eventsOf } from '../fixtures/events.ts'

/** Drawn anew for each vault: keys, ids, and where on this machine something stands. */
const drawn: ReadonlySet<string> = new Set([
  'id',
  'auth',
  'vaultId',
  'slot',
  'keyId',
  'key',
  'hash',
  'accessor',
  'parent',
  'secretId',
  'root',
  'origin',
  'target',
  'pid',
])

type Told = CompanyYear & { readonly events: readonly AuditEvent[] }

async function told(options: YearOptions): Promise<Told> {
  const year = await companyYear(options)
  const events = await eventsOf(year.vault, { limit: 1000 })
  await year.vault.close()
  return { ...year, events }
}

function content(events: readonly AuditEvent[]): string[] {
  return events.map((event) =>
    JSON.stringify(event, (key, value: unknown) => (drawn.has(key) ? undefined : value)),
  )
}

// Thousands of calls one after another: long where many tests share a core.
vi.setConfig({ testTimeout: 120_000 })

describe('a year of a company', () => {
  let year: Told
  let other: Told

  beforeAll(async () => {
    year = await told({ seed: 7, events: 1_500 })
    other = await told({ seed: 8, events: 1_500 })
  }, 120_000)

  it('is the same for the same seed, in a folder and in memory', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'muniment-company-'))
    try {
      const kept = await told({ seed: 7, events: 1_500, folder })
      expect(content(kept.events)).toEqual(content(year.events))
      expect(kept.story).toEqual(year.story)
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  it('is another for another seed', () => {
    expect(content(other.events)).not.toEqual(content(year.events))
    expect(other.story).not.toEqual(year.story)
  })

  it('has 200 actors, 3,000 secrets and as many events as were asked for', async () => {
    const { events, story } = await told({ seed: 1, events: 20_000 })
    expect(Math.abs(events.length - 20_000)).toBeLessThan(400)
    expect(story.cast.secrets).toHaveLength(3_000)
    expect(new Set(events.map(({ actor }) => actor))).toEqual(
      new Set([...story.cast.actors, 'unknown']),
    )
    expect(story.cast.actors).toHaveLength(200)
    expect(events.every(({ time }) => yearStart <= time && time <= yearEnd)).toBe(true)
    const types = new Set(events.map(({ type }) => type))
    expect(eventTypes.filter((type) => !types.has(type))).toEqual([])
  })

  it('leaves something to be found of each incident', () => {
    const { events, story } = other
    const { leaver, compromise, erasure } = story
    const rotatedAfter = (path: string, time: number) =>
      events.some(
        (event) => event.type === 'secret.rotated' && event.subject === path && event.time > time,
      )
    expect(leaver.rotatedSoon.every((path) => rotatedAfter(path, leaver.leftAt))).toBe(true)
    expect(leaver.rotatedLate.every((path) => rotatedAfter(path, leaver.leftAt))).toBe(true)
    expect(leaver.forgotten.some((path) => rotatedAfter(path, leaver.leftAt))).toBe(false)
    const onCompromise = events.filter(
      (event) =>
        event.type === 'secret.rotated' &&
        event.data.trigger === 'compromise' &&
        event.time === compromise.rotatedAt,
    )
    expect(onCompromise.map(({ subject }) => subject).sort()).toEqual(compromise.rotated.toSorted())
    expect(compromise.forgotten.length).toBeGreaterThan(0)
    const purged = events
      .filter(({ type }) => type === 'secret.purged')
      .map(({ subject }) => subject)
    expect(purged).toEqual(expect.arrayContaining([...erasure.paths]))
    expect(
      events.some(({ type, time }) => type === 'keys.shredded' && time === erasure.shreddedAt),
    ).toBe(true)
  })

  it('lets people and machines in by what was handed out, and turns away what does not hold', () => {
    const { events } = other
    const failed = events.flatMap((event) => (event.type === 'auth.failed' ? [event] : []))
    const causes = failed.map(({ data }) => `${data.method} ${data.cause}`)
    expect(new Set(causes)).toEqual(
      new Set([
        'keyslot undefined',
        'token expired',
        'token unknown',
        'token spent',
        'approle missing',
        'approle unknown',
      ]),
    )
    expect(failed.map(({ data }) => data.count).filter((count) => count > 1)).toEqual([30])
    const decided = events.flatMap(({ context: { auth, decision } }) =>
      auth?.method === 'token' || auth?.method === 'approle' ? (decision?.rule ?? []) : [],
    )
    const policies = new Set(decided.map((rule) => rule.replace(/#.*/s, '')))
    expect(policies).toContain('root')
    expect(policies).toContain('wire')
    expect(policies).toContain('release-train')
    const wire = events.filter(
      (event) => event.type === 'secret.rotated' && event.data.trigger === 'wire',
    )
    expect(wire.length).toBeGreaterThan(3)
    const expiring = events.filter(
      (event) => event.type === 'secret.declared' && event.data.meta.expireAfter !== undefined,
    )
    expect(expiring).toHaveLength(1)
  })
})
