import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventTypes } from '../../src/events/event-types.ts'

/**
 * The documents are run: each named block (```` ```js name ````) as a module of its own, in a fresh folder where the
 * built package is installed, with what the block leaves out in front of it and what proves that it worked behind it.
 */
interface Run {
  /** Stand-ins, of the real thing's shape. */
  readonly before?: string
  /** Drives what the block defines, and checks what came of it. */
  readonly after?: string
  /** What it must say on its console, line by line; silence unless said. */
  readonly prints?: readonly (string | RegExp)[]
  /** It needs a process of its own: it ends it, subscribes to it, or reports to `node:test`. */
  readonly alone?: true
}

/** What `before` and `after` lean on. */
const harness = `
import { passphrase, Vault } from 'muniment'
import { testVault } from 'muniment/testing'
export { strict as check } from 'node:assert'

/** As little work for the key derivation as a keyslot may ask. */
const kdf = { memoryKiB: 19 * 1024, passes: 2, lanes: 1 }
export const place = {
  path: './vault',
  unlock: passphrase.fromFile('./passphrase', kdf),
  actor: 'svc/test',
}

export async function fill(vault) {
  await vault.write('prod/db/password', 'hunter2')
  await vault.write('prod/stripe/key', 'sk_test')
  return vault
}

/** A vault on disk, closed again. */
export async function make() {
  await (await fill(await Vault.create({ ...place, label: 'first' }))).close()
}

/** A vault in memory. */
export async function memory(options) {
  const { vault } = await testVault({}, options)
  return fill(vault)
}

export async function trail(vault, query) {
  const events = []
  for await (const page of vault.audit.query(query)) events.push(...page.events)
  return events
}

export async function until(condition) {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve))
}
`
/** Runs blocks one after another in one process, which costs a start of Node once, and tells what became of each. */
const runner = `
import { format } from 'node:util'
const told = {}
const { log } = console
for (const name of process.argv.slice(2)) {
  const lines = []
  console.log = console.warn = console.error = (...words) => lines.push(format(...words))
  process.chdir(name)
  const error = await import('./' + name + '/block.mjs').then(() => undefined, (reason) => reason.stack)
  process.chdir('..')
  told[name] = { lines, error }
}
log(JSON.stringify(told))
process.exit()
`
const onDisk = `
import { Vault } from 'muniment'
import { check, make, place, trail } from './harness.mjs'
await make()
`
const inMemory = `
import { check, memory, trail, until } from './harness.mjs'
const vault = await memory()
`

/** A server over a vault in memory, and the way to it where programs look for it. */
const servedApi = `
      import { createApp, embedded, listen } from 'muniment/server'
      import { testClock } from 'muniment/testing'
      import { check, memory, trail } from './harness.mjs'
      const host = await memory({ clock: testClock(Date.now()) })
      const { token } = await host.tokens.issue({ actor: 'svc/api', policies: ['root'] })
      const server = await listen(createApp(embedded(host)), { port: 0 })
      Object.assign(process.env, { MUNIMENT_ADDR: server.address, MUNIMENT_TOKEN: token.text() })`

const runs: Record<string, Run> = {
  access: {
    before: `
      import { check, memory, trail } from './harness.mjs'
      const vault = await memory()
      await vault.write('prod/payments/db/password', 'a')
      await vault.write('prod/payments/db/root', 'b')`,
    after: `
      const denied = await trail(vault, { type: 'secret.denied' })
      check.deepEqual(denied.map(({ context }) => context.decision.rule), ['payments-read#1', ''])
      const [read] = await trail(vault, { type: 'secret.accessed' })
      check.equal(read.context.decision.rule, 'payments-read#0')`,
    prints: ['DENIED', 'DENIED'],
  },
  explain: {
    before: `
      import { memory } from './harness.mjs'
      const vault = await memory()
      const rules = [{ effect: 'allow', capabilities: ['read'], paths: ['prod/payments/**'] }]
      await vault.policies.write('payments-read', { rules })
      await vault.roles.write('clerk', { policies: ['payments-read'] })
      await vault.roles.grant('user/ana', 'clerk')`,
    prints: [/^true .*payments-read#0/, 'false'],
  },
  tokens: {
    before: `
      import { check, memory, trail } from './harness.mjs'
      const vault = await memory()`,
    after: `
      const [read] = await trail(vault, { type: 'secret.accessed' })
      check.deepEqual([read.actor, read.context.auth], ['svc/billing', { method: 'token', id: accessor }])
      const [denied] = await trail(vault, { type: 'secret.denied' })
      check.equal(denied.context.source, '10.0.0.7')
      await vault.authenticate(login.token.text())`,
    prints: ['DENIED', 'approle/billing [secret]'],
  },
  served: {
    before: `
      import { createApp, embedded, listen } from 'muniment/server'
      import { memory } from './harness.mjs'
      const vault = await memory()
      const { token } = await vault.tokens.issue({ actor: 'root', policies: ['root'] })
      const server = await listen(createApp(embedded(vault)), { port: 0 })
      Object.assign(process.env, { VAULT_ADDR: server.address, VAULT_TOKEN: token.text() })`,
    after: `
      await server.close()`,
    prints: ['hunter2 1'],
  },
  client: {
    before: `
      import { createApp, embedded, listen } from 'muniment/server'
      import { testClock } from 'muniment/testing'
      import { memory } from './harness.mjs'
      const host = await memory({ clock: testClock(Date.now()) })
      const { token } = await host.tokens.issue({ actor: 'svc/mail', policies: ['root'] })
      const server = await listen(createApp(embedded(host)), { port: 0 })
      Object.assign(process.env, { VAULT_ADDR: server.address, VAULT_TOKEN: token.text() })`,
    after: `
      await server.close()`,
    prints: ['sk_live [secret]', 'secret.accessed prod/mail/key svc/mail'],
  },
  'api-client': {
    before: servedApi,
    after: `
      const [read] = await trail(host, { type: 'secret.accessed' })
      check.equal(read.context.reason, 'start-up')
      await server.close()`,
    prints: ['hunter2 2'],
  },
  'api-again': {
    before: `${servedApi}
      import { connect } from 'muniment/client'
      const vault = connect({ server: server.address, token: token.text() })`,
    after: `
      check.equal((await host.history('prod/api')).length, 1)
      await server.close()`,
    prints: ['true', 'CONFLICT'],
  },
  'api-follow': {
    before: `${servedApi}
      import { connect } from 'muniment/client'
      const vault = connect({ server: server.address, token: token.text() })
      await vault.list()`,
    after: `
      await server.close()`,
    prints: ['secret.accessed svc/api'],
  },
  serve: {
    before: `
      import { check, memory } from './harness.mjs'
      const vault = await memory()
      process.env.PORT = '0'`,
    after: `
      const { token } = await vault.tokens.issue({ actor: 'svc/x', policies: ['root'] })
      const answer = await fetch(server.address + '/v1/secret/data/prod/stripe/key', {
        headers: { 'X-Vault-Token': token.text() },
      })
      check.equal((await answer.json()).data.data.value, 'sk_test')
      process.kill(process.pid, 'SIGTERM')`,
    alone: true,
  },
  reports: {
    before: `
      import { mkdtemp, readdir } from 'node:fs/promises'
      import { check, memory, trail } from './harness.mjs'
      const vault = await memory()
      const folder = await mkdtemp('reports-')`,
    after: `
      check.deepEqual((await readdir(folder)).sort(), [
        'evidence.zip', 'rotation.csv', 'rotation.html', 'rotation.manifest', 'writers.csv', 'writers.manifest',
      ])
      const [, privileged] = await trail(vault, { type: 'report.generated' })
      check.deepEqual([privileged.actor, privileged.context.reason], ['user/ana', 'review'])`,
    prints: [/^1 .* vault\.created /, /^2 .* report\.generated /, '1', /^[0-9a-f]{64}$/],
  },
  quickstart: {
    prints: ['version 2: [secret]', ...['written', 'rotated', 'accessed'].map(expected)],
  },
  create: {
    after: `
      import { check } from './harness.mjs'
      const again = await Vault.open({ path: './vault', unlock: passphrase.fromFile('./passphrase'), actor: 'a' })
      check.deepEqual(again.keyslots.list().map(({ label }) => label), ['deploy', 'safe'])`,
    prints: [/^Print this, lock it away, and clear the screen: MUNIMENT-RECOVERY-[\w-]{69}$/],
  },
  open: {
    before: `
      import { check, make, trail } from './harness.mjs'
      await make()`,
    after: `
      check.equal(secret.text(), 'hunter2')
      const [read] = await trail(vault, { type: 'secret.accessed' })
      check.deepEqual([read.actor, read.context.reason], ['svc/billing', 'start-up'])`,
  },
  context: {
    before: onDisk,
    after: `
      const [{ actor, context }] = await trail(vault, { type: 'secret.accessed' })
      const { auth, ...said } = context
      check.deepEqual([actor, said, auth.method], [
        'user/ana', { reason: 'charge', source: '10.0.0.7', correlationId: 'req-17' }, 'claimed',
      ])`,
  },
  fastify: {
    before: onDisk,
    after: `
      const answer = await app.inject({ method: 'POST', url: '/charges', payload: { amount: 1 } })
      check.deepEqual([answer.statusCode, answer.json()], [200, { keyVersion: 1 }])
      const [{ context }] = await trail(vault, { type: 'secret.accessed' })
      check.deepEqual([context.reason, context.source, context.correlationId], ['charge', '127.0.0.1', 'req-1'])
      await vault.delete('prod/stripe/key')
      const refusal = await app.inject({ method: 'POST', url: '/charges', payload: { amount: 1 } })
      check.deepEqual([refusal.statusCode, refusal.json()], [503, { error: 'temporarily unavailable' }])
      await app.close()
      check.equal((await vault.health()).status, 'closed')`,
  },
  nestjs: {
    before: onDisk,
    // What Nest itself would call, in its order.
    after: `
      const service = new VaultService()
      await service.onModuleInit()
      check.equal((await service.read('prod/db/password')).text(), 'hunter2')
      await service.onApplicationShutdown()
      await check.rejects(service.read('prod/db/password'), { code: 'CLOSED' })`,
  },
  shutdown: {
    alone: true,
    before: onDisk,
    after: `
      process.once('exit', (code) => console.log('exit', code))
      process.kill(process.pid, 'SIGTERM')
      await once(server, 'close')
      await vault.close()
      const again = await Vault.open(place)
      const opened = await trail(again, { type: 'vault.opened' })
      console.log('clean', opened.at(-1).data.clean)
      await again.close()`,
    prints: ['clean true', 'exit 0'],
  },
  'take-over': {
    before: `${onDisk}
      const old = await Vault.open(place)
      await check.rejects(Vault.open(place), { code: 'IN_USE', found: process.pid, retry: 'now' })
      setImmediate(() => old.close())`,
    after: `
      check.equal((await old.health()).status, 'closed')
      check.equal((await vault.read('prod/db/password')).text(), 'hunter2')`,
  },
  control: {
    before: onDisk,
    after: `
      const [read] = await trail(vault, { type: 'secret.accessed' })
      check.deepEqual([read.actor, read.context.reason], ['user/ana', 'incident 12'])
      await vault.close()`,
    prints: [/^ok \d+ hunter2$/],
  },
  limits: {
    before: inMemory,
    after: `
      check.equal(await keyFor({ signal: new AbortController().signal }), 'sk_test')
      await check.rejects(keyFor({ signal: AbortSignal.abort() }), { code: 'ABORTED' })`,
  },
  watch: {
    before: inMemory,
    after: `
      const seen = []
      const stop = new AbortController()
      const connected = keepConnected({ reconnect: (password) => seen.push(password) }, stop.signal)
      await until(() => seen.length === 1)
      await vault.reopen()
      await vault.rotate('prod/db/password', 'hunter3')
      await until(() => seen.length === 2)
      stop.abort()
      await connected
      check.deepEqual(seen, ['hunter2', 'hunter3'])
      const destroyed = keepConnected({ reconnect: () => seen.push('again') }, new AbortController().signal)
      await until(() => seen.length === 3)
      await vault.destroy('prod/db/password', { versions: [2] })
      await check.rejects(destroyed, { code: 'DESTROYED' })`,
  },
  once: {
    before: `${onDisk}
      const vault = await Vault.open(place)`,
    after: `
      check.deepEqual(await change(), first)
      const written = await trail(vault, { type: 'secret.written', subject: 'prod/db/password' })
      check.deepEqual(written.map(({ data }) => data.version), [1, 2])
      check.equal((await vault.outcome(id)).position, first.position)
      await vault.close()`,
    prints: ['true true'],
  },
  outcome: {
    before: `
      import { memoryStore } from 'muniment'
      import { faultStore } from 'muniment/testing'
      import { check, memory } from './harness.mjs'
      const store = faultStore(memoryStore())
      const vault = await memory({ store })`,
    after: `
      for (const when of ['before', 'after']) {
        store.faults.fail('commit', { when })
        await writeSurely('prod/db/' + when, 'x')
        check.equal((await vault.describe('prod/db/' + when)).version, 1)
      }
      await check.rejects(writeSurely('prod//', 'x'), { code: 'INVALID' })`,
  },
  'no-cache': {
    before: onDisk,
    after: `check.equal((await vault.read('prod/db/password')).text(), 'hunter2')`,
  },
  projection: { before: inMemory, prints: ['1', 'undefined'] },
  ship: {
    before: inMemory,
    after: `
      const lines = []
      const stop = new AbortController()
      const sink = {
        lastPosition: () => lines.at(-1)?.position,
        send: (line) => lines.push(JSON.parse(line)),
      }
      const first = ship(sink, stop.signal)
      await until(() => lines.length === 4)
      stop.abort()
      await check.rejects(first, { code: 'ABORTED' })
      await vault.write('prod/a', 'hunter3')
      void ship(sink, undefined)
      await until(() => lines.length === 5)
      check.deepEqual(lines.map(({ position }) => position), [0, 1, 2, 3, 4])
      check.equal(JSON.stringify(lines).includes('hunter'), false)`,
  },
  logging: {
    alone: true,
    before: `
      import { memoryStore } from 'muniment'
      import { faultStore } from 'muniment/testing'
      import { check, memory } from './harness.mjs'
      const store = faultStore(memoryStore())
      const vault = await memory({ store })
      console.warn = console.error = console.log`,
    after: `
      await check.rejects(vault.read('prod/x', { actor: 'user/ana' }), { code: 'NOT_FOUND' })
      store.faults.fail('commit')
      await check.rejects(vault.read('prod/db/password'), { code: 'UNCERTAIN' })`,
    prints: [
      '4: user/ana was refused to read prod/x: absent',
      /^memory: UNCERTAIN: .*; reopen\(\) is called for$/,
    ],
  },
  testing: { alone: true },
  faults: { alone: true },
  given: {},
  keyslots: {
    before: `${onDisk}
      import { writeFile } from 'node:fs/promises'
      await writeFile('./passphrase.next', 'another')
      const vault = await Vault.open(place)`,
    after: `
      await vault.close()
      await check.rejects(Vault.open(place), { code: 'WRONG_KEY' })
      await check.rejects(Vault.open({ ...place, unlock: spare }), { code: 'WRONG_KEY' })
      const again = await Vault.open({ ...place, unlock: passphrase.fromFile('./passphrase.next') })
      check.deepEqual(again.keyslots.list().map(({ label }) => label), ['first'])
      check.equal((await again.health()).failedUnlocks, 2)`,
  },
  backup: {
    before: `${onDisk}
      import { rm, stat } from 'node:fs/promises'
      const vault = await Vault.open(place)`,
    after: `
      check.equal((await copy.read('prod/db/password')).text(), 'hunter2')
      check.equal((await stat('./backup')).mode & 0o777, 0o700)
      check.equal((await stat('./backup/keyring')).mode & 0o777, 0o600)
      await copy.close()
      await rm('./backup/derived', { recursive: true })
      const bare = await Vault.open({ ...place, path: './backup' })
      check.equal((await bare.read('prod/db/password')).text(), 'hunter2')`,
  },
}

function expected(type: string, index: number): string {
  return `${index + 2} secret.${type} svc/billing`
}

const root = fileURLToPath(new URL('../..', import.meta.url))
const documents = [
  'README.md',
  'docs/access.md',
  'docs/architecture.md',
  'docs/embedding.md',
  'docs/http-api.md',
  'docs/reports.md',
  'docs/server.md',
]
const blocks = new Map(documents.flatMap((document) => blocksOf(document)))
const runFile = promisify(execFile)
const require = createRequire(import.meta.url)
/** What blocks import besides. */
const packages = {
  fastify: dirname(require.resolve('fastify')),
  'node-vault': dirname(dirname(require.resolve('node-vault'))),
}
let scratch = ''
/** What the blocks that share a process said, or how they failed. */
let shared: Record<string, { readonly lines: readonly string[]; readonly error?: string }> = {}

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'muniment-docs-'))
  const modules = join(scratch, 'node_modules')
  await mkdir(modules)
  await symlink(root, join(modules, 'muniment'))
  for (const [name, home] of Object.entries(packages)) await symlink(home, join(modules, name))
  await writeFile(join(scratch, 'runner.mjs'), runner)
  for (const [name, { before = '', after = '' }] of Object.entries(runs)) {
    const folder = join(scratch, name)
    await mkdir(folder)
    await writeFile(join(folder, 'passphrase'), 'correct horse battery staple\n', { mode: 0o600 })
    await writeFile(join(folder, 'harness.mjs'), harness)
    await writeFile(join(folder, 'block.mjs'), [before, blocks.get(name), after].join('\n'))
  }
  const sharing = Object.keys(runs).filter((name) => runs[name]?.alone !== true)
  const { stdout } = await runFile(process.execPath, ['runner.mjs', ...sharing], {
    cwd: scratch,
    timeout: 50_000,
  })
  shared = JSON.parse(stdout)
}, 60_000)

afterAll(() => rm(scratch, { recursive: true, force: true }))

describe('the code in the documents runs', () => {
  it.each(Object.entries(runs))('%s', async (name, { prints = [], alone }) => {
    const { lines, error } = alone ? await runAlone(name) : (shared[name] ?? { lines: [] })
    expect(error).toBeUndefined()
    if (usesNodeTest(name)) return
    expect(lines).toHaveLength(prints.length)
    for (const [i, print] of prints.entries()) expect(lines[i]).toMatch(print)
  })

  it('every block of JavaScript is run', () => {
    expect([...blocks.keys()].sort()).toEqual(Object.keys(runs).sort())
  })
})

describe('what the documents say of the code is so', () => {
  const others = ['cli', 'format', 'proofs', 'threat-model', 'vault-policies'].map(
    (name) => `docs/${name}.md`,
  )
  it.each([...documents, ...others, 'CONTRIBUTING.md', 'CHANGELOG.md'])(
    '%s leads to files that are there',
    (document) => {
      const text = read(document)
      const links = [...text.matchAll(/\]\((?!https?:)([^)#]+)/g)].map(([, path = '']) =>
        resolve(root, dirname(document), path),
      )
      const cited = [...text.matchAll(/`((?:src|test|bench|examples|docs)\/[\w./-]*)`/g)].map(
        ([, path = '']) => resolve(root, path),
      )
      expect([...links, ...cited].filter((path) => !existsSync(path))).toEqual([])
    },
  )

  it.each([...documents, ...others])('%s leads to headings that are there', (document) => {
    const text = read(document)
    const anchors = [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => anchorOf(heading))
    const links = [...text.matchAll(/\]\(#([^)]+)\)/g)].map(([, anchor]) => anchor)
    expect(links.filter((anchor) => !anchors.includes(anchor ?? ''))).toEqual([])
  })

  it('README.md names every type of event', () => {
    const named = new Set([...read('README.md').matchAll(/`(\w+\.\w+)`/g)].map(([, name]) => name))
    expect(eventTypes.filter((type) => !named.has(type))).toEqual([])
  })

  it('docs/architecture.md tells an operator what each error code means', () => {
    const codes = [...read('src/errors.ts').matchAll(/^ {2}\| '(\w+)'$/gm)].map(([, code]) => code)
    const rows = [...read('docs/architecture.md').matchAll(/^\| `([A-Z_]+)` \|/gm)].map(
      ([, code]) => code,
    )
    expect(codes.length).toBeGreaterThan(20)
    expect(rows.sort()).toEqual(codes.sort())
  })
})

/** Rejects where the block throws: its process then ends with another code than 0. */
async function runAlone(name: string): Promise<{ lines: readonly string[]; error?: string }> {
  const cwd = join(scratch, name)
  const { stdout } = await runFile(process.execPath, ['block.mjs'], { cwd })
  return { lines: stdout.split('\n').filter((line) => line !== '') }
}

/** Such a block prints a report, whose form is Node's, and says by its exit code what came of it. */
function usesNodeTest(name: string): boolean {
  return blocks.get(name)?.includes("from 'node:test'") === true
}

function read(path: string): string {
  return readFileSync(join(root, path), 'utf8')
}

/** The fenced blocks of JavaScript or TypeScript, by the name behind the language. */
function blocksOf(document: string): (readonly [string, string])[] {
  const fenced = /^```(?:js|ts|javascript|typescript)\b[ ]*([\w-]*)\n(.*?)^```$/gms
  return [...read(document).matchAll(fenced)].map(([, name = '', code = '']) => [name, code])
}

/** As GitHub makes it of a heading. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\w\s-]/g, '')
    .replaceAll(' ', '-')
}
