import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { mediaTypes } from '../../src/http/api/reports/media-types.ts'
import {
  defineProjection,
  defineReport,
  type EventReport,
  type FormatName,
  formatNames,
} from '../../src/index.ts'
import { formatOf } from '../../src/reports/formats/formats.ts'
import { createApp, embedded, type Listening, listen } from '../../src/server.ts'
import { rootToken, type ServedApp, serve } from '../fixtures/http.ts'
import { memorySink } from '../fixtures/memory-sink.ts'

const root = '/api/v1'
const lines = (text: string) =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))

const writes = defineProjection<Map<string, number>>({
  name: 'writes',
  version: 1,
  initial: () => new Map(),
  on: {
    'secret.written': (state, { actor }) => void state.set(actor, (state.get(actor) ?? 0) + 1),
  },
})

const writers = defineReport({
  name: 'writers',
  title: 'Who writes',
  columns: [
    { name: 'actor', title: 'actor', type: 'text' },
    { name: 'writes', title: 'writes', type: 'number' },
  ],
  projection: writes,
  rows: (view) =>
    [...view].map(([actor, count]) => ({ position: null, cells: { actor, writes: count } })),
})

/** Fails once it has gone through a good part of the log. */
const failing: EventReport<Map<string, number>> = {
  name: 'failing',
  version: 1,
  title: 'failing',
  question: '',
  span: 'range',
  params: [],
  judges: false,
  columns: [{ name: 'type', title: 'type', type: 'text' }],
  projection: () => writes,
  row: ({ position, type }) => {
    if (position > 3000) throw new Error('a secret of the host')
    return { position, cells: { type } }
  },
}

type Reports = NonNullable<NonNullable<Parameters<typeof serve>[1]>['reports']>
const own = [writers, failing] as unknown as Reports

describe('reports over HTTP', () => {
  let served: ServedApp
  beforeEach(async () => {
    served = await serve({ 'prod/db': 'hunter2', 'prod/mail': 'x' }, { reports: own })
  })
  afterEach(() => served.close())

  it.each(formatNames)('gives %s with its type and a name for the file', async (format) => {
    expect(mediaTypes[format]).toBe((await formatOf(format)).mediaType)
    const { sink, files } = memorySink()
    const asOf = { position: served.vault.position }
    await served.vault.reports.write('rotation', { formats: [format], to: sink, asOf })
    const answer = await served.app.inject({
      url: `${root}/reports/rotation?format=${format}&to-position=${asOf.position}`,
      headers: { 'x-vault-token': rootToken },
    })
    expect(answer.statusCode).toBe(200)
    expect(answer.headers).toMatchObject({
      'content-type': mediaTypes[format],
      'content-disposition': `attachment; filename="rotation.${format}"`,
      'cache-control': 'no-store',
    })
    expect(answer.rawPayload.equals(files.get(`rotation.${format}`) ?? Buffer.alloc(0))).toBe(true)
  })

  it('tells of the host\u2019s own beside the vault\u2019s, and makes them by name', async () => {
    const { body } = await served.ask('GET', `${root}/reports`)
    const names = body.reports.map(({ name, number }: { name: string; number?: string }) => [
      number,
      name,
    ])
    expect(names[0]).toEqual(['R1', 'audit-trail'])
    expect(names.at(-2)).toEqual([undefined, 'writers'])
    const answer = await served.app.inject({
      method: 'POST',
      url: `${root}/reports/writers/rows`,
      headers: { 'x-vault-token': rootToken },
    })
    const said = lines(answer.body)
    expect(said.find((line) => line.about)).toMatchObject({ about: { rowsMost: 1 } })
    expect(said.find((line) => line.row).row.cells.slice(1, 3)).toEqual(['test', 2])
    expect(said.at(-1)).toMatchObject({ totals: { rowCount: 1 } })
  })

  it('holds a report of the host\u2019s own to its manifest', async () => {
    const { sink, files } = memorySink()
    await served.vault.reports.write(writers, { formats: ['csv'], to: sink })
    const manifest = files.get('writers.manifest') ?? Buffer.alloc(0)
    const { status, body } = await served.ask('POST', `${root}/reports/verify`, {
      body: { manifest: manifest.toString('base64') },
    })
    expect([status, body.ok, body.problems]).toEqual([200, true, []])
  })

  it.each([
    ['none', 'query must have required properties format', '/reports/rotation'],
    ['no format', 'query.format', '/reports/rotation?format=xls'],
    [
      'two beginnings',
      'give either from-position or from-time',
      '/reports/rotation?format=csv&from-position=1&from-time=2026-01-01',
    ],
    ['no report', 'there is no report of that name', '/reports/nothing?format=csv'],
  ])('refuses %s before anything is sent', async (_, detail, url) => {
    const { status, headers, body } = await served.ask('GET', `${root}${url}`)
    expect([status, headers['content-type'], body.code]).toEqual([
      400,
      'application/problem+json',
      'INVALID',
    ])
    expect(headers['content-disposition']).toBeUndefined()
    expect(body.detail).toContain(detail)
  })

  it('refuses whoever may not report, and has it on record', async () => {
    const rules = [{ effect: 'allow', capabilities: ['read', 'audit'], paths: ['**'] }] as const
    await served.vault.policies.write('reader', { rules })
    const { token } = await served.vault.tokens.issue({ actor: 'svc/x', policies: ['reader'] })
    const shown = { token: token.text() }
    const asked = [
      await served.ask('GET', `${root}/reports/keys?format=csv`, shown),
      await served.ask('POST', `${root}/reports/keys`, { ...shown, body: { formats: ['csv'] } }),
      await served.ask('POST', `${root}/reports/keys/rows`, shown),
      await served.ask('POST', `${root}/evidence`, shown),
    ]
    expect(asked.map(({ status, body }) => [status, body.code])).toEqual(
      asked.map(() => [403, 'DENIED']),
    )
    for await (const { events } of served.vault.audit.query({ type: 'secret.denied' })) {
      expect(events.map(({ actor, data }) => [actor, Object(data).operation])).toEqual(
        asked.map(() => ['svc/x', 'report']),
      )
    }
  })

  it.each([
    ['of one name', [writers, writers]],
    ['under a name of the API', [defineReport({ ...writers, name: 'verify' })]],
  ])('takes no reports of the host %s', async (_, reports) => {
    expect(() =>
      createApp(embedded(served.vault), { reports: reports as unknown as Reports }),
    ).toThrow('reports need names of their own, and none may be verify')
  })
})

describe('a report that fails on its way', () => {
  let served: ServedApp
  let listening: Listening
  beforeEach(async () => {
    served = await serve({}, { reports: own })
    for (let i = 0; i < 40; i++) {
      await Promise.all(
        Array.from({ length: 100 }, (_, j) => served.vault.write(`s/${i}/${j}`, 'x')),
      )
    }
    listening = await listen(served.app, { port: 0 })
  })
  afterEach(async () => {
    await listening.close({ graceMs: 0 })
    await served.close()
  })

  const ask = (path: string, init: RequestInit = {}) =>
    fetch(`${listening.address}${root}${path}`, {
      ...init,
      headers: { 'x-vault-token': rootToken },
    })

  it('is cut off where it is one file', async () => {
    const response = await ask('/reports/failing?format=jsonl')
    expect(response.status).toBe(200)
    await expect(response.text()).rejects.toThrow()
  })

  it('ends with what is wrong where it is lines, and quotes nothing of the host', async () => {
    const response = await ask('/reports/failing', {
      method: 'POST',
      body: JSON.stringify({ formats: ['jsonl'] satisfies FormatName[] }),
    })
    const text = await response.text()
    const said = lines(text)
    expect(said.some((line) => line.of === 'failing.jsonl')).toBe(true)
    expect(said.at(-1)).toMatchObject({ problem: { status: 500 } })
    expect(said.some((line) => 'result' in line || 'end' in line)).toBe(false)
    expect(text).not.toContain('a secret of the host')
  })
})
