import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { defineProjection, defineReport, type OutputSink, type Vault } from '../../src/index.ts'
import type { TestClock } from '../../src/testing/test-clock.ts'
import { testVault } from '../../src/testing/test-vault.ts'
import { parseManifest, parseVkey, verifyReport } from '../../src/verify.ts'
import { rowsOf } from '../fixtures/report-rows.ts'

let folder: string
let vault: Vault
let clock: TestClock

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'reports-'))
  const opened = await testVault()
  vault = opened.vault
  clock = opened.clock
  await vault.write('prod/db', 'one', { type: 'database_password', rotateEvery: 1000 })
  await vault.write('prod/api', 'two')
  clock.advance(5000)
  await vault.read('prod/db', { actor: 'user/ana', reason: 'incident 7' })
})

afterEach(async () => {
  await vault.close()
  await rm(folder, { recursive: true })
})

async function eventsOf(type: 'report.generated' | 'audit.read' | 'secret.denied') {
  const events = []
  for await (const page of vault.audit.query({ type })) events.push(...page.events)
  return events
}

const file = (name: string) => readFile(join(folder, name))

/** Writers of events, counted: a report of the host's own. */
const writers = defineReport({
  name: 'writers',
  columns: [
    { name: 'actor', title: 'actor', type: 'text' },
    { name: 'writes', title: 'writes', type: 'number' },
  ],
  projection: defineProjection({
    name: 'writers',
    version: 1,
    initial: () => new Map<string, number>(),
    on: {
      'secret.written': (state, { actor }) => {
        state.set(actor, (state.get(actor) ?? 0) + 1)
      },
    },
  }),
  rows: (view) =>
    [...view].map(([actor, writes]) => ({ position: null, cells: { actor, writes } })),
})

describe('a report that is run', () => {
  it('is on record before its first row, with what was asked and who asked', async () => {
    const { size } = await vault.health()
    const params = { subject: 'prod/**' }
    await vault.reports.run(
      'audit-trail',
      { ...params, from: { position: 2 } },
      { actor: 'user/kim' },
    )
    const [event] = await eventsOf('report.generated')
    expect(event?.actor).toBe('user/kim')
    expect(event?.data).toEqual({
      report: 'audit-trail',
      version: 1,
      params: { subject: 'prod/**', from: 2 },
      asOf: size - 1,
    })
  })

  it('has each event of its range once, numbered, with its position and leaf hash', async () => {
    const run = await vault.reports.run('audit-trail', { from: { position: 2 } })
    const { rows, totals } = await rowsOf(run)
    expect(rows.map(({ row, position }) => [row, position])).toEqual([
      [1, 2],
      [2, 3],
      [3, 4],
    ])
    for (const { leaf_hash: leaf } of rows) expect(leaf).toMatch(/^[0-9a-f]{64}$/)
    expect(totals.rowCount).toBe(3)
    expect(totals.population).toEqual({ first: 2, last: 4, events: 3, gaps: 0 })
  })

  it('gives the leaf hash that a proof of the event leads from', async () => {
    const { rows } = await rowsOf(await vault.reports.run('rotation'))
    const row = rows.find(({ path }) => path === 'prod/db')
    const { file: proof } = await vault.proofs.event(row?.position as number)
    const extra =
      proof
        .toString()
        .split('\n')[1]
        ?.replace(/^extra /, '') ?? ''
    const { leafHash } = await import('../../src/verify.ts')
    expect(leafHash(Buffer.from(extra, 'base64')).toString('hex')).toBe(row?.leaf_hash)
  })

  it('takes a date for the last event at or before it, and shows both', async () => {
    const run = await vault.reports.run('rotation', { asOf: { time: new Date(clock.now() - 1) } })
    expect(run.head.asOf).toEqual({ position: 3, time: clock.now() - 5000 })
    expect(run.head.head.size).toBe(4)
  })

  it('is of the log as it was: as of an earlier position it comes out as it did then', async () => {
    const asOf = { position: (await vault.health()).size - 1 }
    const before = await rowsOf(await vault.reports.run('rotation', { asOf }))
    await vault.rotate('prod/db', 'three')
    const after = await rowsOf(await vault.reports.run('rotation', { asOf }))
    expect(after).toEqual(before)
    expect((await rowsOf(await vault.reports.run('rotation'))).rows).not.toEqual(before.rows)
  })

  it('takes a range that no event falls into', async () => {
    const { size } = await vault.health()
    const range = { from: { position: size }, asOf: { position: size - 1 } }
    const { rows, totals } = await rowsOf(await vault.reports.run('audit-trail', range))
    expect(rows).toEqual([])
    expect(totals.population).toEqual({ first: size, last: size - 1, events: 0, gaps: 0 })
  })

  it.each([
    ['nonsense', {}, /^there is no report of that name; there are audit-trail, exposure, /],
    ['keys', { subject: 'a' }, /^report keys takes nothing, not subject$/],
    ['rotation', { dueWithin: -1 }, /^dueWithin must be an integer from 0 to /],
    ['audit-trail', { subject: 'a*' }, /^segment of subject "a\*": expected no U\+002A$/],
    ['audit-trail', { asOf: { position: 5 } }, /^asOf\.position is 5, and the log ends at 4$/],
    [
      'audit-trail',
      { asOf: { time: '1980-01-01' } },
      /^asOf is before the first event of the log$/,
    ],
    [
      'audit-trail',
      { from: { position: 4 }, asOf: { position: 2 } },
      /^from is position 4, behind /,
    ],
    ['audit-trail', { from: { time: 'today' } }, /^from\.time must be a Date or an ISO 8601 date/],
    ['exposure', {}, /^report exposure needs an actor: whose reads it is about$/],
  ])('%s of %j is refused, and leaves nothing on record', async (name, options, message) => {
    await expect(vault.reports.run(name, options)).rejects.toMatchObject({
      code: 'INVALID',
      message: expect.stringMatching(message),
    })
    expect(await eventsOf('report.generated')).toEqual([])
  })

  it('stops when its caller aborts', async () => {
    const abort = new AbortController()
    const run = await vault.reports.run('audit-trail', { signal: abort.signal })
    abort.abort()
    await expect(rowsOf(run)).rejects.toMatchObject({ code: 'ABORTED' })
  })

  it('takes the right to report on everything, of a scope', async () => {
    await vault.policies.write('reports', {
      rules: [{ effect: 'allow', capabilities: ['report'], paths: ['prod/**'] }],
    })
    await vault.roles.write('some', { policies: ['reports'] })
    const scope = vault.as({ actor: 'user/kim', roles: ['some'] })
    await expect(scope.reports.run('rotation')).rejects.toMatchObject({ code: 'DENIED' })
    expect(await eventsOf('report.generated')).toEqual([])
    expect(await eventsOf('secret.denied')).toMatchObject([
      { actor: 'user/kim', data: { operation: 'report', cause: 'policy' } },
    ])
    await vault.policies.write('reports', {
      rules: [{ effect: 'allow', capabilities: ['report'], paths: ['**'] }],
    })
    await rowsOf(await scope.reports.run('rotation'))
    expect(await eventsOf('report.generated')).toMatchObject([
      { actor: 'user/kim', context: { decision: { rule: 'reports#0', outcome: 'allow' } } },
    ])
  })
})

describe('a report that is written', () => {
  it('is files of their owner alone, and a signed manifest that names them', async () => {
    const made = await vault.reports.write('rotation', { formats: ['csv', 'json'], to: folder })
    const names = ['rotation.csv', 'rotation.json', 'rotation.manifest']
    expect((await readdir(folder)).sort()).toEqual(names)
    for (const name of names) expect((await stat(join(folder, name))).mode & 0o777).toBe(0o600)
    expect(made).toMatchObject({ isSigned: true, manifestName: 'rotation.manifest' })
    const { statement, isSigned } = parseManifest(await file('rotation.manifest'))
    expect(isSigned).toBe(true)
    expect(statement).toEqual(made.manifest)
    expect(statement).toMatchObject({ report: 'rotation', rowCount: 2, findings: 1 })
    for (const { name, bytes } of statement.outputs) expect(await file(name)).toHaveLength(bytes)
  })

  it('has the same bytes when it is made again, later, as of the same position', async () => {
    const asOf = { position: 4 }
    const formats = ['json', 'jsonl', 'csv', 'html', 'pdf'] as const
    const first = await vault.reports.write('rotation', { formats, to: folder, asOf, name: 'r' })
    await vault.rotate('prod/db', 'three')
    clock.advance(86_400_000)
    await rm(folder, { recursive: true })
    const { mkdir } = await import('node:fs/promises')
    await mkdir(folder)
    const second = await vault.reports.write('rotation', { formats, to: folder, asOf, name: 'r' })
    expect(second.outputs).toEqual(first.outputs)
    expect(first.outputs).toHaveLength(5)
  })

  it('replaces no file, and leaves none of its own where one is in the way', async () => {
    await writeFile(join(folder, 'rotation.manifest'), 'mine')
    const write = vault.reports.write('rotation', { formats: ['csv'], to: folder })
    await expect(write).rejects.toMatchObject({ code: 'EXISTS' })
    expect(await readdir(folder)).toEqual(['rotation.manifest'])
    expect(await file('rotation.manifest')).toEqual(Buffer.from('mine'))
  })

  it('needs a folder that is there', async () => {
    const to = join(folder, 'absent')
    await expect(vault.reports.write('rotation', { formats: ['csv'], to })).rejects.toMatchObject({
      code: 'INVALID',
      message: `there is no folder ${to}`,
    })
    await expect(
      vault.reports.write('rotation', { formats: [], to: folder }),
    ).rejects.toMatchObject({
      code: 'INVALID',
      message: expect.stringMatching(/^formats must name some of json, /),
    })
    await expect(
      vault.reports.write('rotation', { formats: ['csv'], to: folder, name: '../up' }),
    ).rejects.toMatchObject({ code: 'INVALID' })
  })

  it('takes back what it wrote where a sink fails half way', async () => {
    const gone: string[] = []
    const sink: OutputSink = {
      open: async (name) => ({
        write: async () => {
          if (name === 'rotation.json') throw new Error('the disk is on fire')
        },
        end: async () => undefined,
        abort: async () => {
          gone.push(name)
        },
      }),
    }
    const write = vault.reports.write('rotation', { formats: ['csv', 'json'], to: sink })
    await expect(write).rejects.toThrow('the disk is on fire')
    expect(gone.sort()).toEqual(['rotation.csv', 'rotation.json'])
  })

  it("can be the host's own", async () => {
    await vault.reports.write(writers, { formats: ['csv'], to: folder })
    const csv = (await file('writers.csv')).toString()
    expect(csv).toContain('row,actor,writes,position,leaf_hash')
    expect(csv).toContain('1,test,2,')
    const manifest = await file('writers.manifest')
    expect(await vault.reports.verify(manifest, { report: writers })).toMatchObject({ ok: true })
    const { problems } = await vault.reports.verify(manifest)
    expect(problems).toEqual([
      expect.stringMatching(/^it cannot be made again: there is no report of that name/),
    ])
  })
})

describe('a report that is verified', () => {
  beforeEach(async () => {
    await vault.reports.write('rotation', { formats: ['csv', 'json'], to: folder })
  })

  it('agrees with the vault, which records that it was looked at', async () => {
    await vault.rotate('prod/db', 'three')
    const files = new Map([['rotation.csv', await file('rotation.csv')]])
    const verified = await vault.reports.verify(await file('rotation.manifest'), { files })
    expect(verified).toMatchObject({ ok: true, isSigned: true, problems: [] })
    expect(await eventsOf('audit.read')).toMatchObject([
      { data: { filter: { report: 'rotation', position: 4 } } },
    ])
  })

  it('does not where a file was changed, or was never part of it', async () => {
    const csv = await file('rotation.csv')
    const last = csv.length - 3
    csv[last] = (csv[last] as number) ^ 1
    const files = new Map([
      ['rotation.csv', csv],
      ['more.csv', csv],
    ])
    const { ok, problems } = await vault.reports.verify(await file('rotation.manifest'), { files })
    expect(ok).toBe(false)
    expect(problems).toEqual([
      'rotation.csv is not the file that the manifest was made of',
      'the manifest names no output more.csv',
    ])
  })

  it('does not where the manifest was changed: neither its signature nor its rows hold', async () => {
    const text = (await file('rotation.manifest')).toString()
    const forged = Buffer.from(text.replace('"findings":1', '"findings":0'))
    const { problems } = await vault.reports.verify(forged)
    expect(problems).toHaveLength(2)
    expect(problems[0]).toMatch(/^signed note: the signature by muniment\/\S+ does not verify$/)
    expect(problems[1]).toBe('findings is 1 when made again')
  })

  it('is told to be unsigned where the signature was cut off', async () => {
    const text = (await file('rotation.manifest')).toString()
    const cut = Buffer.from(text.slice(0, text.indexOf('\n\n') + 1))
    expect(await vault.reports.verify(cut)).toMatchObject({ ok: true, isSigned: false })
  })

  it('does not agree with another vault', async () => {
    const other = await testVault({ a: 'b', c: 'd', e: 'f', g: 'h' })
    const { problems } = await other.vault.reports.verify(await file('rotation.manifest'))
    expect(problems[0]).toBe('the checkpoint in the manifest is of another vault')
    expect(problems).toContainEqual(expect.stringMatching(/^head is /))
    await other.vault.close()
  })

  it('is refused where it is no manifest', async () => {
    await expect(vault.reports.verify(Buffer.from('hello'))).rejects.toMatchObject({
      code: 'INVALID',
    })
  })
})

describe('without the vault', () => {
  let manifest: Buffer
  let csv: Buffer
  const trust = () => ({ log: parseVkey(vault.identity().verifier) })

  beforeEach(async () => {
    await vault.reports.write('rotation', { formats: ['csv'], to: folder })
    manifest = await file('rotation.manifest')
    csv = await file('rotation.csv')
  })

  it('a manifest holds under the key that was pinned, and its files with it', () => {
    const files = new Map([['rotation.csv', csv]])
    const verified = verifyReport(manifest, { trust: trust(), files })
    expect(verified.isSigned).toBe(true)
    expect(verified.manifest.rowCount).toBe(2)
    expect(verified.checkpoint.size).toBeGreaterThanOrEqual(verified.manifest.head.size)
  })

  it('no byte of it can be another', () => {
    for (let i = 0; i < manifest.length; i++) {
      const changed = Buffer.from(manifest)
      changed[i] = (changed[i] as number) ^ 1
      expect(() => verifyReport(changed, { trust: trust() }), `byte ${i}`).toThrow(
        expect.objectContaining({ code: expect.stringMatching(/^(INVALID|INTEGRITY)$/) }),
      )
    }
  })

  it('a file that is another is refused by its name', () => {
    const files = new Map([['rotation.csv', Buffer.concat([csv, Buffer.from(' ')])]])
    expect(() => verifyReport(manifest, { trust: trust(), files })).toThrow(
      expect.objectContaining({
        code: 'INTEGRITY',
        message: 'rotation.csv is not what the manifest was made of',
      }),
    )
  })

  it('a manifest that no owner signed lies neither about its position nor about its vault', () => {
    const text = manifest.toString()
    const unsigned = text.slice(0, text.indexOf('\n\n') + 1)
    expect(verifyReport(Buffer.from(unsigned), { trust: trust() }).isSigned).toBe(false)
    const elsewhere = unsigned.replace('"position":4', '"position":3')
    expect(() => verifyReport(Buffer.from(elsewhere), { trust: trust() })).toThrow(
      expect.objectContaining({ message: 'statement: its position is not the last of its log' }),
    )
    const other = unsigned.replace(
      /"origin":"muniment\/\w+/,
      `"origin":"muniment/${'0'.repeat(32)}`,
    )
    expect(() => verifyReport(Buffer.from(other), { trust: trust() })).toThrow(
      expect.objectContaining({
        message: 'statement: it is of another vault than the key is for',
      }),
    )
  })

  it('another key does not do', async () => {
    const other = await testVault()
    const log = parseVkey(other.vault.identity().verifier)
    await other.vault.close()
    expect(() => verifyReport(manifest, { trust: { log } })).toThrow(
      expect.objectContaining({ code: 'INTEGRITY' }),
    )
  })
})
