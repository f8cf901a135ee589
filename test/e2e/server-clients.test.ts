import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import HashiVault from 'hashi-vault-js'
import nodeVault from 'node-vault'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { Shell } from '../fixtures/cli.ts'
import { devToken, type ServerProcess, startDevServer } from '../fixtures/server-process.ts'

// Each part talks to a real server in a process of its own.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

let shell: Shell
let server: ServerProcess

beforeAll(async () => {
  shell = await Shell.make()
  server = await startDevServer(shell)
})

afterAll(async () => {
  await server.end()
  await shell.remove()
})

describe('node-vault', () => {
  const client = (token = devToken) =>
    nodeVault({ apiVersion: 'v1', endpoint: server.url, token, noCustomHTTPVerbs: false })

  it('writes, reads, lists and deletes', async () => {
    const vault = client()
    await vault.write('secret/data/node-vault/a', { data: { password: 'hunter2' } })
    await vault.write('secret/data/node-vault/deep/b', { data: { n: 1, list: [1, null, 'x'] } })
    const read = await vault.read('secret/data/node-vault/a')
    expect(read.data.data).toEqual({ password: 'hunter2' })
    expect(read.data.metadata).toMatchObject({ version: 1, destroyed: false, deletion_time: '' })
    expect((await vault.list('secret/metadata/node-vault')).data.keys).toEqual(['a', 'deep/'])
    await vault.delete('secret/data/node-vault/a')
    await expect(vault.read('secret/data/node-vault/a')).rejects.toMatchObject({
      response: { statusCode: 404, body: { data: { data: null, metadata: { version: 1 } } } },
    })
    await expect(vault.read('secret/data/node-vault/absent')).rejects.toMatchObject({
      response: { statusCode: 404, body: { errors: [] } },
    })
  })

  it('loses a check-and-set by the error that its users look for', async () => {
    const vault = client()
    const once = { options: { cas: 0 }, data: { a: 'b' } }
    await vault.write('secret/data/node-vault/cas', once)
    await expect(vault.write('secret/data/node-vault/cas', once)).rejects.toThrow(
      'check-and-set parameter did not match the current version',
    )
  })

  it('keeps policies by the legacy routes, in the language of Vault', async () => {
    const vault = client()
    const rules = 'path "secret/data/node-vault/*" { capabilities = ["read"] }'
    await vault.addPolicy({ name: 'node-vault-read', rules })
    expect((await vault.getPolicy({ name: 'node-vault-read' })).rules).toBe(rules)
    expect((await vault.policies()).policies).toContain('node-vault-read')
  })

  it('makes tokens, looks them up, renews and revokes them', async () => {
    const { auth } = await client().tokenCreate({
      policies: ['node-vault-read'],
      ttl: '1h',
      renewable: true,
    })
    const limited = client(auth.client_token)
    const { data } = await limited.tokenLookupSelf()
    expect(data).toMatchObject({ id: auth.client_token, policies: ['default', 'node-vault-read'] })
    expect((await limited.tokenRenewSelf({ increment: '2h' })).auth.lease_duration).toBe(7200)
    expect((await limited.read('secret/data/node-vault/deep/b')).data.data.n).toBe(1)
    const asked = limited.write('secret/data/node-vault/deep/b', { data: {} })
    await expect(asked).rejects.toMatchObject({ response: { statusCode: 403 } })
    await limited.tokenRevokeSelf()
    await expect(limited.tokenLookupSelf()).rejects.toMatchObject({
      response: { statusCode: 403 },
    })
  })

  it('logs in with AppRole', async () => {
    const vault = client()
    await vault.addApproleRole({
      role_name: 'ci',
      policies: 'node-vault-read',
      token_ttl: 300,
    })
    const { role_id } = (await vault.getApproleRoleId({ role_name: 'ci' })).data
    const { secret_id } = (await vault.getApproleRoleSecret({ role_name: 'ci' })).data
    const { auth } = await client('').approleLogin({ role_id, secret_id })
    expect(auth).toMatchObject({
      lease_duration: 300,
      token_policies: ['default', 'node-vault-read'],
    })
    const found = await client(auth.client_token).read('secret/data/node-vault/deep/b')
    expect(found.data.metadata.version).toBe(1)
    const wrong = client('').approleLogin({ role_id, secret_id: 'guessed' })
    await expect(wrong).rejects.toMatchObject({ response: { statusCode: 400 } })
  })

  it('asks how the server is', async () => {
    expect(await client().health()).toMatchObject({ initialized: true, sealed: false })
    expect(await client().status()).toMatchObject({ sealed: false, initialized: true })
    const { data } = await client().mounts()
    expect(data['secret/']).toMatchObject({ type: 'kv', options: { version: '2' } })
  })
})

describe('hashi-vault-js', () => {
  it('does its rounds of the KV engine', async () => {
    const vault = new HashiVault({ https: false, baseUrl: `${server.url}/v1`, timeout: 5000 })
    const [at, path] = ['secret', 'hashi/db']
    await vault.createKVSecret(devToken, path, { user: 'app', password: 'fake' }, at)
    await vault.updateKVSecret(devToken, path, { user: 'app', password: 'fake-2' }, 1, at)
    expect(await vault.readKVSecret(devToken, path, 1, at)).toMatchObject({
      data: { password: 'fake' },
      metadata: { version: 1 },
    })
    expect(await vault.listKVSecrets(devToken, 'hashi', at)).toMatchObject({ keys: ['db'] })
    await vault.deleteVersionsKVSecret(devToken, path, [1], at)
    await vault.undeleteVersionsKVSecret(devToken, path, [1], at)
    await vault.destroyVersionsKVSecret(devToken, path, [1], at)
    expect(await vault.readKVSecretMeta(devToken, path, at)).toMatchObject({
      versions: { 1: { destroyed: true }, 2: { destroyed: false } },
    })
    await vault.eliminateKVSecret(devToken, path, at)
    await expect(vault.readKVSecret(devToken, path, 2, at)).rejects.toMatchObject({
      response: { status: 404 },
    })
  })

  it('passes its own tests of the KV engine, as its package has them', async () => {
    const config = fileURLToPath(new URL('../fixtures/hashi-vault-js.config.ts', import.meta.url))
    const vitest = fileURLToPath(new URL('../../node_modules/vitest/vitest.mjs', import.meta.url))
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [vitest, 'run', '--config', config, '--reporter', 'json'],
      {
        env: {
          PATH: process.env.PATH,
          VAULT_URL: `${server.url}/v1`,
          ROOT_PATH: 'secret',
          VAULT_KNIGHT_TOKEN: devToken,
        },
      },
    )
    const report = JSON.parse(stdout.slice(stdout.indexOf('{"numTotal')))
    expect(report).toMatchObject({ success: true, numFailedTests: 0, numPassedTests: 17 })
  })
})
