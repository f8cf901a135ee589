import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { copyFile, readFile, stat } from 'node:fs/promises'
import https from 'node:https'
import { connect } from 'node:tls'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { passphrase, Vault } from '../../src/index.ts'
import { checkVault } from '../fixtures/check-vault.ts'
import { lightKdf, Shell, words } from '../fixtures/cli.ts'
import {
  devToken,
  type ServerProcess,
  startDevServer,
  startServer,
} from '../fixtures/server-process.ts'

// A case runs several processes, each of which a busy machine starts late.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const unlock = passphrase(words, lightKdf)
const hasOpenssl = spawnSync('openssl', ['version']).status === 0
if (!hasOpenssl) console.warn('SKIPPED: serving over TLS: no openssl to make certificates with')

let shell: Shell
let server: ServerProcess | undefined

beforeAll(async () => {
  shell = await Shell.withVault({ 'prod/db': 'hunter2' })
})

afterEach(async () => {
  await server?.end()
  server = undefined
})

afterAll(() => shell.remove())

interface Asked {
  readonly method?: string
  readonly token?: string
  readonly body?: object
}

async function ask(path: string, { method, token, body }: Asked = {}) {
  const response = await fetch(`${server?.url}/v1/${path}`, {
    method: method ?? (body ? 'POST' : 'GET'),
    headers: token === undefined ? {} : { 'x-vault-token': token },
    ...(body && { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  return { status: response.status, body: text === '' ? undefined : JSON.parse(text) }
}

describe('a served vault', () => {
  it('is opened by a passphrase that was given, and closed when it is told to end', async () => {
    server = await startServer(shell, [])
    expect(server.told).toMatchObject({ vault: shell.vault, state: 'open', mount: 'secret' })
    const { token } = await shell.json(['token', 'create', 'svc/app', '--policy', 'root'])
    const read = await ask('secret/data/prod/db', { token: `${token}` })
    expect(read).toMatchObject({ status: 200, body: { data: { data: { value: 'hunter2' } } } })
    const ended = await server.end()
    server = undefined
    expect(ended).toMatchObject({ code: 143, stderr: '' })
    await checkVault(shell.vault, unlock)
    const vault = await Vault.open({ path: shell.vault, unlock, actor: 'user/ana' })
    const [page] = await vault.audit
      .query({ type: 'secret.accessed', subject: 'prod/db' })
      .next()
      .then(({ value }) => [value])
    expect(page?.events.at(-1)).toMatchObject({
      actor: 'svc/app',
      context: { source: '127.0.0.1', auth: { method: 'token' }, decision: { rule: 'root#0' } },
    })
    await vault.close()
  })

  it('is sealed where nothing opens it, and says how that is to change', async () => {
    server = await startServer(shell, [], { env: { MUNIMENT_PASSPHRASE_FILE: '' } })
    expect(server.told).toMatchObject({ state: 'sealed' })
    expect((await ask('sys/health')).status).toBe(503)
    expect(await ask('secret/data/prod/db', { token: 'any' })).toEqual({
      status: 503,
      body: { errors: ['Vault is sealed'] },
    })
  })

  it('is made over the wire, opened by shares, and sealed again', async () => {
    const empty = await Shell.make()
    server = await startServer(empty, [], { env: { MUNIMENT_PASSPHRASE_FILE: '' } })
    expect(server.told).toMatchObject({ state: 'uninitialised' })
    const made = await ask('sys/init', {
      method: 'PUT',
      body: { secret_shares: 3, secret_threshold: 2 },
    })
    expect(made).toMatchObject({ status: 200, body: { root_token: expect.any(String) } })
    const { keys, root_token: token } = made.body
    expect(keys).toHaveLength(3)
    expect((await ask('sys/unseal', { body: { key: keys[0] } })).body).toMatchObject({
      sealed: true,
      t: 2,
      n: 3,
      progress: 1,
    })
    expect((await ask('sys/unseal', { body: { key: keys[2] } })).body).toMatchObject({
      sealed: false,
    })
    const written = await ask('secret/data/a', { token, body: { data: { b: 'c' } } })
    expect(written.status).toBe(200)
    expect((await ask('sys/seal', { method: 'PUT', token })).status).toBe(204)
    expect((await ask('secret/data/a', { token })).status).toBe(503)
    await empty.remove()
  })

  it('goes on being the one vault of a command line beside it', async () => {
    server = await startServer(shell, [])
    expect(await shell.run(['get', 'prod/db'])).toMatchObject({ code: 0, stdout: 'hunter2' })
    await shell.json(['set', 'prod/beside'], { input: 'set beside the server' })
    const { token } = await shell.json(['token', 'create', 'svc/x', '--policy', 'root'])
    const read = await ask('secret/data/prod/beside', { token: `${token}` })
    expect(read.body.data.data).toEqual({ value: 'set beside the server' })
  })

  it('has its own hint where another process listens there, as its metrics have', async () => {
    server = await startDevServer(shell)
    const taken = server.url.replace('http://', '')
    const listens = [
      ['--listen', taken],
      ['--listen', '127.0.0.1:0', '--metrics-listen', taken],
    ]
    for (const args of listens) {
      const ran = await shell.run(['serve', '--dev', '--json', ...args])
      expect(ran).toMatchObject({ code: 6, stdout: '' })
      expect(JSON.parse(ran.stderr).error).toMatchObject({
        code: 'IN_USE',
        hint: `listen elsewhere: ${args.at(-2)} HOST:PORT`,
      })
    }
  })

  it('has on record where somebody came from who was not let in', async () => {
    server = await startServer(shell, [])
    expect((await ask('secret/data/prod/db', { token: 'guessed' })).status).toBe(403)
    const { stdout } = await shell.run(['audit', '--type', 'auth.failed'])
    expect(stdout).toMatch(/auth\.failed +unknown {2}token {2}unknown {2}from 127\.0\.0\.1$/m)
  })

  it.each([
    [['--listen', 'nowhere'], 2, 'USAGE', '--listen: expected HOST:PORT'],
    [['--listen', '0.0.0.0:0'], 2, 'INVALID', 'secrets would pass in the clear'],
    [['--tls-cert', 'x'], 2, 'USAGE', '--tls-cert and --tls-key belong together'],
    [['--tls-cert', 'x', '--tls-key', 'y'], 2, 'USAGE', '--tls-cert x cannot be read: ENOENT'],
    [['--mount', 'sys'], 2, 'INVALID', 'mount must be letters'],
    [['--passphrase-file', '/nowhere/at-all'], 2, 'USAGE', 'cannot be read: ENOENT'],
  ])('is not served with %j', async (args, code, name, message) => {
    const free = args.includes('--listen') ? [] : ['--listen', '127.0.0.1:0']
    const ran = await shell.run(['serve', '--json', ...free, ...args])
    expect(ran).toMatchObject({ code, stdout: '' })
    expect(JSON.parse(ran.stderr).error).toMatchObject({
      code: name,
      message: expect.stringContaining(message),
    })
  })
})

describe('a throw-away vault', () => {
  it('is open, and gone without a trace when the command ends', async () => {
    server = await startDevServer(shell)
    expect(server.told).toMatchObject({ state: 'open', rootToken: devToken })
    const folder = `${server.told.vault}`
    expect((await stat(folder)).mode & 0o777).toBe(0o700)
    const written = await ask('secret/data/a', { token: devToken, body: { data: { b: 'c' } } })
    expect(written.status).toBe(200)
    await server.end('SIGINT')
    server = undefined
    expect(existsSync(folder)).toBe(false)
  })

  it('has a token that nobody guesses, unless it is told one', async () => {
    const running = await startServer(shell, ['--dev'])
    server = running
    expect(running.told.rootToken).toMatch(/^mun_[\w-]{43}$/)
    expect(
      (await ask('auth/token/lookup-self', { token: `${running.told.rootToken}` })).body.data,
    ).toMatchObject({
      policies: ['root'],
      ttl: 0,
    })
  })
})

describe.skipIf(!hasOpenssl)('a server over TLS', () => {
  function certificate(name: string): void {
    const subject = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1']
    const out = ['-keyout', shell.path(`${name}.key`), '-out', shell.path(`${name}.crt`)]
    const made = spawnSync('openssl', [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-days',
      '1',
      ...subject,
      ...out,
    ])
    expect(made.status, String(made.stderr)).toBe(0)
  }

  /** The common name of what the server shows to a connection of now. */
  function shown(url: string): Promise<string | undefined> {
    const { hostname: host, port } = new URL(url)
    return new Promise((resolve, reject) => {
      const socket = connect({ host, port: Number(port), rejectUnauthorized: false }, () => {
        const { CN } = socket.getPeerCertificate().subject
        socket.destroy()
        resolve(Array.isArray(CN) ? CN[0] : CN)
      })
      socket.once('error', reject)
    })
  }

  it('shows a renewed certificate, and keeps the old one until both files are there', async () => {
    certificate('first')
    certificate('second')
    const [cert, key] = [shell.path('tls.crt'), shell.path('tls.key')]
    await copyFile(shell.path('first.crt'), cert)
    await copyFile(shell.path('first.key'), key)
    server = await startDevServer(shell, ['--tls-cert', cert, '--tls-key', key])
    const { url, child } = server
    expect(url).toMatch(/^https:/)
    expect(await shown(url)).toBe('first')
    let warned = ''
    child.stderr?.on('data', (text) => {
      warned += text
    })
    await copyFile(shell.path('second.crt'), cert)
    // Half a pair is refused, which stands in the log whatever results are.
    await vi.waitFor(() => expect(warned).not.toBe(''), { timeout: 20_000 })
    expect(JSON.parse(warned)).toMatchObject({
      level: 'warn',
      msg: expect.stringMatching(/do not fit: .*; the certificate of before is shown on$/),
    })
    expect(await shown(url)).toBe('first')
    await copyFile(shell.path('second.key'), key)
    await vi.waitFor(async () => expect(await shown(url)).toBe('second'), { timeout: 20_000 })
    const ca = await readFile(cert)
    const status = await new Promise((resolve, reject) => {
      https
        .get(`${url}/v1/sys/health`, { ca }, (response) => {
          response.resume()
          resolve(response.statusCode)
        })
        .once('error', reject)
    })
    expect(status).toBe(200)
  })
})
