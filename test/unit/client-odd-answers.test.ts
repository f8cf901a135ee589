import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { connect, eventId, logIn, VaultError } from '../../src/client.ts'
import { memorySink } from '../fixtures/memory-sink.ts'
import { cut, type Reply, scriptedFetch, streamed } from '../fixtures/scripted-fetch.ts'

const server = 'http://vault.test'
const id = '019afc1e-8a70-7c3d-9b1e-2f4a6c8e0d12'

function played(replies: readonly Reply[]) {
  const { sent, fetch } = scriptedFetch(replies)
  return { sent, vault: connect({ server, token: 't', fetch }) }
}

/** A client of a server that answers everything alike. */
function always(reply: () => Response) {
  return connect({ server, token: 't', fetch: async () => reply() })
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

/** What a work throws, with every wait gone by. */
async function failure(work: Promise<unknown>): Promise<VaultError> {
  let error: VaultError | undefined
  const seen = work.then(
    (value) => {
      error = new Error(`expected a refusal, found ${JSON.stringify(value)}`) as VaultError
    },
    (thrown: VaultError) => {
      error = thrown
    },
  )
  while (error === undefined) await vi.advanceTimersByTimeAsync(1000)
  await seen
  return error
}

async function drained(items: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of items);
}

const page = (status: number) =>
  new Response('<h1>hunter2</h1>', { status, headers: { 'content-type': 'text/html' } })
const done = { version: 1, position: 7, path: 'a' }

describe('an answer that is cut in its body', () => {
  const broken = () => streamed('{"exists":', { ends: 'broken' })
  const whole = (said: object) => new Response(JSON.stringify(said))

  it('is asked for again where it shows something', async () => {
    const { vault, sent } = played([broken, whole({ exists: true })])
    const looking = vault.exists('a')
    await vi.advanceTimersByTimeAsync(1000)
    expect(await looking).toBe(true)
    expect(sent).toHaveLength(2)
  })

  it('is asked for again where the change has an id, which is the same', async () => {
    const { vault, sent } = played([broken, whole(done)])
    const writing = vault.write('a', 'x')
    await vi.advanceTimersByTimeAsync(1000)
    expect(await writing).toMatchObject(done)
    const [first, second] = sent.map(({ headers }) => headers['idempotency-key'])
    expect(first).toMatch(/-7/)
    expect(second).toBe(first)
  })

  it('is asked for again where it refuses', async () => {
    const { vault, sent } = played([
      streamed('{"code":', { ends: 'broken', status: 403 }),
      whole({ exists: true }),
    ])
    const looking = vault.exists('a')
    await vi.advanceTimersByTimeAsync(1000)
    expect(await looking).toBe(true)
    expect(sent).toHaveLength(2)
  })

  it('is uncertain where the change has none', async () => {
    const { vault, sent } = played([broken])
    expect(await failure(vault.tokens.issue())).toMatchObject({ code: 'UNCERTAIN', retry: 'never' })
    expect(sent).toHaveLength(1)
  })
})

describe('a page where an answer should be', () => {
  const four = (status: number) => Array.from({ length: 4 }, () => () => page(status))

  it.each([
    [500, `${server} cannot be reached`],
    [502, `${server} cannot be reached`],
    [429, `${server} cannot be reached`],
    [200, 'what answers is no server of a vault: it answered with what is no JSON'],
  ])('may be that of a change that was done: %d', async (status, why) => {
    const { vault, sent } = played(four(status))
    const error = await failure(vault.write('a', 'x', { id }))
    expect(error).toMatchObject({
      code: 'UNCERTAIN',
      retry: 'now',
      eventIds: [id],
      message: `${why}: it is not known whether the change took place`,
    })
    expect(`${error.stack} ${error.cause}`).not.toContain('hunter2')
    expect(sent).toHaveLength(4)
    const other = played(four(status))
    expect(await failure(other.vault.tokens.issue())).toMatchObject({
      code: 'UNCERTAIN',
      retry: 'never',
    })
    expect(other.sent).toHaveLength(1)
  })

  it.each([404, 403, 301])('refuses a change by which nothing was done: %d', async (status) => {
    const { vault, sent } = played([page(status)])
    expect(await failure(vault.write('a', 'x'))).toMatchObject({
      code: 'UNSUPPORTED',
      retry: 'never',
      message: `what answers is no server of a vault: it answered ${status}`,
    })
    expect(sent).toHaveLength(1)
  })

  it.each([500, 429, 408])('is one that a look comes back from: %d', async (status) => {
    const { vault, sent } = played([page(status), new Response('{"exists":false}')])
    const looking = vault.exists('a')
    await vi.advanceTimersByTimeAsync(1000)
    expect(await looking).toBe(false)
    expect(sent).toHaveLength(2)
  })

  it('is none of a change whose first try may have been done, and whose last was refused', async () => {
    const busy = () =>
      new Response('{"code":"CLOSED","detail":"it is being closed"}', { status: 503 })
    const { vault } = played([cut(), busy, busy, busy])
    expect(await failure(vault.write('a', 'x', { id }))).toMatchObject({
      code: 'UNCERTAIN',
      eventIds: [id],
      message: 'it is being closed: it is not known whether the change took place',
    })
    const denied = () => new Response('{"code":"DENIED","detail":"no"}', { status: 403 })
    const other = played([cut(), denied])
    expect(await failure(other.vault.write('a', 'x', { id }))).toMatchObject({ code: 'DENIED' })
  })

  it('is no backup and no report', async () => {
    const message = 'what answers is no server of a vault: it answered with text/html'
    const vault = always(() => page(200))
    const refused = { code: 'UNSUPPORTED', message }
    expect(await failure(drained(vault.backupBytes()))).toMatchObject(refused)
    expect(await failure(vault.reports.run('a'))).toMatchObject(refused)
    const bare = always(() => new Response(new Uint8Array(3)))
    expect(await failure(drained(bare.backupBytes()))).toMatchObject({
      message: 'what answers is no server of a vault: it answered with no type',
    })
  })
})

describe('a refusal', () => {
  it.each([
    ['of a code that is none', { code: 'WEIRD', detail: 'x' }],
    ['of a code that every object has', { code: 'constructor', detail: 'x' }],
    ['without a detail', { code: 'DENIED' }],
    ['of nothing', null],
  ])('%s is none', async (_, said) => {
    const { vault } = played([new Response(JSON.stringify(said), { status: 400 })])
    expect(await failure(vault.exists('a'))).toMatchObject({ code: 'UNSUPPORTED' })
  })

  it('tells what it tells, where that is what it should be', async () => {
    const said = {
      code: 'CONFLICT',
      detail: 'x',
      retry: 'perhaps',
      path: 3,
      expected: {},
      found: 2,
    }
    const { vault } = played([new Response(JSON.stringify(said), { status: 409 })])
    const error = await failure(vault.exists('a'))
    expect(error).toMatchObject({ code: 'CONFLICT', retry: 'now', found: 2 })
    expect([error.path, error.expected]).toEqual([undefined, undefined])
  })

  it.each(['-5', 'Wed, 21 Oct 2026 07:28:00 GMT', ''])(
    'that says %j for when to come again is come back from as any',
    async (after) => {
      const busy = new Response('{"code":"IN_USE","detail":"x"}', {
        status: 503,
        headers: { 'retry-after': after },
      })
      const { vault, sent } = played([busy, new Response('{"exists":true}')])
      const looking = vault.exists('a')
      await vi.advanceTimersByTimeAsync(49)
      expect(sent).toHaveLength(1)
      await vi.advanceTimersByTimeAsync(51)
      expect(await looking).toBe(true)
    },
  )
})

/** Every verb that asks once, of a client with this `fetch`. */
function verbsOf(own: typeof fetch): Readonly<Record<string, () => Promise<unknown>>> {
  const vault = connect({ server, token: 't', fetch: own })
  const { anchors, appRoles, keys, keyslots, policies, proofs, reports, roles, tokens } = vault
  const moment = { position: 1 }
  return {
    read: () => vault.read('a'),
    list: () => vault.list(),
    describe: () => vault.describe('a'),
    history: () => vault.history('a'),
    exists: () => vault.exists('a'),
    write: () => vault.write('a', 'x'),
    purge: () => vault.purge('a'),
    asOf: () => vault.asOf(moment),
    diff: () => vault.diff(moment, moment),
    export: async () => drained((await vault.export()).entries),
    verify: () => vault.verify(),
    query: () => drained(vault.audit.query()),
    outcome: () => vault.outcome(eventId()),
    explain: () => vault.explain({ actor: 'a' }, { capability: 'read', path: 'a' }),
    health: () => vault.health(),
    identity: () => vault.identity(),
    projections: () => vault.projections.list(),
    projection: () => vault.projections.get('a'),
    reports: () => reports.list(),
    rows: async () => drained((await reports.run('a')).rows()),
    files: () => reports.write('a', { formats: ['csv'], to: memorySink().sink }),
    verifyReport: () => reports.verify(new Uint8Array(1)),
    checkpoint: () => proofs.checkpoint(),
    proof: () => proofs.event(1),
    policies: () => policies.list(),
    policy: () => policies.get('a'),
    writePolicy: () => policies.write('a', { rules: [] }),
    roles: () => roles.list(),
    granted: () => roles.granted('a'),
    rotationPolicies: () => vault.rotationPolicies.list(),
    tokens: () => tokens.list(),
    issue: () => tokens.issue(),
    self: () => vault.self.get(),
    capabilities: () => vault.self.capabilities('a'),
    logIn: () => logIn({ server, roleId: 'r', secretId: 's', fetch: own }),
    appRoles: () => appRoles.list(),
    secretIds: () => appRoles.secretIds('a'),
    issueSecretId: () => appRoles.issueSecretId('a'),
    keys: async () => keys.list(),
    rotate: () => keys.rotate(),
    shred: () => keys.shred(),
    keyslots: async () => keyslots.list(),
    recovery: () => keyslots.addRecovery(),
    removeKeyslot: () => keyslots.remove('a'),
    anchors: () => anchors.list(),
    removeAnchor: () => anchors.remove('a'),
  }
}

describe('what no vault says', () => {
  /** Of the type that is asked for. */
  const saying = (text: string) =>
    verbsOf(async (_, init) => {
      const type = new Headers(init?.headers).get('accept') ?? ''
      return new Response(text, { headers: { 'content-type': type } })
    })

  it.each([
    ['nothing', ''],
    ['null', 'null'],
    ['a number', '3'],
    ['a text', '"hunter2"'],
    ['a list', '[]'],
    ['a list of null', '[null]'],
    ['no JSON', 'hunter2 {'],
  ])('is a refusal with a code from every verb: %s', async (_, text) => {
    const codes = new Set(['UNSUPPORTED', 'UNCERTAIN', 'CLOSED'])
    for (const [name, ask] of Object.entries(saying(text))) {
      const error = await failure(ask())
      const { code, stack, cause } = error
      expect([name, error instanceof VaultError, codes.has(code)]).toEqual([name, true, true])
      expect(`${stack} ${cause}`).not.toContain('hunter2')
    }
  })

  it.each([
    ['read', '{}'],
    ['read', '{"value":null}'],
    ['read', '{"value":{"text":1}}'],
    ['read', '{"value":{"bytes":"@@hunter2"}}'],
    ['read', '{"value":{"fields":[]}}'],
    ['exists', '{}'],
    ['list', '{"items":3}'],
    ['query', '{"events":null}'],
    ['tokens', '{}'],
    ['reports', '{"reports":[null]}'],
    ['proof', '{"file":"@@hunter2"}'],
    ['checkpoint', '{"root":"@@hunter2","note":"x"}'],
    ['diff', '{"secrets":{"path":"a"}}'],
    ['export', '{"export":{}}\n{"entry":{"versions":[{"value":{"bytes":"@@hunter2"}}]}}'],
    ['files', '{"file":"a"}\n{"of":"a","bytes":"@@hunter2"}'],
    ['rows', 'null'],
  ])('is no answer to one that it does not fit: %s, %s', async (name, text) => {
    const error = await failure(saying(text)[name]?.() ?? Promise.reject(new Error(name)))
    expect(error).toMatchObject({ name: 'VaultError', code: 'UNSUPPORTED' })
    expect(`${error.stack} ${error.cause}`).not.toContain('hunter2')
  })

  it.each([
    ['issue', '{}'],
    ['verify', '{"id":"a","state":"running"}'],
    ['issueSecretId', '{"secretId":7}'],
    ['recovery', '{"text":{}}'],
  ])('leaves a change uncertain, and nothing undone: %s, %s', async (name, text) => {
    const error = await failure(saying(text)[name]?.() ?? Promise.reject(new Error(name)))
    const code = name === 'verify' ? 'UNSUPPORTED' : 'UNCERTAIN'
    expect(error).toMatchObject({ name: 'VaultError', code })
  })

  it('is no position', async () => {
    const vault = connect({
      server,
      token: 't',
      fetch: async () =>
        new Response('{"exists":true}', { headers: { 'muniment-position': '1e999' } }),
    })
    await vault.exists('a')
    expect(vault.position).toBe(-1)
  })

  it('is told apart from what its caller does wrong', async () => {
    const { vault, sent } = played([])
    await expect(vault.asOf(undefined as never)).rejects.toMatchObject({
      code: 'INVALID',
      message: 'a moment must be its position or its time',
    })
    expect(sent).toEqual([])
  })
})
