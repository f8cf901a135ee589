import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { archiveStore, type TransferEntry, writeBackup } from '../../../src/index.ts'
import type { OpenSubject, Subject } from './subject.ts'

/** Secrets on their way out, and copies of the whole vault. */
export function transferVerbs(open: OpenSubject): void {
  describe('what leaves the vault', () => {
    let subject: Subject
    beforeEach(async () => {
      subject = await open()
    })
    afterEach(() => subject.close())

    it('are values of every kind, with all that is known of them', async () => {
      const { vault, clock } = subject
      const expiresAt = clock.now() + 3_600_000
      await vault.write('prod/text', 'erste “Fassung”', { tags: { team: 'pay' } })
      await vault.write('prod/text', 'second', { expiresAt: new Date(expiresAt) })
      await vault.write('prod/bytes', Uint8Array.from([0, 255, 10]))
      await vault.write('prod/fields', { user: 'app', ports: [1, 2] })
      await vault.write('other', 'x')
      const { entries, ...head } = await vault.export('prod/', { reason: 'move' })
      expect(head).toMatchObject({ secrets: 3, versions: 4 })
      expect(head.vaultId).toMatch(/^[0-9a-f]{32}$/)
      const all: TransferEntry[] = []
      for await (const entry of entries) all.push(entry)
      expect(all.map(({ path }) => path)).toEqual(['prod/bytes', 'prod/fields', 'prod/text'])
      const [bytes, fields, text] = all
      const value = bytes?.versions[0]?.value
      expect(value instanceof Uint8Array && [...value]).toEqual([0, 255, 10])
      expect(fields?.versions).toEqual([{ value: { user: 'app', ports: [1, 2] } }])
      expect(text?.meta).toMatchObject({ type: 'generic', tags: { team: 'pay' } })
      expect(text?.versions).toEqual([{ value: 'erste “Fassung”' }, { value: 'second', expiresAt }])
    })

    it('is on record before anything is handed out', async () => {
      const { vault, host } = subject
      await vault.write('a', 'x')
      const { position, entries } = await vault.export('', { reason: 'move' })
      await entries.return?.()
      for await (const { events } of host.audit.query({ type: 'export.created' })) {
        expect(events).toMatchObject([
          { position, actor: 'svc/contract', context: { reason: 'move' } },
        ])
      }
    })

    it('is nothing where there is nothing', async () => {
      const { entries, ...head } = await subject.vault.export('nowhere/')
      expect(head).toMatchObject({ secrets: 0, versions: 0 })
      expect((await entries.next()).done).toBe(true)
    })

    it('is a backup that is whole', async () => {
      const { vault, host } = subject
      await vault.write('a', 'x')
      const folder = await mkdtemp(join(tmpdir(), 'muniment-transfer-'))
      try {
        const path = join(folder, 'vault.muna')
        const made = await writeBackup(path, vault.backupBytes({ reason: 'nightly' }))
        expect(made.position).toBe(made.size - 1)
        const store = await archiveStore(path).open()
        expect([store.bytes, store.sha256]).toEqual([made.bytes, made.sha256])
        await store.close()
        for await (const { events } of host.audit.query({ type: 'backup.created' })) {
          expect(events).toMatchObject([
            { position: made.position, context: { reason: 'nightly' } },
          ])
        }
        await expect(writeBackup(path, vault.backupBytes())).rejects.toMatchObject({
          code: 'EXISTS',
        })
        expect(await readdir(folder)).toEqual(['vault.muna'])
      } finally {
        await rm(folder, { recursive: true })
      }
    })
  })
}
