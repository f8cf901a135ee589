import { chmod, cp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Level } from 'level'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { VaultEvent } from '../../src/events/catalogue.ts'
import { testClock } from '../../src/testing/test-clock.ts'
import { checkHistory } from '../fixtures/check-history.ts'
import { checkVault } from '../fixtures/check-vault.ts'
import { later, open, populated, scratch } from './vault-material.ts'

let parent: string
let older: string
let vault: string
let copy: string
beforeAll(async () => {
  parent = await scratch({ fast: true })
  older = join(parent, 'older')
  vault = join(parent, 'vault')
  copy = join(parent, 'copy')
  await populated(older)
  await cp(older, vault, { recursive: true })
  await later(vault)
})
afterAll(() => rm(parent, { recursive: true }))

type Log = Level<Buffer, Buffer>

const rows = (change: (log: Log) => Promise<void>) => async () => {
  const options = { keyEncoding: 'buffer', valueEncoding: 'buffer', createIfMissing: false }
  const log: Log = new Level(join(copy, 'log'), options)
  await change(log)
  await log.close()
}

const keyRows = (log: Log) => log.iterator({ gte: Buffer.from('k'), limit: 100 }).all()

const file = (name: string, change: (bytes: Buffer) => void) => async () => {
  const bytes = await readFile(join(copy, name))
  change(bytes)
  await writeFile(join(copy, name), bytes)
}

describe('the check of a vault notices', () => {
  it('nothing where there is nothing amiss', async () => {
    const { size, head, versions } = await checkVault(vault)
    expect(head).toBe(size)
    expect(versions.filter(({ value }) => value === undefined).length).toBeGreaterThan(1)
  })

  it.each<[string, () => Promise<void>, RegExp]>([
    ['a file that others can read', () => chmod(join(copy, 'keyring'), 0o644), /its owner's alone/],
    ['a folder that others can enter', () => chmod(join(copy, 'log'), 0o755), /its owner's alone/],
    ['a keyring of before', () => cp(join(older, 'keyring'), join(copy, 'keyring')), /generation/],
    ['a head that no owner wrote', file('head', (bytes) => bytes.fill(7, 48, 80)), /owner wrote/],
    ['a head of another root', file('head', (bytes) => bytes.fill(7, 16, 48)), /owner wrote/],
    [
      'a row of no known kind',
      rows((log) => log.put(Buffer.from('x'), Buffer.from('y'))),
      /no known/,
    ],
    ['a commit that is missing', rows((log) => log.del(Buffer.alloc(8))), /position 0/],
    [
      'a key that is missing',
      rows(async (log) => {
        const [row] = await keyRows(log)
        if (row !== undefined) await log.del(row[0])
      }),
      /and its key/,
    ],
    [
      'a key that came back',
      async () => {
        let before: [Buffer, Buffer][] = []
        await rows(async (log) => {
          before = await keyRows(log)
        })()
        const opened = await open({ path: copy }, { clock: testClock(Date.UTC(2026, 0, 3)) })
        await opened.destroy('prod/bytes', { versions: [1] })
        await opened.close()
        await rows(async (log) => {
          for (const [key, bytes] of before) await log.put(key, bytes)
        })()
      },
      /which is destroyed, and its key/,
    ],
  ])('%s', async (_what, damage, message) => {
    await rm(copy, { recursive: true, force: true })
    await cp(vault, copy, { recursive: true })
    await damage()
    await expect(checkVault(copy)).rejects.toThrow(message)
  })
})

describe('the check of a history notices', () => {
  const meta = { type: 'generic' } as const
  const created = event('vault.created', {
    vaultId: Buffer.alloc(16),
    generation: 1,
    keyslots: [{ slot: 's', kind: 'none', role: 'owner', label: 'l' }],
  })
  const opened = event('vault.opened', { slot: 's', clean: true })
  const key = (n: number) => Buffer.alloc(32, n)
  const written = (version: number, more: object = {}) =>
    event('secret.written', { version, keyId: key(version), changed: true, meta, ...more }, 'a')
  const on = (type: VaultEvent['type'], data: object) => event(type, data, 'a')

  function event(type: VaultEvent['type'], data: object, subject = ''): Partial<VaultEvent> {
    return { type, subject, data } as Partial<VaultEvent>
  }

  /** Positions follow the order; times too, unless given. */
  const check = (...events: Partial<VaultEvent>[]) =>
    checkHistory(
      [created, opened, ...events].map(
        (given, position) => ({ time: position, context: {}, ...given, position }) as VaultEvent,
      ),
    )

  const deleted = on('secret.deleted', { versions: [1], previous: 2 })

  it('nothing in a history that could have been', () => {
    const { versions } = check(
      written(1),
      deleted,
      on('secret.denied', { operation: 'read', cause: 'deleted', version: 1 }),
      on('secret.restored', { versions: [1], previous: 3 }),
      on('secret.accessed', { operation: 'read', version: 1 }),
      on('secret.destroyed', { versions: [{ version: 1, keyId: key(1) }], previous: 5 }),
      on('secret.purged', { version: 1, previous: 7 }),
      written(1),
      event('vault.closed', {}),
    )
    expect(versions.map(({ state }) => state)).toEqual(['destroyed', 'live'])
  })

  it.each<[string, Partial<VaultEvent>[], RegExp]>([
    ['time that goes back', [{ ...written(1), time: 0 }], /turns time back/],
    ['a version left out', [written(1), written(3, { previous: 2 })], /dense from 1/],
    ['a chain that skips a change', [written(1), written(2)], /the change of a before it/],
    [
      'a first value that is called unchanged',
      [written(1, { changed: false })],
      /differs from none/,
    ],
    [
      'a deletion of what is deleted',
      [written(1), deleted, { ...deleted, data: { versions: [1], previous: 3 } as never }],
      /version 1 is deleted/,
    ],
    [
      'a read of what is deleted',
      [written(1), deleted, on('secret.accessed', { version: 1 })],
      /not live/,
    ],
    [
      'a read of what has expired',
      [written(1, { meta: { ...meta, expiresAt: 1 } }), on('secret.accessed', { version: 1 })],
      /had expired/,
    ],
    ['a read of what is not there', [on('secret.accessed', { version: 1 })], /that is there/],
    [
      'a refusal without its cause',
      [written(1), on('secret.denied', { cause: 'deleted', version: 1 })],
      /was not deleted/,
    ],
    [
      'the key of another version',
      [
        written(1),
        on('secret.destroyed', { versions: [{ version: 1, keyId: key(2) }], previous: 2 }),
      ],
      /names the key of version 1/,
    ],
    [
      'a purge that leaves a version',
      [written(1), on('secret.purged', { version: 1, previous: 2 })],
      /leaves no version behind/,
    ],
    [
      'an opening that belies the closing',
      [{ ...opened, data: { slot: 's', clean: true } as never }],
      /last end was clean/,
    ],
    [
      'what happened while it was closed',
      [event('vault.closed', {}), written(1)],
      /between a closing/,
    ],
    ['a second creation', [created], /created once/],
  ])('%s', (_what, events, message) => {
    expect(() => check(...events)).toThrow(message)
  })
})
