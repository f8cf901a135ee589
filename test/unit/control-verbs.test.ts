import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  accesses,
  type ControlledVault,
  defineProjection,
  FoldError,
  formatNames,
  generate,
  lifecycle,
  type Moment,
  memoryStore,
  passphrase,
  recoveryKey,
  rotations,
  secrets,
  Vault,
  versions,
} from '../../src/index.ts'
import { noKdf } from '../../src/keys/no-kdf.ts'
import { Calls } from '../../src/vault/calls.ts'
import type { OperatedVault } from '../../src/vault/control/called.ts'
import { Operator } from '../../src/vault/control/operator.ts'
import { verbs } from '../../src/vault/control/verbs.ts'
import { Session } from '../../src/vault/session.ts'
import { parseVkey, verifyEventProof } from '../../src/verify.ts'
import { type ControlledPlace, controlledPlace } from '../fixtures/control.ts'

let place: ControlledPlace
/** The vault as its host has it, and as an owner and an auditor have it through the socket. */
let host: Vault
let owner: ControlledVault
let auditor: ControlledVault

beforeAll(async () => {
  place = await controlledPlace()
  host = place.vault
  await fill(host)
  owner = await place.enter()
  auditor = await place.enter(place.auditor, 'user/aud')
})
afterAll(() => place.remove())

async function fill(vault: Vault): Promise<void> {
  const { clock } = place
  await vault.write('prod/db', 'one', { type: 'database_password', tags: { team: 'pay' } })
  await vault.write('prod/fields', { user: 'app', $odd: [1.5, null] }, { owner: 'team/pay' })
  await vault.write('prod/bytes', Buffer.from([0, 255, 7]))
  clock.advance(5_000)
  await vault.rotate('prod/db', 'two', { reason: 'quarterly' })
  await vault.rotate('prod/db', 'three', { expiresAt: new Date(clock.now() + 1_000_000) })
  await vault.destroy('prod/db', { versions: [1] })
  await vault.write('gone', 'x')
  await vault.delete('gone')
  await vault.policies.write('payers', {
    rules: [{ effect: 'allow', capabilities: ['read'], paths: ['prod/**'] }],
  })
  await vault.roles.write('payer', { policies: ['payers'] })
  await vault.roles.grant('user/ana', 'payer')
  await vault.rotationPolicies.set({ prefix: 'prod/' }, { rotateEvery: 86_400_000 })
  await vault.read('prod/db', { actor: 'user/ana', reason: 'incident 1' })
  await vault.read('absent').catch(() => undefined)
  await vault.proofs.checkpoint()
}

type Look = (vault: ControlledVault) => unknown

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const item of items) found.push(item)
  return found
}

const until: Moment = { position: 15 }
const filter = { subject: 'prod/**', to: new Date(Date.UTC(2027, 0)) }

/** What gives the same through the socket as in the process itself: to an auditor, too. */
const looks: Readonly<Record<string, Look>> = {
  exists: async (vault) => [await vault.exists('prod/db'), await vault.exists('gone')],
  list: (vault) => vault.list(),
  'a page of a list': (vault) => vault.list('prod/', { limit: 1, after: 'prod/bytes' }),
  describe: (vault) => vault.describe('prod/db'),
  history: (vault) => vault.history('prod/db', { limit: 2 }),
  'as of': async (vault) => {
    const then = await vault.asOf(until)
    const { position, time } = then
    const found = [await then.exists('prod/db'), await then.list('prod/')]
    return { position, time, found, about: await then.describe('prod/db') }
  },
  'two moments in turn': async (vault) => {
    const [early, late] = [await vault.asOf({ position: 3 }), await vault.asOf(until)]
    return [await early.list(), await late.list(), await early.list(), await late.exists('gone')]
  },
  'history as of': async (vault) => (await vault.asOf(until)).history('prod/db'),
  // How large the log is counts the record of the look itself.
  'audit query': async (vault) =>
    (await all(vault.audit.query({ ...filter, limit: 2 }))).map(({ size: _, ...page }) => page),
  diff: (vault) => vault.diff({ position: 2 }, until),
  explain: (vault) =>
    vault.explain({ actor: 'user/ana', roles: ['other'] }, { capability: 'read', path: 'prod/db' }),
  'explain of then': (vault) =>
    vault.explain({ actor: 'user/ana' }, { capability: 'read', path: 'prod/db' }, { at: until }),
  policies: async (vault) => [await vault.policies.list(), await vault.policies.get('payers')],
  roles: async (vault) => [await vault.roles.list(), await vault.roles.granted('user/ana')],
  'rotation policies': (vault) => vault.rotationPolicies.list(),
  keys: (vault) => vault.keys.list(),
  anchors: (vault) => vault.anchors.list(),
  identity: (vault) => vault.identity(),
  checkpoints: (vault) => all(vault.proofs.checkpoints()),
  'a list of reports': async (vault) =>
    (await vault.reports.list()).map(({ definition }) => definition.name),
  'a report': async (vault) => {
    const { rows: given, ...about } = await vault.reports.run('rotation', { asOf: until })
    const rows = given()
    const batches = []
    for (;;) {
      const next = await rows.next()
      if (next.done === true) return { about, batches, totals: next.value }
      batches.push(next.value)
    }
  },
  'replay of what the vault has': async (vault) => {
    const replayed = []
    for (const projection of [secrets, versions, rotations, accesses, lifecycle]) {
      const { view, position } = await vault.replay(projection as typeof secrets, { at: until })
      replayed.push([projection.name, position, view instanceof Map ? [...view] : { ...view }])
    }
    return replayed
  },
}

describe.each(Object.entries(looks))('%s', (_, look) => {
  it('gives an owner and an auditor what it gives the host', async () => {
    for (const operator of [owner, auditor]) {
      const expected = await look(host)
      expect(await look(operator)).toStrictEqual(expected)
    }
  })
})

describe('a value', () => {
  it('is that of any kind, and its reading is on record as the operator’s', async () => {
    expect((await owner.read('prod/db')).text()).toBe('three')
    expect((await owner.read('prod/fields')).fields()).toEqual({ user: 'app', $odd: [1.5, null] })
    expect((await owner.read('prod/bytes', { reason: 'why' })).bytes()).toEqual(
      Buffer.from([0, 255, 7]),
    )
    expect((await place.trail()).at(-1)).toMatchObject({
      type: 'secret.accessed',
      subject: 'prod/bytes',
      actor: 'user/ana',
      context: { reason: 'why', auth: { method: 'claimed' } },
    })
    const then = await owner.asOf(until)
    expect((await then.read('prod/db', { version: 2 })).text()).toBe('two')
  })

  it('is refused as the vault refuses it, with all that the error says', async () => {
    for (const [path, version] of [
      ['absent', undefined],
      ['gone', undefined],
      ['prod/db', 1],
      ['a//b', undefined],
    ] as const) {
      const options = version === undefined ? {} : { version }
      const expected = await host.read(path, options).catch((error) => error)
      const found = await owner.read(path, options).catch((error) => error)
      const { cause: _, ...said } = { ...expected }
      expect({ ...found, message: found.message }).toEqual({ ...said, message: expected.message })
    }
  })
})

describe('a change', () => {
  it('is made as the host would make it', async () => {
    const path = 'changed/secret'
    expect(await owner.write(path, 'a', { tags: { n: '1' } })).toMatchObject({ path, version: 1 })
    await expect(owner.write(path, 'b', { ifVersion: 7 })).rejects.toMatchObject({
      code: 'CONFLICT',
      found: 1,
    })
    expect(await owner.rotate(path, 'b', { trigger: 'schedule' })).toMatchObject({ version: 2 })
    expect(await owner.annotate(path, { description: 'x' })).toMatchObject({ version: 2 })
    expect(await owner.delete(path)).toMatchObject({ versions: [2] })
    expect(await owner.restore(path, { versions: [2] })).toMatchObject({ versions: [2] })
    expect(await owner.destroy(path, { versions: [1] })).toMatchObject({ versions: [1] })
    expect(await owner.purge(path)).toMatchObject({ versions: [2] })
    const trail = (await place.trail()).filter(({ subject }) => subject === path)
    expect(trail.every(({ actor }) => actor === 'user/ana')).toBe(true)
  })

  it('keeps every number and every character of a value', async () => {
    const fields = {
      numbers: [0.1 + 0.2, 1e21, 5e-324, Number.MAX_SAFE_INTEGER, -0, -1.5],
      text: '\u0000 ü \ud83d\ude00 "\\ $date',
      nested: { $bytes: 'x', deeper: [{ $undefined: true }] },
    }
    await owner.write('exact', fields)
    await host.write('exact/host', fields)
    const written = (await host.read('exact/host')).fields()
    for (const vault of [owner, host]) {
      expect((await vault.read('exact')).fields()).toStrictEqual(written)
    }
    await expect(owner.write('exact', Buffer.alloc(7 * 1024 * 1024))).rejects.toMatchObject({
      code: 'TOO_LARGE',
    })
  })

  it('takes a value that is made: where it is sent, once', async () => {
    await owner.write('made', 'a')
    const { version } = await owner.rotate('made', generate.ed25519())
    expect((await host.describe('made')).type).toBe('ssh_key')
    expect((await host.read('made', { version })).kind).toBe('fields')
    let asked = 0
    await owner.rotate('made', async () => `value ${++asked}`, { type: 'generic' })
    expect((await host.read('made')).text()).toBe('value 1')
  })

  it('that makes no value leaves the old one, and says so on record', async () => {
    await owner.write('failing', 'a')
    const fails = () => {
      throw new Error('ALTER USER app PASSWORD hunter2')
    }
    for (const value of [fails, () => new Date() as never]) {
      await expect(owner.rotate('failing', value)).rejects.toMatchObject({
        code: 'INVALID',
        message: 'the generator of a new value for failing failed; the old one stands',
      })
      expect((await place.trail()).at(-1)).toMatchObject({ type: 'secret.rotation_failed' })
    }
    expect((await host.read('failing')).text()).toBe('a')
  })

  it('is one of access, of rotation policies and of the clock', async () => {
    const rules = [{ effect: 'deny', capabilities: ['read'], paths: ['x'] }] as const
    expect(await owner.policies.write('p', { rules })).toHaveProperty('position')
    await owner.roles.write('r', { policies: ['p'] })
    await owner.roles.grant('user/bob', 'r', { expiresAt: new Date(Date.UTC(2030, 0)) })
    expect(await owner.roles.granted('user/bob')).toEqual(await host.roles.granted('user/bob'))
    await owner.roles.withdraw('user/bob', 'r')
    await owner.roles.remove('r')
    await owner.policies.remove('p')
    await owner.rotationPolicies.set({ type: 'certificate' }, {})
    await owner.rotationPolicies.remove({ type: 'certificate' })
    await owner.acceptClock()
    expect((await place.trail()).at(-1)).toMatchObject({ type: 'clock.corrected' })
  })
})

describe('keys and keyslots', () => {
  it('are listed with the one that the operator came by', async () => {
    const current = async (vault: ControlledVault) =>
      (await vault.keyslots.list()).filter((slot) => slot.current).map(({ label }) => label)
    expect([await current(owner), await current(auditor)]).toEqual([['own'], ['auditor']])
    expect((await owner.keyslots.list()).length).toBe(host.keyslots.list().length)
  })

  it('are made with credentials that stay where they are', async () => {
    const light = { memoryKiB: 19 * 1024, passes: 2, lanes: 1 } as const
    const slot = await owner.keyslots.add(passphrase('not to be sent', light), { label: 'second' })
    expect(slot).toMatchObject({ kind: 'argon2id', role: 'owner', label: 'second', current: false })
    const { text, ...recovery } = await owner.keyslots.addRecovery({ label: 'safe' })
    await (await place.enter(recoveryKey.parse(text))).close()
    const third = passphrase('third', light)
    const replaced = await owner.keyslots.replace(slot.id, third)
    expect(replaced).toMatchObject({ label: 'second' })
    await expect(place.enter(passphrase('not to be sent', light))).rejects.toMatchObject({
      code: 'WRONG_KEY',
    })
    await (await place.enter(third)).close()
    await owner.keyslots.remove(replaced.id)
    await owner.keyslots.remove(recovery.id)
    await expect(owner.keyslots.remove(recovery.id)).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })

  it('say why a credential gave no key', async () => {
    const broken = { ...recoveryKey().credential, key: () => Promise.reject(new Error('the HSM')) }
    await expect(owner.keyslots.add(broken)).rejects.toThrow(
      'the process that serves the vault failed in a way it did not expect',
    )
    expect(await host.verify()).toMatchObject({ ok: true })
  })

  it('are replaced, root and all, by whoever holds what is to stay', async () => {
    const told: unknown[] = []
    expect(await owner.keys.rotate()).toHaveProperty('epoch')
    const { verifier } = await owner.keys.rotateSigning()
    expect((await owner.identity()).verifier).toBe(verifier)
    const onProgress = (at: unknown) => void told.push(at)
    expect(await owner.keys.shred({ onProgress })).toHaveProperty('keys')
    expect(told.at(-1)).toEqual({ keys: expect.any(Number), of: expect.any(Number) })
    await owner.keys.rotateRoot({ keep: [place.owner, place.auditor] })
    // Who is in stays in, and comes in again.
    expect((await owner.read('prod/db')).text()).toBe('three')
    for (const unlock of [place.owner, place.auditor]) await (await place.enter(unlock)).close()
    await expect(owner.keys.rotateRoot({ keep: [recoveryKey().credential] })).rejects.toMatchObject(
      {
        code: 'INVALID',
      },
    )
  })

  it('end what they gave, once they are taken away', async () => {
    const { credential } = recoveryKey()
    const { id } = await host.keyslots.add(credential, { label: 'leaver' })
    const leaver = await place.enter(credential, 'user/eve')
    const followed = leaver.audit.follow({ subject: 'prod/**' })
    await followed.next()
    await host.keyslots.remove(id)
    await expect(all(followed)).rejects.toMatchObject({
      code: 'CLOSED',
      message: 'the keyslot was removed',
    })
    await expect(leaver.list()).rejects.toMatchObject({ code: 'CLOSED' })
  })
})

describe('what an auditor may not', () => {
  const options = { versions: [1] }
  const refusals: readonly (readonly [string, string, Look])[] = [
    ['read', 'prod/db', (vault) => vault.read('prod/db')],
    ['read', 'prod/db', async (vault) => (await vault.asOf(until)).read('prod/db')],
    ['write', 'x', (vault) => vault.write('x', 'y')],
    ['rotate', 'prod/db', (vault) => vault.rotate('prod/db', 'y')],
    ['annotate', 'prod/db', (vault) => vault.annotate('prod/db', { description: 'y' })],
    ['delete', 'prod/db', (vault) => vault.delete('prod/db')],
    ['restore', 'prod/db', (vault) => vault.restore('prod/db', options)],
    ['destroy', 'prod/db', (vault) => vault.destroy('prod/db', options)],
    ['purge', 'prod/db', (vault) => vault.purge('prod/db')],
    ['export', '', (vault) => vault.export()],
    ['backup', '', (vault) => vault.backup(join(place.folder, 'none.muna'))],
    ['policy', '', (vault) => vault.policies.write('p', { rules: [] })],
    ['policy', '', (vault) => vault.roles.grant('user/aud', 'payer')],
    ['policy', '', (vault) => vault.rotationPolicies.remove({})],
    ['token', '', (vault) => vault.tokens.issue()],
    ['keys', '', (vault) => vault.keyslots.add(recoveryKey().credential)],
    ['keys', '', (vault) => vault.keys.rotateRoot({ keep: [place.auditor] })],
    ['keys', '', (vault) => vault.anchors.now()],
    ['keys', '', (vault) => vault.acceptClock()],
  ]

  it.each(refusals)('is to %s %s: refused, and on record', async (operation, subject, ask) => {
    const before = (await place.trail()).length
    await expect(async () => ask(auditor)).rejects.toMatchObject({
      code: 'AUDITOR_ONLY',
      message: 'an auditor reads the history, and no value, and changes nothing',
    })
    const [last, ...more] = (await place.trail()).slice(before).reverse()
    expect(last).toMatchObject({
      type: 'secret.denied',
      subject,
      actor: 'user/aud',
      data: { operation, cause: 'policy' },
    })
    expect(more.every(({ type }) => type === 'secret.inspected')).toBe(true)
    expect(await readdir(place.folder)).not.toContain('none.muna')
  })

  it('is everything but to look', async () => {
    const { session, calls } = await ownSession()
    const told = new Map<string, string>()
    for (const [name, { kind }] of verbs) {
      if (kind === 'look') continue
      const vault = {} as OperatedVault
      const operator = new Operator({ role: 'auditor', slot: 'x', calls, vault })
      const line = async (text: string) => void told.set(name, JSON.parse(text).error.code)
      const { signal } = new AbortController()
      await operator.call({ verb: name, args: ['a', 'b'] }, { line, signal })
    }
    expect(new Set(told.values())).toEqual(new Set(['AUDITOR_ONLY']))
    expect(told.size).toBeGreaterThan(30)
    await session.close()
  })
})

describe('what can be called', () => {
  const own = ['asOf', 'backup', 'export', 'keyslots.list', 'replay', 'rotate']

  it('is what the vault has, under the same names', () => {
    for (const [name] of verbs) {
      const [part = '', verb] = name.split('.')
      const isOwn = part === 'asOf' || own.includes(name)
      const found: unknown = Reflect.get(host, part)
      const called = verb === undefined ? found : Reflect.get(Object(found), verb)
      if (!isOwn) expect([name, typeof called]).toEqual([name, 'function'])
    }
  })

  it('is at hand through the socket, with nothing beside it', () => {
    const namesIn = (vault: object) =>
      Object.entries(vault).flatMap(([part, held]) =>
        typeof held === 'function' ? [part] : Object.keys(held).map((verb) => `${part}.${verb}`),
      )
    const sent = [...verbs.keys()].filter((name) => !name.startsWith('asOf.'))
    const made = ['close', 'keyslots.addRecovery', 'reports.list']
    expect(namesIn(owner).sort()).toEqual([...sent, ...made].sort())
  })

  it('is nothing else', async () => {
    const { session, calls } = await ownSession()
    for (const verb of [
      'close',
      'reopen',
      'as',
      'watch',
      'project',
      'constructor',
      'kv.read',
      '',
    ]) {
      const operator = new Operator({ role: 'owner', slot: 'x', calls, vault: host })
      const lines: string[] = []
      const line = async (text: string) => void lines.push(text)
      await operator.call({ verb, args: [] }, { line, signal: new AbortController().signal })
      expect(JSON.parse(lines.join(''))).toMatchObject({ error: { code: 'UNSUPPORTED' } })
    }
    await session.close()
  })
})

async function ownSession(): Promise<{ session: Session; calls: Calls }> {
  const options = { store: memoryStore(), unlock: noKdf, actor: 'svc/host' }
  const session = await Session.create(options)
  const calls = new Calls(session).operator({ actor: 'user/aud', slot: 'x', timeout: 5000 })
  return { session, calls }
}

describe('a replay', () => {
  const writes = defineProjection({
    name: 'writes',
    version: 1,
    initial: () => new Map<string, number>(),
    on: {
      'secret.written': (state, { subject }) => {
        state.set(subject, (state.get(subject) ?? 0) + 1)
      },
    },
  })

  it('folds code that is here, and tells how far it is', async () => {
    const told: unknown[] = []
    const onProgress = (at: unknown) => void told.push(at)
    const { view, position } = await owner.replay(writes, { onProgress })
    const again = await host.replay(writes, { at: { position: position - 1 } })
    expect([...view]).toEqual([...again.view])
    expect(told.at(-1)).toEqual({ position, size: position })
  })

  it('is on record as that of the projection', async () => {
    await auditor.replay(writes, { at: until, reason: 'asked' })
    expect((await place.trail()).at(-1)).toMatchObject({
      type: 'audit.read',
      actor: 'user/aud',
      context: { reason: 'asked' },
      data: { filter: { projection: 'writes', position: 15 } },
    })
  })

  it('ends where its code fails', async () => {
    const failing = defineProjection({
      ...writes,
      name: 'failing',
      on: {
        'secret.rotated': () => {
          throw new Error('no')
        },
      },
    })
    await expect(owner.replay(failing)).rejects.toThrow(FoldError)
    await expect(owner.replay(writes, { at: { position: 1_000_000 } })).rejects.toMatchObject({
      code: 'INVALID',
    })
  })
})

describe('what is written at this end', () => {
  it('is a backup, which opens as any', async () => {
    const path = join(place.folder, 'own.muna')
    const told: unknown[] = []
    const onProgress = (at: unknown) => void told.push(at)
    const backup = await owner.backup(path, { onProgress, reason: 'nightly' })
    expect(backup).toMatchObject({ path, size: backup.position + 1 })
    expect(told.at(-1)).toEqual({ position: backup.size, size: backup.size })
    const opened = await Vault.openBackup({ from: path, unlock: place.auditor })
    expect(opened.status()).toMatchObject({ sha256: backup.sha256, bytes: backup.bytes })
    await opened.close()
    await expect(owner.backup(path)).rejects.toMatchObject({ code: 'EXISTS' })
  })

  it('is a report in every format, and its manifest', async () => {
    const formats = formatNames
    const asked = { formats, asOf: until }
    const [mine, theirs] = [join(place.folder, 'mine'), join(place.folder, 'theirs')]
    await Promise.all([mkdir(mine), mkdir(theirs)])
    const written = await owner.reports.write('rotation', { ...asked, to: mine })
    const expected = await host.reports.write('rotation', { ...asked, to: theirs })
    expect(written).toStrictEqual(expected)
    for (const name of await readdir(theirs)) {
      expect(await readFile(join(mine, name))).toEqual(await readFile(join(theirs, name)))
    }
    const manifest = await readFile(join(mine, written.manifestName))
    const hashes = new Map(written.outputs.map(({ name, sha256 }) => [name, sha256]))
    const verified = await auditor.reports.verify(manifest, { hashes })
    expect(verified).toStrictEqual(await host.reports.verify(manifest, { hashes }))
    expect(verified.ok).toBe(true)
  })

  it('is evidence', async () => {
    const to = join(place.folder, 'evidence.zip')
    const range = { from: { position: 2 }, asOf: until }
    const evidence = await auditor.reports.evidence({ ...range, to })
    const theirs = join(place.folder, 'theirs.zip')
    expect(evidence).toStrictEqual(await host.reports.evidence({ ...range, to: theirs }))
    expect(await readFile(to)).toEqual(await readFile(theirs))
    await expect(owner.reports.evidence({ ...range, to })).rejects.toMatchObject({ code: 'EXISTS' })
  })

  it('is gone again where it cannot be finished', async () => {
    const to = join(place.folder, 'taken')
    await mkdir(to)
    await writeFile(join(to, 'rotation.manifest'), 'taken')
    const asked = { formats: ['csv', 'jsonl'], to } as const
    await expect(owner.reports.write('rotation', asked)).rejects.toMatchObject({ code: 'EXISTS' })
    expect(await readdir(to)).toEqual(['rotation.manifest'])
    const full = Object.assign(new Error('the disk is full'), { code: 'ENOSPC' })
    let aborted = 0
    const sink = {
      open: async () => ({
        write: () => Promise.reject(full),
        end: async () => undefined,
        abort: async () => void aborted++,
      }),
    }
    await expect(owner.reports.write('rotation', { ...asked, to: sink })).rejects.toBe(full)
    expect(aborted).toBeGreaterThan(0)
    await expect(
      owner.reports.write('rotation', { formats: ['csv'], to: join(place.folder, 'absent') }),
    ).rejects.toMatchObject({ code: 'INVALID', message: /there is no folder/ })
    await expect(owner.reports.write('unknown', { formats: ['csv'], to })).rejects.toMatchObject({
      code: 'INVALID',
    })
    expect(await readdir(to)).toEqual(['rotation.manifest'])
  })

  it('is no report of code that is here', async () => {
    const { definition } = (await host.reports.list())[0]!
    await expect(owner.reports.run(definition)).rejects.toMatchObject({
      code: 'UNSUPPORTED',
      message: 'a report of your own runs where the vault is open, or on a backup of it',
    })
    const { rows } = await owner.reports.run('keys')
    await all(rows())
    expect(rows).toThrow(expect.objectContaining({ code: 'INVALID' }))
  })

  it('is an export, entry by entry', async () => {
    const strip = ({ position: _, ...head }: object & { position: number }) => head
    const [mine, theirs] = [await owner.export('prod/'), await host.export('prod/')]
    const { entries: own, ...head } = mine
    const { entries, ...expected } = theirs
    expect(strip(head)).toEqual(strip(expected))
    expect(await all(own)).toStrictEqual(await all(entries))
  })

  it('is a proof and a checkpoint', async () => {
    const { size, note } = await auditor.proofs.checkpoint()
    const proof = await auditor.proofs.event(3)
    expect(Buffer.isBuffer(note) && Buffer.isBuffer(proof.file)).toBe(true)
    const found = await auditor.verify({ against: { checkpoint: note } })
    expect(found).toMatchObject({ ok: true, anchored: size })
    const trust = { log: parseVkey((await host.identity()).verifier) }
    expect(await owner.verify({ against: { checkpoint: note, trust } })).toMatchObject({ ok: true })
    expect(verifyEventProof(proof.file, trust)).toMatchObject({ index: 3 })
    const [first] = await all(owner.proofs.checkpoints())
    expect((await owner.proofs.consistency(first!)).proof).toBeInstanceOf(Array)
  })

  it('goes to a file where whoever names it stands', async () => {
    const file = join(relative(process.cwd(), place.folder), 'anchor')
    const added = await owner.anchors.add({ file })
    expect(added).toMatchObject({ kind: 'file', target: join(place.folder, 'anchor') })
    expect(await owner.anchors.now()).toMatchObject([{ target: added.target }])
    await owner.anchors.remove(added.target)
    await expect(owner.anchors.add({ file: '' })).rejects.toMatchObject({ code: 'INVALID' })
  })
})
