import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { AuditEvent } from '../../src/index.ts'
import { eventsOf } from '../fixtures/events.ts'
import { type AskOptions, rootToken, type ServedApp, serve } from '../fixtures/http.ts'

let served: ServedApp
const ask = (method: string, path: string, options?: AskOptions) =>
  served.ask(method, `/v1/${path}`, options)

const appPolicy = `path "secret/data/app/*" { capabilities = ["create", "update", "read"] }
path "secret/metadata/app/*" { capabilities = ["list"] }
`

beforeAll(async () => {
  served = await serve({ 'app/db': { password: 'x' } })
  await ask('PUT', 'sys/policies/acl/app', { body: { policy: appPolicy } })
})

afterAll(() => served.close())

/** What a request appended to the log. */
async function recordedBy(work: () => Promise<unknown>): Promise<readonly AuditEvent[]> {
  const { size } = await served.vault.health()
  await work()
  return eventsOf(served.vault, { after: size - 1 })
}

/** A token of root's, unless another's is shown. */
async function created(body: object = {}, token: string = rootToken) {
  const { status, body: answer } = await ask('POST', 'auth/token/create', { body, token })
  expect(status).toBe(200)
  return answer.auth as { readonly client_token: string; readonly accessor: string }
}

const denied = { status: 403, body: { errors: ['permission denied'] } }
const uuid = expect.stringMatching(
  /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/,
)

describe('the envelope', () => {
  it('goes around every answer, whose type is exactly application/json', async () => {
    const { body, headers } = await ask('GET', 'auth/token/lookup-self')
    expect(headers['content-type']).toBe('application/json')
    expect(headers['cache-control']).toBe('no-store')
    expect(body).toEqual({
      request_id: uuid,
      lease_id: '',
      renewable: false,
      lease_duration: 0,
      data: expect.any(Object),
      wrap_info: null,
      warnings: null,
      auth: null,
      mount_type: 'token',
    })
  })

  it('has auth and no data for a new token', async () => {
    const { body } = await ask('POST', 'auth/token/create', { body: { ttl: '1h' } })
    expect(body).toMatchObject({ request_id: uuid, data: null, wrap_info: null, warnings: null })
  })

  it('says permission denied without a token, with one that is none, and with one that has ended', async () => {
    const { client_token: token } = await created({ ttl: '1h' })
    await ask('POST', 'auth/token/revoke-self', { token })
    for (const each of [null, 'no-such-token', token]) {
      expect(await ask('GET', 'auth/token/lookup-self', { token: each })).toMatchObject(denied)
      expect(await ask('LIST', 'sys/policies/acl', { token: each })).toMatchObject(denied)
    }
  })

  it('takes the token from Authorization as well', async () => {
    const headers = { authorization: `Bearer ${rootToken}` }
    const { body } = await ask('GET', 'auth/token/lookup-self', { token: null, headers })
    expect(body.data.id).toBe(rootToken)
  })
})

describe('while the vault is sealed', () => {
  it('says so to everybody, whoever logs in too', async () => {
    const sealed = await serve()
    await sealed.vault.close()
    const asked: readonly (readonly [string, string, AskOptions?])[] = [
      ['GET', 'auth/token/lookup-self'],
      ['GET', 'auth/token/lookup-self', { token: null }],
      ['LIST', 'sys/policies/acl'],
      ['POST', 'auth/approle/login', { token: null, body: { role_id: 'any-role-id' } }],
    ]
    for (const [method, path, options] of asked) {
      const { status, body } = await sealed.ask(method, `/v1/${path}`, options)
      expect([status, body]).toEqual([503, { errors: ['Vault is sealed'] }])
    }
    await sealed.app.close()
  })
})

describe('auth/token/create', () => {
  it('answers the auth block, and PUT as POST does', async () => {
    for (const method of ['POST', 'PUT']) {
      const { body } = await ask(method, 'auth/token/create', {
        body: { policies: ['app'], ttl: '1h', num_uses: 0, meta: { env: 'prod' } },
      })
      expect(body.auth).toEqual({
        client_token: expect.stringMatching(/^mun_/),
        accessor: expect.stringMatching(/^[0-9a-f]{32}$/),
        policies: ['app', 'default'],
        token_policies: ['app', 'default'],
        metadata: { env: 'prod' },
        lease_duration: 3600,
        renewable: true,
        entity_id: '',
        token_type: 'service',
        orphan: false,
        mfa_requirement: null,
        num_uses: 0,
      })
    }
  })

  it('gives 768 hours unless said, and nothing beyond them', async () => {
    const { client_token: token } = await created({ policies: ['app'] })
    const { body } = await ask('GET', 'auth/token/lookup-self', { token })
    expect(body.data).toMatchObject({ creation_ttl: 2_764_800, explicit_max_ttl: 0 })
    const capped = await ask('POST', 'auth/token/create', { body: { ttl: '800h' } })
    expect(capped.body).toMatchObject({
      auth: { lease_duration: 2_764_800 },
      warnings: [
        'TTL of "800h0m0s" exceeded the effective max_ttl of "768h0m0s"; TTL value is capped accordingly',
      ],
    })
  })

  it('takes the token itself, as who has the right to policies', async () => {
    const id = 'a-token-of-my-own'
    expect(await created({ id })).toMatchObject({ client_token: id })
    const again = await ask('POST', 'auth/token/create', { body: { id } })
    expect(again).toMatchObject({
      status: 400,
      body: { errors: ['token: expected a text that is no other token'] },
    })
  })

  it('makes an orphan by no_parent, and by create-orphan', async () => {
    const { body } = await ask('POST', 'auth/token/create', { body: { no_parent: true } })
    expect(body.auth.orphan).toBe(true)
    const other = await ask('POST', 'auth/token/create-orphan', { body: {} })
    expect(other.body.auth.orphan).toBe(true)
  })

  it('counts uses, which end the token', async () => {
    const { client_token: token } = await created({ policies: ['app'], num_uses: 2 })
    const first = await ask('GET', 'auth/token/lookup-self', { token })
    expect(first.body.data.num_uses).toBe(1)
    expect((await ask('GET', 'auth/token/lookup-self', { token })).status).toBe(200)
    expect(await ask('GET', 'auth/token/lookup-self', { token })).toMatchObject(denied)
  })

  it('makes one that cannot be renewed, and one whose renewals end', async () => {
    const { client_token: fixed } = await created({ ttl: '1h', renewable: false })
    expect(await ask('POST', 'auth/token/renew-self', { token: fixed })).toMatchObject({
      status: 400,
    })
    const { client_token: token } = await created({ ttl: '1h', explicit_max_ttl: '90m' })
    const { body } = await ask('GET', 'auth/token/lookup-self', { token })
    expect(body.data.explicit_max_ttl).toBe(5400)
    const increment = { token, body: { increment: '10h' } }
    const renewed = await ask('POST', 'auth/token/renew-self', increment)
    expect(renewed.body.auth.lease_duration).toBe(5400)
  })

  it('makes a periodic one, whose renewals take no other time', async () => {
    const { client_token: token } = await created({ policies: ['app'], period: '24h' })
    expect((await ask('GET', 'auth/token/lookup-self', { token })).body.data).toMatchObject({
      period: 86_400,
      ttl: 86_400,
      renewable: true,
    })
    const renewed = await ask('POST', 'auth/token/renew-self', { token, body: { increment: 99 } })
    expect(renewed.body.auth.lease_duration).toBe(86_400)
  })

  it('leaves default out where that is asked for', async () => {
    const body = { policies: ['app'], no_default_policy: true }
    expect(await created(body)).toMatchObject({ token_policies: ['app'] })
  })

  it('is what Terraform needs of it', async () => {
    const body = {
      type: '',
      ttl: '1200s',
      explicit_max_ttl: '1200s',
      renewable: false,
      display_name: 'terraform',
      num_uses: 0,
      entity_alias: '',
    }
    const { client_token: token } = await created(body)
    expect((await ask('GET', 'auth/token/lookup-self', { token })).body.data).toMatchObject({
      display_name: 'token-terraform',
      renewable: false,
      creation_ttl: 1200,
    })
  })

  it.each([
    [{ type: 'batch' }, 'batch tokens are not supported'],
    [{ entity_alias: 'x' }, "'entity_alias' is only allowed in combination with token role"],
    [{ num_uses: -1 }, 'number of uses cannot be negative'],
  ])('refuses %j', async (body, message) => {
    expect(await ask('POST', 'auth/token/create', { body })).toMatchObject({
      status: 400,
      body: { errors: [message] },
    })
  })

  it('never quotes what it does not understand', async () => {
    const body = { ttl: 'hunter2', id: 'hunter3' }
    const { status, text } = await ask('POST', 'auth/token/create', { body })
    expect(status).toBe(400)
    expect(text).not.toContain('hunter')
  })

  it('takes the right to tokens, and to policies for more than one has', async () => {
    await served.vault.policies.write('issuer', {
      rules: [{ effect: 'allow', capabilities: ['token'], paths: ['**'] }],
    })
    const { client_token: plain } = await created({ policies: ['app'] })
    const { client_token: issuer } = await created({ policies: ['issuer', 'app'] })
    const asked = { body: { policies: ['app'] } }
    expect(await ask('POST', 'auth/token/create', { ...asked, token: plain })).toMatchObject(denied)
    expect(await created({ policies: ['app'] }, issuer)).toMatchObject({
      token_policies: ['app', 'default'],
      orphan: false,
    })
    for (const body of [{ policies: ['root'] }, { policies: ['other'] }, { no_parent: true }]) {
      expect(await ask('POST', 'auth/token/create', { body, token: issuer })).toMatchObject(denied)
    }
  })

  it('tells nobody without the right what is wrong with a request, and records who asked', async () => {
    const { client_token: token, accessor } = await created({ policies: ['app'] })
    const events = await recordedBy(async () => {
      const body = { type: 'batch' }
      expect(await ask('POST', 'auth/token/create', { body, token })).toMatchObject(denied)
    })
    expect(events).toMatchObject([
      {
        type: 'secret.denied',
        data: { operation: 'token', cause: 'policy' },
        context: { auth: { method: 'token', id: accessor }, source: '127.0.0.1' },
      },
    ])
  })

  it('is on record, without the token', async () => {
    const [event] = await recordedBy(() => created({ policies: ['app'], display_name: 'ci' }))
    expect(event).toMatchObject({
      type: 'token.issued',
      actor: 'root',
      data: { policies: ['app', 'default'], label: 'ci' },
      context: { source: '127.0.0.1' },
    })
  })
})

describe('auth/token lookups', () => {
  it('lookup-self has every field, by GET and by POST', async () => {
    const { client_token: token, accessor } = await created({ policies: ['app'], ttl: '1h' })
    for (const method of ['GET', 'POST']) {
      const { body } = await ask(method, 'auth/token/lookup-self', { token })
      const time = new Date(served.clock.now())
      expect(body.data).toEqual({
        id: token,
        accessor,
        actor: 'root',
        policies: ['app', 'default'],
        path: 'auth/token/create',
        meta: null,
        display_name: 'token',
        num_uses: 0,
        orphan: false,
        creation_time: time.getTime() / 1000,
        creation_ttl: 3600,
        expire_time: new Date(time.getTime() + 3_600_000).toISOString().replace('.000Z', 'Z'),
        ttl: 3600,
        explicit_max_ttl: 0,
        entity_id: '',
        type: 'service',
        renewable: true,
        issue_time: time.toISOString().replace('.000Z', 'Z'),
      })
    }
  })

  it('lookup-self of root has no end', async () => {
    expect((await ask('GET', 'auth/token/lookup-self')).body.data).toMatchObject({
      id: rootToken,
      display_name: 'root',
      path: 'auth/token/root',
      policies: ['root'],
      orphan: true,
      expire_time: null,
      ttl: 0,
      renewable: false,
    })
  })

  it('lookup finds a token by itself, its own where none is named', async () => {
    const { client_token: token, accessor } = await created({ ttl: '1h' })
    const found = await ask('POST', 'auth/token/lookup', { body: { token } })
    expect(found.body.data).toMatchObject({ id: token, accessor })
    expect((await ask('GET', 'auth/token/lookup', { token })).body.data.accessor).toBe(accessor)
    const unknown = await ask('POST', 'auth/token/lookup', { body: { token: 'no-such-token' } })
    expect(unknown.status).toBe(403)
  })

  it('lookup-accessor keeps the token itself to itself', async () => {
    const { client_token, accessor } = await created({ ttl: '1h' })
    const { body, text } = await ask('POST', 'auth/token/lookup-accessor', { body: { accessor } })
    expect(body.data).toMatchObject({ id: '', accessor })
    expect(text).not.toContain(client_token)
    const other = { accessor: 'f'.repeat(32) }
    expect(await ask('POST', 'auth/token/lookup-accessor', { body: other })).toMatchObject({
      status: 400,
      body: { errors: ['invalid accessor'] },
    })
    expect(await ask('POST', 'auth/token/lookup-accessor', { body: {} })).toMatchObject({
      status: 400,
      body: { errors: ['missing accessor'] },
    })
  })

  it('accessors lists, by LIST and by ?list=true, for who has the right to tokens', async () => {
    const { client_token: token, accessor } = await created({ policies: ['app'] })
    for (const [method, path] of [
      ['LIST', 'auth/token/accessors'],
      ['LIST', 'auth/token/accessors/'],
      ['GET', 'auth/token/accessors?list=true'],
      ['GET', 'auth/token/accessors/?list=1'],
    ] as const) {
      expect((await ask(method, path)).body.data.keys).toContain(accessor)
      expect(await ask(method, path, { token })).toMatchObject(denied)
    }
    expect(await ask('GET', 'auth/token/accessors')).toMatchObject({
      status: 405,
      body: { errors: ['unsupported operation'] },
    })
  })
})

describe('auth/token renewals', () => {
  it('renew-self adds the increment, or what the token had', async () => {
    const { client_token: token } = await created({ policies: ['app'], ttl: '1h' })
    served.clock.advance(1_800_000)
    expect((await ask('GET', 'auth/token/lookup-self', { token })).body.data.ttl).toBe(1800)
    const own = await ask('POST', 'auth/token/renew-self', { token })
    expect(own.body).toMatchObject({
      data: null,
      auth: { client_token: token, lease_duration: 3600, renewable: true },
    })
    for (const increment of ['2h', 7200, '7200']) {
      const { body } = await ask('PUT', 'auth/token/renew-self', { token, body: { increment } })
      expect(body.auth.lease_duration).toBe(7200)
    }
    expect((await ask('GET', 'auth/token/lookup-self', { token })).body.data).toMatchObject({
      ttl: 7200,
      creation_ttl: 3600,
    })
  })

  it('renew takes the token, renew-accessor its accessor', async () => {
    const { client_token: token, accessor } = await created({ ttl: '1h' })
    const body = { token, increment: '3h' }
    const renewed = await ask('POST', 'auth/token/renew', { body })
    expect(renewed.body.auth).toMatchObject({ client_token: token, lease_duration: 10_800 })
    const other = await ask('POST', 'auth/token/renew-accessor', { body: { accessor } })
    expect(other.body.auth).toMatchObject({ client_token: '', accessor, lease_duration: 3600 })
  })

  it.each([
    ['renew', {}, 'missing token ID'],
    ['renew', { token: 'no-such-token' }, 'token not found'],
    ['renew-accessor', {}, 'missing accessor'],
    ['renew-accessor', { accessor: '0'.repeat(32) }, 'invalid accessor'],
  ])('%s refuses %j', async (path, body, message) => {
    expect(await ask('POST', `auth/token/${path}`, { body })).toMatchObject({
      status: 400,
      body: { errors: [message] },
    })
  })

  it('root has nothing to renew', async () => {
    const { status, text } = await ask('POST', 'auth/token/renew-self')
    expect(status).toBe(400)
    expect(text).toContain('cannot be renewed')
  })
})

describe('auth/token revocations', () => {
  it('revoke-self ends the token and what was issued through it', async () => {
    await served.vault.policies.write('issuer', {
      rules: [{ effect: 'allow', capabilities: ['token'], paths: ['**'] }],
    })
    const { client_token: parent } = await created({ policies: ['issuer'] })
    const { client_token: child } = await created({ policies: ['issuer'] }, parent)
    const revoked = await ask('POST', 'auth/token/revoke-self', { token: parent })
    expect(revoked).toMatchObject({ status: 204, text: '' })
    for (const token of [parent, child]) {
      expect(await ask('GET', 'auth/token/lookup-self', { token })).toMatchObject(denied)
    }
  })

  it('revoke takes the token, revoke-accessor its accessor', async () => {
    const one = await created({ ttl: '1h' })
    const other = await created({ ttl: '1h' })
    const body = { token: one.client_token }
    expect(await ask('PUT', 'auth/token/revoke', { body })).toMatchObject({ status: 204 })
    const { accessor } = other
    const revoked = await ask('POST', 'auth/token/revoke-accessor', { body: { accessor } })
    expect(revoked.status).toBe(204)
    for (const { client_token: token } of [one, other]) {
      expect(await ask('GET', 'auth/token/lookup-self', { token })).toMatchObject(denied)
    }
  })

  it('what is not there is as good as revoked', async () => {
    const body = { token: 'no-such-token' }
    expect(await ask('POST', 'auth/token/revoke', { body })).toMatchObject({ status: 204 })
    const accessor = { accessor: '0'.repeat(32) }
    expect(await ask('POST', 'auth/token/revoke-accessor', { body: accessor })).toMatchObject({
      status: 200,
      body: { warnings: ['No token found with this accessor'] },
    })
    expect(await ask('POST', 'auth/token/revoke', { body: {} })).toMatchObject({
      status: 400,
      body: { errors: ['missing token ID'] },
    })
  })

  it('revoke-orphan is refused, and passed over by nobody', async () => {
    const { client_token: token } = await created({ ttl: '1h' })
    const refused = await ask('POST', 'auth/token/revoke-orphan', { body: { token } })
    expect(refused.status).toBe(400)
    expect((await ask('GET', 'auth/token/lookup-self', { token })).status).toBe(200)
  })
})

describe('auth/approle', () => {
  const role = (path = '') => `auth/approle/role/web${path}`

  beforeAll(async () => {
    const body = { token_policies: ['app'], token_ttl: '20m', token_max_ttl: '1h' }
    expect(await ask('POST', role(), { body })).toMatchObject({ status: 204, text: '' })
  })

  async function roleId(): Promise<string> {
    return (await ask('GET', role('/role-id'))).body.data.role_id
  }

  async function secretId(body: object = {}) {
    const { body: answer } = await ask('POST', role('/secret-id'), { body })
    return answer.data as { readonly secret_id: string; readonly secret_id_accessor: string }
  }

  const logIn = (role_id: string, secret_id?: string) =>
    ask('POST', 'auth/approle/login', { token: null, body: { role_id, secret_id } })

  const noLogin = { status: 400, body: { errors: ['invalid role or secret ID'] } }

  it('LIST role has the names, and 404 where there are none', async () => {
    for (const [method, path] of [
      ['LIST', 'auth/approle/role'],
      ['LIST', 'auth/approle/role/'],
      ['GET', 'auth/approle/role?list=true'],
    ] as const) {
      expect((await ask(method, path)).body.data).toEqual({ keys: ['web'] })
    }
    const empty = await serve()
    const { status, body } = await empty.ask('LIST', '/v1/auth/approle/role')
    expect([status, body]).toEqual([404, { errors: [] }])
    await empty.close()
  })

  it('GET role has every field', async () => {
    expect((await ask('GET', role())).body).toMatchObject({
      mount_type: 'approle',
      data: {
        actor: 'approle/web',
        bind_secret_id: true,
        local_secret_ids: false,
        secret_id_bound_cidrs: null,
        secret_id_num_uses: 0,
        secret_id_ttl: 0,
        token_bound_cidrs: [],
        token_explicit_max_ttl: 0,
        token_max_ttl: 3600,
        token_no_default_policy: false,
        token_num_uses: 0,
        token_period: 0,
        token_policies: ['app'],
        token_ttl: 1200,
        token_type: 'default',
      },
    })
    expect(await ask('GET', 'auth/approle/role/none')).toMatchObject({
      status: 404,
      body: { errors: [] },
    })
  })

  it('POST role keeps what it does not name, the role id too', async () => {
    const before = await roleId()
    await ask('PUT', role(), { body: { secret_id_num_uses: 5, role_name: 'web' } })
    expect((await ask('GET', role())).body.data).toMatchObject({
      token_ttl: 1200,
      token_policies: ['app'],
      secret_id_num_uses: 5,
    })
    await ask('PUT', role(), { body: { secret_id_num_uses: 0 } })
    expect(await roleId()).toBe(before)
  })

  it('two updates at once lose nothing of each other', async () => {
    const path = 'auth/approle/role/both'
    const uses = { secret_id_num_uses: 7 }
    await Promise.all([
      ask('POST', path, { body: { token_ttl: 60 } }),
      ask('POST', path, { body: uses }),
    ])
    expect((await ask('GET', path)).body.data).toMatchObject({ token_ttl: 60, ...uses })
    await ask('DELETE', path)
  })

  it.each([
    { token_bound_cidrs: ['10.0.0.0/8'] },
    { secret_id_bound_cidrs: ['10.0.0.0/8'] },
    { bind_secret_id: false },
    { token_type: 'batch' },
  ])('refuses %j and changes nothing', async (body) => {
    const before = (await ask('GET', role())).body.data
    expect(await ask('POST', role(), { body })).toMatchObject({ status: 400 })
    expect((await ask('GET', role())).body.data).toEqual(before)
  })

  it('role-id is read and written', async () => {
    const path = 'auth/approle/role/named'
    await ask('POST', path, { body: { role_id: 'my-role-id' } })
    expect((await ask('GET', `${path}/role-id`)).body.data).toEqual({ role_id: 'my-role-id' })
    expect((await ask('POST', `${path}/role-id`, { body: { role_id: 'other-id' } })).status).toBe(
      204,
    )
    expect((await ask('GET', `${path}/role-id`)).body.data).toEqual({ role_id: 'other-id' })
    expect(await ask('POST', role(), { body: { role_id: 'other-id' } })).toMatchObject({
      status: 400,
    })
    for (const method of ['GET', 'POST']) {
      const asked = { ...(method === 'POST' && { body: { role_id: 'any-id' } }) }
      expect(await ask(method, 'auth/approle/role/none/role-id', asked)).toMatchObject({
        status: 404,
        body: { errors: [] },
      })
    }
    await ask('DELETE', path)
  })

  it('login answers the auth block, whose metadata names the role', async () => {
    const { secret_id } = await secretId({ metadata: '{"host":"a"}' })
    const { body } = await logIn(await roleId(), secret_id)
    expect(body).toMatchObject({ data: null, mount_type: 'approle' })
    expect(body.auth).toEqual({
      client_token: expect.stringMatching(/^mun_/),
      accessor: expect.any(String),
      policies: ['app', 'default'],
      token_policies: ['app', 'default'],
      metadata: { host: 'a', role_name: 'web' },
      lease_duration: 1200,
      renewable: true,
      entity_id: '',
      token_type: 'service',
      orphan: true,
      mfa_requirement: null,
      num_uses: 0,
    })
    const token = body.auth.client_token
    expect((await ask('GET', 'auth/token/lookup-self', { token })).body.data).toMatchObject({
      path: 'auth/approle/login',
      display_name: 'approle',
      actor: 'approle/web',
      meta: { host: 'a', role_name: 'web' },
    })
    expect((await ask('GET', 'secret/data/app/db', { token })).status).toBe(200)
  })

  it('login passes over the spaces around what is pasted', async () => {
    const { secret_id } = await secretId()
    expect((await logIn(` ${await roleId()}\n`, `${secret_id}\n`)).status).toBe(200)
  })

  it('login says the same whatever is wrong, and puts it on record', async () => {
    const { secret_id } = await secretId()
    const id = await roleId()
    const wrong: readonly (readonly [string, string | undefined])[] = [
      [id, 'no-such-secret-id'],
      [id, undefined],
      ['no-such-role-id', secret_id],
    ]
    for (const [role_id, secret] of wrong) {
      const events = await recordedBy(async () => {
        expect(await logIn(role_id, secret)).toMatchObject(noLogin)
      })
      expect(events).toMatchObject([
        { type: 'auth.failed', data: { method: 'approle' }, context: { source: '127.0.0.1' } },
      ])
    }
    expect(await ask('POST', 'auth/approle/login', { token: null })).toMatchObject({
      status: 400,
      body: { errors: ['missing role_id'] },
    })
  })

  it('login is on record with its token', async () => {
    const { secret_id, secret_id_accessor } = await secretId()
    const id = await roleId()
    const events = await recordedBy(() => logIn(id, secret_id))
    expect(events).toMatchObject([
      { type: 'auth.succeeded', data: { name: 'web', secretId: secret_id_accessor } },
      { type: 'token.issued', data: { approle: 'web', actor: 'approle/web' } },
    ])
  })

  it('secret-id has its own time and uses', async () => {
    const issued = await secretId({ ttl: '10m', num_uses: 1 })
    expect(issued).toMatchObject({ secret_id_num_uses: 1, secret_id_ttl: 600 })
    const id = await roleId()
    expect((await logIn(id, issued.secret_id)).status).toBe(200)
    expect(await logIn(id, issued.secret_id)).toMatchObject(noLogin)
    const late = await secretId({ ttl: '10m' })
    served.clock.advance(600_001)
    expect(await logIn(id, late.secret_id)).toMatchObject(noLogin)
  })

  it('secret-id has no more than its role lets it', async () => {
    const path = 'auth/approle/role/strict'
    await ask('POST', path, { body: { secret_id_ttl: '10m', secret_id_num_uses: 2 } })
    const issued = await ask('POST', `${path}/secret-id`)
    expect(issued.body.data).toMatchObject({ secret_id_num_uses: 2, secret_id_ttl: 600 })
    const refusals = [
      [{ ttl: '11m' }, "ttl cannot be longer than the role's secret_id_ttl"],
      [{ ttl: 0 }, "ttl cannot be longer than the role's secret_id_ttl"],
      [{ num_uses: 3 }, "num_uses cannot be higher than the role's secret_id_num_uses"],
      [{ num_uses: 0 }, "num_uses cannot be higher than the role's secret_id_num_uses"],
      [{ num_uses: -1 }, 'num_uses cannot be negative'],
      [{ cidr_list: ['10.0.0.0/8'] }, 'cidr_list is not supported'],
      [{ token_bound_cidrs: ['10.0.0.0/8'] }, 'token_bound_cidrs is not supported'],
    ] as const
    for (const [body, message] of refusals) {
      expect(await ask('POST', `${path}/secret-id`, { body })).toMatchObject({
        status: 400,
        body: { errors: [message] },
      })
    }
    await ask('DELETE', path)
    expect(await ask('POST', `${path}/secret-id`)).toMatchObject({
      status: 404,
      body: { errors: ['role "strict" does not exist'] },
    })
  })

  it('custom-secret-id takes the secret id itself', async () => {
    const body = { secret_id: 'my-own-secret-id', metadata: '{"a":"b"}' }
    const { body: answer } = await ask('POST', role('/custom-secret-id'), { body })
    expect(answer.data.secret_id).toBe('my-own-secret-id')
    expect((await logIn(await roleId(), 'my-own-secret-id')).status).toBe(200)
    expect(await ask('POST', role('/custom-secret-id'), { body: {} })).toMatchObject({
      status: 400,
      body: { errors: ['missing secret_id'] },
    })
  })

  it('LIST secret-id has the accessors', async () => {
    const { secret_id_accessor } = await secretId()
    expect((await ask('LIST', role('/secret-id'))).body.data.keys).toContain(secret_id_accessor)
    expect(await ask('LIST', 'auth/approle/role/none/secret-id')).toMatchObject({
      status: 400,
      body: { errors: ['role "none" does not exist'] },
    })
  })

  it('secret-id/lookup and secret-id-accessor/lookup tell the same', async () => {
    const { secret_id, secret_id_accessor } = await secretId({ metadata: '{"a":"b"}', num_uses: 4 })
    const body = { secret_id, role_name: 'web' }
    const { body: found } = await ask('POST', role('/secret-id/lookup'), { body })
    expect(found.data).toEqual({
      cidr_list: [],
      creation_time: expect.stringMatching(/Z$/),
      expiration_time: '0001-01-01T00:00:00Z',
      last_updated_time: found.data.creation_time,
      metadata: { a: 'b' },
      secret_id_accessor,
      secret_id_num_uses: 4,
      secret_id_ttl: 0,
      token_bound_cidrs: [],
    })
    const other = await ask('POST', role('/secret-id-accessor/lookup'), {
      body: { secret_id_accessor },
    })
    expect(other.body.data).toEqual(found.data)
  })

  it('lookups of what is not there', async () => {
    const body = { secret_id: 'no-such-secret-id' }
    expect(await ask('POST', role('/secret-id/lookup'), { body })).toMatchObject({ status: 204 })
    const accessor = { secret_id_accessor: 'f'.repeat(32) }
    for (const path of ['lookup', 'destroy']) {
      expect(
        await ask('POST', role(`/secret-id-accessor/${path}`), { body: accessor }),
      ).toMatchObject({ status: 404 })
    }
  })

  it('secret-id/destroy and secret-id-accessor/destroy end it', async () => {
    const id = await roleId()
    for (const method of ['POST', 'DELETE']) {
      const one = await secretId()
      const other = await secretId()
      const { secret_id } = one
      const { secret_id_accessor } = other
      const asked = [
        ask(method, role('/secret-id/destroy'), { body: { secret_id } }),
        ask(method, role('/secret-id-accessor/destroy'), { body: { secret_id_accessor } }),
      ]
      for (const answer of await Promise.all(asked)) expect(answer.status).toBe(204)
      expect(await logIn(id, one.secret_id)).toMatchObject(noLogin)
      expect(await logIn(id, other.secret_id)).toMatchObject(noLogin)
    }
    const body = { secret_id: 'no-such-secret-id' }
    expect((await ask('POST', role('/secret-id/destroy'), { body })).status).toBe(204)
  })

  it('DELETE role ends its secret ids and its tokens', async () => {
    const path = 'auth/approle/role/gone'
    await ask('POST', path, { body: { role_id: 'gone-role-id', token_policies: ['app'] } })
    const { body } = await ask('POST', `${path}/secret-id`)
    const login = await logIn('gone-role-id', body.data.secret_id)
    const token = login.body.auth.client_token
    expect((await ask('DELETE', path)).status).toBe(204)
    expect((await ask('DELETE', path)).status).toBe(204)
    expect(await ask('GET', 'auth/token/lookup-self', { token })).toMatchObject(denied)
    expect(await logIn('gone-role-id', body.data.secret_id)).toMatchObject(noLogin)
  })

  it('takes the right to tokens, all of it', async () => {
    const { client_token: token } = await created({ policies: ['app'] })
    for (const [method, path] of [
      ['LIST', 'auth/approle/role'],
      ['GET', role()],
      ['POST', role()],
      ['DELETE', role()],
      ['GET', role('/role-id')],
      ['POST', role('/role-id')],
      ['LIST', role('/secret-id')],
      ['POST', role('/secret-id')],
      ['POST', role('/custom-secret-id')],
      ['POST', role('/secret-id/lookup')],
      ['POST', role('/secret-id/destroy')],
      ['POST', role('/secret-id-accessor/lookup')],
      ['POST', role('/secret-id-accessor/destroy')],
    ] as const) {
      const events = await recordedBy(async () => {
        expect(await ask(method, path, { token }), `${method} ${path}`).toMatchObject(denied)
      })
      expect(events).toMatchObject([{ type: 'secret.denied', data: { operation: 'token' } }])
    }
  })
})

describe('sys/policies/acl and sys/policy', () => {
  it('gives a policy back as it was written, with the rules that it comes to', async () => {
    expect((await ask('GET', 'sys/policies/acl/app')).body).toMatchObject({
      mount_type: 'system',
      data: {
        name: 'app',
        policy: appPolicy,
        rules: [{ effect: 'allow', capabilities: ['read', 'list', 'write'], paths: ['app/**'] }],
        position: expect.any(Number),
        written_at: expect.stringMatching(/Z$/),
        written_by: 'root',
      },
    })
  })

  it('gives the older words at the older place, at the top level too', async () => {
    const { body } = await ask('GET', 'sys/policy/app')
    expect(body).toMatchObject({ name: 'app', rules: appPolicy })
    expect(body.data).toEqual({ name: 'app', rules: appPolicy })
    expect((await ask('GET', 'sys/policies/acl/app')).body).not.toHaveProperty('name')
  })

  it('lists by LIST and ?list=true, and the older place by GET as well', async () => {
    for (const [method, path] of [
      ['LIST', 'sys/policies/acl'],
      ['LIST', 'sys/policies/acl/'],
      ['GET', 'sys/policies/acl?list=true'],
    ] as const) {
      const { body } = await ask(method, path)
      expect(body.data.keys).toContain('app')
      expect(body.data.keys.at(-1)).toBe('root')
      expect(body).not.toHaveProperty('keys')
    }
    for (const method of ['LIST', 'GET']) {
      const { body } = await ask(method, 'sys/policy')
      expect(body.data.policies).toEqual(body.data.keys)
      expect(body).toMatchObject({ keys: body.data.keys, policies: body.data.keys })
    }
  })

  it('takes PUT and POST, and says where the change stands in the log', async () => {
    for (const [method, path] of [
      ['PUT', 'sys/policies/acl/one'],
      ['POST', 'sys/policies/acl/two'],
    ] as const) {
      const { size } = await served.vault.health()
      const answer = await ask(method, path, { body: { policy: appPolicy } })
      expect(answer).toMatchObject({ status: 204, text: '' })
      expect(answer.headers['muniment-position']).toBe(String(size))
      const again = await ask(method, path, { body: { policy: appPolicy } })
      expect(again.headers).not.toHaveProperty('muniment-position')
    }
  })

  it('takes the older rules in place of policy, where it is the older place', async () => {
    const body = { name: 'old', rules: appPolicy }
    expect(await ask('PUT', 'sys/policy/old', { body })).toMatchObject({
      status: 200,
      body: { data: null, warnings: ["'rules' is deprecated, please use 'policy' instead"] },
    })
    expect((await ask('GET', 'sys/policies/acl/old')).body.data.policy).toBe(appPolicy)
    expect(await ask('PUT', 'sys/policies/acl/old', { body })).toMatchObject({
      status: 400,
      body: { errors: ["'policy' parameter not supplied or empty"] },
    })
    expect((await ask('PUT', 'sys/policy/old', { body: { policy: appPolicy } })).status).toBe(204)
  })

  it('takes a policy in base64', async () => {
    const body = { policy: Buffer.from(appPolicy).toString('base64') }
    expect((await ask('PUT', 'sys/policies/acl/packed', { body })).status).toBe(204)
    expect((await ask('GET', 'sys/policies/acl/packed')).body.data.policy).toBe(appPolicy)
  })

  it('takes and gives our own rules as the text that they are', async () => {
    const rules = [{ effect: 'deny', capabilities: ['read'], paths: ['x/**'] }]
    const policy = JSON.stringify({ rules })
    await ask('PUT', 'sys/policies/acl/own', { body: { policy } })
    expect((await ask('GET', 'sys/policies/acl/own')).body.data).toMatchObject({ policy, rules })
    await served.vault.policies.write('native', { rules: rules as never })
    const { body } = await ask('GET', 'sys/policies/acl/native')
    expect(JSON.parse(body.data.policy)).toEqual({ rules })
  })

  it('refuses what cannot be translated, and changes nothing', async () => {
    const policy = 'path "secret/data/*" { capabilities = ["read"]\n  min_wrapping_ttl = "1s" }'
    const events = await recordedBy(async () => {
      const { status, body } = await ask('PUT', 'sys/policies/acl/app', { body: { policy } })
      expect(status).toBe(400)
      expect(body.errors).toEqual([expect.stringMatching(/^line 2, column 3: /)])
    })
    expect(events).toEqual([])
    expect((await ask('GET', 'sys/policies/acl/app')).body.data.policy).toBe(appPolicy)
  })

  it('refuses to change root, which is built in', async () => {
    const body = { policy: appPolicy }
    expect(await ask('PUT', 'sys/policies/acl/root', { body })).toMatchObject({
      status: 400,
      body: { errors: ['cannot update "root" policy'] },
    })
    expect(await ask('DELETE', 'sys/policy/root')).toMatchObject({
      status: 400,
      body: { errors: ['cannot delete "root" policy'] },
    })
    expect((await ask('GET', 'sys/policies/acl/root')).body.data).toEqual({
      name: 'root',
      policy: '',
    })
    expect((await ask('GET', 'sys/policy/root')).body).toMatchObject({ name: 'root', rules: '' })
  })

  it('deletes, and knows 404 for what is not there', async () => {
    await ask('PUT', 'sys/policies/acl/gone', { body: { policy: appPolicy } })
    for (const path of ['sys/policies/acl/gone', 'sys/policy/gone']) {
      expect(await ask('DELETE', path)).toMatchObject({ status: 204, text: '' })
      expect(await ask('GET', path)).toMatchObject({ status: 404, body: { errors: [] } })
    }
  })

  it('takes the right to policies, whatever is asked', async () => {
    const { client_token: token } = await created({ policies: ['app'] })
    const body = { policy: appPolicy }
    const asked: readonly (readonly [string, string, object?])[] = [
      ['LIST', 'sys/policies/acl'],
      ['GET', 'sys/policy'],
      ['GET', 'sys/policies/acl/app'],
      ['GET', 'sys/policies/acl/none'],
      ['GET', 'sys/policies/acl/root'],
      ['PUT', 'sys/policies/acl/app', body],
      ['PUT', 'sys/policies/acl/root', body],
      ['PUT', 'sys/policies/acl/app', { policy: 'nonsense' }],
      ['PUT', 'sys/policy/app', {}],
      ['DELETE', 'sys/policies/acl/app'],
      ['DELETE', 'sys/policy/root'],
    ]
    for (const [method, path, given] of asked) {
      const events = await recordedBy(async () => {
        const answer = await ask(method, path, { token, ...(given && { body: given }) })
        expect(answer, `${method} ${path}`).toMatchObject(denied)
      })
      expect(events).toMatchObject([{ type: 'secret.denied', data: { operation: 'policy' } }])
    }
  })
})

describe('sys/capabilities', () => {
  const paths = ['secret/data/app/db', 'secret/metadata/app/', 'secret/data/other', 'sys/policy']
  const words = {
    'secret/data/app/db': ['create', 'patch', 'read', 'update'],
    'secret/metadata/app/': ['list', 'scan'],
    'secret/data/other': ['deny'],
    'sys/policy': ['deny'],
  }

  it('capabilities-self says what the token may do, at the top level too', async () => {
    const { client_token: token } = await created({ policies: ['app'] })
    const { body } = await ask('POST', 'sys/capabilities-self', { token, body: { paths } })
    expect(body.data).toEqual(words)
    expect(body).toMatchObject(words)
  })

  it('names the words of one path again, and takes path for paths', async () => {
    const { client_token: token } = await created({ policies: ['app'] })
    const body = { path: 'secret/data/app/db' }
    const answer = await ask('PUT', 'sys/capabilities-self', { token, body })
    const expected = words['secret/data/app/db']
    expect(answer.body.data).toEqual({ 'secret/data/app/db': expected, capabilities: expected })
    expect(answer.body.capabilities).toEqual(expected)
  })

  it('says root of root, and what is open to every token', async () => {
    const { body } = await ask('POST', 'sys/capabilities-self', { body: { paths: ['any'] } })
    expect(body.data.any).toEqual(['root'])
    const { client_token: token } = await created({ policies: ['none'] })
    const own = await ask('POST', 'sys/capabilities-self', {
      token,
      body: { paths: ['auth/token/renew-self', 'secret/data/+/*', 'secret/data/a//b'] },
    })
    expect(own.body.data).toEqual({
      'auth/token/renew-self': ['update'],
      'secret/data/+/*': ['deny'],
      'secret/data/a//b': ['deny'],
    })
  })

  it('a token that has the roles of its actor has what they give', async () => {
    await served.vault.roles.write('reader', { policies: ['app'] })
    await served.vault.roles.grant('user/ana', 'reader')
    const { token, accessor } = await served.vault.tokens.issue({ actor: 'user/ana' })
    const own = { token: token.text(), body: { paths } }
    expect((await ask('POST', 'sys/capabilities-self', own)).body.data).toEqual(words)
    const other = { body: { paths, accessor } }
    expect((await ask('POST', 'sys/capabilities-accessor', other)).body.data).toEqual(words)
  })

  it('capabilities and capabilities-accessor say it of another, for who has the right to tokens', async () => {
    const { client_token: token, accessor } = await created({ policies: ['app'] })
    const byToken = await ask('POST', 'sys/capabilities', { body: { token, paths } })
    expect(byToken.body.data).toEqual(words)
    expect(byToken.body).toMatchObject(words)
    const byAccessor = await ask('POST', 'sys/capabilities-accessor', { body: { accessor, paths } })
    expect(byAccessor.body.data).toEqual(words)
    for (const path of ['capabilities', 'capabilities-accessor']) {
      const body = { token, accessor, paths }
      expect(await ask('POST', `sys/${path}`, { token, body })).toMatchObject(denied)
    }
  })

  it.each([
    ['capabilities-self', {}, 'paths must be supplied'],
    ['capabilities', { paths: ['a'] }, 'missing token'],
    ['capabilities', { paths: ['a'], token: 'no-such-token' }, 'invalid token'],
    ['capabilities-accessor', { paths: ['a'] }, 'missing accessor'],
    ['capabilities-accessor', { paths: ['a'], accessor: '0'.repeat(32) }, 'invalid accessor'],
    [
      'capabilities-self',
      { paths: Array.from({ length: 257 }, (_, i) => `p${i}`) },
      'paths: expected at most 256, found 257',
    ],
  ])('%s refuses %o', async (path, body, message) => {
    expect(await ask('POST', `sys/${path}`, { body })).toMatchObject({
      status: 400,
      body: { errors: [message] },
    })
  })
})
