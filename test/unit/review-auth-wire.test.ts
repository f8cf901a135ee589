import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { sha256 } from '../../src/crypto/hash.ts'
import { embedded } from '../../src/http/served.ts'
import { VaultError } from '../../src/index.ts'
import { AppRoles } from '../../src/vault/tokens/app-roles.ts'
import { askerOf, type ServedApp, serve } from '../fixtures/http.ts'

vi.mock('../../src/crypto/hash.ts', async (original) => {
  const hash = await original<typeof import('../../src/crypto/hash.ts')>()
  return { ...hash, sha256: vi.fn(hash.sha256) }
})

let served: ServedApp
let token: string

beforeAll(async () => {
  served = await serve({ a: 'x' })
  token = (await served.vault.tokens.issue({ actor: 'user/ana', policies: [] })).token.text()
})
afterAll(() => served.close())

describe('a text that stands for many', () => {
  it.each(['paths', 'path'])('is not taken apart where it is too long: %s', async (name) => {
    // One more than is taken, so that what refuses it is the bound and nothing else.
    const body = { [name]: ','.repeat(256 * 1024 + 1) }
    const asked = await served.ask('POST', '/v1/sys/capabilities-self', { token, body })
    expect(asked.status).toBe(400)
    expect(asked.body.errors[0]).toContain('expected at most 262144 characters')
  })

  it('of a JSON object is not parsed where it is too long', async () => {
    const url = '/v1/auth/approle/role/ci/secret-id'
    const made = await served.ask('POST', '/v1/auth/approle/role/ci', { body: {} })
    expect(made.status).toBe(204)
    const metadata = `{"a":"b"}${' '.repeat(256 * 1024)}`
    const { status, body } = await served.ask('POST', url, { body: { metadata } })
    expect(status).toBe(400)
    expect(body.errors[0]).toContain('expected at most 262144 characters')
  })

  it('of versions is none where it is too long', async () => {
    const versions = `1${',1'.repeat(32 * 1024)}`
    const { status, body } = await served.ask('POST', '/v1/secret/destroy/a', {
      body: { versions },
    })
    expect(status).toBe(400)
    expect(body.errors[0]).toContain('expected a list of integers')
  })
})

describe('a role', () => {
  const url = '/v1/auth/approle/role/shared'

  it('loses no change of anybody, whichever app or handle it comes through', async () => {
    const { vault } = served
    const other = askerOf(embedded(vault))
    await vault.appRoles.write('shared', { policies: ['app'] })
    const answers = await Promise.all([
      served.ask('POST', url, { body: { token_ttl: 60 } }),
      other.ask('POST', url, { body: { token_max_ttl: 600 } }),
      served.ask('POST', url, { body: { secret_id_ttl: 30 } }),
      other.ask('POST', `${url}/role-id`, { body: { role_id: 'its-own' } }),
      served.ask('POST', url, { body: { token_num_uses: 9 } }),
      other.ask('POST', url, { body: { secret_id_num_uses: 7 } }),
    ])
    expect(answers.map(({ status }) => status)).toEqual(Array(6).fill(204))
    expect((await served.ask('GET', url)).body.data).toMatchObject({
      token_ttl: 60,
      token_max_ttl: 600,
      secret_id_ttl: 30,
      token_num_uses: 9,
      secret_id_num_uses: 7,
    })
    expect((await vault.appRoles.get('shared')).roleId).toBe('its-own')
    await other.app.close()
  })

  it('that others keep changing is given up', async () => {
    const { vault } = served
    let tries = 0
    const write = vi.spyOn(AppRoles.prototype, 'write').mockImplementation(async () => {
      tries++
      throw new VaultError('CONFLICT', 'approle shared: expected the one of position 1')
    })
    const { status, body } = await served.ask('POST', url, { body: { token_ttl: 60 } })
    write.mockRestore()
    expect([status, tries]).toEqual([400, 32])
    expect(body.errors).toEqual(['approle shared: expected the one of position 1'])
    expect(await vault.appRoles.get('shared')).toBeDefined()
  })
})

describe('a text of one’s own', () => {
  it('is no short one over the wire', async () => {
    const asked = [
      ['/v1/auth/token/create', { id: 'x'.repeat(15) }, 'token'],
      ['/v1/auth/approle/role/ci/custom-secret-id', { secret_id: 'x'.repeat(15) }, 'secretId'],
    ] as const
    for (const [url, body, argument] of asked) {
      const { status, body: refused } = await served.ask('POST', url, { body })
      expect(status).toBe(400)
      expect(refused.errors).toEqual([`${argument} must be 16 to 256 printable ASCII characters`])
    }
  })
})

describe('a login', () => {
  it('hashes what is shown, and no role id that it has hashed before', async () => {
    const body = { role_id: 'nobody', secret_id: 'nothing' }
    const login = () => served.ask('POST', '/v1/auth/approle/login', { token: null, body })
    for (let n = 0; n < 20; n++) await served.vault.appRoles.write(`app-${n}`)
    expect((await login()).status).toBe(400)
    vi.mocked(sha256).mockClear()
    expect((await login()).status).toBe(400)
    const calls: readonly (readonly Uint8Array[])[] = vi.mocked(sha256).mock.calls
    const shown = calls.map(([bytes]) => bytes?.length)
    expect(shown.filter((length) => length === 36)).toEqual([])
    expect(shown).toContain('nobody'.length)
  })
})
