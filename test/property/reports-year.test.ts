import { deepStrictEqual } from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type AuditEvent, VaultError } from '../../src/index.ts'
import { parseCheckpoint } from '../../src/proofs/checkpoint.ts'
import { parseNote } from '../../src/proofs/note.ts'
import { builtInReports } from '../../src/reports/contents/catalogue.ts'
import type { ReportOptions } from '../../src/vault/reporting/report-run.ts'
import { type CompanyYear, companyYear } from '../fixtures/company-year/company-year.ts'
import { dayMs, on } from '../fixtures/company-year/days.ts'
import { leak } from '../fixtures/company-year/tokens.ts'
import { eventsOf } from '../fixtures/events.ts'
import type { ExpectedRow, KeptCheckpoint, Oracle } from '../fixtures/report-oracle/expected.ts'
import { keptCheckpoints } from '../fixtures/report-oracle/kept.ts'
import { type MadeReport, made } from '../fixtures/report-oracle/made.ts'
import { oracles } from '../fixtures/report-oracle/oracles.ts'

const isLong = process.env.MUNIMENT_LONG !== undefined
const names = builtInReports.map(({ definition }) => definition.name)
const endOf = (month: number, day: number) => ({ time: new Date(on(month, day, 23, 59)) })

/** Whose reads it is about, the exposure has to be told. */
function paramsOf(name: string): ReportOptions {
  return name === 'exposure' ? { actor: '**' } : {}
}

/** Rows as one text each: of the columns that the oracle foretells, the position, and whether it is a finding. */
function foretold({ columns }: Oracle, rows: readonly ExpectedRow[]): string[] {
  const text = ({ position, cells, isFinding = false }: ExpectedRow) =>
    JSON.stringify([position, ...columns.map((name) => cells[name] ?? null), isFinding])
  return rows.map(text).sort()
}

function found({ columns }: Oracle, rows: MadeReport['rows']): string[] {
  const text = ({ position = null, finding = null, ...cells }: MadeReport['rows'][number]) =>
    JSON.stringify([position, ...columns.map((name) => cells[name] ?? null), finding !== null])
  return rows.map(text).sort()
}

/** A year, and every report as the vault made it whenever so many things more had happened. */
async function reportedYear(options: {
  readonly seed: number
  readonly events: number
  readonly every: number
}): Promise<{ year: CompanyYear; then: readonly MadeReport[] }> {
  const then: MadeReport[] = []
  let left = options.every
  const year = await companyYear({
    ...options,
    after: async ({ vault }) => {
      left -= 1
      if (left > 0) return
      try {
        for (const name of names) then.push(await made(vault, name, paramsOf(name)))
        left = options.every
      } catch (error) {
        // Between a jump of the clock and its acceptance nothing is done; the next moment will do.
        if (!(error instanceof VaultError && error.code === 'CLOCK')) throw error
      }
    },
  })
  return { year, then }
}

/** Made again as of the positions at which the log ended then, each is what it was. */
async function expectSame({ vault }: CompanyYear, then: readonly MadeReport[]): Promise<void> {
  // More than a few of each: the log has to have gone on after them.
  expect(then.length).toBeGreaterThanOrEqual(3 * names.length)
  for (const before of then) {
    const { report, asOf } = before.head
    const { position } = asOf
    const today = await made(vault, report, { ...paramsOf(report), asOf: { position } })
    deepStrictEqual(today, before, `${report} as of ${position}`)
  }
}

describe('the reports of a year', () => {
  let year: CompanyYear
  let then: readonly MadeReport[]
  let events: readonly AuditEvent[]
  let checkpoints: readonly KeptCheckpoint[]

  beforeAll(async () => {
    const size = isLong ? { events: 1_000_000, every: 4_000 } : { events: 20_000, every: 400 }
    ;({ year, then } = await reportedYear({ seed: 5, ...size }))
    checkpoints = await keptCheckpoints(year.vault)
    events = await eventsOf(year.vault, { limit: 1000 })
  }, 3_600_000)
  afterAll(() => year.vault.close())

  /** Without what the reports of these tests have added. */
  async function ofYear(name: string, options: ReportOptions = {}): Promise<MadeReport> {
    const asOf = { position: events.length - 1 }
    return made(year.vault, name, { ...paramsOf(name), asOf, ...options })
  }

  async function expectForetold(name: string, options: ReportOptions): Promise<void> {
    const oracle = oracles[name]
    if (oracle === undefined) throw new RangeError(`${name} has no oracle`)
    const { head, rows, totals } = await ofYear(name, options)
    const { asOf, range, params } = head
    const expected = oracle.rows({
      events: events.slice(0, asOf.position + 1),
      from: range.from,
      params,
      now: asOf.time,
      checkpoints: checkpoints.filter(({ size }) => size <= asOf.position),
    })
    expect(found(oracle, rows)).toEqual(foretold(oracle, expected))
    expect(rows.map(({ row }) => row)).toEqual(rows.map((_, i) => i + 1))
    const [first, last] = [range.from, asOf.position]
    expect(totals).toMatchObject({
      rowCount: rows.length,
      findings: expected.filter(({ isFinding }) => isFinding).length,
      population: { first, last, events: last - first + 1, gaps: 0 },
    })
  }

  const spans: Readonly<Record<string, ReportOptions>> = {
    'the whole year': {},
    'a quarter': { from: { time: new Date(on(7, 1)) }, asOf: endOf(9, 30) },
    'mid-year': { asOf: endOf(6, 30) },
  }
  describe.each(Object.entries(spans))('of %s', (_, options) => {
    it.each(names)('%s has the rows that a plain look at the events gives', (name) =>
      expectForetold(name, options),
    )
  })

  it.each<[string, ReportOptions]>([
    ['audit-trail', { subject: 'prod/pay/**', actor: 'svc/*' }],
    ['audit-trail', { subject: '*/*/*/db/password' }],
    ['exposure', { actor: 'ci/*', subject: 'staging/**' }],
    ['rotation', { subject: 'prod/**', dueWithin: 30 * dayMs }],
    ['rotation', { dueWithin: 0, from: { time: '2025-10-01' } }],
    ['erasure', { subject: 'prod/data/**' }],
    ['erasure', { actor: 'ci/rotor' }],
    ['access-review', { actor: 'user/*' }],
    ['access-review', { subject: 'prod/data/customers/*/data-key' }],
    ['denials', { actor: 'user/*' }],
    ['denials', { subject: 'prod/**' }],
    ['privileged', { actor: 'user/*', subject: 'prod/**' }],
  ])('%s keeps to %o', expectForetold)

  it('go in the order of their paths or their events', async () => {
    const orders = { rotation: 'path', 'audit-trail': 'position', privileged: 'position' } as const
    for (const [name, column] of Object.entries(orders)) {
      const { rows } = await ofYear(name)
      const keys = rows.map((row) => String(row[column]).padStart(16))
      expect(keys).toEqual(column === 'path' ? rows.map((row) => row.path).sort() : keys.toSorted())
    }
  })

  it('find what befell the company', async () => {
    const { leaver, compromise, erasure } = year.story
    const exposed = await ofYear('exposure', { actor: leaver.actor })
    const statusOf = new Map(exposed.rows.map(({ path, status }) => [path, status]))
    const statuses = (paths: readonly string[]) => [
      ...new Set(paths.map((path) => statusOf.get(path))),
    ]
    expect(statuses([...leaver.rotatedSoon, ...leaver.rotatedLate])).toEqual(['changed'])
    expect(statuses(leaver.forgotten)).toEqual(['in_force'])

    const erased = (await ofYear('erasure', { actor: year.story.cast.chief })).rows.filter(
      ({ subject }) => erasure.paths.includes(String(subject)),
    )
    expect(new Set(erased.map(({ subject }) => subject))).toEqual(new Set(erasure.paths))
    expect(new Set(erased.map(({ shredded_at: at }) => at))).toEqual(new Set([erasure.shreddedAt]))

    const stolen = await ofYear('exposure', {
      actor: compromise.actor,
      from: { time: new Date(compromise.at - dayMs) },
      asOf: { time: new Date(compromise.at + dayMs) },
    })
    const inForce = stolen.rows.filter(({ finding }) => finding !== null).map(({ path }) => path)
    expect(inForce).toEqual(expect.arrayContaining([...compromise.forgotten]))
    expect(inForce.filter((path) => compromise.rotated.includes(String(path)))).toEqual([])
  })

  it('tell who could do what by a token that leaked, and from when on nobody could', async () => {
    const review = async (time: number) => {
      const { rows } = await ofYear('access-review', { asOf: { time: new Date(time) } })
      const labels = [leak.label, 'build', 'step', 'stolen']
      return new Set(rows.map(({ label }) => label).filter((each) => labels.includes(String(each))))
    }
    expect(await review(leak.at - 1)).toEqual(new Set([leak.label, 'build', 'step']))
    expect(await review(leak.revokedAt - 1)).toEqual(
      new Set([leak.label, 'build', 'step', 'stolen']),
    )
    expect(await review(leak.revokedAt)).toEqual(new Set())
    const { rows } = await ofYear('denials')
    const guessed = rows.find(({ source }) => source === leak.source)
    expect(guessed).toMatchObject({ reason: 'failed_token', causes: ['unknown'], count: 45 })
    expect(guessed?.finding).toContain('5 or more tokens that do not hold from this source')
  })

  it('cite the leaf hashes and the root that proofs lead to', async () => {
    const { head, rows } = await ofYear('audit-trail')
    const { size, root, note } = await year.vault.proofs.checkpoint()
    const whole = await made(year.vault, 'integrity', { asOf: { position: size - 1 } })
    expect(whole.head.head).toEqual({ size, root: Buffer.from(root).toString('hex') })
    expect(parseCheckpoint(parseNote(note).text).size).toBe(size)
    for (const checkpoint of checkpoints.filter((one) => one.size <= head.head.size)) {
      const then = await ofYear('integrity', { asOf: { position: checkpoint.size - 1 } })
      expect(then.head.head).toEqual({ size: checkpoint.size, root: checkpoint.root })
    }
    for (let at = 0; at < rows.length; at += 701) {
      const { file } = await year.vault.proofs.event(at)
      const leafData = /^extra (.+)$/m.exec(file.toString())?.[1] ?? ''
      const hash = createHash('sha256').update(Buffer.of(0)).update(leafData, 'base64')
      expect(rows[at]?.leaf_hash).toBe(hash.digest('hex'))
    }
  })

  it('are as of a position what the vault made when its log ended there', async () => {
    await expectSame(year, then)
  }, 120_000)
})

it('another year gives the same reports as of positions that it gave then', async () => {
  const { year, then } = await reportedYear({ seed: 11, events: 1_500, every: 120 })
  await expectSame(year, then)
  await year.vault.close()
}, 120_000)
