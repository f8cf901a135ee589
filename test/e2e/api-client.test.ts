import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Server } from '../../src/client/server.ts'
import { connect, logIn, type RemoteVault } from '../../src/client.ts'
import { passphrase } from '../../src/index.ts'
import { judgeBy } from '../fixtures/api-fuzz/judge.ts'
import { lightKdf, Shell, words } from '../fixtures/cli.ts'
import { type DescribedOperation, describedOperations, givenDocument } from '../fixtures/openapi.ts'
import { withVault } from '../fixtures/server/folder-server.ts'
import { type ServerProcess, startServer } from '../fixtures/server-process.ts'

const document = givenDocument()
const operations = describedOperations(document)
const judge = judgeBy(document)
const rootToken = 'root-token-of-the-tests'

let shell: Shell
let process: ServerProcess
let vault: RemoteVault
/** The transport of the client itself, for what is there for other languages and no verb needs. */
let transport: Server

/** What was answered with success, by operation, and what was wrong with any answer. */
const answered = new Set<string>()
const wrong: string[] = []
let judging: Promise<void>[] = []

const recording: typeof fetch = async (input, init) => {
  const response = await fetch(input, init)
  const described = operationOf(String(input), init?.method ?? 'GET')
  if (described === undefined) wrong.push(`${init?.method} ${String(input)} is no operation`)
  else judging.push(judged(described, response, String(input)))
  return response
}

function operationOf(url: string, method: string): DescribedOperation | undefined {
  const { pathname } = new URL(url)
  const asked = pathname.split('/')
  const fits = (path: string) => {
    const parts = path.split('/')
    return (
      parts.length === asked.length &&
      parts.every((part, i) => /^\{/.test(part) || part === asked[i])
    )
  }
  const found = operations.filter((each) => each.method === method && fits(each.path))
  // `/tokens/self` is one of its own, and would be an accessor as well.
  return found.toSorted((a, b) => a.parameters.length - b.parameters.length)[0]
}

async function judged(
  described: DescribedOperation,
  response: Response,
  url: string,
): Promise<void> {
  const { id, method } = described
  const { status } = response
  if (response.ok) answered.add(id)
  const headers = Object.fromEntries(response.headers)
  // A stream of events has no end, and a copy of it would wait for one.
  const isLive = headers['content-type']?.startsWith('text/event-stream')
  if (isLive === true) return
  const text = Buffer.from(await response.clone().arrayBuffer()).toString('latin1')
  const found = judge(
    described,
    { method, url, headers: {}, mutations: [] },
    { status, headers, text },
  )
  wrong.push(...found.map((each) => `${id}: ${each}`))
  const isKnown = described.operation.security.length > 0 && id !== 'getMetrics'
  if (response.ok && isKnown && !/^\d+$/.test(headers['muniment-position'] ?? '')) {
    wrong.push(`${id}: it does not say its position`)
  }
}

beforeAll(async () => {
  shell = await Shell.withVault({ 'prod/db': 'hunter2', 'prod/api': 'key' })
  await withVault(shell, async (host) => {
    await host.tokens.issue({ actor: 'svc/root', policies: ['root'], token: rootToken })
  })
  process = await startServer(shell, [])
  const options = { server: process.url, token: rootToken, fetch: recording }
  vault = connect(options)
  transport = new Server(options)
})

afterAll(async () => {
  await process?.end()
  await shell?.remove()
})

const unlock = passphrase(words, lightKdf)
const other = passphrase('another one', lightKdf)
const rules = [{ effect: 'allow' as const, capabilities: ['read'] as const, paths: ['prod/**'] }]

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const given: T[] = []
  for await (const item of items) given.push(item)
  return given
}

async function first<T>(items: AsyncIterable<T>): Promise<T> {
  for await (const item of items) return item
  throw new Error('expected an item')
}

/** Whatever it is that is written to, nothing is kept of it. */
const nowhere = {
  open: async () => ({
    write: async () => undefined,
    end: async () => undefined,
    abort: async () => undefined,
  }),
  remove: async () => undefined,
}

async function manifestOf(): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  const keep = async (name: string) => ({
    write: async (bytes: Uint8Array) => {
      if (name.endsWith('.manifest')) pieces.push(Uint8Array.from(bytes))
    },
    end: async () => undefined,
    abort: async () => undefined,
  })
  await vault.reports.write('rotation', { formats: ['csv'], to: { ...nowhere, open: keep } })
  return Buffer.concat(pieces)
}

async function spare(): Promise<{
  readonly client: RemoteVault
  readonly accessor: string
  readonly text: string
}> {
  const { token, accessor } = await vault.tokens.issue({
    actor: 'svc/spare',
    policies: ['root'],
    ttl: 3_600_000,
  })
  const client = connect({ server: process.url, token: token.text(), fetch: recording })
  return { client, accessor, text: token.text() }
}

async function role(
  name: string,
): Promise<{ readonly roleId: string; readonly secretId: string; readonly accessor: string }> {
  await vault.appRoles.write(name, { policies: ['readers'] })
  const { roleId } = await vault.appRoles.get(name)
  const { secretId, accessor } = await vault.appRoles.issueSecretId(name)
  return { roleId, secretId: secretId.text(), accessor }
}

const fetched =
  (path: string, method = 'GET') =>
  async () => {
    const headers = { authorization: `Bearer ${rootToken}` }
    await recording(new URL(path, process.url), { method, headers })
  }

const begin = () =>
  transport.json<{ id: string }>({ method: 'POST', path: '/verifications', body: {} })

/** By what each operation is reached. Those that no verb needs go over the client's own transport. */
const reach: Readonly<Record<string, () => Promise<unknown>>> = {
  listSecrets: () => vault.list('prod/'),
  describeSecret: () => vault.describe('prod/db'),
  secretHistory: () => vault.history('prod/db'),
  secretExists: () => vault.exists('prod/db'),
  findMoment: () => vault.asOf({ position: 1 }),
  readSecret: () => vault.read('prod/db', { reason: 'why “not”' }),
  writeSecret: () => vault.write('prod/new', { user: 'app', ports: [1] }, { tags: { a: 'b' } }),
  rotateSecret: () => vault.rotate('prod/db', 'hunter3', { trigger: 'compromise' }),
  annotateSecret: () => vault.annotate('prod/db', { owner: 'team/pay', rotateEvery: 1000 }),
  deleteVersions: () => vault.delete('prod/new'),
  restoreVersions: () => vault.restore('prod/new', { versions: [1] }),
  destroyVersions: () => vault.destroy('prod/new', { versions: [1] }),
  purgeSecret: () => vault.purge('prod/new'),
  watchSecret: () => first(vault.watch('prod/db')),
  queryAudit: () => first(vault.audit.query({ subject: 'prod/**' })),
  followAudit: () => first(vault.audit.follow({ after: 0 })),
  eventOutcome: async () => vault.outcome((await vault.write('prod/outcome', 'x')).id),
  listProjections: () => vault.projections.list(),
  readProjection: () => vault.projections.get('secrets', { at: { position: 3 } }),
  diff: () => vault.diff({ position: 1 }, { position: 9 }),
  listReports: () => vault.reports.list(),
  downloadReport: () =>
    all(
      transport.bytes({ path: '/reports/rotation', query: { format: 'csv' }, accept: 'text/csv' }),
    ),
  writeReport: manifestOf,
  reportRows: async () => all((await vault.reports.run('audit-trail')).rows()),
  writeEvidence: async () => vault.reports.evidence({ to: await nowhere.open() }),
  verifyReport: async () => vault.reports.verify(await manifestOf()),
  listCheckpoints: () => all(vault.proofs.checkpoints()),
  latestCheckpoint: () => transport.json({ path: '/checkpoints/latest' }),
  signCheckpoint: () => vault.proofs.checkpoint(),
  proveEvent: () => vault.proofs.event(1),
  proveConsistency: async () => {
    const from = await vault.proofs.checkpoint()
    await vault.read('prod/db')
    return vault.proofs.consistency(from)
  },
  startVerification: () => vault.verify(),
  getVerification: async () => transport.json({ path: `/verifications/${(await begin()).id}` }),
  cancelVerification: async () =>
    transport.json({ method: 'DELETE', path: `/verifications/${(await begin()).id}` }),
  exportSecrets: async () => all((await vault.export('prod/')).entries),
  backUp: () => all(vault.backupBytes()),
  writePolicy: () => vault.policies.write('readers', { rules }),
  getPolicy: () => vault.policies.get('readers'),
  listPolicies: () => vault.policies.list(),
  writeRole: () => vault.roles.write('clerk', { policies: ['readers'] }),
  grantRole: () => vault.roles.grant('user/ana', 'clerk'),
  listGrants: () => vault.roles.granted('user/ana'),
  listRoles: () => vault.roles.list(),
  withdrawRole: () => vault.roles.withdraw('user/ana', 'clerk'),
  removeRole: () => vault.roles.remove('clerk'),
  setRotationPolicy: () => vault.rotationPolicies.set({ prefix: 'prod/' }, { rotateEvery: 1000 }),
  listRotationPolicies: () => vault.rotationPolicies.list(),
  removeRotationPolicy: () => vault.rotationPolicies.remove({ prefix: 'prod/' }),
  explainAccess: () =>
    vault.explain({ actor: 'user/ana' }, { capability: 'read', path: 'prod/db' }),
  getOwnToken: () => vault.self.get(),
  renewOwnToken: async () => (await spare()).client.self.renew({ ttl: 60_000 }),
  revokeOwnToken: async () => (await spare()).client.self.revoke(),
  ownCapabilities: () => vault.self.capabilities('prod/db'),
  listTokens: () => vault.tokens.list(),
  issueToken: () => vault.tokens.issue({ actor: 'svc/x', policies: ['readers'], ttl: 60_000 }),
  lookUpToken: async () => vault.tokens.lookup((await spare()).text),
  getToken: async () => vault.tokens.get((await spare()).accessor),
  renewToken: async () => vault.tokens.renew((await spare()).accessor, { ttl: 60_000 }),
  revokeToken: async () => vault.tokens.revoke((await spare()).accessor),
  writeAppRole: () => vault.appRoles.write('billing', { policies: ['readers'], tokenTtl: 60_000 }),
  getAppRole: () => vault.appRoles.get('billing'),
  listAppRoles: () => vault.appRoles.list(),
  issueSecretId: () => vault.appRoles.issueSecretId('billing', { meta: { host: 'web-7' } }),
  listSecretIds: () => vault.appRoles.secretIds('billing'),
  lookUpSecretId: async () => vault.appRoles.lookupSecretId('web', (await role('web')).secretId),
  revokeSecretId: async () => vault.appRoles.revokeSecretId('web', (await role('web')).accessor),
  logIn: async () => logIn({ server: process.url, fetch: recording, ...(await role('app')) }),
  removeAppRole: () => vault.appRoles.remove('billing'),
  removePolicy: () => vault.policies.remove('readers'),
  listKeyslots: async () => vault.keyslots.list(),
  addKeyslot: () => vault.keyslots.add(other, { label: 'other' }),
  addRecoveryKey: () => vault.keyslots.addRecovery({ label: 'in the safe' }),
  replaceKeyslot: async () => {
    const { id } = await vault.keyslots.add(other, { label: 'third' })
    return vault.keyslots.replace(id, other)
  },
  removeKeyslot: async () => vault.keyslots.remove((await vault.keyslots.add(other)).id),
  listKeys: async () => vault.keys.list(),
  rotateKeys: () => vault.keys.rotate(),
  rotateSigningKey: () => vault.keys.rotateSigning(),
  shredKeys: () => vault.keys.shred(),
  rotateRoot: () => vault.keys.rotateRoot({ keep: [unlock] }),
  giveKey: () => vault.keys.rotateRoot({ keep: [unlock] }),
  addAnchor: () => vault.anchors.add({ file: shell.path('anchor') }),
  listAnchors: () => vault.anchors.list(),
  anchorNow: () => vault.anchors.now(),
  removeAnchor: () => vault.anchors.remove(shell.path('anchor')),
  getIdentity: () => vault.identity(),
  getHealth: () => vault.health(),
  isLive: fetched('/health/live'),
  isLiveByHead: fetched('/health/live', 'HEAD'),
  isReady: fetched('/health/ready'),
  isReadyByHead: fetched('/health/ready', 'HEAD'),
  getMetrics: fetched('/metrics'),
  getOpenApi: fetched('/openapi.json'),
  getReference: fetched('/docs'),
}

describe('every operation of the OpenAPI document is reached through the client', () => {
  const ids = operations.map(({ id }) => id)

  it.each([...Object.keys(reach), ...ids.filter((id) => !(id in reach))])('%s', async (id) => {
    const ask = reach[id]
    if (ask === undefined) throw new Error(`no verb of the client reaches ${id}`)
    judging = []
    wrong.length = 0
    answered.clear()
    await ask()
    await Promise.all(judging)
    expect([...answered], `what was answered does not have ${id} in it`).toContain(id)
    expect(wrong).toEqual([])
  })

  it('nothing else is named here', () => {
    expect(Object.keys(reach).filter((id) => !ids.includes(id))).toEqual([])
  })

  it('and the server ends as ever, and has nothing to complain of', async () => {
    process.child.kill('SIGTERM')
    const [code] = await once(process.child, 'close')
    const { stderr } = await process.end()
    expect([code, stderr]).toEqual([143, ''])
  })
})
