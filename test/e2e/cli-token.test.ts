import { readFile, stat } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { Shell } from '../fixtures/cli.ts'
import { devToken, type ServerProcess, startDevServer } from '../fixtures/server-process.ts'

// A case runs several processes, each of which a busy machine starts late.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

let shell: Shell
let server: ServerProcess

beforeAll(async () => {
  shell = await Shell.withVault({ 'prod/db': 'hunter2' })
  server = await startDevServer(shell)
})

afterAll(async () => {
  await server.end()
  await shell.remove()
})

interface Listed {
  readonly accessor: string
  readonly actor: string
  readonly policies?: readonly string[]
  readonly label?: string
}

const rules = [{ effect: 'allow', capabilities: ['read', 'list'], paths: ['prod/**'] }]

// What works on a vault on disk works on a server; each case goes on from where the one before left either.
describe.each(['a vault on disk', 'a server'])('of %s', (place) => {
  const at = () =>
    place === 'a server' ? { env: { MUNIMENT_ADDR: server.url, MUNIMENT_TOKEN: devToken } } : {}
  const json = <T>(args: readonly string[], input?: string) =>
    shell.json<T>(args, { ...at(), ...(input !== undefined && { input }) })

  it('a policy is written once, shown, listed and removed', async () => {
    const input = JSON.stringify({ rules })
    const write = ['policy', 'write', 'reader', '--file', '-']
    expect(await json(write, input)).toMatchObject({ name: 'reader', changed: true })
    expect(await json(write, input)).toMatchObject({ name: 'reader', changed: false })
    expect(await json(['policy', 'show', 'reader'])).toMatchObject({ name: 'reader', rules })
    await json(['policy', 'write', 'other', '--file', '-'], JSON.stringify({ rules: [] }))
    const names = (await json<Listed & { name: string }[]>(['policy', 'list'])).map(
      ({ name }) => name,
    )
    expect(names).toEqual(['other', 'reader'])
    expect(await json(['policy', 'remove', 'other'])).toMatchObject({ removed: true })
    const absent = await shell.run(['policy', 'show', 'other', '--json'], at())
    expect(JSON.parse(absent.stderr).error).toMatchObject({ code: 'NOT_FOUND', exitCode: 4 })
  })

  it('a token is made, listed, and revoked by its accessor', async () => {
    const args = [
      'token',
      'create',
      'svc/billing',
      '--policy',
      'reader',
      '--ttl',
      '2h',
      '--label',
      'ci',
    ]
    const made = await json<Listed & { token: string; expiresAt: string }>(args)
    expect(made).toMatchObject({ actor: 'svc/billing', policies: ['reader'] })
    expect(made.token).toMatch(/^mun_[\w-]{43}$/)
    const left = Date.parse(made.expiresAt) - Date.now()
    expect(left).toBeGreaterThan(7_100_000)
    expect(left).toBeLessThanOrEqual(7_200_000)
    const listed = await json<readonly Listed[]>(['token', 'list'])
    const found = listed.find(({ accessor }) => accessor === made.accessor)
    expect(found).toMatchObject({ actor: 'svc/billing', policies: ['reader'] })
    expect(JSON.stringify(listed)).not.toContain(made.token)
    expect(await json(['token', 'revoke', made.accessor])).toEqual({
      accessor: made.accessor,
      revoked: true,
    })
    const after = await json<readonly Listed[]>(['token', 'list'])
    expect(after.map(({ accessor }) => accessor)).not.toContain(made.accessor)
  })

  it('a token goes into a file that only its owner reads, and is shown nowhere', async () => {
    const file = shell.path(`token-of-${place.replaceAll(' ', '-')}`)
    const args = ['token', 'create', 'svc/x', '--policy', 'reader', '--out', file]
    const ran = await shell.run(args, at())
    expect(ran).toMatchObject({ code: 0 })
    const token = (await readFile(file, 'utf8')).trim()
    expect(token).toMatch(/^mun_/)
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect(`${ran.stdout}${ran.stderr}`).not.toContain(token)
    const again = await shell.run([...args, '--json'], at())
    expect(JSON.parse(again.stderr).error).toMatchObject({ code: 'EXISTS', exitCode: 5 })
  })

  it('a token for a policy that nobody has written is made, with a warning', async () => {
    const args = ['token', 'create', 'svc/y', '--policy', 'reader', 'nope', 'root']
    const ran = await shell.run(args, at())
    expect(ran.code).toBe(0)
    expect(ran.stderr).toContain(
      'warning: there is no policy nope: until it is written it allows nothing\n',
    )
    expect(ran.stderr).not.toContain('no policy reader')
    expect(await json(args)).toMatchObject({ absentPolicies: ['nope'] })
    expect(await json(args.slice(0, 5))).not.toHaveProperty('absentPolicies')
  })
})

describe('a server', () => {
  const failure = async (args: readonly string[], env: Readonly<Record<string, string>>) => {
    const ran = await shell.run([...args, '--json'], { env })
    expect(ran.stdout).toBe('')
    return JSON.parse(ran.stderr).error
  }

  it('is shown a token from a file, and says so where that does not hold', async () => {
    const file = await shell.write('wrong-token', 'mun_wrong\n')
    const args = ['policy', 'list', '--server', server.url, '--token-file', file]
    expect(await failure(args, {})).toMatchObject({
      code: 'DENIED',
      message: 'no token that holds was shown',
      hint: expect.stringContaining('--token-file FILE'),
      exitCode: 3,
    })
  })

  it.each([
    [
      'no token',
      ['token', 'list', '--server', 'http://127.0.0.1:1'],
      {},
      'USAGE',
      'no token was given',
    ],
    [
      'no address',
      ['token', 'list', '--server', 'vault'],
      { MUNIMENT_TOKEN: 'x' },
      'USAGE',
      '--server: expected an address',
    ],
    [
      'nobody there',
      ['token', 'list', '--server', 'http://127.0.0.1:1'],
      { MUNIMENT_TOKEN: 'x' },
      'CLOSED',
      '127.0.0.1:1 cannot be reached',
    ],
    [
      'no policy named',
      ['token', 'create', 'svc/x', '--server', 'http://127.0.0.1:1'],
      { MUNIMENT_TOKEN: 'x' },
      'USAGE',
      'over a server a token is held to policies that are named',
    ],
  ])('is not asked with %s', async (_what, args, env, code, message) => {
    expect(await failure(args, env)).toMatchObject({
      code,
      message: expect.stringContaining(message),
    })
  })

  it('is passed over for a vault that is named', async () => {
    const env = { MUNIMENT_ADDR: 'http://127.0.0.1:1', MUNIMENT_TOKEN: 'x' }
    const ran = await shell.run(['get', 'prod/db', '--vault', shell.vault], { env })
    expect(ran).toMatchObject({ code: 0, stdout: 'hunter2' })
  })
})
