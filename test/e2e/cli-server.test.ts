import { cp, mkdir, readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { createProgram } from '../../src/cli/create-program.ts'
import { passphrase, Vault } from '../../src/index.ts'
import { checkVault } from '../fixtures/check-vault.ts'
import { ended, lightKdf, type Ran, Shell, says, words } from '../fixtures/cli.ts'
import { alikeJson, alikeWords, argsOf, type Case, type Place } from '../fixtures/cli-alike.ts'
import { commands } from '../fixtures/cli-cases.ts'
import { type ServerProcess, startServer } from '../fixtures/server-process.ts'

// A case runs several processes, each of which a busy machine starts late.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

const unlock = passphrase(words, lightKdf)

let shell: Shell
let server: ServerProcess
let places: readonly Place[]
/** Of an actor who may do nothing. */
let poorToken: string

beforeAll(async () => {
  shell = await Shell.withVault({ 'prod/db': 'hunter2', 'prod/old': 'x' })
  const vault = await Vault.open({ path: shell.vault, unlock, actor: 'user/ana' })
  await vault.write('prod/app', { user: 'app', password: 'x1' }, { tags: { team: 'pay' } })
  await vault.rotate('prod/db', 'hunter3', { reason: 'yearly' })
  const rules = [{ effect: 'allow', capabilities: ['read'], paths: ['prod/**'] }] as const
  await vault.policies.write('reader', { rules })
  await vault.roles.write('payer', { policies: ['reader'] })
  await vault.roles.grant('svc/billing', 'payer')
  const { token } = await vault.tokens.issue({ actor: 'user/ana', policies: ['root'] })
  const poor = await vault.tokens.issue({ actor: 'svc/poor', policies: ['none'] })
  await vault.close()
  await cp(shell.vault, shell.path('folder/vault'), { recursive: true })
  await mkdir(shell.path('server'))
  server = await startServer(shell, [])
  poorToken = poor.token.text()
  const place = (name: Place['name'], env: Place['env']): Place => ({
    name,
    env,
    path: (file) => shell.path(`${name}/${file}`),
    made: (file) => shell.path(`${name}/${file}`),
    said: new Map(),
    at: String(poor.position),
  })
  places = [
    place('server', { MUNIMENT_ADDR: server.url, MUNIMENT_TOKEN: token.text() }),
    place('folder', { MUNIMENT_VAULT: shell.path('folder/vault') }),
  ]
})

afterAll(async () => {
  await server.end()
  await checkVault(shell.vault, unlock)
  await checkVault(shell.path('folder/vault'), unlock)
  await shell.remove()
})

function named(): readonly string[] {
  const below = (command: ReturnType<typeof createProgram>, above: readonly string[]): string[] =>
    command.commands.flatMap((each) => {
      const path = [...above, each.name()]
      // What has others below it does something itself only where it takes an operand.
      const isOne = each.commands.length === 0 || each.registeredArguments.length > 0
      return [...(isOne ? [path.join(' ')] : []), ...below(each, path)]
    })
  // What completion scripts ask is no command for people.
  return below(createProgram(false), []).filter((name) => name !== 'complete')
}

it('every command of the program is among those that are held', () => {
  expect(Object.keys(commands).toSorted()).toEqual(named().toSorted())
})

const cases = Object.entries(commands).flatMap(([name, all]) =>
  all.map((each, i) => ({ name: i === 0 ? name : `${name}, ${i + 1}`, each })),
)

describe('over a server, as on a folder', () => {
  beforeAll(() => shell.write('new', 'another passphrase\n'))

  it.for(cases)('$name', async ({ name, each }) => {
    if (each.refused !== undefined) return refusedThere(each)
    await Promise.all([ranAlike(name, each), each.denied && refusedTo(each, each.denied)])
  })

  async function ranAlike(name: string, each: Case): Promise<void> {
    const modes = each.looks === true ? [[], ['--json']] : [['--json']]
    for (const mode of modes) {
      const [there, here] = await Promise.all(places.map((place) => ran(place, each, mode)))
      expect(there?.code, there?.stderr).toBe(each.exitCode ?? 0)
      expect(here?.code, here?.stderr).toBe(each.exitCode ?? 0)
      if (each.own !== true) expect(alike(there, each, mode)).toEqual(alike(here, each, mode))
      if (mode.length > 0) remember(name, each, [there, here])
    }
  }

  function ran(place: Place, each: Case, mode: readonly string[]): Promise<Ran> {
    const args = argsOf(each, place)
    const cut = args.indexOf('--') === -1 ? args.length : args.indexOf('--')
    const all = each.plain ? args : [...args.slice(0, cut), ...mode, ...args.slice(cut)]
    return shell.run(all, {
      env: { ...place.env },
      ...(each.input !== undefined && { input: each.input }),
    })
  }

  function alike(found: Ran | undefined, each: Case, mode: readonly string[]): unknown {
    const { stdout = '', stderr = '', code } = found ?? {}
    const isJson = mode.length > 0 && each.plain !== true
    if (code !== 0 && stdout === '') return isJson ? JSON.parse(stderr).error : stderr
    return isJson ? alikeJson(stdout, each, shell) : alikeWords(stdout, shell)
  }

  function remember(name: string, each: Case, found: readonly (Ran | undefined)[]): void {
    if (each.plain || each.lines || each.own || each.exitCode !== undefined) return
    for (const [i, place] of places.entries()) {
      place.said.set(name, JSON.parse(found[i]?.stdout ?? 'null'))
    }
  }

  async function refusedThere(each: Case): Promise<void> {
    const [place] = places
    if (place === undefined) return
    const refused = await ran(place, each, ['--json'])
    expect(JSON.parse(refused.stderr).error).toMatchObject({
      code: 'USAGE',
      exitCode: 2,
      message: `${each.refused}, and not on a server`,
      hint: expect.any(String),
    })
  }

  /** By a token that holds, and may do nothing: as whoever has no right on a folder that is served in process. */
  async function refusedTo(each: Case, right: string): Promise<void> {
    const [place] = places
    if (place === undefined) return
    const poor: Place = {
      ...place,
      env: { ...place.env, MUNIMENT_TOKEN: poorToken },
      made: (name) => (name.endsWith('/') ? name : place.path(`poor-${name}`)),
    }
    const refused = await ran(poor, each, ['--json'])
    const { error } = each.plain === true ? {} : JSON.parse(refused.stderr)
    expect(refused.code, refused.stderr).toBe(3)
    expect(refused.stdout).toBe('')
    if (error) expect(error).toMatchObject({ code: 'DENIED', message: `${right} is not allowed` })
    else expect(refused.stderr).toContain(`DENIED ${right} is not allowed`)
  }
})

describe('a server', () => {
  const failure = async (args: readonly string[], env: Readonly<Record<string, string>>) => {
    const { code, stderr } = await shell.run([...args, '--json'], {
      env: { ...places[0]?.env, ...env },
    })
    const { error } = JSON.parse(stderr)
    expect(error.exitCode).toBe(code)
    return error
  }

  it.each([
    [['list'], { MUNIMENT_TOKEN: 'mun_nobody' }, 'DENIED', 'no token that holds', '--token-file'],
    [['list'], { MUNIMENT_TOKEN: '' }, 'USAGE', 'no token was given', '--token-file'],
    [['list'], { MUNIMENT_ADDR: 'vault' }, 'USAGE', '--server: expected an address', undefined],
    [
      ['get', 'prod/db'],
      { MUNIMENT_ADDR: 'http://127.0.0.1:1' },
      'CLOSED',
      'http://127.0.0.1:1 cannot be reached',
      'MUNIMENT_ADDR',
    ],
    [['list', '--actor', 'user/bo'], {}, 'USAGE', '--actor: a server knows', 'leave it out'],
    [['status', '--accept-clock'], {}, 'USAGE', '--accept-clock', 'there: muniment status'],
    [['token', 'create', 'svc/x'], {}, 'USAGE', 'held to policies that are named', '--policy'],
    [['replay', 'mine', '--module', 'x.js'], {}, 'USAGE', '--module is code', 'ask it by name'],
    [['replay', 'nothing'], {}, 'NOT_FOUND', 'nothing', undefined],
  ])('that is asked %j with %j is %s', async (args, env, code, message, hint) => {
    const told = await failure(args, env)
    expect(told).toMatchObject({ code, message: expect.stringContaining(message) })
    if (hint !== undefined) expect(told.hint).toContain(hint)
  })

  it('gives way to a folder that is named', async () => {
    const named = ['list', '--vault', shell.path('folder/vault'), '--json']
    const { code } = await shell.run(named, { env: { ...places[0]?.env, MUNIMENT_TOKEN: '' } })
    expect(code).toBe(0)
  })

  it('is followed until Ctrl-C', async () => {
    const env = places[0]?.env ?? {}
    const child = shell.start(['audit', '--follow', '--subject', 'live/**'], { env })
    onTestFinished(() => void child.kill('SIGKILL'))
    const gone = ended(child)
    const told = says(child, 'secret.written')
    // Nothing says that it listens already: what comes before is told as well.
    await shell.json(['set', 'live/a'], { env, input: 'x' })
    await told
    child.kill('SIGINT')
    expect(await gone).toMatchObject({ code: 130, stderr: '' })
  })

  it('that comes back is followed from where it was', async () => {
    const env = places[0]?.env ?? {}
    const child = shell.start(['audit', '--follow', '--subject', 'back/**'], { env })
    onTestFinished(() => void child.kill('SIGKILL'))
    const gone = ended(child)
    const told = says(child, 'back/before')
    await shell.json(['set', 'back/before'], { env, input: 'x' })
    await told
    await server.end('SIGKILL')
    const without = await failure(['set', 'back/none', '--generate', 'hex:16'], {})
    expect(without).toMatchObject({
      code: 'CLOSED',
      exitCode: 9,
      message: `${server.url} cannot be reached`,
      hint: expect.stringContaining('is it running'),
    })
    const after = says(child, 'back/after')
    server = await startServer(shell, ['--listen', new URL(server.url).host])
    await shell.json(['set', 'back/after'], { env, input: 'x' })
    await after
    child.kill('SIGINT')
    const { code, stdout } = await gone
    expect(code).toBe(130)
    expect(stdout.match(/back\/\w+/g)).toEqual(['back/before', 'back/after'])
  })
})

it('an export and a backup over a server are what they are of a folder', async () => {
  const [there = '', here = ''] = await Promise.all(
    places.map((place) => readFile(place.path('all.json'), 'utf8')),
  )
  const entries = (text: string) => JSON.parse(text).secrets
  expect(entries(there)).toEqual(entries(here))
  for (const place of places) {
    const env = { MUNIMENT_VAULT: place.path('b.muna') }
    expect(await shell.json(['verify'], { env })).toMatchObject({ ok: true })
  }
})

it('a diff of a server begins at position 0, too, where its date is before the log', async () => {
  const env = { ...places[0]?.env }
  const ran = await shell.run(['diff', '--from', '2020-01-01'], { env })
  expect(ran.code, ran.stderr).toBe(0)
  expect(ran.stdout).toMatch(/^from +position 0, /)
  expect(ran.stderr).toContain(': compared is with position 0')
})

it('an https address of a server without TLS is told so', async () => {
  const { MUNIMENT_TOKEN = '' } = { ...places[0]?.env }
  const https = server.url.replace('http:', 'https:')
  const ran = await shell.run(['list', '--json', '--server', https], { env: { MUNIMENT_TOKEN } })
  expect(ran.code).toBe(9)
  expect(JSON.parse(ran.stderr).error.hint).toContain('the server may not speak TLS')
})
