// A careless host: it does everything that can be done with a vault, lets as much as possible of it go wrong, and
// prints whatever it gets hold of in every way it knows. `node canary-host.mjs <folder> <file for the canaries>`.
// What it may print is everything but the values themselves, which it writes to that file for its caller.
import { randomBytes } from 'node:crypto'
import { subscribe } from 'node:diagnostics_channel'
import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { format, inspect } from 'node:util'
import {
  accesses,
  credentials,
  generate,
  levelStore,
  passphrase,
  project,
  recoveryKey,
  rotations,
  secrets,
  Vault,
  VaultError,
  versions,
} from '../../dist/index.js'
import { faultStore, testClock } from '../../dist/testing.js'

const [folder, canaryFile] = process.argv.slice(2)
const canaries = {}
const canary = (name) => {
  canaries[name] = `canary-${name}-${randomBytes(16).toString('hex')}`
  return canaries[name]
}

/** Every way to print a thing that a host or its logger might think of. */
function show(thing) {
  console.log(thing)
  console.dir(thing, { depth: Number.POSITIVE_INFINITY, showHidden: true })
  console.log(inspect(thing, { depth: null, showHidden: true, getters: true, showProxy: true }))
  for (const print of [
    () => JSON.stringify(thing),
    () => String(thing),
    () => `${thing}`,
    () => format('%s %j %o %O', thing, thing, thing, thing),
    () => inspect(structuredClone(thing), { depth: null }),
    () => Reflect.ownKeys(thing).map((key) => [key, thing[key]]),
    () => inspect({ ...thing }, { depth: null }),
  ]) {
    try {
      console.log(print())
    } catch (error) {
      console.log('not printable', error.name)
    }
  }
}

const codes = new Set()
function showError(error) {
  show(error)
  for (let cause = error; cause !== undefined && cause !== null; cause = cause.cause) {
    console.log(cause.message, cause.stack, JSON.stringify(cause), Object.entries(cause))
    for (const key of Object.getOwnPropertyNames(cause)) console.log(key, cause[key])
  }
  codes.add(error instanceof VaultError ? error.code : error.name)
}

/** Shows what a call gives, or what it throws. */
async function attempt(call) {
  try {
    const result = await call()
    show(result)
    return result
  } catch (error) {
    showError(error)
    return undefined
  }
}

for (const name of ['muniment:append', 'muniment:denied', 'muniment:failed']) {
  subscribe(name, (message) => show({ name, message }))
}
process.on('warning', showError)

const words = canary('passphrase')
const cheap = { memoryKiB: 19_456, passes: 2, lanes: 1 }
const unlock = passphrase(words, cheap)
const text = canary('string')
const raw = randomBytes(48)
canaries.bytes = { hex: raw.toString('hex') }
const field = canary('field')
const fields = { user: 'app', password: field, nested: { list: [field, 1, true, null] } }
const later = canary('later')
const store = faultStore(levelStore(folder))
const clock = testClock()
const place = { store, unlock, actor: 'svc/careless', clock, inspections: true }
const vault = await Vault.create(place)

async function legitimate() {
  for (const thing of [vault, vault.keyslots, vault.audit, unlock, generate, store]) show(thing)
  await attempt(() => vault.write('prod/string', text, { tags: { team: 'pay' }, reason: 'first' }))
  await attempt(() => vault.write('prod/bytes', raw))
  await attempt(() => vault.write('prod/fields', fields, { maxVersions: 2 }))
  await attempt(() => vault.write('prod/fields', { ...fields, more: later }))
  await attempt(() => vault.rotate('prod/fields', { password: later }))
  await attempt(() => vault.rotate('prod/string', later, { trigger: 'compromise' }))
  await attempt(() => vault.rotate('prod/string', () => text))
  await attempt(() => vault.rotate('prod/made', generate.password()))
  await attempt(() => vault.annotate('prod/string', { description: 'a string', owner: 'user/ana' }))
  const read = []
  for (const path of ['prod/string', 'prod/bytes', 'prod/fields']) {
    read.push(await attempt(() => vault.read(path, { reason: 'to print it' })))
  }
  show(read)
  show({ deep: { deeper: [new Map([['secret', read[0]]]), new Set(read)] } })
  console.log('%s and %d and %j', ...read)
  const watch = vault.watch('prod/string')
  show(await watch.next())
  show(watch)
  await watch.return()
  return read
}

async function looks() {
  await attempt(() => vault.list())
  await attempt(() => vault.describe('prod/string'))
  await attempt(() => vault.history('prod/fields'))
  await attempt(() => vault.exists('prod/string'))
  await attempt(() => vault.health())
  await attempt(() => vault.keyslots.list())
  for (const query of [{}, { subject: 'prod/**', order: 'newest' }, { outcome: 'denied' }]) {
    for await (const page of vault.audit.query(query)) show(page)
  }
  const follower = vault.audit.follow()
  show(await follower.next())
  await follower.return()
  const subscription = vault.events$.subscribe((commit) => show(commit))
  const projected = vault.events$.pipe(project(rotations)).subscribe((state) => show(state))
  for (const projection of [secrets, versions, accesses, rotations]) {
    const { view, position } = await vault.replay(projection)
    show(view)
    show([...view.entries()])
    console.log(position)
  }
  const live = await vault.project(versions)
  show(live)
  show([...(await live.waitFor((await vault.health()).size - 1))])
  live.close()
  subscription.unsubscribe()
  projected.unsubscribe()
}

class Holder {
  password = text
}

async function wrongValues() {
  const cyclic = { password: text }
  cyclic.self = cyclic
  const many = Object.fromEntries(Array.from({ length: 300 }, (_, n) => [`f${n}`, text]))
  const wrong = [
    undefined,
    null,
    7,
    7n,
    true,
    Symbol(text),
    () => text,
    [text],
    new Map([['password', text]]),
    new Date(),
    new Holder(),
    cyclic,
    many,
    { password: text, bad: undefined },
    { password: text, bad: Number.NaN },
    { password: text, bad: 1n },
    { password: new Holder() },
    { password: text, toJSON: () => text },
    { password: `${text}\ud800` },
    JSON.parse(`{"__proto__":${JSON.stringify(text)}}`),
    `${text}\udc00`,
    text.repeat(40_000),
    Buffer.from(text.repeat(40_000)),
    { password: text.repeat(40_000) },
  ]
  for (const value of wrong) {
    await attempt(() => vault.write('prod/wrong', value))
    await attempt(() => vault.rotate('prod/string', value))
    await attempt(() => vault.rotate('prod/string', () => value))
  }
  const { database, apiKey } = credentials(vault)
  const login = { host: 'db', port: 5432, database: 'app', user: 'app', password: text }
  await attempt(() => database.write('prod/login', login))
  await attempt(() => database.write('prod/login', { ...login, extra: text }))
  await attempt(() => database.write('prod/login', { ...login, port: text }))
  await attempt(() => apiKey.write('prod/login', { key: { text } }))
  await attempt(() => apiKey.write('prod/login', text))
  await attempt(() => apiKey.read('prod/login'))
  await attempt(() => database.read('prod/string'))
}

async function refusals(read) {
  for (const secret of read) {
    for (const wrong of [() => secret.text(), () => secret.bytes(), () => secret.fields()]) {
      try {
        wrong()
      } catch (error) {
        showError(error)
      }
    }
  }
  await attempt(() => vault.write('prod/string', text, { ifVersion: 77 }))
  await attempt(() => vault.write('prod/string', text, { expiresAt: 'tomorrow' }))
  await attempt(() => vault.write('prod/../string', text))
  await attempt(() => vault.write('prod/string', text, { tags: { team: 5 } }))
  await attempt(() => vault.write('prod/string', text, { timeout: -1 }))
  await attempt(() => vault.write('prod/string', text, { signal: AbortSignal.abort() }))
  await attempt(() => vault.write('prod/cas', text, { casRequired: true }))
  await attempt(() => vault.write('prod/cas', later))
  await attempt(() => vault.write('prod/late', text, { expiresAt: new Date(clock.now() + 1000) }))
  await attempt(() => vault.write('prod/early', text, { notBefore: new Date(clock.now() + 9e9) }))
  clock.advance(2000)
  await attempt(() => vault.read('prod/late'))
  await attempt(() => vault.read('prod/late', { allowExpired: true }))
  show(await attempt(() => vault.read('prod/late', { allowExpired: true, reason: 'to print it' })))
  await attempt(() => vault.read('prod/early'))
  await attempt(() => vault.delete('prod/fields'))
  await attempt(() => vault.read('prod/fields'))
  await attempt(() => vault.restore('prod/fields'))
  await attempt(() => vault.destroy('prod/fields', { versions: [2] }))
  await attempt(() => vault.read('prod/fields', { version: 2 }))
  await attempt(() => vault.read('prod/absent'))
  await attempt(() => vault.rotate('prod/absent', text))
  await attempt(() => vault.purge('prod/bytes'))
  const generators = [
    () => {
      throw new Error(`ALTER USER app PASSWORD '${text}' failed`)
    },
    async () => {
      throw new Error('the database said no', { cause: new Error(`near "${text}"`) })
    },
    () => Promise.reject(text),
    { make: () => undefined, spec: 'nothing' },
  ]
  for (const generator of generators) await attempt(() => vault.rotate('prod/string', generator))
  clock.jump(9e7)
  await attempt(() => vault.write('prod/string', text))
  await attempt(() => vault.acceptClock())
}

async function ways() {
  const again = await attempt(() => vault.keyslots.add(passphrase(canary('second'), cheap)))
  await attempt(() => vault.keyslots.replace(again.id, passphrase(canary('third'), cheap)))
  const { text: printed, ...slot } = await vault.keyslots.addRecovery({ label: 'printed' })
  canaries.recovery = printed.slice('MUNIMENT-RECOVERY-'.length)
  show(slot)
  show(recoveryKey().credential)
  show(recoveryKey.parse(printed))
  await attempt(() => vault.keyslots.remove('no such slot'))
  await attempt(() => vault.keyslots.add(passphrase(words, cheap), { label: 'l'.repeat(200) }))
  const file = join(dirname(canaryFile), 'passphrase')
  await writeFile(file, canary('file').repeat(200))
  const wrong = [
    () => passphrase(''),
    () => passphrase(`${words}\ud800`),
    () => passphrase(words.repeat(100)),
    () => passphrase(words, { memoryKiB: 1 }),
    () => passphrase.fromFile(file, cheap),
    () => passphrase.fromFile(join(dirname(file), 'missing')),
    () => passphrase.fromEnv('NO_SUCH_VARIABLE'),
    () => passphrase(canary('wrong')),
    () => recoveryKey.parse(printed.replace(/.$/, (last) => (last === '0' ? '1' : '0'))),
    () => recoveryKey.parse(`${printed}0`),
    () => recoveryKey.parse(printed.replace(/.$/, 'U')),
    () => recoveryKey.parse(words),
    () => recoveryKey().credential,
    () => words,
    () => ({ kinds: ['argon2id'], key: words }),
  ]
  await vault.close()
  await attempt(() => vault.read('prod/string'))
  show(vault)
  for (const make of wrong) {
    await attempt(async () => {
      const opened = await Vault.open({ ...place, unlock: make() })
      await opened.close()
    })
  }
}

async function accidents() {
  const opened = await Vault.open(place)
  for (const when of ['before', 'after']) {
    store.faults.fail('commit', { when })
    await attempt(() => opened.write('prod/string', text))
    await attempt(() => opened.read('prod/string'))
    await attempt(() => opened.health())
    await attempt(() => opened.reopen())
  }
  const release = store.faults.hang('commit')
  await attempt(() => opened.write('prod/string', text, { timeout: 20 }))
  await attempt(() => opened.read('prod/string', { timeout: 20 }))
  release()
  store.faults.fail('keys.get')
  await attempt(() => opened.read('prod/cas'))
  await opened.close()
  const names = await readdir(folder, { recursive: true })
  const damaged = join(dirname(folder), 'damaged')
  for (const name of names.filter((path) => /keyring|\d+\.ldb/.test(path))) {
    const bytes = await readFile(join(folder, name))
    for (const at of [Math.floor(bytes.length / 3), Math.floor(bytes.length / 2)]) {
      await rm(damaged, { recursive: true, force: true })
      await cp(folder, damaged, { recursive: true })
      bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at)
      await writeFile(join(damaged, name), bytes)
      bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at)
      await attempt(() => readAll({ path: damaged, unlock, actor: 'svc/careless', clock }))
    }
  }
}

async function readAll(place) {
  const vault = await Vault.open(place)
  try {
    for (const { path } of (await vault.list()).items) await attempt(() => vault.read(path))
  } finally {
    await vault.close()
  }
}

const read = await legitimate()
await looks()
await wrongValues()
await refusals(read)
await looks()
await ways()
await accidents()
console.log(`codes seen: ${[...codes].sort().join(' ')}`)
await writeFile(canaryFile, JSON.stringify(canaries))
