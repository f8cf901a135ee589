import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { passphrase, Vault } from '../../src/index.ts'
import { checkVault } from '../fixtures/check-vault.ts'
import { lightKdf, Shell, words } from '../fixtures/cli.ts'
import { hasPromtool, promtool } from '../fixtures/promtool.ts'
import { head, RawConnection } from '../fixtures/server/raw-client.ts'
import { devToken, type ServerProcess, startServer } from '../fixtures/server-process.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const unlock = passphrase(words, lightKdf)
const hasSystemd = ['systemd-notify', 'python3'].every(
  (command) => spawnSync(command, ['--version']).status === 0,
)
if (!hasSystemd) console.warn('SKIPPED: what systemd is told: no systemd-notify, or no python3')

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

/** What a server says on stderr from here on. */
function complaints({ child }: ServerProcess): { text: string } {
  const said = { text: '' }
  child.stderr?.on('data', (chunk) => {
    said.text += chunk
  })
  return said
}

const linesOf = (text: string): readonly Record<string, unknown>[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))

describe('a server that is watched', () => {
  it('has its metrics at an address of their own, projections of the host among them', async () => {
    const file = await shell.write(
      'own.mjs',
      `const seen = (state) => { state.count++ }
       export const writes = {
         name: 'writes', version: 1, initial: () => ({ count: 0 }), on: { 'secret.written': seen },
       }
       export const nothing = 1`,
    )
    server = await startServer(shell, ['--metrics-listen', '127.0.0.1:0', '--projections', file])
    const { metrics } = server.told
    expect(metrics).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
    const answer = await fetch(`${metrics}/metrics`)
    const text = await answer.text()
    expect([answer.status, answer.headers.get('content-type')]).toEqual([
      200,
      'text/plain; version=0.0.4; charset=utf-8',
    ])
    expect(text).toContain('muniment_projection_lag_events{projection="writes"}')
    expect(text).toContain('muniment_secrets 1\n')
    expect(text).toContain('process_resident_memory_bytes')
    if (hasPromtool) expect(promtool(['check', 'metrics'], text)).toBe('')
    expect((await fetch(`${metrics}/v1/sys/health`)).status).toBe(404)
    // Where everything else is, they take a token.
    expect((await fetch(`${server.url}/metrics`)).status).toBe(401)
  })

  it.each([
    ['/nowhere/at-all.mjs', 'cannot be loaded'],
    ['none.mjs', 'exports no projection'],
  ])('is not served with the projections of %s', async (file, message) => {
    await shell.write('none.mjs', 'export const nothing = 1')
    const ran = await shell.run(['serve', '--listen', '127.0.0.1:0', '--projections', file])
    expect(ran).toMatchObject({ code: 2, stdout: '' })
    expect(ran.stderr).toContain(message)
  })

  it('logs each request on stderr, and its answer to the command stays on stdout', async () => {
    server = await startServer(shell, ['--log', 'json'])
    const said = complaints(server)
    const { token } = await shell.json(['token', 'create', 'svc/app', '--policy', 'root'])
    await fetch(`${server.url}/v1/secret/data/prod/db?canary`, {
      headers: { 'x-vault-token': `${token}` },
    })
    await fetch(`${server.url}/v1/secret/data/canary`, { headers: { 'x-vault-token': 'canary' } })
    const ran = await server.end()
    server = undefined
    expect(ran.stdout.trim().split('\n')).toHaveLength(1)
    for (const secret of ['canary', 'hunter2', `${token}`, 'prod/db']) {
      expect(said.text).not.toContain(secret)
    }
    const lines = linesOf(said.text)
    expect(lines).toHaveLength(2)
    expect(lines[0]).toMatchObject({
      level: 'info',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      msg: 'answered',
      method: 'GET',
      route: '/v1/secret/data/*',
      status: 200,
      actor: 'svc/app',
      source: '127.0.0.1',
    })
  })

  it('logs in words for people', async () => {
    server = await startServer(shell, ['--log', 'words'])
    const said = complaints(server)
    await fetch(`${server.url}/health/live`)
    await server.end()
    server = undefined
    expect(said.text).toMatch(
      /^\d{4}-\d\d-\d\dT[\d:.]+Z info answered requestId=[\w-]+ method=GET route=\/health\/live status=200 /,
    )
  })

  it('goes on where its folder is too deep for a socket, and says so, in JSON too', async () => {
    const deep = shell.path('d'.repeat(120))
    await mkdir(deep)
    const path = `${deep}/vault`
    await (await Vault.create({ path, unlock, actor: 'user/ana' })).close()
    server = await startServer(shell, ['--vault', path])
    expect(server.told).toMatchObject({ vault: path, state: 'open' })
    expect((await fetch(`${server.url}/health/ready`)).status).toBe(200)
    const { stderr } = await server.end()
    server = undefined
    expect(linesOf(stderr)).toMatchObject([
      {
        level: 'warn',
        code: 'INVALID',
        msg: expect.stringMatching(
          /^commands cannot reach the vault while it is served: .*107 bytes/,
        ),
      },
    ])
  })
})

describe('the end of a server', () => {
  it('loses nothing that it acknowledged, and answers what is under way', async () => {
    server = await startServer(shell, [])
    const { url } = server
    const { token } = await shell.json(['token', 'create', 'svc/writer', '--policy', 'root'])
    const acknowledged: string[] = []
    let stopped = false
    const writer = async (name: string) => {
      for (let n = 0; !stopped; n++) {
        const answer = await fetch(`${url}/v1/secret/data/end/${name}-${n}`, {
          method: 'POST',
          headers: { 'x-vault-token': `${token}` },
          body: '{"data":{"a":"b"}}',
        }).catch(() => undefined)
        if (answer?.status !== 200) return
        await answer.arrayBuffer()
        acknowledged.push(`end/${name}-${n}`)
      }
    }
    const writing = Promise.all(Array.from({ length: 8 }, (_, n) => writer(`w${n}`)))
    await expect.poll(() => acknowledged.length).toBeGreaterThan(40)
    const ended = server.end()
    await writing
    stopped = true
    expect(await ended).toMatchObject({ code: 143, stderr: '' })
    server = undefined
    const vault = await Vault.open({ path: shell.vault, unlock, actor: 'user/ana' })
    for (const path of acknowledged) expect(await vault.exists(path), path).toBe(true)
    await vault.close()
    await checkVault(shell.vault, unlock)
  })

  it('comes at once with the second signal', async () => {
    server = await startServer(shell, [])
    const slow = await RawConnection.to(server.url)
    const { token } = await shell.json(['token', 'create', 'svc/slow', '--policy', 'root'])
    const shown = `X-Vault-Token: ${token}`
    await slow.send(`${head('POST /v1/secret/data/slow', shown, 'Content-Length: 1000')}{`)
    await expect.poll(async () => (await fetch(`${server?.url}/health/live`)).status).toBe(200)
    const began = performance.now()
    const ended = server.end()
    const { child } = server
    await Promise.race([wait(300), once(child, 'exit')])
    expect(child.exitCode).toBeNull()
    child.kill('SIGTERM')
    expect((await ended).code).toBe(143)
    expect(performance.now() - began).toBeLessThan(20_000)
    server = undefined
    slow.drop()
  })
})

/** Takes what is sent to a socket, as systemd does, and prints it: a message a line. */
const listener = `
import os, socket, sys
server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
server.bind(sys.argv[1])
print('bound', flush=True)
while True:
    print(server.recv(4096).decode().replace('\\n', ' | '), flush=True)
`

describe.skipIf(!hasSystemd)('systemd', () => {
  it('is told that the server is ready, that it turns, and that it ends', async () => {
    const address = shell.path('notify.sock')
    const systemd = spawn('python3', ['-c', listener, address])
    const heard: string[] = []
    createInterface({ input: systemd.stdout }).on('line', (line) => {
      // systemd-notify waits behind a barrier until what it said was taken.
      if (line !== 'BARRIER=1') heard.push(line)
    })
    await expect.poll(() => heard).toEqual(['bound'])
    server = await startServer(shell, ['--dev', '--dev-root-token-id', devToken], {
      env: { NOTIFY_SOCKET: address, WATCHDOG_USEC: '400000' },
    })
    const { url } = server
    await expect.poll(() => heard, { timeout: 20_000 }).toContain('WATCHDOG=1')
    const { stderr } = await server.end()
    server = undefined
    systemd.kill()
    expect(heard[1]).toBe(`READY=1 | STATUS=serving at ${url}; the vault is open`)
    expect(heard.at(-1)).toBe('STOPPING=1 | STATUS=answering what is under way')
    expect(stderr).toBe('')
  })

  it('that hears nothing keeps nobody from being served', async () => {
    server = await startServer(shell, ['--dev'], {
      env: { NOTIFY_SOCKET: '/nowhere/at/all.sock' },
    })
    expect((await fetch(`${server.url}/health/ready`)).status).toBe(200)
    const { code, stderr } = await server.end()
    server = undefined
    expect(code).toBe(143)
    expect(linesOf(stderr)).toMatchObject([
      { level: 'warn', msg: expect.stringContaining('systemd-notify failed') },
    ])
  })

  it('is told by a unit that takes what a child of the server says', async () => {
    const unit = await readFile(new URL('../../examples/systemd/muniment.service', import.meta.url))
    expect(`${unit}`).toMatch(/^Type=notify$/m)
    expect(`${unit}`).toMatch(/^NotifyAccess=all$/m)
    expect(`${unit}`).toMatch(/^WatchdogSec=/m)
  })
})

const rules = new URL('../../examples/prometheus/', import.meta.url).pathname

it('every alert has a section that says what to do, and every section its alert', async () => {
  const file = await readFile(`${rules}muniment.rules.yml`, 'utf8')
  const manual = await readFile(new URL('../../docs/operations.md', import.meta.url), 'utf8')
  const alerts = [...file.matchAll(/alert: (\w+)/g)].map(([, name = '']) => name)
  const sections = [...manual.matchAll(/^### (Muniment\w+)$/gm)].map(([, name]) => name)
  expect(sections.toSorted()).toEqual(alerts.toSorted())
  const runbooks = [...file.matchAll(/runbook: (\S+)/g)].map(([, place]) => place)
  expect(runbooks).toEqual(alerts.map((name) => `docs/operations.md#${name.toLowerCase()}`))
})

describe.skipIf(!hasPromtool)('the rules of alerts', () => {
  it('are what Prometheus takes, and fire when they should', () => {
    expect(promtool(['check', 'rules', '--lint-fatal', `${rules}muniment.rules.yml`])).toBe('')
    expect(promtool(['test', 'rules', `${rules}muniment.test.yml`])).toBe('')
  })

  it('name metrics that there are', async () => {
    server = await startServer(shell, ['--metrics-listen', '127.0.0.1:0'])
    const text = await (await fetch(`${server.told.metrics}/metrics`)).text()
    const file = await readFile(`${rules}muniment.rules.yml`, 'utf8')
    const named = new Set(file.match(/muniment_[a-z_]+/g))
    for (const name of named) {
      expect(text).toContain(`# TYPE ${name.replace(/_(bucket|sum|count)$/, '')} `)
    }
  })
})
