import { describe, expect, it } from 'vitest'
import { connect, type RemoteVault } from '../../src/client.ts'
import { outputFolder } from '../../src/index.ts'
import { memorySink } from '../fixtures/memory-sink.ts'

/** A client of a server that answers with these lines and nothing more. */
function answering(...lines: readonly object[]): RemoteVault {
  const text = lines.map((line) => `${JSON.stringify(line)}\n`).join('')
  return connect({
    server: 'http://vault.example',
    token: 'a-token',
    fetch: async () => new Response(text, { headers: { 'content-type': 'application/x-ndjson' } }),
  })
}

const cut = { code: 'CLOSED', message: 'the answer of the server ended before it was whole' }
const bytes = Buffer.from('rows').toString('base64')
const whole = [{ file: 'a.csv' }, { of: 'a.csv', bytes }, { end: 'a.csv' }]
const problem = { code: 'NO_SPACE', detail: 'no space is left', status: 507 }

describe('what a client makes of an answer that is cut off', () => {
  it('is no report: files that were whole are taken back', async () => {
    const { sink, files } = memorySink()
    const { reports } = answering(...whole)
    await expect(reports.write('a', { formats: ['csv'], to: sink })).rejects.toMatchObject(cut)
    expect(files.size).toBe(0)
  })

  it('is no report either where the last line is a problem', async () => {
    const { sink, files } = memorySink()
    const { reports } = answering(...whole, { problem })
    await expect(reports.write('a', { formats: ['csv'], to: sink })).rejects.toMatchObject({
      code: 'NO_SPACE',
      message: 'no space is left',
    })
    expect(files.size).toBe(0)
  })

  it('is no evidence', async () => {
    const { sink, files } = memorySink()
    const to = await sink.open('q1.zip')
    const { reports } = answering(
      { file: 'evidence.zip' },
      { of: 'evidence.zip', bytes },
      { end: 'evidence.zip' },
    )
    await expect(reports.evidence({ to })).rejects.toMatchObject(cut)
    expect(files.size).toBe(0)
  })

  it('are no rows', async () => {
    const { reports } = answering({ about: { rowsMost: 1 } }, { row: { cells: [1] } })
    const { rows } = await reports.run('a')
    await expect(rows().next()).rejects.toMatchObject(cut)
    expect(() => rows()).toThrow('through a server rows are given once: run it again')
    await expect(answering({ progress: {} }).reports.run('a')).rejects.toMatchObject(cut)
  })

  it.each([
    ['nothing says how many there were', []],
    ['there were more', [{ end: { entries: 2 } }]],
  ])('is no export, where %s', async (_, more) => {
    const entry = { path: 'a', meta: {}, versions: [{ value: { text: 'x' } }] }
    const { entries } = await answering({ export: { secrets: 2 } }, { entry }, ...more).export()
    expect((await entries.next()).value).toMatchObject({ path: 'a', versions: [{ value: 'x' }] })
    await expect(entries.next()).rejects.toMatchObject(cut)
  })

  it('is no difference', async () => {
    const at = { position: 0 }
    await expect(answering({ secrets: {} }).diff(at, at)).rejects.toThrow()
    await expect(answering({ progress: {} }).diff(at, at)).rejects.toMatchObject(cut)
  })
})

describe('a client without a file system', () => {
  const { reports } = answering()

  it.each([
    ['a report', () => reports.write('a', { formats: ['csv'], to: '/audit' }), 'outputFolder'],
    ['evidence', () => reports.evidence({ to: '/audit/q1.zip' }), 'outputFile'],
  ])('says what to give it for %s', async (_, ask, hint) => {
    await expect(ask()).rejects.toMatchObject({
      code: 'INVALID',
      message: expect.stringContaining(hint),
    })
  })

  it('runs no code of its own', async () => {
    const report = { name: 'own' } as never
    await expect(reports.run(report)).rejects.toMatchObject({ code: 'UNSUPPORTED' })
    expect(outputFolder('/x').open).toBeInstanceOf(Function)
  })

  it('is refused a file that no line began', async () => {
    const { sink } = memorySink()
    const strange = answering({ of: 'b.csv', bytes }).reports
    await expect(strange.write('a', { formats: ['csv'], to: sink })).rejects.toMatchObject({
      code: 'UNSUPPORTED',
    })
  })
})
