import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createApp } from '../../src/http/app.ts'
import { embedded } from '../../src/http/served.ts'
import { ServedFolder } from '../../src/http/served-folder.ts'
import { memoryStore, Vault, version } from '../../src/index.ts'
import { noKdf } from '../../src/keys/no-kdf.ts'
import { faultStore } from '../../src/testing.ts'
import { type Answer, ask, askerOf, type ServedApp, serve } from '../fixtures/http.ts'

let folder: string
let served: ServedFolder
let asked: ReturnType<typeof askerOf>['ask']

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muniment-sys-'))
  served = await ServedFolder.open({ path: join(folder, 'vault') })
  const asker = askerOf(served)
  asked = (method, url, options) => asker.ask(method, url, { token: null, ...options })
})
afterEach(async () => {
  await served.close()
  await rm(folder, { recursive: true, force: true })
})

const init = (body: object = { secret_shares: 3, secret_threshold: 2 }, method = 'POST') =>
  asked(method, '/v1/sys/init', { body })
const unseal = (key: string) => asked('PUT', '/v1/sys/unseal', { body: { key } })

/** A vault that is open, and its root token. */
async function initialised(): Promise<string> {
  const { body } = await init({ secret_shares: 1, secret_threshold: 1 })
  await unseal(body.keys[0])
  return body.root_token
}

describe('sys/health', () => {
  it('tells the three states by its status, and what it is', async () => {
    const health = () => asked('GET', '/v1/sys/health')
    expect(await health()).toMatchObject({
      status: 501,
      body: { initialized: false, sealed: true, standby: false, performance_standby: false },
    })
    const { body } = await init({ secret_shares: 1, secret_threshold: 1 })
    expect(await health()).toMatchObject({
      status: 503,
      body: { initialized: true, sealed: true },
    })
    await unseal(body.keys[0])
    const open = await health()
    const { id } = served.vault().identity()
    expect(open.status).toBe(200)
    expect(open.body).toEqual({
      initialized: true,
      sealed: false,
      standby: false,
      performance_standby: false,
      replication_performance_mode: 'disabled',
      replication_dr_mode: 'disabled',
      server_time_utc: expect.any(Number),
      version: '1.15.0',
      muniment_version: version,
      cluster_name: 'muniment',
      cluster_id: expect.stringMatching(
        /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/,
      ),
    })
    expect(open.body.cluster_id.replaceAll('-', '')).toBe(id)
  })

  it('has no version that a client takes for one with namespaces', async () => {
    const { body } = await asked('GET', '/v1/sys/health')
    expect(body.version).toMatch(/^\d+\.\d+\.\d+$/)
  })

  it('answers with the statuses that the caller would rather have', async () => {
    const query = 'activecode=299&sealedcode=204&uninitcode=498&standbycode=233&standbyok=true'
    const health = () => asked('GET', `/v1/sys/health?${query}`)
    expect((await health()).status).toBe(498)
    const { body } = await init({ secret_shares: 1, secret_threshold: 1 })
    expect((await health()).status).toBe(204)
    await unseal(body.keys[0])
    expect((await health()).status).toBe(299)
  })

  it.each([
    'activecode=x',
    'sealedcode=99',
    'uninitcode=600',
    'standbycode=',
    'standbyok=maybe',
    'activecode=200x',
  ])('is 400 for %s', async (query) => {
    const { status, body } = await asked('GET', `/v1/sys/health?${query}`)
    expect([status, body]).toEqual([400, { errors: [] }])
  })

  it('has no body for HEAD', async () => {
    const { status, text } = await asked('HEAD', '/v1/sys/health?uninitcode=222')
    expect([status, text]).toEqual([222, ''])
  })

  it('is 500 for a vault whose store failed', async () => {
    const store = faultStore(memoryStore())
    const vault = await Vault.create({ store, unlock: noKdf, actor: 'test' })
    const app = createApp(embedded(vault))
    expect((await ask(app, 'GET', '/v1/sys/health')).status).toBe(200)
    store.faults.fail('commit')
    await expect(vault.write('a', 'b')).rejects.toMatchObject({ code: 'UNCERTAIN' })
    const { status, body } = await ask(app, 'GET', '/v1/sys/health')
    expect([status, body.sealed]).toEqual([500, false])
    const refused = await ask(app, 'GET', '/v1/secret/data/a')
    expect(refused).toMatchObject({
      status: 500,
      body: {
        errors: ['an earlier write failed: nothing is accepted until the vault is opened again'],
      },
    })
    await vault.close()
  })
})

describe('sys/seal-status', () => {
  it('has all that clients look for, in each state', async () => {
    const status = async () => (await asked('GET', '/v1/sys/seal-status')).body
    const common = {
      type: 'shamir',
      version: '1.15.0',
      muniment_version: version,
      build_date: '',
      commit_date: '',
      migration: false,
      recovery_seal: false,
      storage_type: 'muniment',
      nonce: '',
      progress: 0,
    }
    expect(await status()).toEqual({ ...common, initialized: false, sealed: true, t: 0, n: 0 })
    const { body } = await init()
    expect(await status()).toEqual({ ...common, initialized: true, sealed: true, t: 2, n: 3 })
    await unseal(body.keys[0])
    expect(await status()).toMatchObject({ progress: 1, nonce: expect.stringMatching(/^.{36}$/) })
    await unseal(body.keys[1])
    expect(await status()).toEqual({
      ...common,
      initialized: true,
      sealed: false,
      t: 2,
      n: 3,
      cluster_name: 'muniment',
      cluster_id: expect.any(String),
    })
  })
})

describe('sys/init', () => {
  it('tells whether there is a vault', async () => {
    expect((await asked('GET', '/v1/sys/init')).body).toEqual({ initialized: false })
    await init()
    expect((await asked('GET', '/v1/sys/init')).body).toEqual({ initialized: true })
  })

  it.each(['POST', 'PUT'])('makes one by %s, and hands out what opens it', async (method) => {
    const { status, body } = await init({ secret_shares: 3, secret_threshold: 2 }, method)
    expect(status).toBe(200)
    expect(Object.keys(body)).toEqual(['keys', 'keys_base64', 'root_token'])
    expect(body.keys).toHaveLength(3)
    const decoded = body.keys_base64.map((key: string) => Buffer.from(key, 'base64').toString())
    expect(decoded).toEqual(body.keys)
    const again = await init()
    expect([again.status, again.body]).toEqual([400, { errors: ['Vault is already initialized'] }])
  })

  it('takes the whole of what the clients send', async () => {
    const { status } = await init({
      secret_shares: 2,
      secret_threshold: 2,
      stored_shares: 0,
      pgp_keys: null,
      recovery_shares: 0,
      recovery_threshold: 0,
      recovery_pgp_keys: [],
      root_token_pgp_key: '',
    })
    expect(status).toBe(200)
  })

  it.each([
    [{}, /expected 1 share/],
    [{ secret_shares: 1 }, /expected 1 share/],
    [{ secret_shares: 3, secret_threshold: 1 }, /greater than one for multiple shares/],
    [{ secret_shares: 2, secret_threshold: 3 }, /cannot be larger than shares/],
    [{ secret_shares: 17, secret_threshold: 2 }, /2 to 16/],
    [{ secret_shares: -1, secret_threshold: -1 }, /expected 1 share/],
    [{ secret_shares: 2.5, secret_threshold: 2 }, /^body\/secret_shares must be integer$/],
    [{ secret_shares: '3', secret_threshold: 2 }, /^body\/secret_shares must be integer$/],
    [{ secret_shares: 2, secret_threshold: 2, pgp_keys: ['x'] }, /^pgp_keys is not supported$/],
    [
      { secret_shares: 2, secret_threshold: 2, recovery_shares: 1 },
      /recovery_shares not applicable/,
    ],
  ])('refuses %j and makes nothing', async (body, message) => {
    const answer = await init(body)
    expect(answer.status).toBe(400)
    expect(answer.body.errors).toEqual([expect.stringMatching(message)])
    expect((await asked('GET', '/v1/sys/init')).body).toEqual({ initialized: false })
  })
})

describe('sys/unseal', () => {
  it('opens the vault with enough keys', async () => {
    const { body } = await init()
    expect((await unseal(body.keys[0])).body).toMatchObject({ sealed: true, progress: 1 })
    expect(await unseal(body.keys_base64[2])).toMatchObject({
      status: 200,
      body: { sealed: false, progress: 0 },
    })
    expect((await unseal(body.keys[1])).body).toMatchObject({ sealed: false })
  })

  it('forgets the keys that were given, when told to', async () => {
    const { body } = await init()
    await unseal(body.keys[0])
    const reset = await asked('POST', '/v1/sys/unseal', { body: { reset: true } })
    expect([reset.status, reset.body.progress]).toEqual([200, 0])
  })

  it('is 400 for what is no key of this vault', async () => {
    const uninitialised = await unseal('x')
    expect([uninitialised.status, uninitialised.body]).toEqual([
      400,
      { errors: ['Vault is not initialized'] },
    ])
    const { body } = await init()
    for (const key of ['hunter2', `${body.keys[0]}A`, 'x'.repeat(1025)]) {
      const { status, text } = await unseal(key)
      expect(status).toBe(400)
      expect(text).not.toContain(key)
    }
    const other = await ServedFolder.open({ path: join(folder, 'other') })
    const { keys } = await other.init({ shares: 1, threshold: 1 })
    await other.close()
    const { status, body: refused } = await unseal(keys[0]!)
    expect(status).toBe(400)
    expect(refused.errors).toEqual([expect.stringMatching(/^no keyslot opens/)])
  })

  it('asks for a key', async () => {
    const { status, body } = await asked('POST', '/v1/sys/unseal')
    expect(status).toBe(400)
    expect(body.errors).toEqual([expect.stringContaining("'key' must be specified")])
  })
})

describe('a sealed vault', () => {
  it('answers 503 to all that takes a token, made or not', async () => {
    const routes = [
      ['GET', '/v1/secret/data/x'],
      ['GET', '/v1/sys/mounts'],
      ['PUT', '/v1/sys/seal'],
      ['GET', '/v1/nowhere'],
      ['POST', '/v1/auth/approle/login'],
    ] as const
    const all = async (): Promise<Answer[]> =>
      Promise.all(routes.map(([method, url]) => asked(method, url, { token: 'x', body: {} })))
    for (const { status, body } of await all()) {
      expect([status, body]).toEqual([503, { errors: ['Vault is sealed'] }])
    }
    await init()
    for (const { status } of await all()) expect(status).toBe(503)
  })
})

describe('sys/seal', () => {
  it('is for whoever may do everything with the keys, and on record', async () => {
    const root = await initialised()
    const vault = served.vault()
    await vault.policies.write('reader', {
      rules: [{ effect: 'allow', capabilities: ['read'], paths: ['**'] }],
    })
    const { token } = await vault.tokens.issue({ actor: 'user/ana', policies: ['reader'] })
    const refused = await asked('PUT', '/v1/sys/seal', { token: token.text() })
    expect([refused.status, refused.body]).toEqual([403, { errors: ['permission denied'] }])
    expect((await asked('PUT', '/v1/sys/seal')).status).toBe(403)
    const denied = []
    for await (const page of vault.audit.query({ type: 'secret.denied' }))
      denied.push(...page.events)
    expect(denied).toMatchObject([{ actor: 'user/ana', data: { operation: 'keys' } }])
    expect(served.state).toBe('open')

    const { status, text } = await asked('PUT', '/v1/sys/seal', { token: root })
    expect([status, text]).toEqual([204, ''])
    expect(served.state).toBe('sealed')
  })

  it('cannot close what a service opened', async () => {
    const app = await serve()
    const { status, body } = await app.ask('PUT', '/v1/sys/seal')
    expect(status).toBe(400)
    expect(body.errors).toEqual(['the service that this vault is part of opens and closes it'])
    await app.close()
  })
})

describe('the mounts', () => {
  let app: ServedApp
  beforeEach(async () => {
    app = await serve()
  })
  afterEach(() => app.close())

  it('are listed under data and at the top', async () => {
    const { body } = await app.ask('GET', '/v1/sys/mounts')
    expect(Object.keys(body.data)).toEqual(['secret/', 'sys/'])
    expect(body['secret/']).toEqual(body.data['secret/'])
    expect(body.data['secret/']).toMatchObject({ type: 'kv', options: { version: '2' } })
    expect(body.data['sys/']).toMatchObject({ type: 'system', options: null })
    const again = await app.ask('GET', '/v1/sys/mounts')
    expect(again.body.data).toEqual(body.data)
    const auth = await app.ask('GET', '/v1/sys/auth')
    expect(auth.body['approle/']).toMatchObject({ type: 'approle' })
    expect(auth.body.data['token/']).toMatchObject({ type: 'token' })
  })

  it('are found by a path within, as clients do before they touch a secret', async () => {
    for (const path of ['secret', 'secret/', 'secret/a/b']) {
      const { status, body } = await app.ask('GET', `/v1/sys/internal/ui/mounts/${path}`)
      expect(status).toBe(200)
      expect(body.data).toMatchObject({ path: 'secret/', type: 'kv', options: { version: '2' } })
      expect(body['secret/']).toBeUndefined()
    }
    const token = await app.ask('GET', '/v1/sys/internal/ui/mounts/auth/token/create')
    expect(token.body.data).toMatchObject({ path: 'auth/token/', type: 'token' })
    const all = await app.ask('GET', '/v1/sys/internal/ui/mounts')
    expect(Object.keys(all.body.data.secret)).toContain('secret/')
    expect(Object.keys(all.body.data.auth)).toContain('token/')
  })

  it('are 403 where there is none, and without a token', async () => {
    const forbidden = { status: 403, body: { errors: ['permission denied'] } }
    for (const path of ['secrets/a', 'secre', 'other/x']) {
      expect(await app.ask('GET', `/v1/sys/internal/ui/mounts/${path}`)).toMatchObject(forbidden)
    }
    for (const path of ['mounts', 'auth', 'internal/ui/mounts/secret/a']) {
      expect(await app.ask('GET', `/v1/sys/${path}`, { token: null })).toMatchObject(forbidden)
    }
  })
})

describe('sys/audit and sys/key-status', () => {
  it('list the log as the one device, to whoever may audit', async () => {
    const app = await serve()
    const { body } = await app.ask('GET', '/v1/sys/audit')
    const { origin, verifier } = app.vault.identity()
    expect(body['muniment/']).toEqual(body.data['muniment/'])
    expect(body.data['muniment/']).toMatchObject({
      type: 'muniment',
      path: 'muniment/',
      options: { size: expect.stringMatching(/^\d+$/), origin, verifier },
    })
    const looks = []
    for await (const page of app.vault.audit.query({ type: 'audit.read' }))
      looks.push(...page.events)
    expect(looks).toMatchObject([{ actor: 'root' }])
    await app.close()
  })

  it('tell since when values are under the key that they are', async () => {
    const app = await serve()
    const { body } = await app.ask('GET', '/v1/sys/key-status')
    expect(body.data).toEqual({ term: 1, install_time: expect.stringMatching(/^\d{4}-.*Z$/) })
    expect(body.term).toBe(1)
    await app.close()
  })

  it('are refused to others, on record', async () => {
    const app = await serve()
    const { token } = await app.vault.tokens.issue({ actor: 'user/ana', policies: ['none'] })
    for (const path of ['audit', 'key-status']) {
      const { status } = await app.ask('GET', `/v1/sys/${path}`, { token: token.text() })
      expect([path, status]).toEqual([path, 403])
    }
    const denied = []
    for await (const page of app.vault.audit.query({ type: 'secret.denied' }))
      denied.push(...page.events)
    expect(denied.map(({ data }) => (data as { operation: string }).operation)).toEqual([
      'audit',
      'keys',
    ])
    await app.close()
  })

  it('know no leader but this one', async () => {
    const { status, body } = await asked('GET', '/v1/sys/leader')
    expect([status, body.ha_enabled, body.is_self]).toEqual([200, false, true])
  })
})
