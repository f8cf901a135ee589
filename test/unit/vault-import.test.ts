import { describe, expect, it } from 'vitest'
import { memoryStore, type Vault, VaultError } from '../../src/index.ts'
import { faultStore, testVault } from '../../src/testing.ts'
import type { ParsedTransfer, TransferEntry } from '../../src/transfer/entry.ts'
import { formatJson } from '../../src/transfer/json-export.ts'
import { parseTransfer } from '../../src/transfer/parse.ts'
import { type ImportTarget, importSecrets } from '../../src/vault/import.ts'
import { eventsOf } from '../fixtures/events.ts'

const { signal: never } = new AbortController()

function entry(path: string, ...values: string[]): TransferEntry {
  return { path, meta: { type: 'generic' }, versions: values.map((value) => ({ value })) }
}

function parsed(...entries: TransferEntry[]): ParsedTransfer {
  return { entries, skipped: [] }
}

async function exportOf(vault: Vault): Promise<{ entries: TransferEntry[]; text: string }> {
  const { vaultId, position, entries } = await vault.export()
  const all: TransferEntry[] = []
  for await (const each of entries) all.push(each)
  return { entries: all, text: formatJson(all, { vaultId, position }) }
}

async function withEverything(): Promise<Vault> {
  const { vault, clock } = await testVault()
  const soon = new Date(clock.now() + 1000)
  await vault.write('text', 'one', {
    type: 'api_key',
    description: 'what for',
    owner: 'team/pay',
    tags: { team: 'pay' },
    rotateEvery: 1000,
    casRequired: true,
    expiresAt: soon,
    ifVersion: 0,
  })
  await vault.rotate('text', 'two', { expiresAt: null, ifVersion: 1 })
  await vault.rotate('text', 'three', { notBefore: soon, ifVersion: 2 })
  await vault.write('bytes', Buffer.from([0, 255]), { expiresAt: soon, maxVersions: 2 })
  await vault.write('fields', { user: 'app', port: 5432 })
  for (const value of ['1', '2', '3']) await vault.write('over', value)
  await vault.annotate('over', { maxVersions: 2 })
  clock.advance(2000)
  return vault
}

describe('an import', () => {
  it('brings what an export took: values, versions, dates that have passed, all that is known', async () => {
    const taken = await exportOf(await withEverything())
    const { vault } = await testVault()
    const file = parseTransfer(Buffer.from(taken.text), { format: 'json' })
    expect(await importSecrets(vault, file)).toEqual({
      written: 4,
      updated: 0,
      unchanged: 0,
      versions: 8,
      skipped: [],
      aborted: false,
    })
    const { entries } = await exportOf(vault)
    expect(entries).toEqual(taken.entries)
    expect(entries.map(({ path }) => path)).toEqual(['bytes', 'fields', 'over', 'text'])
    await expect(vault.write('text', 'x')).rejects.toMatchObject({ code: 'INVALID' })
    await vault.close()
  })

  it('reads the dates of a certificate out of it where the file has none', async () => {
    const { vault } = await testVault()
    const versions = [{ value: 'no certificate' }, { value: 'nor this', expiresAt: 7 }]
    const file = parsed({ path: 'tls', meta: { type: 'certificate' }, versions })
    expect(await importSecrets(vault, file)).toMatchObject({ versions: 2 })
    expect((await exportOf(vault)).entries).toEqual(file.entries)
  })

  it('skips a secret that is there, and says so', async () => {
    const { vault } = await testVault({ a: 'x' })
    await vault.write('a', 'y')
    const result = await importSecrets(vault, {
      entries: [entry('a', '1'), entry('b', '1', '2')],
      skipped: [{ row: 'line 3', reason: 'is empty' }],
    })
    expect(result).toEqual({
      written: 1,
      updated: 0,
      unchanged: 0,
      versions: 2,
      skipped: [
        { row: 'line 3', reason: 'is empty' },
        { row: 'a', reason: 'is there already, at version 2' },
      ],
      aborted: false,
    })
    expect((await vault.read('a')).text()).toBe('y')
  })

  it('with update, writes the newest value as the next version', async () => {
    const { vault } = await testVault({ same: 'x' })
    await vault.write('other', 'x', { type: 'api_key', casRequired: true, tags: { a: 'b' } })
    const file = parsed(entry('same', 'w', 'x'), entry('other', 'y', 'z'), entry('new', '1', '2'))
    expect(await importSecrets(vault, file, { update: true })).toMatchObject({
      written: 1,
      updated: 1,
      unchanged: 1,
      versions: 4,
      skipped: [],
    })
    const other = await vault.read('other')
    expect([other.version, other.text(), other.type]).toEqual([2, 'z', 'api_key'])
    expect((await vault.describe('other')).tags).toEqual({ a: 'b' })
    expect((await vault.history('same')).map(({ changed }) => changed)).toEqual([false, true])
  })

  it('with update, leaves an expiry that has passed to whoever decides on a new one', async () => {
    const { vault, clock } = await testVault()
    await vault.write('a', 'x', { expiresAt: new Date(clock.now() + 1) })
    clock.advance(1000)
    const { skipped } = await importSecrets(vault, parsed(entry('a', 'y')), { update: true })
    expect(skipped).toEqual([
      { row: 'a', reason: expect.stringMatching(/^expiresAt of the earlier value .* has passed/) },
    ])
  })

  it('skips what the vault refuses, whole, and goes on', async () => {
    const { vault } = await testVault()
    const large = 'x'.repeat(1024 * 1024 + 1)
    const file = parsed(
      entry('bad//path', '1'),
      entry('large', '1', large),
      entry('none'),
      { ...entry('dates', '1'), versions: [{ value: '1', expiresAt: 1, notBefore: 2 }] },
      entry('good', '1'),
    )
    const { skipped, ...counts } = await importSecrets(vault, file)
    expect(counts).toMatchObject({ written: 1, versions: 1 })
    expect(skipped).toEqual([
      { row: 'bad//path', reason: 'path "bad//path": expected no empty segment' },
      { row: 'large', reason: 'value: expected at most 1048576 bytes, found 1048577' },
      { row: 'none', reason: 'holds no value' },
      { row: 'dates', reason: 'notBefore must be earlier than expiresAt' },
    ])
    expect((await vault.list()).items.map(({ path }) => path)).toEqual(['good'])
  })

  it('says how much of a secret is there where a later version was refused', async () => {
    const { vault } = await testVault()
    const versions = [{ value: '1' }, { value: '2', expiresAt: 1, notBefore: 2 }, { value: '3' }]
    const file = parsed({ ...entry('a'), versions })
    const { skipped, written, versions: count } = await importSecrets(vault, file)
    expect([written, count]).toEqual([1, 1])
    expect(skipped).toEqual([
      {
        row: 'a',
        reason:
          'version 2 of 3: notBefore must be earlier than expiresAt; those before it were written',
      },
    ])
  })

  it('records the reason and the actor with each version', async () => {
    const { vault } = await testVault()
    await importSecrets(vault, parsed(entry('a', '1', '2')), { reason: 'move', actor: 'user/ana' })
    const events = await eventsOf(vault, { subject: 'a' })
    expect(events).toHaveLength(2)
    for (const event of events) {
      expect(event).toMatchObject({ actor: 'user/ana', context: { reason: 'move' } })
    }
    const unreasoned = importSecrets(vault, parsed(entry('b', '1')), { reason: '' })
    await expect(unreasoned).rejects.toMatchObject({
      code: 'INVALID',
      message: 'reason must be a string of well-formed text, not empty',
    })
  })

  it('once aborted, finishes what is under way and says what that was', async () => {
    const { vault } = await testVault()
    const stop = new AbortController()
    const entries = Array.from({ length: 600 }, (_, i) => entry(`s/${i}`, '1', '2'))
    const told: number[] = []
    const result = await importSecrets(vault, parsed(...entries), {
      signal: stop.signal,
      onProgress: ({ done, total }) => {
        told.push(done)
        expect(total).toBe(600)
        if (done === 100) stop.abort()
      },
    })
    expect(result.aborted).toBe(true)
    expect(result.written).toBe(told.length)
    expect(result.written).toBeLessThan(400)
    expect(await exported(vault)).toEqual({ secrets: result.written, versions: result.versions })
    expect(result.versions).toBe(2 * result.written)
    const none = await importSecrets(vault, parsed(entry('x', '1')), {
      signal: AbortSignal.abort(),
    })
    expect(none).toMatchObject({ written: 0, aborted: true })
    const all = await importSecrets(vault, parsed(entry('x', '1')), { signal: never })
    expect(all).toMatchObject({ written: 1, aborted: false })
  })

  it.each(['before', 'after'] as const)(
    'ends with a write that failed %s it was stored, saying what was imported',
    async (when) => {
      const store = faultStore(memoryStore())
      const { vault } = await testVault({}, { store })
      const entries = Array.from({ length: 1000 }, (_, i) => entry(`s/${i}`, '1'))
      let commits = 0
      store.faults.onStep = (step) => {
        if (step === 'commit' && ++commits === 4) store.faults.fail('commit', { when })
      }
      const error: unknown = await importSecrets(vault, parsed(...entries)).catch((e: unknown) => e)
      if (!(error instanceof VaultError)) throw new Error('expected a VaultError', { cause: error })
      expect(error).toMatchObject({ code: 'UNCERTAIN', retry: 'reopen' })
      const [, written = ''] =
        /the import ended, with (\d+) written, 0 updated/.exec(error.message) ?? []
      expect(error.message).toMatch(/ of 1000 secrets: the append at position \d+ failed$/)
      await vault.reopen()
      const { secrets } = await exported(vault)
      const uncertain = error.eventIds?.length ?? 0
      expect(uncertain).toBeGreaterThan(0)
      expect(secrets).toBe(Number(written) + (when === 'after' ? uncertain : 0))
      await vault.close()
    },
  )

  it('ends where the vault is closed', async () => {
    const { vault } = await testVault()
    await vault.close()
    await expect(importSecrets(vault, parsed(entry('a', '1')))).rejects.toMatchObject({
      code: 'CLOSED',
      message:
        'the import ended, with 0 written, 0 updated and 0 unchanged of 1 secrets: the vault is closed',
    })
  })

  it('follows a secret that others write at the same time', async () => {
    const { vault } = await testVault({ a: 'x' })
    let interfered = 0
    const contended: ImportTarget = {
      annotate: (path, options) => vault.annotate(path, options),
      write: async (path, value, options) => {
        if (options?.ifVersion === 1 && interfered++ === 0) await vault.write(path, 'theirs')
        return vault.write(path, value, options)
      },
    }
    const result = await importSecrets(contended, parsed(entry('a', 'ours')), { update: true })
    expect(result).toMatchObject({ updated: 1, skipped: [] })
    expect(await vault.read('a')).toMatchObject({ version: 3 })
  })
})

async function exported(vault: Vault): Promise<{ secrets: number; versions: number }> {
  const { secrets, versions } = await vault.export()
  return { secrets, versions }
}
