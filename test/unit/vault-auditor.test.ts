import { createHash, type KeyObject, randomBytes } from 'node:crypto'
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { privateKeyOf, publicKeyOf, rawPublicKey } from '../../src/crypto/ed25519.ts'
import {
  accesses,
  type Credential,
  memoryStore,
  recoveryKey,
  rotations,
  type StoreOpener,
  secrets,
  Vault,
  versions,
} from '../../src/index.ts'
import { signCheckpoint } from '../../src/proofs/checkpoint.ts'
import { root } from '../../src/proofs/tree.ts'
import { formatVkey, vkeyOf } from '../../src/proofs/vkey.ts'
import { type TestClock, testClock } from '../../src/testing.ts'
import { closeBackupLog, openBackupLog } from '../../src/vault/backup-log.ts'
import type { BackupReader } from '../../src/vault/backup-reader.ts'
import type { SignedCheckpoint } from '../../src/vault/checkpoints.ts'
import { Session } from '../../src/vault/session.ts'
import { vouchedBy } from '../../src/vault/vouched.ts'
import { recordsOf, writeRecords } from '../fixtures/auditors.ts'

let folder: string
let places = 0
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muniment-auditor-'))
})
afterAll(() => rm(folder, { recursive: true }))

const newPath = () => join(folder, `${places++}`)
const actor = 'svc/test'

interface Audited {
  readonly vault: Vault
  readonly clock: TestClock
  readonly store: StoreOpener
  readonly owner: Credential
  readonly auditor: Credential
  readonly from: string
}

/** A vault in which everything has happened, that was closed and opened again, and its backup. */
async function audited(): Promise<Audited> {
  const { credential: owner } = recoveryKey()
  const [store, clock] = [memoryStore(), testClock()]
  const first = await Vault.create({ store, clock, actor, unlock: owner })
  await first.write('prod/db', 'one', { type: 'database_password', tags: { team: 'pay' } })
  await first.write('prod/api', { user: 'app' })
  clock.advance(5000)
  await first.rotate('prod/db', 'two', { reason: 'quarterly' })
  await first.rotate('prod/db', 'three')
  await first.destroy('prod/db', { versions: [1] })
  await first.read('prod/db', { actor: 'user/ana' })
  await first.read('absent').catch(() => undefined)
  const { credential: auditor } = recoveryKey()
  await first.keyslots.add(auditor, { role: 'auditor', label: 'auditor' })
  await first.close()
  clock.advance(5000)
  const vault = await Vault.open({ store, clock, actor, unlock: owner })
  await vault.delete('prod/api')
  await vault.write('test/a', 'x')
  await vault.write('test/b', 'y')
  await vault.purge('test/b')
  const from = newPath()
  await vault.backup(from)
  return { vault, clock, store, owner, auditor, from }
}

/** What is shared by a vault and a reader of its backup. */
type Looked = Pick<
  BackupReader,
  'list' | 'describe' | 'history' | 'exists' | 'audit' | 'replay' | 'identity'
> & { asOf: (...args: Parameters<BackupReader['asOf']>) => ReturnType<BackupReader['asOf']> }

async function eventsOf({ audit }: Pick<Looked, 'audit'>, query = {}): Promise<unknown[]> {
  const events: unknown[] = []
  for await (const page of audit.query(query)) events.push(...page.events, page.size, page.next)
  return events
}

async function everythingOf(by: Looked): Promise<unknown> {
  const then = await by.asOf({ position: 4 })
  return {
    pages: [
      await by.list(),
      await by.list('prod/', { limit: 1 }),
      await by.list('', { after: 'p' }),
    ],
    db: [await by.describe('prod/db'), await by.history('prod/db', { limit: 2 })],
    exists: await Promise.all(['prod/db', 'prod/api', 'test/b'].map((path) => by.exists(path))),
    earlier: [then.position, then.time, await then.list(), await then.history('prod/db')],
    before: await Promise.all(['prod/db', 'test/a'].map((path) => then.exists(path))),
    events: await eventsOf(by),
    denied: await eventsOf(by, { outcome: 'denied' }),
    newest: await eventsOf(by, { subject: 'prod/**', order: 'newest', limit: 2 }),
    dated: await eventsOf(by, { from: '2026-01-01T00:00:01Z', type: 'secret.rotated' }),
    states: await Promise.all(
      [secrets, versions, rotations, accesses].map(
        async (projection) => (await by.replay(projection as typeof secrets)).view,
      ),
    ),
    replayed: await by.replay(secrets, { at: { time: '2026-01-01T00:00:01Z' } }),
    identity: by.identity(),
  }
}

async function refusal(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => 'no refusal',
    ({ code, message }: { code: string; message: string }) => ({ code, message }),
  )
}

describe('a backup that is looked at', () => {
  it.each(['owner', 'auditor'] as const)('answers its %s as the vault did', async (role) => {
    const made = await audited()
    const expected = await everythingOf(made.vault)
    await made.vault.rotate('prod/db', 'of after the backup')
    await made.vault.close()
    const backup = await Vault.openBackup({ from: made.from, unlock: made[role] })
    expect(await everythingOf(backup)).toEqual(expected)
    await expect(backup.describe('absent')).rejects.toMatchObject({ code: 'NOT_FOUND' })
    await expect(backup.history('test/b')).rejects.toMatchObject({ code: 'NOT_FOUND' })
    await backup.close()
  })

  it('says what it is, who can open it, and what was signed', async () => {
    const { vault, owner, auditor, from } = await audited()
    const identity = vault.identity()
    const size = (await vault.health()).size
    const bytes = await readFile(from)
    const [byAuditor, byOwner] = [
      await Vault.openBackup({ from, unlock: auditor, verifier: identity.verifier }),
      await Vault.openBackup({ from, unlock: owner, verifier: identity.verifier }),
    ]
    const common = {
      location: from,
      bytes: bytes.length,
      sha256: createHash('sha256').update(bytes).digest('hex'),
      size,
      secrets: 3,
      failedUnlocks: 0,
    }
    const signed = []
    for await (const checkpoint of byAuditor.checkpoints()) signed.push(checkpoint)
    const last = signed.at(-1)?.size ?? 0
    expect(last).toBe(size)
    expect(new Set(signed.map(({ origin }) => origin))).toEqual(new Set([identity.origin]))
    expect(byAuditor.status()).toEqual({ ...common, role: 'auditor', proved: last })
    expect(byOwner.status()).toEqual({ ...common, role: 'owner', proved: size })
    expect(byAuditor.identity()).toEqual(identity)
    const slots = byAuditor.keyslots().map(({ role, label, current }) => [role, label, current])
    expect(slots).toEqual([
      ['owner', 'recovery', false],
      ['auditor', 'auditor', true],
    ])
    for (const each of [byAuditor, byOwner, vault]) await each.close()
  })

  it('gives no value to anybody', async () => {
    const { vault, owner, auditor, from } = await audited()
    const byAuditor = await Vault.openBackup({ from, unlock: auditor })
    const byOwner = await Vault.openBackup({ from, unlock: owner })
    expect(await refusal(byAuditor.read('prod/db'))).toEqual({
      code: 'AUDITOR_ONLY',
      message: 'an auditor reads the history, and no value',
    })
    expect(await refusal(byOwner.read('prod/db', { version: 2 }))).toEqual({
      code: 'AUDITOR_ONLY',
      message: 'a backup cannot record an access: restore it to read values',
    })
    expect(await refusal(byOwner.read('a//b'))).toMatchObject({ code: 'INVALID' })
    expect(await byOwner.asOf({ position: 4 })).not.toHaveProperty('read')
    for (const each of [byAuditor, byOwner, vault]) await each.close()
  })

  it('holds no key that signs, or opens the keyring', async () => {
    const { vault, owner, from } = await audited()
    const opened = await openBackupLog(from, { unlock: owner })
    const { signing = [], A, appends = [] } = opened.keyring.values ?? {}
    const wiped = [...signing.map(({ seed }) => seed), A]
    expect(wiped).toHaveLength(2)
    for (const key of wiped) expect(key).toEqual(Buffer.alloc(32))
    expect(appends.map(({ key }) => key)).not.toContainEqual(Buffer.alloc(32))
    await closeBackupLog(opened)
    await vault.close()
  })

  it('is not written to, and neither is the vault, even by a wrong key', async () => {
    const made = await audited()
    const { store, clock, owner, auditor, from } = made
    await made.vault.close()
    await chmod(from, 0o400)
    const [before, names] = [await readFile(from), await readdir(folder)]
    const wrong = recoveryKey().credential
    await expect(Vault.openBackup({ from, unlock: wrong })).rejects.toMatchObject({
      code: 'WRONG_KEY',
    })
    for (const unlock of [owner, auditor]) {
      const backup = await Vault.openBackup({ from, unlock })
      await everythingOf(backup)
      await backup.close()
    }
    expect(await readFile(from)).toEqual(before)
    expect(await readdir(folder)).toEqual(names)
    const vault = await Vault.open({ store, clock, actor, unlock: owner })
    expect(
      await eventsOf(vault, { type: ['auth.failed', 'secret.inspected', 'audit.read'] }),
    ).toEqual([])
    await vault.close()
  })

  it('is all that an auditor opens: not the vault, and no new one', async () => {
    const { vault, store, clock, auditor, from } = await audited()
    await vault.close()
    const code = 'AUDITOR_ONLY'
    const open = { clock, actor, unlock: auditor }
    await expect(Vault.open({ store, ...open })).rejects.toMatchObject({ code })
    await expect(Vault.restore({ from, path: newPath(), ...open })).rejects.toMatchObject({ code })
  })

  it('is refused where arguments, key or file are not right', async () => {
    const { vault, auditor: unlock, from } = await audited()
    const bytes = await readFile(from)
    const changed = async (at: number, byte: number) => {
      const path = newPath()
      const copy = Buffer.from(bytes)
      copy.writeUInt8(byte, at)
      await writeFile(path, copy)
      return path
    }
    const flipped = await changed(bytes.length >> 1, bytes.readUInt8(bytes.length >> 1) ^ 1)
    const cases = [
      [{ from: '', unlock }, 'INVALID'],
      [{ from, unlock: undefined as unknown as Credential }, 'INVALID'],
      [{ from, unlock, verifier: 'nonsense' }, 'INVALID'],
      [{ from, unlock, verifier: 7 as unknown as string }, 'INVALID'],
      [{ from: newPath(), unlock }, 'NOT_FOUND'],
      [{ from: folder, unlock }, 'INVALID'],
      [{ from: flipped, unlock }, 'INTEGRITY'],
      [{ from: await changed(7, 2), unlock }, 'UNSUPPORTED'],
      [{ from, unlock, signal: AbortSignal.abort() }, 'ABORTED'],
    ] as const
    for (const [options, code] of cases) {
      expect(await refusal(Vault.openBackup(options))).toMatchObject({ code })
    }
    await vault.close()
  })

  it('tells how far it has come', async () => {
    const { vault, auditor: unlock, from } = await audited()
    const told: unknown[] = []
    const backup = await Vault.openBackup({ from, unlock, onProgress: (at) => told.push(at) })
    const { size } = backup.status()
    expect(told).toEqual([{ position: size, size }])
    await backup.asOf({ position: 3 }, { onProgress: (at) => told.push(at) })
    expect(told.slice(1)).toEqual([{ position: 4, size: 4 }])
    await backup.close()
    await vault.close()
  })

  it('ends with its closing, whatever is under way', async () => {
    const { vault, owner, from } = await audited()
    const backup = await Vault.openBackup({ from, unlock: owner })
    const pages = backup.audit.query({ limit: 1 })
    await pages.next()
    const pending = [backup.replay(secrets), backup.verify(), pages.next()].map(refusal)
    const closing = backup.close()
    for (const refused of await Promise.all(pending)) {
      expect(refused).toEqual({ code: 'CLOSED', message: 'the backup is closed' })
    }
    await Promise.all([closing, backup.close()])
    const late = [
      () => backup.list(),
      () => backup.read('prod/db'),
      () => backup.asOf({ position: 1 }),
      () => backup.audit.query().next(),
      () => backup.checkpoints().next(),
      () => backup.verify(),
      async () => backup.status(),
      async () => backup.identity(),
      async () => backup.keyslots(),
    ]
    for (const call of late) expect(await refusal(call())).toMatchObject({ code: 'CLOSED' })
    await backup[Symbol.asyncDispose]()
    await vault.close()
  })

  it('wipes its keys when it is closed', async () => {
    const { vault, owner, from } = await audited()
    const opened = await openBackupLog(from, { unlock: owner })
    const { log, values } = opened.keyring
    const keys = [...log.epochs, ...(values?.appends ?? [])].flatMap((epoch) =>
      'key' in epoch ? [epoch.key] : [epoch.logKey, epoch.blindKey],
    )
    expect(keys).toHaveLength(3)
    for (const key of keys) expect(key).not.toEqual(Buffer.alloc(32))
    await closeBackupLog(opened)
    for (const key of keys) expect(key).toEqual(Buffer.alloc(32))
    await vault.close()
  })

  it('is verified, by an auditor without MACs and keys', async () => {
    const { vault, owner, auditor, from } = await audited()
    for (const [unlock, said] of [
      [owner, 'checked'],
      [auditor, 'not checked: auditor'],
    ] as const) {
      const backup = await Vault.openBackup({ from, unlock })
      const { size } = backup.status()
      const sound = { ok: true, problems: [], size, events: size, macs: said, keys: said }
      expect(await backup.verify()).toMatchObject(sound)
      await backup.close()
    }
    await vault.close()
  })

  it('is read through every epoch of its keys, by whoever may still', async () => {
    const made = await audited()
    const { vault, owner, auditor } = made
    const { verifier } = vault.identity()
    await vault.keys.rotate()
    await vault.read('prod/db')
    await vault.keys.rotateSigning()
    await vault.keys.shred()
    await vault.keys.rotate()
    await vault.write('test/c', 'z')
    const from = newPath()
    await vault.backup(from)
    const expected = await everythingOf(vault)
    for (const unlock of [owner, auditor]) {
      const backup = await Vault.openBackup({ from, unlock, verifier })
      expect(await everythingOf(backup)).toEqual(expected)
      const { proved, size } = backup.status()
      expect(proved).toBe(size)
      await backup.close()
    }
    await vault.keys.rotateRoot({ keep: [owner] })
    const later = newPath()
    await vault.backup(later)
    await expect(Vault.openBackup({ from: later, unlock: auditor })).rejects.toMatchObject({
      code: 'WRONG_KEY',
    })
    await vault.close()
  })

  it('checks the options of a call as a vault does', async () => {
    const { vault, auditor: unlock, from } = await audited()
    const backup = await Vault.openBackup({ from, unlock })
    for (const by of [vault, backup]) {
      await expect(by.list('', { limit: 0 })).rejects.toMatchObject({ code: 'INVALID' })
      await expect(by.exists('a', { timeout: 0 })).rejects.toMatchObject({ code: 'INVALID' })
      await expect(by.audit.query({ limit: 0 }).next()).rejects.toMatchObject({ code: 'INVALID' })
      await expect(by.asOf({ position: 999 })).rejects.toMatchObject({ code: 'INVALID' })
    }
    await backup.close()
    await vault.close()
  })
})

describe('a verifier that was pinned', () => {
  it('refuses the backup of a vault with another key, or of another name', async () => {
    const made = await audited()
    const other = await audited()
    const { auditor: unlock, from } = made
    const { origin } = made.vault.identity()
    const stranger = publicKeyOf(rawPublicKey(privateKeyOf(Buffer.alloc(32, 7))))
    const key = made.vault.identity().verifier.split('+').slice(2).join('+')
    const own = publicKeyOf(Buffer.from(key, 'base64').subarray(1))
    const verifiers = [
      other.vault.identity().verifier,
      formatVkey(vkeyOf(origin, stranger)),
      formatVkey(vkeyOf(`${origin}0`, own)),
    ]
    for (const verifier of verifiers) {
      const { code, message, expected } = await Vault.openBackup({ from, unlock, verifier }).then(
        () => expect.unreachable('it was opened'),
        (error) => error,
      )
      expect([code, expected]).toEqual(['INTEGRITY', verifier])
      expect(message).toMatch(
        /^no checkpoint of the backup is signed by the verifier's key, as mun/,
      )
    }
    const cosigner = formatVkey(vkeyOf('witness.example', stranger, 'cosignature/v1'))
    expect(await refusal(Vault.openBackup({ from, unlock, verifier: cosigner }))).toEqual({
      code: 'INVALID',
      message: 'verifier: expected the key of a log, found a cosignature/v1',
    })
    for (const { vault } of [made, other]) await vault.close()
  })

  it('refuses a backup in which nothing is signed', async () => {
    const { vault, auditor: unlock, from } = await audited()
    const { verifier } = vault.identity()
    const records = await recordsOf(from)
    const unsigned = await writeRecords(
      newPath(),
      records.filter((each) => each.kind !== 'file' || !each.name.startsWith('checkpoint')),
    )
    const backup = await Vault.openBackup({ from: unsigned, unlock })
    expect(backup.status().proved).toBe(0)
    await backup.close()
    expect(await refusal(Vault.openBackup({ from: unsigned, unlock, verifier }))).toMatchObject({
      code: 'INTEGRITY',
    })
    await vault.close()
  })

  it('is that of the life of the vault that it names, and of those after it', async () => {
    const made = await audited()
    const { clock, owner, auditor: unlock } = made
    const { verifier } = made.vault.identity()
    const store = memoryStore()
    const open = { store, clock, actor, unlock: owner }
    const restored = await Vault.restore({ from: made.from, ...open })
    const later = restored.identity().verifier
    await restored.close()
    const again = await Vault.open(open)
    const from = newPath()
    await again.backup(from)
    await again.close()
    const sizes = []
    for (const pinned of [verifier, later]) {
      const backup = await Vault.openBackup({ from, unlock, verifier: pinned })
      expect(backup.identity().verifier).toBe(later)
      sizes.push(backup.status().proved)
      await backup.close()
    }
    expect(sizes[0]).toBe(sizes[1])
    // What the first life says is not said by the one that was made of it.
    const older = Vault.openBackup({ from: made.from, unlock, verifier: later })
    expect(await refusal(older)).toMatchObject({ code: 'INTEGRITY' })
    await made.vault.close()
  })
})

describe('the checkpoints of a pinned key', () => {
  /** A log in which the key of `next` takes over from the vault's first, and checkpoints of it at will. */
  async function rotated() {
    const { credential: unlock } = recoveryKey()
    const session = await Session.create({ store: memoryStore(), unlock, actor })
    const engine = session.engine()
    const { generation, values } = engine.keyring
    const first = privateKeyOf(values.signing[0]?.seed ?? Buffer.alloc(0))
    const [next, stranger] = [privateKeyOf(randomBytes(32)), privateKeyOf(randomBytes(32))]
    const { origin } = engine
    const sign = (...keys: KeyObject[]): SignedCheckpoint => {
      const checkpoint = { origin, size: engine.size, root: root(engine.log.frontier) }
      return { ...checkpoint, note: signCheckpoint(checkpoint, keys) }
    }
    const grow = () => engine.record([{ type: 'backup.created', subject: '', data: {} }])
    const before = sign(first)
    const key = rawPublicKey(next)
    const data = { what: 'signing', generation, epoch: 2, key } as const
    await engine.record([{ type: 'keys.rotated', subject: '', data }])
    const covering = sign(first, next)
    await grow()
    const [after, forged] = [sign(next), sign(stranger)]
    const verifier = vkeyOf(origin, first)
    const vouched = (...found: readonly SignedCheckpoint[]) => {
      async function* checkpoints() {
        yield* found
      }
      return vouchedBy(verifier, { log: engine, nodes: engine.nodes, checkpoints })
    }
    return { session, before, covering, after, forged, vouched }
  }

  it('lead from one signing key to the next, where the first has signed for that', async () => {
    const { session, before, covering, after, forged, vouched } = await rotated()
    expect(await vouched(before, covering, after)).toBe(after.size)
    expect(await vouched(before, covering)).toBe(covering.size)
    expect(await vouched(before, after)).toBe(before.size)
    expect(await vouched(before, covering, forged)).toBe(covering.size)
    expect(await refusal(vouched(after, forged))).toMatchObject({ code: 'INTEGRITY' })
    await session.close()
  })

  it('are held to the events, not only to each other', async () => {
    const { session, before, covering, after, vouched } = await rotated()
    const wrong = { ...covering, root: Buffer.alloc(32, 1) }
    expect(await refusal(vouched(before, wrong, after))).toEqual({
      code: 'INTEGRITY',
      message: `the events up to position ${wrong.size} are not those that the verifier's key has signed`,
    })
    await session.close()
  })
})
