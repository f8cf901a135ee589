import { createHash } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { builtInReports, formatNames, type NumberedRow } from '../../../src/index.ts'
import { parseVkey, verifyReport } from '../../../src/verify.ts'
import { memorySink } from '../../fixtures/memory-sink.ts'
import type { OpenSubject, Subject } from './subject.ts'

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** Reports and evidence. */
export function reportVerbs(open: OpenSubject): void {
  describe('reports', () => {
    let subject: Subject
    beforeEach(async () => {
      subject = await open()
      const { host } = subject
      for (let i = 0; i < 70; i++) await host.write(`prod/${i}`, `value ${i}`)
      await host.rotate('prod/0', 'another')
    })
    afterEach(() => subject.close())

    it('are listed as the vault has them', async () => {
      const said = await subject.vault.reports.list()
      const shown = (all: typeof said) =>
        all.map(({ number, controls, definition }) => {
          const { name, version, title, question, span, params, columns, judges } = definition
          return { number, controls, name, version, title, question, span, params, columns, judges }
        })
      expect(shown(said)).toEqual(shown(await builtInReports()))
    })

    it('give their rows, and what is known at their end', async () => {
      const { vault, host } = subject
      const asOf = { position: (await host.health()).size - 1 }
      const run = await vault.reports.run('rotation', { subject: 'prod/**', asOf })
      expect(run).toMatchObject({
        head: { report: 'rotation', params: { subject: 'prod/**' }, asOf },
        rowsMost: 70,
        exact: true,
      })
      const rows: NumberedRow[] = []
      const all = run.rows()
      let next = await all.next()
      for (; next.done !== true; next = await all.next()) rows.push(...next.value)
      expect(next.value).toMatchObject({ rowCount: 70, population: { gaps: 0 } })
      const own = await (await host.reports.run('rotation', { subject: 'prod/**', asOf })).rows()
      const expected: NumberedRow[] = []
      for await (const batch of own) expected.push(...batch)
      expect(rows).toEqual(expected)
    })

    it('let go of what is not read to its end', async () => {
      const run = await subject.vault.reports.run('audit-trail')
      for await (const [first] of run.rows()) {
        expect(first?.cells[0]).toBe(1)
        break
      }
      await expect(subject.vault.exists('prod/0')).resolves.toBe(true)
    })

    it('are files of every format, and a manifest that vouches for them', async () => {
      const { vault, host } = subject
      const { sink, files } = memorySink()
      const told: number[] = []
      const made = await vault.reports.write('rotation', {
        formats: [...formatNames],
        to: sink,
        name: 'q1',
        from: { position: 0 },
        onProgress: ({ position }) => told.push(position),
      })
      expect([...files.keys()].sort()).toEqual(
        [...formatNames.map((name) => `q1.${name}`), 'q1.manifest'].sort(),
      )
      expect(made).toMatchObject({ isSigned: true, manifestName: 'q1.manifest' })
      expect(made.manifest.outputs).toEqual(made.outputs.map(({ format: _, ...output }) => output))
      for (const { name, sha256: expected } of made.outputs) {
        expect(sha256(files.get(name) ?? Buffer.alloc(0))).toBe(expected)
      }
      const manifest = files.get('q1.manifest') ?? Buffer.alloc(0)
      files.delete('q1.manifest')
      const log = parseVkey(host.identity().verifier)
      expect(verifyReport(manifest, { trust: { log }, files }).isSigned).toBe(true)
      expect(told.length).toBeGreaterThan(0)
    })

    it('are held against the log again, with the files that are at hand', async () => {
      const { vault } = subject
      const { sink, files } = memorySink()
      await vault.reports.write('rotation', { formats: ['csv'], to: sink })
      const manifest = files.get('rotation.manifest') ?? Buffer.alloc(0)
      const csv = files.get('rotation.csv') ?? Buffer.alloc(0)
      const sound = await vault.reports.verify(manifest, {
        files: new Map([['rotation.csv', csv]]),
      })
      expect(sound).toMatchObject({
        ok: true,
        problems: [],
        isSigned: true,
        isCheckpointShown: true,
      })
      const hashes = new Map([['rotation.csv', sha256(Buffer.from('another'))]])
      expect((await vault.reports.verify(manifest, { hashes })).problems).toEqual([
        'rotation.csv is not the file that the manifest was made of',
      ])
      await expect(vault.reports.verify(Buffer.from('none'))).rejects.toMatchObject({
        code: 'INVALID',
      })
    })

    it('are evidence for an auditor, in one zip', async () => {
      const { sink, files } = memorySink()
      const { vault, host } = subject
      const to = await sink.open('q1.zip')
      const made = await vault.reports.evidence({ from: { position: 1 }, to })
      const zip = files.get('q1.zip') ?? Buffer.alloc(0)
      expect(made).toMatchObject({
        bytes: zip.length,
        sha256: sha256(zip),
        isSigned: true,
        verifier: host.identity().verifier,
      })
      expect(zip.subarray(0, 4).toString('latin1')).toBe('PK\u0003\u0004')
    })

    it.each([
      ['a report that there is not', 'nothing', {}, 'there is no report of that name'],
      ['what it does not take', 'keys', { subject: 'prod/**' }, 'report keys takes'],
      ['a moment outside the log', 'keys', { asOf: { position: 1_000_000 } }, 'asOf'],
    ])('refuse %s, and leave nothing', async (_, name, options, message) => {
      const { sink, files } = memorySink()
      const { reports } = subject.vault
      const refused = { code: 'INVALID', message: expect.stringContaining(message) }
      await expect(reports.run(name, options)).rejects.toMatchObject(refused)
      await expect(
        reports.write(name, { ...options, formats: ['csv'], to: sink }),
      ).rejects.toMatchObject(refused)
      expect(files.size).toBe(0)
    })

    it('take back what was written where the place for it fails', async () => {
      const { sink, files } = memorySink()
      const full = new Error('the disk is full')
      const failing = {
        open: async (name: string) => {
          if (name.endsWith('.manifest')) throw full
          return sink.open(name)
        },
      }
      const { reports } = subject.vault
      await expect(
        reports.write('keys', { formats: ['csv', 'json'], to: failing }),
      ).rejects.toThrow(full)
      expect(files.size).toBe(0)
    })

    it('end when their caller gives up', async () => {
      const giveUp = new AbortController()
      const { sink, files } = memorySink()
      const { reports } = subject.vault
      const options = { signal: giveUp.signal, onProgress: () => giveUp.abort() }
      const written = reports.write('keys', { ...options, formats: ['csv'], to: sink })
      await expect(written).rejects.toMatchObject({ code: 'ABORTED' })
      expect(files.size).toBe(0)
    })
  })
}
