import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createApp } from '../../src/http/app.ts'
import { embedded } from '../../src/http/served.ts'
import { memoryStore, Vault } from '../../src/index.ts'
import { noKdf } from '../../src/keys/no-kdf.ts'
import { testVault } from '../../src/testing.ts'
import { eventsOf } from '../fixtures/events.ts'
import { rootToken } from '../fixtures/http.ts'
import {
  allow,
  type BadToken,
  badTokens,
  bytesOf,
  cell,
  makeWorld,
  minute,
  rightToken,
  routesOf,
  stateOf,
  type World,
  type WrongToken,
  wrongTokens,
} from '../fixtures/server/matrix-world.ts'
import { names, type RouteRow, routeRows } from '../fixtures/server/route-rows.ts'

/*
 * Every verb of every route, with every kind of token. What is refused changes nothing, is on record with where it came
 * from, and is answered in the same bytes whatever there is.
 */

const permissionDenied = { errors: ['permission denied'] }
const nameOf = ({ method, route }: RouteRow) => `${method} ${route}`
const takesRights = ({ takes }: RouteRow) => typeof takes !== 'string'
const isOpen = ({ takes }: RouteRow) => takes === 'nothing'
const allRows = routeRows({ accessor: '', secretIdAccessor: '' })
const namesOf = (rows: readonly RouteRow[]) => rows.map(nameOf)

/** One world for all that is refused: it stays as it is. */
let world: World
let bad: readonly BadToken[]
const wrong = new Map<string, readonly WrongToken[]>()
const rightsKey = ({ takes, paths }: Pick<RouteRow, 'takes' | 'paths'>) => `${takes} ${paths}`

/** An address of its own for each request, so that none is counted together with another. */
let peers = 0
const nextPeer = () => {
  peers++
  return `10.${peers >> 16}.${(peers >> 8) & 255}.${peers & 255}`
}

function rowIn({ rows }: World, name: string): RouteRow {
  const row = rows.find((each) => nameOf(each) === name)
  if (row === undefined) throw new Error(`expected a row for ${name}`)
  return row
}

beforeAll(async () => {
  world = await makeWorld()
  bad = await badTokens(world)
  for (const { takes, paths } of world.rows) {
    const key = rightsKey({ takes, paths })
    if (typeof takes === 'string' || wrong.has(key)) continue
    wrong.set(key, await wrongTokens(world, { takes, paths }))
  }
}, 60_000)
afterAll(() => world.close())

describe('the matrix', () => {
  it('has a row for every verb of every route', async () => {
    const routes = await routesOf(world)
    expect(routes.length).toBeGreaterThan(100)
    expect(namesOf(world.rows).sort()).toEqual([...routes].sort())
  })
})

describe('a token that does not hold', () => {
  // Refusals of one day are told one by one only as long as they are few.
  beforeEach(() => world.clock.advance(24 * 60 * minute))

  it.each(namesOf(allRows.filter((row) => !isOpen(row))))('gets nothing of %s', async (name) => {
    const row = rowIn(world, name)
    const before = await stateOf(world)
    const answers = new Set<string>()
    for (const { kind, token, cause } of bad) {
      for (const request of [...row.there.slice(0, 1), ...row.absent.slice(0, 1)]) {
        const peer = nextPeer()
        const answered = await cell(world, row, { ...request, token, peer })
        answers.add(bytesOf(answered))
        const { status, body, events } = answered
        expect([kind, request, status, body]).toEqual([kind, request, 403, permissionDenied])
        expect(events).toMatchObject([
          {
            type: 'auth.failed',
            data: { method: 'token', cause, count: 1 },
            context: { source: peer, correlationId: expect.any(String) },
          },
        ])
      }
    }
    expect(answers.size).toBe(1)
    expect(await stateOf(world)).toEqual(before)
  })

  it.each(namesOf(allRows.filter(isOpen)))('makes no difference to %s', async (name) => {
    const row = rowIn(world, name)
    const before = await stateOf(world)
    const answers = new Set<string>()
    const all = [...bad, { token: rootToken }]
    for (const { token } of all) {
      for (const request of row.there) {
        const answered = await cell(world, row, { ...request, token, peer: nextPeer() })
        answers.add(
          bytesOf({ ...answered, text: answered.text.replace(/"server_time_utc":\d+/, '') }),
        )
        expect([answered.status, answered.events]).toEqual([row.status, []])
      }
    }
    expect(answers.size).toBe(1)
    expect(await stateOf(world)).toEqual(before)
  })

  it('learns nothing from a body that is none, from a query or from an operation that there is not', async () => {
    const before = await stateOf(world)
    const answers = new Set<string>()
    const { clock, app } = world
    for (const { token } of bad.filter(({ kind }) => ['none', 'revoked'].includes(kind))) {
      for (const url of new Set(
        world.rows.filter((row) => !isOpen(row)).map(({ there }) => there[0]?.url),
      )) {
        for (const method of ['GET', 'POST', 'PATCH', 'DELETE', 'LINK', 'OPTIONS'] as const) {
          const response = await app.inject({
            method: method as 'GET',
            url: `${url}?help=1&version=x`,
            remoteAddress: nextPeer(),
            headers: { ...(token !== null && { 'x-vault-token': token }) },
            ...(method !== 'GET' && { payload: '{"a":' }),
          })
          const { statusCode: status, headers, body: text } = response
          answers.add(bytesOf({ status, headers, text, body: undefined }))
          clock.advance(minute)
        }
      }
    }
    expect([...answers].map((answer) => JSON.parse(answer).status)).toEqual([403])
    expect(await stateOf(world)).toEqual(before)
  }, 60_000)
})

describe('a token that is a right short', () => {
  it.each(namesOf(allRows.filter(takesRights)))('gets nothing of %s', async (name) => {
    const row = rowIn(world, name)
    const before = await stateOf(world)
    const answers = new Set<string>()
    for (const { kind, token, accessor, lacks } of wrong.get(rightsKey(row)) ?? []) {
      // Whoever has the first right of several may know what there is.
      const mayLook = lacks !== row.takes[0]
      for (const request of mayLook ? row.there : [...row.there, ...row.absent]) {
        const peer = nextPeer()
        const answered = await cell(world, row, { ...request, token, peer })
        answers.add(bytesOf(answered))
        const { status, body, events } = answered
        expect([kind, request, status, body]).toEqual([kind, request, 403, permissionDenied])
        expect(events.slice(0, -1).map(({ type }) => type)).toEqual(
          mayLook && events.length > 1 ? ['secret.inspected'] : [],
        )
        expect(events.at(-1)).toMatchObject({
          type: 'secret.denied',
          actor: 'user/eve',
          data: { operation: row.operation ?? lacks, cause: 'policy' },
          context: {
            source: peer,
            correlationId: expect.any(String),
            auth: { method: 'token', id: accessor },
            decision: { outcome: 'deny' },
          },
        })
        if (request === row.there[0]) expect(events.at(-1)?.subject).toBe(row.subject)
      }
    }
    expect(answers.size).toBe(1)
    expect(await stateOf(world)).toEqual(before)
  })
})

describe('a token without a right to secrets', () => {
  it.each(
    namesOf(allRows.filter((row) => takesRights(row) && row.route.startsWith('/v1/secret/'))),
  )('does not learn by what is wrong with %s what there is', async (name) => {
    const row = rowIn(world, name)
    const before = await stateOf(world)
    const [nobody] = (wrong.get(rightsKey(row)) ?? []).slice(-1)
    for (const body of [{}, { data: null }, { versions: [] }, { versions: 'x' }, { options: 1 }]) {
      const answers = new Set<string>()
      for (const { url } of [...row.there, ...row.absent]) {
        const request = { url, body, token: nobody?.token ?? '', peer: nextPeer() }
        const answered = await cell(world, row, request)
        answers.add(bytesOf(answered))
        expect([400, 403]).toContain(answered.status)
        expect(answered.events.map(({ type }) => type)).toEqual(
          answered.status === 403 ? ['secret.denied'] : [],
        )
      }
      expect(answers.size).toBe(1)
    }
    expect(await stateOf(world)).toEqual(before)
  })
})

describe('a token that has the right and nothing else', () => {
  it.each(namesOf(allRows.filter((row) => !isOpen(row))))('does %s', async (name) => {
    const own = await makeWorld()
    const row = rowIn(own, name)
    const token = await rightToken(own, row)
    const [request] = row.there
    if (request === undefined) throw new Error('expected a row to have a request')
    const peer = nextPeer()
    const { status, text, events } = await cell(own, row, { ...request, token, peer })
    expect([status, text]).toEqual([row.status, expect.not.stringContaining('permission denied')])
    expect(events.map(({ type }) => type)).toEqual(row.leaves)
    for (const { actor, context } of events) {
      expect([actor, context]).toMatchObject([
        'user/ana',
        { source: peer, auth: { method: 'token' } },
      ])
    }
    await own.close()
  })

  it('is shown what it may see of a folder, and no more', async () => {
    const own = await makeWorld()
    await own.vault.policies.write('some', { rules: [allow(['list'], 'app/live', 'app/*/inner')] })
    const { token } = await own.vault.tokens.issue({ actor: 'user/ana', policies: ['some'] })
    const asked = (method: string, path: string) =>
      own.ask(method, `/v1/secret/metadata/${path}`, { token: token.text() })
    expect((await asked('LIST', 'app')).body.data.keys).toEqual(['folder/', 'live'])
    expect((await asked('SCAN', '')).body.data.keys).toEqual(['app/folder/inner', 'app/live'])
    const empty = await asked('LIST', 'app/nothing')
    expect([empty.status, empty.body]).toEqual([404, { errors: [] }])
    await own.close()
  })
})

describe('a vault that is sealed', () => {
  it('says so to everybody, of everything that takes a token', async () => {
    const own = await makeWorld()
    await own.vault.close()
    for (const row of own.rows.filter((each) => !isOpen(each))) {
      for (const token of [rootToken, 'token-that-nobody-made', undefined]) {
        const [request] = row.there
        const response = await own.app.inject({
          method: ({ LIST: 'LINK', SCAN: 'BIND' }[row.method] ?? row.method) as 'GET',
          url: request?.url ?? '',
          headers: { ...(token && { 'x-vault-token': token }), ...row.headers },
          ...(request?.body && { payload: JSON.stringify(request.body) }),
        })
        expect([nameOf(row), response.statusCode, response.json()]).toEqual([
          nameOf(row),
          503,
          { errors: ['Vault is sealed'] },
        ])
      }
    }
    await own.app.close()
  })
})

describe('a login', () => {
  it('fails in the same bytes whatever was wrong, and every failure is on record', async () => {
    const { vault, clock } = world
    const issued = async (options: object) => {
      const { secretId, accessor } = await vault.appRoles.issueSecretId(names.role, options)
      return { secret_id: secretId.text(), accessor }
    }
    const { roleId } = await vault.appRoles.get(names.role)
    const expired = await issued({ ttl: 1000 })
    const revoked = await issued({})
    const spent = await issued({ uses: 1 })
    await vault.appRoles.revokeSecretId(names.role, revoked.accessor)
    await vault.login({ roleId, secretId: spent.secret_id })
    clock.advance(minute)
    const row = rowIn(world, 'POST /v1/auth/approle/login')
    const before = await stateOf(world)
    const answers = new Set<string>()
    for (const [shown, cause] of [
      [{ role_id: roleId }, 'missing'],
      [{ role_id: roleId, secret_id: 'guessed' }, 'unknown'],
      [{ role_id: 'guessed', secret_id: names.secretId }, 'unknown'],
      [{ role_id: 'guessed' }, 'missing'],
      [{ role_id: 'guessed', secret_id: 'guessed' }, 'unknown'],
      [{ role_id: roleId, secret_id: expired.secret_id }, 'expired'],
      [{ role_id: roleId, secret_id: revoked.secret_id }, 'unknown'],
      [{ role_id: roleId, secret_id: spent.secret_id }, 'spent'],
    ] as const) {
      const peer = nextPeer()
      const request = { url: row.route, body: shown, token: null, peer }
      const answered = await cell(world, row, request)
      answers.add(bytesOf(answered))
      expect([answered.status, answered.body]).toEqual([
        400,
        { errors: ['invalid role or secret ID'] },
      ])
      expect(answered.events).toMatchObject([
        {
          type: 'auth.failed',
          data: { method: 'approle', cause, count: 1 },
          context: { source: peer, correlationId: expect.any(String) },
        },
      ])
    }
    expect(answers.size).toBe(1)
    expect(await stateOf(world)).toEqual(before)
    const body = { role_id: roleId, secret_id: names.secretId }
    const peer = nextPeer()
    const let_in = await cell(world, row, { url: row.route, body, token: null, peer })
    expect(let_in.events.map(({ type }) => type)).toEqual(['auth.succeeded', 'token.issued'])
    expect(let_in.body.auth.client_token).toMatch(/^mun_/)
  })
})

describe('a thousand wrong tokens within a minute', () => {
  it.each([
    ['of one source', () => '192.0.2.7', 12],
    ['of one network of IPv6', (at: number) => `2001:db8::${at.toString(16)}`, 12],
    ['of a thousand sources', (at: number) => `198.51.${at >> 8}.${at & 255}`, 62],
  ])('%s leave few events, which tell of all of them', async (_, peerOf, eventsMax) => {
    const store = memoryStore()
    const { vault, clock } = await testVault({}, { store })
    // What is told of them is the vault's own affair, however many the server answers otherwise.
    const app = createApp(embedded(vault), { failures: false })
    const answers = await Promise.all(
      Array.from({ length: 1000 }, async (_unused, at) => {
        const headers = { 'x-vault-token': `guess-${at}` }
        const url = '/v1/secret/data/any'
        return (await app.inject({ url, headers, remoteAddress: peerOf(at) })).statusCode
      }),
    )
    expect(new Set(answers)).toEqual(new Set([403]))
    await app.close()
    await vault.close()
    const again = await Vault.open({ store, unlock: noKdf, actor: 'test', clock })
    const failed = await eventsOf(again, { type: 'auth.failed' })
    const counts = failed.map(({ data }) => ('count' in data ? Number(data.count) : 0))
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(1000)
    expect(failed.length).toBeLessThanOrEqual(eventsMax)
    expect(JSON.stringify(failed)).not.toContain('guess-')
    await again.close()
  })
})
