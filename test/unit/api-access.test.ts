import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { connect, logIn } from '../../src/client.ts'
import { passphrase, type Unlock } from '../../src/index.ts'
import { type Listening, listen } from '../../src/server.ts'
import { heldFetch } from '../fixtures/held-answers.ts'
import { rootToken, type ServedApp, serve } from '../fixtures/http.ts'

const light = { memoryKiB: 19 * 1024, passes: 2, lanes: 1 } as const

/** An accessor of no token. */
const nobody = '0'.repeat(32)

let served: ServedApp
beforeEach(async () => {
  served = await serve({ 'prod/db': 'hunter2' })
})
afterEach(() => served.close())

const api = (method: string, path: string, options: Parameters<ServedApp['ask']>[2] = {}) =>
  served.ask(method, `/api/v1${path}`, options)

async function tokenOf(capabilities: readonly ('token' | 'policy' | 'keys' | 'read')[]) {
  const { vault } = served
  const name = `only-${capabilities.join('-')}`
  const rules = [{ effect: 'allow', capabilities, paths: ['**'] }] as const
  await vault.policies.write(name, { rules })
  const { token } = await vault.tokens.issue({ actor: 'svc/some', policies: [name] })
  return token.text()
}

describe('access over the API', () => {
  it.each([
    ['GET', '/policies', 'policy'],
    ['DELETE', '/policies/p', 'policy'],
    ['GET', '/roles', 'policy'],
    ['DELETE', '/grants/user%2Fana/r', 'policy'],
    ['DELETE', '/rotation-policies', 'policy'],
    ['GET', '/tokens', 'token'],
    ['DELETE', `/tokens/${nobody}`, 'token'],
    ['GET', '/app-roles', 'token'],
    ['DELETE', `/app-roles/a/secret-ids/${nobody}`, 'token'],
    ['GET', '/keyslots', 'keys'],
    ['DELETE', '/keyslots/x', 'keys'],
    ['POST', '/keys/rotate', 'keys'],
    ['POST', '/keys/shred', 'keys'],
    ['GET', '/anchors', 'keys'],
    ['DELETE', '/anchors/%2Ftmp%2Fx', 'keys'],
  ])('%s %s says which right it takes', async (method, path, right) => {
    const token = await tokenOf(['read'])
    const { status, body } = await api(method, path, { token })
    expect(body).toMatchObject({ status: 403, code: 'DENIED', detail: `${right} is not allowed` })
    expect(status).toBe(403)
  })

  it('tells who is not known from who may not', async () => {
    const { status, body, headers } = await api('GET', '/policies', { token: 'mun_nobody' })
    expect(status).toBe(401)
    expect(headers['www-authenticate']).toBe('Bearer')
    expect(body).toMatchObject({ code: 'DENIED', detail: 'no token that holds was shown' })
  })

  it('shows a token in the one answer that no cache keeps', async () => {
    const { status, body, headers } = await api('POST', '/tokens', {
      body: { actor: 'svc/x', policies: ['p'], ttl: 60_000 },
    })
    expect(status).toBe(201)
    expect(headers['cache-control']).toBe('no-store')
    expect(body.token).toMatch(/^mun_/)
    const listed = await api('GET', '/tokens')
    expect(listed.text).toContain(body.accessor)
    expect(listed.text).not.toContain(body.token)
    const found = await api('POST', '/tokens/lookup', { body: { token: body.token } })
    expect(found.body).toMatchObject({ accessor: body.accessor, actor: 'svc/x' })
    expect(found.text).not.toContain(body.token)
  })

  it.each([
    ['POST', '/tokens', { ttl: '1h' }, 'body.ttl'],
    ['POST', '/tokens', { token: 'x', secret: 'y' }, 'body has a member that is not known'],
    ['PUT', '/policies/p', { rules: [{ effect: 'perhaps' }] }, 'body.rules.0'],
    ['PUT', '/roles/r', {}, 'body must have required properties policies'],
    ['POST', '/explain', { actor: 'a', capability: 'fly' }, 'body.capability'],
    ['POST', '/anchors', { place: { file: '/tmp/x', vkey: 'y' } }, 'body.place'],
    ['POST', '/anchors', { place: { file: 'x' } }, 'body.place.file must be a whole path'],
    ['POST', '/keyslots', { credential: { kdf: { kdf: 'none' }, key: 'x' } }, 'body.credential'],
  ])('%s %s refuses what it does not know: %j', async (method, path, body, detail) => {
    const refused = await api(method, path, { body })
    expect(refused.body).toMatchObject({ status: 400, code: 'INVALID' })
    expect(refused.body.detail).toContain(detail)
    expect(refused.text).not.toContain('perhaps')
  })
})

describe('the own token', () => {
  it('is looked at, renewed and ended by its bearer, who needs no right for it', async () => {
    const { vault } = served
    const { token, accessor } = await vault.tokens.issue({
      actor: 'svc/x',
      policies: ['none'],
      ttl: 3_600_000,
    })
    const own = { token: token.text() }
    expect((await api('GET', '/tokens/self', own)).body).toMatchObject({ accessor })
    const renewed = await api('POST', '/tokens/self/renew', { ...own, body: { ttl: 7_200_000 } })
    expect(renewed.status).toBe(200)
    const may = await api('GET', '/tokens/self/capabilities?path=prod%2Fdb', own)
    expect(may.body).toEqual({ path: 'prod/db', capabilities: [] })
    expect((await api('GET', '/tokens/self/capabilities')).body.capabilities).toContain('keys')
    expect((await api('DELETE', '/tokens/self', own)).status).toBe(200)
    expect((await api('GET', '/tokens/self', own)).status).toBe(401)
  })

  it('tells which vault it is', async () => {
    const { vault } = served
    const { token } = await vault.tokens.issue({ actor: 'svc/x', policies: ['none'] })
    const { body } = await api('GET', '/identity', { token: token.text() })
    expect(body).toEqual(vault.identity())
    const health = await api('GET', '/health', { token: token.text() })
    expect(health.body).toMatchObject({ code: 'DENIED', detail: 'audit is not allowed' })
  })
})

describe('over a connection', () => {
  let server: Listening
  beforeEach(async () => {
    server = await listen(served.app, { port: 0 })
  })
  afterEach(() => server.close({ graceMs: 0 }))

  const client = (token = rootToken) => connect({ server: server.address, token, fetch: heldFetch })

  it('an application logs in, and its token is its own', async () => {
    const { appRoles } = client()
    await appRoles.write('billing', { policies: ['p'], tokenTtl: 60_000 })
    const { roleId } = await appRoles.get('billing')
    const { secretId } = await appRoles.issueSecretId('billing', { uses: 1 })
    const shown = { server: server.address, roleId, secretId: secretId.text() }
    const { token, ...info } = await logIn(shown)
    expect(info).toMatchObject({ actor: 'approle/billing', approle: 'billing' })
    const own = client(token.text()).self
    expect(await own.get()).toEqual(info)
    expect(await own.capabilities('prod/db')).toEqual([])
    expect(await own.revoke()).toHaveProperty('position')
    await expect(logIn(shown)).rejects.toMatchObject({
      code: 'DENIED',
      message: 'the secret id is used up',
    })
  })

  it('no passphrase is sent, and what is sent opens the keyslot', async () => {
    const sent: string[] = []
    const spying: typeof fetch = (input, init) => {
      sent.push(String(init?.body))
      return fetch(input, init)
    }
    const vault = connect({ server: server.address, token: rootToken, fetch: spying })
    const words = passphrase('horse battery', light)
    const { id } = await vault.keyslots.add(words)
    expect(sent.join()).not.toContain('horse')
    const { removed } = await served.vault.keys.rotateRoot({ keep: [words] })
    expect(removed).not.toContain(id)
  })

  it('a key that somebody else gives is none', async () => {
    const vault = client()
    const words = passphrase('of ana', light)
    await vault.keyslots.add(words)
    const other = await tokenOf(['keys'])
    const tried: number[] = []
    const watching: Unlock = {
      kinds: ['argon2id'],
      key: async (slot) => {
        const ask = { body: { key: Buffer.alloc(32).toString('base64') } }
        const path = `/keys/rotate-root/${asked[0]}/${tried.length}`
        const stranger = await api('POST', path, { ...ask, token: other })
        tried.push(stranger.status)
        return words.key(slot)
      },
    }
    const asked: string[] = []
    const listening: typeof fetch = async (input, init) => {
      const [, conversation] = /rotate-root\/([0-9a-f-]{36})\//.exec(String(input)) ?? []
      if (conversation !== undefined) asked[0] ??= conversation
      return fetch(input, init)
    }
    const led = connect({ server: server.address, token: rootToken, fetch: listening })
    await led.keys.rotateRoot({ keep: [watching] })
    expect(tried).toEqual(tried.map(() => 404))
    expect(tried.length).toBeGreaterThan(0)
    const late = await api('POST', `/keys/rotate-root/${asked[0]}/0`, {
      body: { key: Buffer.alloc(32).toString('base64') },
    })
    expect(late.body).toMatchObject({ code: 'NOT_FOUND', detail: 'no such key was asked for' })
  })

  it('a rotation that is given up changes nothing, and holds up no other', async () => {
    const vault = client()
    await vault.keyslots.add(passphrase('of ana', light))
    const before = await vault.keyslots.list()
    const ending = new AbortController()
    const never: Unlock = {
      kinds: ['argon2id'],
      key: async () => {
        ending.abort(new Error('enough'))
        return Buffer.alloc(32)
      },
    }
    const failure = vault.keys.rotateRoot({ keep: [never], signal: ending.signal })
    await expect(failure).rejects.toMatchObject({
      code: expect.stringMatching(/ABORTED|UNCERTAIN/),
    })
    expect(await vault.keys.rotate()).toMatchObject({ epoch: 2 })
    expect(await vault.keyslots.list()).toEqual(before)
  })
})
