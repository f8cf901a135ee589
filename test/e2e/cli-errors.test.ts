import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { passphrase, recoveryKey, Vault } from '../../src/index.ts'
import { openKeyring, parseKeyring, sealKeyring } from '../../src/keys/keyring.ts'
import { addSlot, openSlots } from '../../src/keys/unlock.ts'
import { testClock } from '../../src/testing.ts'
import { ended, lightKdf, main, type Ran, Shell, words } from '../fixtures/cli.ts'
import { eventsOf } from '../fixtures/events.ts'

// A case runs several processes, each of which a busy machine starts late.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const dayMs = 86_400_000
/** Long past when a command asks for it. */
const expiringMs = 1

let shell: Shell

beforeAll(async () => {
  shell = await Shell.withVault({ 'prod/api': 'key-1' })
  const vault = await openWith(shell)
  await vault.write('prod/expired', 'x', { expiresAt: new Date(Date.now() + expiringMs) })
  await vault.write('prod/later', 'x', { notBefore: new Date(Date.now() + dayMs) })
  await vault.write('prod/deleted', 'x')
  await vault.write('prod/destroyed', 'x')
  await vault.write('prod/hostile', { '\u001b[2J\u202e': 'x' })
  await vault.delete('prod/deleted')
  await vault.destroy('prod/destroyed', { versions: [1] })
  await vault.close()
})

afterAll(() => shell.remove())

function openWith({ vault: path }: Shell, more: object = {}): Promise<Vault> {
  return Vault.open({ path, unlock: passphrase(words, lightKdf), actor: 'user/ana', ...more })
}

interface Failure {
  readonly code: string
  readonly message: string
  readonly exitCode: number
  readonly path?: string
  readonly hint?: string
}

/** Runs with `--json` first, so that even a command that is not understood is answered in JSON. */
async function failure(args: readonly string[], where: Shell = shell): Promise<Failure> {
  const ran = await where.run(['--json', ...args])
  expect(ran.stdout).toBe('')
  const { error, ...more } = JSON.parse(ran.stderr)
  expect(more).toEqual({})
  expect(ran.stderr.split('\n')).toHaveLength(2)
  expect(ran.code).toBe(error.exitCode)
  return error
}

const noValues = 'values are never taken from the command line: pipe it in, or use --from-file'

describe('a command that is not understood exits with 2', () => {
  const help = 'muniment --help'
  const cases: readonly [string, string, string | undefined][] = [
    ['', 'expected a command', help],
    ['lst', "unknown command 'lst'", 'did you mean one of list, ls?'],
    ['get prod/api --revel', "unknown option '--revel'", 'did you mean --reveal?'],
    [
      'set prod/api hunter2',
      "too many arguments for 'set'. Expected 1 argument but got 2.",
      noValues,
    ],
    ['set prod/api --value=hunter2', "unknown option '--value'", noValues],
    ['set prod/api --value hunter2', "unknown option '--value'", 'did you mean --vault?'],
    ['set prod/api -hunter2', 'unknown option', noValues],
    ['get', "missing required argument 'path'", 'muniment get [options] <path>'],
    ['set', "missing required argument 'path'", 'muniment set [options] <path>'],
    [
      'set --tag team=pay prod/api',
      "missing required argument 'path'",
      'put it before --tag, which takes several values',
    ],
    [
      'destroy prod/api',
      "required option '--version <n...>' not specified",
      'muniment destroy --help',
    ],
    [
      'list a b',
      "too many arguments for 'list'. Expected 1 argument but got 2.",
      'muniment list --help',
    ],
    ['keyslot', 'expected a command', 'muniment keyslot --help'],
    [
      'keyslot add --shares 2',
      expect.stringMatching(/^option '--shares <t\/n>' argument '2' is invalid/),
      'muniment keyslot add --help',
    ],
    [
      'set prod/api --if-version -1',
      "option '--if-version <n>' argument '-1' is invalid. expected a whole number",
      'muniment set --help',
    ],
    [
      'list --tz Mars/Olympus',
      "option '--tz <zone>' argument 'Mars/Olympus' is invalid. expected an IANA time zone such as UTC or Europe/Berlin",
      'muniment list --help',
    ],
    [
      'set prod/api --expires tomorrow',
      'expected a time such as 2026-03-31, 2026-03-31T17:30:00Z or 30d, found "tomorrow"',
      'muniment set --help',
    ],
    ['purge prod/api', 'prod/api would be gone for good, with all its versions', 'add --yes'],
    ['export --format json', 'an export holds every value in the clear', 'add --reveal'],
    [
      'rotate prod/api --stdin --generate hex',
      'give one of --from-file, --stdin and --generate',
      undefined,
    ],
    [
      'init --vault elsewhere',
      'there is no terminal to show the recovery key on',
      '--recovery-file FILE, or --no-recovery',
    ],
    [
      'replay everything',
      'there is no projection "everything" of the vault\'s own',
      'one of secrets, versions, rotations, accesses, lifecycle, or --module FILE',
    ],
    ['report', 'expected the name of a report', 'muniment report list'],
    [
      'report rotatoin',
      "command-argument value 'rotatoin' is invalid for argument 'name'. Allowed choices are audit-trail, exposure, rotation, keys, erasure, access-review, denials, privileged, integrity.",
      'muniment report --help',
    ],
    [
      'report rotation --to 7 --as-of 7',
      'give one of --to and --as-of: both are the last event that is taken',
      undefined,
    ],
    [
      'report rotation --format csv json',
      'stdout takes one format',
      'a folder for one file a format: --out q1/',
    ],
    [
      'report rotation --out q1.txt',
      '--out q1.txt: expected a file whose name ends in one of .json, .jsonl, .csv, .html, .pdf, or a folder',
      '--out q1.csv',
    ],
    [
      'report rotation --out q1.csv --format pdf',
      '--out q1.csv is one file, of format csv',
      'a folder for one file a format: --out ./',
    ],
    [
      'report rotation --out .',
      '--out . is a folder: one file a format goes there',
      '--format csv pdf',
    ],
    ['report rotation --out none/q1.csv', 'there is no folder none', 'mkdir none'],
    [
      'report verify q1.txt',
      'expected a manifest or a file of a report, found q1.txt',
      'they end in .manifest, or in one of json, jsonl, csv, html, pdf',
    ],
    ['report verify q1.csv', 'the manifest q1.manifest cannot be read: ENOENT', undefined],
    [
      'rotation-policy set --prefix prod/',
      'expected either --every DURATION or --exempt',
      undefined,
    ],
    [
      'explain user/ana raed prod/api',
      expect.stringMatching(/^command-argument value 'raed' is invalid for argument 'capability'/),
      'muniment explain --help',
    ],
    ['policy write ops --file none.json', 'none.json cannot be read: ENOENT', undefined],
    [
      'completion tcsh',
      "command-argument value 'tcsh' is invalid for argument 'shell'. Allowed choices are zsh, bash, fish, powershell.",
      'muniment completion --help',
    ],
  ]

  it.concurrent.each(cases)('%s', async (line, message, hint) => {
    const args = line === '' ? [] : line.split(' ')
    const { hint: tried, ...error } = await failure(args)
    expect(error).toEqual({ code: 'USAGE', message, exitCode: 2 })
    expect(tried).toEqual(hint)
  })

  it('and is told so in words, without the value', async () => {
    expect(await shell.run(['set', 'prod/api', '--value=hunter2'])).toEqual({
      code: 2,
      signal: null,
      stdout: '',
      stderr: `muniment: unknown option '--value'\n  try: ${noValues}\n`,
    })
  })

  it('and has the help on stderr where no command was named', async () => {
    const { code, stdout, stderr } = await shell.run([])
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toMatch(/^Usage: muniment \[options\] \[command\]\n/)
  })
})

describe('an operation that fails has the exit code of its kind', () => {
  const cases: readonly [string, Failure][] = [
    [
      'get a//b',
      { exitCode: 2, code: 'INVALID', message: 'path "a//b": expected no empty segment' },
    ],
    [
      'get prod/none',
      { exitCode: 4, code: 'NOT_FOUND', message: 'prod/none does not exist', path: 'prod/none' },
    ],
    [
      'set prod/api --generate hex --if-version 7',
      {
        exitCode: 5,
        code: 'CONFLICT',
        message: 'prod/api is at version 1, not 7',
        path: 'prod/api',
      },
    ],
    [
      'get prod/deleted',
      {
        exitCode: 8,
        code: 'DELETED',
        message: 'version 1 of prod/deleted is deleted; restore it to read it',
        path: 'prod/deleted',
        hint: 'bring it back: muniment restore prod/deleted --version N',
      },
    ],
    [
      'get prod/destroyed',
      {
        exitCode: 8,
        code: 'DESTROYED',
        message: 'version 1 of prod/destroyed is destroyed: its key is gone',
        path: 'prod/destroyed',
      },
    ],
    [
      'get prod/later',
      {
        exitCode: 8,
        code: 'NOT_YET_VALID',
        message: expect.stringMatching(/^version 1 of prod\/later is not valid /),
        path: 'prod/later',
      },
    ],
    [
      'get prod/expired',
      {
        exitCode: 8,
        code: 'EXPIRED',
        message: expect.stringMatching(/^version 1 of prod\/expired has expired/),
        path: 'prod/expired',
        hint: 'rotate it, or read it all the same: --allow-expired --reason "…"',
      },
    ],
    [
      'get prod/api --vault nowhere',
      {
        exitCode: 4,
        code: 'NOT_FOUND',
        message: expect.stringMatching(/^there is no vault at .*nowhere$/),
        path: expect.stringMatching(/nowhere$/),
        hint: expect.stringContaining('a new vault: muniment init'),
      },
    ],
    [
      'restore prod/api --vault nowhere',
      {
        exitCode: 4,
        code: 'NOT_FOUND',
        message: expect.stringMatching(/^there is no backup at .*prod\/api$/),
        path: expect.stringMatching(/prod\/api$/),
        hint: '--version N brings versions of a secret back: muniment restore prod/api --version N',
      },
    ],
    [
      'init --no-recovery',
      {
        exitCode: 5,
        code: 'EXISTS',
        message: expect.stringMatching(/^there is a vault at .* already$/),
        path: expect.stringMatching(/vault$/),
      },
    ],
  ]

  it.each(cases)('%s', async (line, expected) => {
    expect(await failure(line.split(' '))).toEqual(expected)
  })

  it('5 where a vault is there, and leaves no recovery file that opens nothing', async () => {
    const file = shell.path('recovery')
    const refused = await failure(['init', '--recovery-file', file])
    expect(refused).toMatchObject({ code: 'EXISTS', exitCode: 5 })
    expect(existsSync(file)).toBe(false)
  })

  it('3 where the keyslot is an auditor’s', async () => {
    const where = await Shell.withVault()
    const { text, credential } = recoveryKey()
    const keyring = join(where.vault, 'keyring')
    const sealed = parseKeyring(await readFile(keyring))
    const { root } = await openSlots(sealed, passphrase(words))
    const opened = openKeyring(sealed, root)
    const A = opened.values?.A
    if (root.role !== 'owner' || A === undefined) throw new Error('an owner opens the vault')
    const auditor = { root: { role: 'auditor', A }, label: 'auditor', createdAt: 0 } as const
    const audited = await addSlot(opened, credential, auditor)
    await writeFile(keyring, sealKeyring(audited.keyring, root.R))
    await where.write('passphrase', `${text}\n`)
    expect(await failure(['status'], where)).toMatchObject({ code: 'AUDITOR_ONLY', exitCode: 3 })
    await where.remove()
  })

  it('4 where there is no vault, before anybody is asked for a passphrase', async () => {
    const ran = await shell.run(['get', 'x', '--vault', 'nowhere', '--json'], {
      env: { MUNIMENT_PASSPHRASE_FILE: '' },
    })
    expect(ran.code).toBe(4)
    expect(JSON.parse(ran.stderr).error).toMatchObject({ code: 'NOT_FOUND' })
  })

  it('6 where the passphrase is another', async () => {
    const file = await shell.write('wrong', 'incorrect horse\n')
    const { code, exitCode, hint } = await failure(['status', '--passphrase-file', file])
    expect({ code, exitCode }).toEqual({ code: 'WRONG_KEY', exitCode: 6 })
    expect(hint).toContain('check which passphrase this vault was made with')
  })

  it('6 where another process has the vault open', async () => {
    const vault = await openWith(shell)
    const { code, exitCode, hint } = await failure(['status', '--wait', '0s'])
    expect({ code, exitCode }).toEqual({ code: 'IN_USE', exitCode: 6 })
    expect(hint).toContain('--wait 30s')
    await vault.close()
  })

  it.each(['keyring', 'log'])('7 where a bit of the %s was turned', async (name) => {
    const where = await Shell.withVault({ 'prod/api': 'key-1' })
    await turnBit(await lastingFile(where, name))
    const { code, exitCode, hint } = await failure(['get', 'prod/api'], where)
    expect({ code, exitCode }).toEqual({ code: 'INTEGRITY', exitCode: 7 })
    expect(hint).toContain('keep this folder as it is')
    await where.remove()
  })

  it('9 where the clock is behind the log, unless the caller answers for it', async () => {
    const where = await Shell.make()
    const clock = testClock(Date.now() + dayMs)
    const unlock = passphrase(words, lightKdf)
    await (await Vault.create({ path: where.vault, unlock, actor: 'user/ana', clock })).close()
    const { code, exitCode, hint } = await failure(['status'], where)
    expect({ code, exitCode }).toEqual({ code: 'CLOCK', exitCode: 9 })
    expect(hint).toContain('--accept-clock')
    expect(await where.json(['status', '--accept-clock'])).toMatchObject({ status: 'ok' })
    await where.remove()
  })

  it('and a hint that quotes the vault moves no cursor', async () => {
    const { stderr } = await shell.run(['get', 'prod/hostile', '--field', 'x'])
    expect(stderr).toBe(
      [
        'muniment: prod/hostile has no field "x"',
        String.raw`  try: its fields: \u{1b}[2J\u{202e}`,
        '',
      ].join('\n'),
    )
  })

  it('and a hint names the path as it is', async () => {
    const path = '$&/$`'
    const vault = await openWith(shell)
    await vault.write(path, 'x')
    await vault.delete(path)
    await vault.close()
    expect(await failure(['get', path])).toMatchObject({
      hint: `bring it back: muniment restore ${path} --version N`,
    })
  })

  it('and a projection of the caller’s own that throws is the caller’s', async () => {
    const module = `export const bad = { name: 'bad', version: 1, initial: () => ({}),
      on: { 'secret.written': () => { throw new Error('no such field') } } }`
    const file = await shell.write('bad.mjs', module)
    expect(await failure(['replay', 'bad', '--module', file])).toEqual({
      code: 'USAGE',
      message: 'projection bad failed at position 2: no such field',
      exitCode: 2,
    })
  })
})

/** A file of the vault whose bytes all mean something: of the log, the one that holds its events. */
async function lastingFile({ vault }: Shell, name: string): Promise<string> {
  if (name === 'keyring') return join(vault, name)
  const files = await readdir(join(vault, name))
  const tables = files.filter((file) => /^\d+\.(?:ldb|log)$/.test(file))
  const sized = tables.map(async (file) => {
    const path = join(vault, name, file)
    return { path, size: (await readFile(path)).length }
  })
  const [largest] = (await Promise.all(sized)).sort((a, b) => b.size - a.size)
  if (largest === undefined) throw new Error('a log has files')
  return largest.path
}

async function turnBit(path: string): Promise<void> {
  const bytes = await readFile(path)
  const at = Math.floor(bytes.length / 2)
  bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at)
  await writeFile(path, bytes)
}

describe('global options', () => {
  it('stand before the command or after it, and the nearest to it wins', async () => {
    const one = await shell.run(['--json', '--actor', 'user/ben', 'exists', 'prod/api'])
    const two = await shell.run([
      '--reason',
      'far',
      'exists',
      'prod/api',
      '--reason',
      'near',
      '--actor',
      'svc/ci',
      '--json',
    ])
    for (const { stdout } of [one, two]) {
      expect(JSON.parse(stdout)).toEqual({ path: 'prod/api', exists: true })
    }
    const vault = await openWith(shell)
    const events = await eventsOf(vault, { type: 'secret.inspected', subject: 'prod/api' })
    expect(events.slice(-2)).toMatchObject([
      { actor: 'user/ben', context: {} },
      { actor: 'svc/ci', context: { reason: 'near' } },
    ])
    await vault.close()
  })

  it('leave --actor of audit to say whose events are asked for', async () => {
    const asked = await shell.run(['--actor', 'svc/auditor', 'audit', '--actor', 'svc/*', '--json'])
    const events = asked.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(new Set(events.map(({ actor }) => actor))).toEqual(new Set(['svc/auditor', 'svc/ci']))
    expect(events.at(-1)).toMatchObject({ type: 'audit.read', actor: 'svc/auditor' })
  })

  it('make it quiet, except for what must not be overlooked', async () => {
    const { stdout, stderr } = await shell.run([
      'rotate',
      'prod/api',
      '--from-file',
      await shell.write('same', 'key-1'),
      '--quiet',
    ])
    expect(stdout).toBe('prod/api is at version 2, rotated 1 time\n')
    expect(stderr).toBe('warning: the new value is the old one\n')
  })

  it('give the zone in which times are printed and read', async () => {
    const line = ['set', 'zoned', '--generate', 'hex', '--expires', '2035-07-01', '--quiet']
    await shell.run([...line, '--tz', 'Europe/Berlin'])
    const { stdout } = await shell.run(['describe', 'zoned', '--tz', 'Asia/Kathmandu'])
    expect(stdout).toMatch(/^expires +2035-07-02 03:44:59 Asia\/Kathmandu \(in \d+ y\)$/m)
  })
})

/** Runs a command on a terminal of its own, 100 columns wide. */
function onTerminal(args: readonly string[], env: Record<string, string> = {}): Promise<Ran> {
  const quoted = [process.execPath, main, ...args].map((arg) => `'${arg}'`).join(' ')
  const child = spawn('script', ['-qec', `stty cols 100; exec ${quoted}`, '/dev/null'], {
    env: { ...shell.env, TERM: 'xterm', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  return ended(child)
}

describe('on a terminal', () => {
  it('get shows nothing and reads nothing, unless it is told to', async () => {
    const { code, stdout } = await onTerminal(['get', 'prod/api'])
    expect(code).toBe(2)
    expect(stdout).toContain('stdout is a terminal: the value would be shown on it')
    expect(stdout).toContain('try: add --reveal')
    const vault = await openWith(shell)
    expect(await eventsOf(vault, { type: 'secret.accessed', subject: 'prod/api' })).toEqual([])
    await vault.close()
    expect(await onTerminal(['get', 'prod/api', '--reveal'])).toMatchObject({
      code: 0,
      stdout: 'key-1\r\n',
    })
  })

  it('there are colours, unless NO_COLOR says otherwise', async () => {
    const [plain, coloured] = await Promise.all([
      onTerminal(['frobnicate'], { NO_COLOR: '1' }),
      onTerminal(['frobnicate'], { NO_COLOR: '' }),
    ])
    const words = "muniment: unknown command 'frobnicate'\r\n  try: muniment --help\r\n"
    expect(plain.stdout).toBe(words)
    expect(coloured.stdout).toContain('\u001b[31mmuniment:\u001b[39m unknown command')
    expect(stripVTControlCharacters(coloured.stdout)).toBe(words)
  })

  it('the help is as wide as it', async () => {
    const { stdout } = await onTerminal(['set', '--help'])
    const widths = stdout.split('\r\n').map(({ length }) => length)
    expect(Math.max(...widths)).toBeGreaterThan(80)
    expect(Math.max(...widths)).toBeLessThanOrEqual(100)
  })
})

describe('the help', () => {
  const manual = readFileSync(new URL('../../docs/cli.md', import.meta.url), 'utf8')

  /** Commands that have others below them, and those others. */
  const parents: readonly (readonly [string, readonly string[]])[] = [
    ['keyslot', ['list', 'add', 'remove']],
    ['kdf', ['bench']],
    ['report', ['list', 'verify']],
    ['policy', ['write', 'list', 'show', 'remove']],
    ['role', ['list', 'write', 'grant', 'withdraw', 'remove']],
    ['rotation-policy', ['list', 'set', 'remove']],
  ]

  it('has 80 columns, and names what the manual does: every command and global option', async () => {
    const leaves = [['set'], ['keyslot', 'add'], ['diff'], ['evidence'], ['explain']]
    const commands = [[], ...parents.map(([name]) => [name]), ...leaves]
    const ran = await Promise.all(commands.map((args) => shell.run([...args, '--help'])))
    expect(ran.map(({ code, stderr }) => code === 0 && stderr === '')).not.toContain(false)
    const lines = ran.flatMap(({ stdout }) => stdout.split('\n'))
    expect(lines.filter((line) => line.length > 80)).toEqual([])
    const names = ran.map(({ stdout }) => namesIn(stdout))
    expect(names[0]).toEqual(
      expect.arrayContaining(['set', 'get', 'run', 'audit', 'restore', 'completion', '--tz']),
    )
    for (const [i, [parent, below]] of parents.entries()) {
      expect(names[i + 1]?.filter(isCommand), parent).toEqual(below)
    }
    const told = names.slice(0, 1 + parents.length).flat()
    expect(told.filter((name) => !isNamed(name))).toEqual([])
  })

  function isCommand(name: string): boolean {
    return !name.startsWith('--')
  }

  /** Commands and options stand in the manual's code, but for what every program has. */
  function isNamed(name: string): boolean {
    if (name === '--version' || name === '--help') return true
    const code = [...manual.matchAll(/`([^`\n]+)`/g)].map(([, text = '']) => text)
    return code.some((text) => text.split(/[\s[|\\]+/).includes(name))
  }
})

/** The terms of a help's lists: commands by their names, options by their long ones. */
function namesIn(help: string): readonly string[] {
  const terms = help.split(/^Arguments:\n(?: .*\n)+/m).join('')
  return [...terms.matchAll(/^ {2}(?:-\w, )?(--[\w-]+|[\w-]+)(?=[ |])/gm)].map(
    ([, name = '']) => name,
  )
}
