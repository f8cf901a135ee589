// Makes a frozen vault: `npm run build && node test/frozen/make.mjs`. What it makes is committed and must stay readable for
// ever; when the format gains something, another folder is made and those of before stay as they are.
//
// v1: the engine. v2: backups, exports, anchors, and keys that are replaced.
//
// The credentials are throw-away: they stand in the clear beside a vault that holds nothing.
import { generateKeyPairSync } from 'node:crypto'
import { cp, mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { levelStore, passphrase, recoveryKey, shares, Vault } from '../../dist/index.js'
import { formatVkey, vkeyOf } from '../../dist/proofs/vkey.js'
import { faultStore, testClock } from '../../dist/testing.js'

const home = fileURLToPath(new URL('v2', import.meta.url))
const folder = join(home, 'vault')
const words = 'throw-away passphrase of the frozen vault'
// The least that a vault takes, so that the test spends its time elsewhere.
const cheap = { memoryKiB: 19_456, passes: 2, lanes: 1 }

await rm(home, { recursive: true, force: true })
await mkdir(home, { recursive: true })

const minute = 60_000
const clock = testClock(Date.UTC(2026, 0, 1, 12))
const store = faultStore(levelStore(folder))
const place = { store, actor: 'svc/frozen', clock, unlock: passphrase(words, cheap) }

const quietly = (call) => call.catch(() => undefined)

/** The first day: values of every kind, several of them in one commit. */
async function first() {
  const vault = await Vault.create({ ...place, label: 'the first' })
  await Promise.all([
    vault.write('prod/db/password', 'first value', {
      type: 'database_password',
      description: 'the main database',
      owner: 'user/ana',
      tags: { team: 'pay', region: 'eu' },
      expiresAt: '2027-01-01T00:00:00Z',
      rotateEvery: 90 * 24 * 60 * minute,
      actor: 'user/ana',
      reason: 'set up',
    }),
    vault.write('prod/key', Buffer.from(Array.from({ length: 3000 }, (_, n) => (n * 7) % 256))),
    vault.write('prod/login', {
      user: 'app',
      password: 'pässwörd 🔑',
      port: 5432,
      tls: [true, null],
    }),
    vault.write('prod/empty', ''),
    vault.write('prod/capped', 'capped 1', { maxVersions: 2 }),
    vault.write('prod/cas', 'compare and set', { casRequired: true }),
  ])
  clock.advance(minute)
  await vault.rotate('prod/db/password', 'second value', {
    trigger: 'schedule',
    reason: 'quarterly',
  })
  await vault.write('prod/db/password', 'second value', { tags: null })
  await vault.write('prod/capped', 'capped 2')
  await vault.write('prod/capped', 'capped 3')
  clock.advance(minute)
  await vault.write('prod/ssh', sshPublicKey, { type: 'ssh_key' })
  await vault.annotate('prod/key', { owner: 'user/bob' })
  await vault.write('prod/early', 'not yet', { notBefore: '2126-01-01' })
  await vault.read('prod/db/password', {
    reason: 'start-up',
    source: '10.0.0.7',
    correlationId: 'request-1',
    causationId: 'request-0',
    traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
  })
  await quietly(vault.read('prod/early'))
  await quietly(vault.read('prod/absent', { actor: 'user/eve' }))
  await quietly(vault.rotate('prod/db/password', () => Promise.reject(new Error('no'))))
  // A kill: no `vault.closed`, and the next opening says so.
  await store.faults.crash()
  await quietly(vault.close())
}

/** The second: what takes away, keyslots, a wrong passphrase and a wrong clock. Gives the recovery key. */
async function second() {
  await quietly(Vault.open({ ...place, unlock: passphrase('not the passphrase') }))
  const vault = await Vault.open({ ...place, inspections: true })
  clock.advance(minute)
  await vault.list('prod/')
  await vault.describe('prod/login')
  for await (const _ of vault.audit.query({ subject: 'prod/**', outcome: 'denied' }));
  await vault.write('prod/gone', 'to be deleted')
  await vault.delete('prod/gone')
  await quietly(vault.read('prod/gone'))
  await vault.write('prod/back', 'to be deleted and restored')
  await vault.delete('prod/back')
  await vault.restore('prod/back')
  await vault.destroy('prod/db/password', { versions: [1] })
  await quietly(vault.read('prod/db/password', { version: 1 }))
  await vault.write('prod/purged', 'to be purged')
  await vault.purge('prod/purged')
  await vault.write('prod/purged', 'another life')
  await vault.write('prod/old', 'soon expired', { expiresAt: new Date(clock.now() + minute) })
  clock.advance(2 * minute)
  await quietly(vault.read('prod/old'))
  await vault.read('prod/old', { allowExpired: true, reason: 'to decrypt an archive' })
  const watch = vault.watch('prod/back')
  await watch.next()
  await watch.return()
  const { text } = await vault.keyslots.addRecovery({ label: 'printed' })
  const extra = await vault.keyslots.add(recoveryKey().credential, { label: 'for a day' })
  await vault.keyslots.remove(extra.id)
  clock.jump(-24 * 60 * minute)
  await vault.acceptClock({ reason: 'the time server was wrong' })
  await vault.write('prod/after', 'on the corrected clock', { timeout: 60_000 })
  await vault.close()
  return text
}

/** The third: another life, out of a backup, and other keys. */
async function third() {
  const backup = join(home, 'backup')
  const before = await Vault.open(place)
  const { entries } = await before.export('prod/', { reason: 'a move' })
  for await (const _ of entries);
  const earlier = await before.asOf({ position: 20 })
  await earlier.read('prod/key', { reason: 'what it was' })
  await before.backup(backup)
  await before.close()
  await rm(folder, { recursive: true })
  clock.advance(minute)
  const vault = await Vault.restore({ ...place, from: backup })
  await rm(backup)
  // Nobody listens there: an anchor that fails holds up nothing.
  const witness = generateKeyPairSync('ed25519').privateKey
  const vkey = formatVkey(vkeyOf('witness.example', witness, 'cosignature/v1'))
  const { target } = await vault.anchors.add({ witness: 'http://127.0.0.1:9/witness', vkey })
  await vault.anchors.remove(target)
  await vault.keys.rotate({ reason: 'yearly' })
  await vault.write('prod/epoch', 'under the second keys')
  await vault.keys.rotateSigning()
  await vault.keys.shred()
  await vault.keyslots.add((await shares({ threshold: 2, of: 3 })).credential, { label: 'shared' })
  await vault.close()
}

const sshPublicKey =
  'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAmAYZ6Mz/FaGW3ekEq5yaho2ZfN+11CTvJ7gPVBDIqB throw-away'

/** All that the vault tells, without adding to it what asking adds: on a copy. */
async function told() {
  const copy = join(home, 'copy')
  await cp(folder, copy, { recursive: true })
  const vault = await Vault.open({ ...place, store: undefined, path: copy })
  const { items: secrets, position } = await vault.list()
  const histories = {}
  const values = {}
  const events = []
  for await (const page of vault.audit.query({ limit: 1000 })) events.push(...page.events)
  for (const { path } of secrets) {
    histories[path] = await vault.history(path)
    for (const { version, state } of histories[path]) {
      if (state !== 'live') continue
      const options = { version, allowExpired: true, reason: 'frozen' }
      const secret = await quietly(vault.read(path, options))
      if (secret !== undefined) values[`${path}@${version}`] = shown(secret)
    }
  }
  await vault.close()
  await rm(copy, { recursive: true })
  // The last event is the opening of the copy.
  return { secrets, histories, values, events: events.slice(0, position) }
}

function shown(secret) {
  const { kind } = secret
  if (kind === 'fields') return { kind, fields: secret.fields() }
  return kind === 'string'
    ? { kind, text: secret.text() }
    : { kind, hex: secret.bytes().toString('hex') }
}

await first()
const recovery = await second()
await third()
// LevelDB's own notes say when and by which process it was made, and nothing that a reader needs.
for (const part of ['log', 'derived']) {
  for (const note of ['LOG', 'LOG.old']) await rm(join(folder, part, note), { force: true })
}
const credentials = { warning: 'throw-away: for tests alone', passphrase: words, recovery }
const json = (value) => `${JSON.stringify(value, null, 1)}\n`
await writeFile(join(home, 'credentials.json'), json(credentials))
await writeFile(join(home, 'expected.json'), json(await told()))
