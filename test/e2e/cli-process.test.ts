import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { measureKdf, passphrase, recoveryKey, Vault } from '../../src/index.ts'
import { checkVault } from '../fixtures/check-vault.ts'
import { ended, lightKdf, main, type Ran, Shell, says, words } from '../fixtures/cli.ts'

/** Each command is a process of its own, and others may want the cores as well. */
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const unlock = passphrase(words, lightKdf)
/** More than a variable holds, and less than a secret does. */
const largeLength = 1_000_000
let shell: Shell

beforeAll(async () => {
  shell = await Shell.withVault({ x: 'fake-value', large: 'x'.repeat(largeLength) })
  await shell.run(['set', 'db', '--json-value'], {
    input: '{"password":"fake-password","port":5432}',
  })
})

afterAll(() => shell.remove())

/** util-linux has it; the `script` of other systems takes other arguments. */
const hasScript =
  process.platform === 'linux' &&
  /util-linux/.test(spawnSync('script', ['--version'], { encoding: 'utf8' }).stdout ?? '')

/** Starts a command at a terminal. */
function startAtTerminal(args: readonly string[]): ChildProcess {
  const line = [process.execPath, main, ...args].map((word) => `'${word}'`).join(' ')
  return spawn('script', ['-qec', line, '/dev/null'], { env: { ...shell.env, TERM: 'xterm' } })
}

/** How the vault was left by the command before: what the next one finds on opening it. */
async function wasClosed(at: Shell): Promise<boolean> {
  const vault = await Vault.open({ path: at.vault, unlock, actor: 'user/ana' })
  const pages = vault.audit.query({ type: 'vault.opened', order: 'newest', limit: 1 })
  const { value } = await pages.next()
  await vault.close()
  const [opened] = value?.events ?? []
  return opened?.type === 'vault.opened' && opened.data.clean
}

describe('a vault in use', () => {
  it('is refused, and with --wait opened once it is let go of', async () => {
    const vault = await Vault.open({ path: shell.vault, unlock, actor: 'svc/holder' })
    const waiting = shell.start(['get', 'x', '--wait', '60s'])
    const waited = ended(waiting)
    const refused = await shell.run(['get', 'x', '--json'])
    expect(refused).toMatchObject({ code: 6, stdout: '' })
    expect(JSON.parse(refused.stderr).error).toMatchObject({
      code: 'IN_USE',
      exitCode: 6,
      hint: 'stop the process that has it open, or wait for it: --wait 30s; or have it serve the vault, see docs/cli.md',
    })
    expect(waiting.exitCode).toBeNull()
    await vault.close()
    expect(await waited).toEqual({ code: 0, signal: null, stdout: 'fake-value', stderr: '' })
  })
})

describe('run', () => {
  function runs(args: readonly string[], command: readonly string[]): Promise<Ran> {
    return shell.run(['run', ...args, '--', ...command])
  }

  it('gives a command secrets and fields, and nothing that opens the vault', async () => {
    const file = await shell.write('names.env', '# for the test\n\nPORT=db#port\r\n')
    const args = ['--env', 'X=x', 'PASSWORD=db#password', '--env-file', file]
    const script =
      'printf "%s|%s|%s\n" "$X" "$PASSWORD" "$PORT"; env | grep -Ec "^(MUNIMENT|CREDENTIALS)_"; exit 42'
    const ran = await shell.run(['run', ...args, '--', 'sh', '-c', script], {
      env: {
        MUNIMENT_PASSPHRASE: words,
        MUNIMENT_NEW_PASSPHRASE_FILE: shell.passphraseFile,
        CREDENTIALS_DIRECTORY: shell.folder,
      },
    })
    // What is left of its own variables says where the vault is, and who acts.
    const stdout = 'fake-value|fake-password|5432\n2\n'
    expect(ran).toEqual({ code: 42, signal: null, stdout, stderr: '' })
  })

  it('hands on what stands behind --, options of its own name too', async () => {
    const command = ['printf', '<%s>', '--json', '--', '--env', 'A=b', '']
    expect((await runs(['--env', 'X=x'], command)).stdout).toBe('<--json><--><--env><A=b><>')
  })

  it('has closed the vault when the command starts', async () => {
    const again = [process.execPath, main, 'get', 'x', '--passphrase-file', shell.passphraseFile]
    const ran = await runs(['--env', 'X=x'], again)
    expect(ran).toEqual({ code: 0, signal: null, stdout: 'fake-value', stderr: '' })
  })

  it.each([
    ['is not there', ['/nowhere/at-all'], 127],
    ['cannot be run', ['/dev/null'], 126],
    ['is below what is no folder', ['/dev/null/at-all'], 126],
  ])('tells by its exit code that a command %s', async (_how, command, code) => {
    expect(await runs(['--env', 'X=x'], command)).toMatchObject({ code, signal: null })
  })

  it('says that a value is too large for an environment', async () => {
    const ran = await runs(['--env', 'X=large'], ['true'])
    const why = 'E2BIG, the values are too large for an environment'
    expect(ran).toMatchObject({ code: 126, stderr: `muniment: true cannot be run: ${why}\n` })
  })

  it.each([
    ['a secret that is not there', 'absent', 4, 'NOT_FOUND'],
    ['a secret of fields without a field', 'db', 2, 'db#password, db#port'],
  ])('starts nothing for %s', async (_what, path, code, message) => {
    const mark = shell.path('started')
    const ran = await runs(['--env', `X=${path}`], ['touch', mark])
    expect(ran).toMatchObject({ code, stderr: expect.stringContaining(message) })
    expect(existsSync(mark)).toBe(false)
  })

  it('hands signals on, and leaves no process behind', async () => {
    const program = `process.on('SIGTERM', () => process.exit(42))
      process.on('SIGHUP', () => console.log('hung up'))
      process.on('SIGINT', () => console.log('interrupted'))
      setInterval(() => undefined, 1e6)
      console.log('pid', process.pid, 'ready')`
    const command = [process.execPath, '-e', program]
    const child = shell.start(['run', '--env', 'X=x', '--', ...command])
    const end = ended(child)
    await says(child, 'ready')
    child.kill('SIGHUP')
    await says(child, 'hung up')
    child.kill('SIGINT')
    await says(child, 'interrupted')
    child.kill('SIGTERM')
    const { code, stdout } = await end
    expect(code).toBe(42)
    expect(() => process.kill(Number(/\d+/.exec(stdout)?.[0]), 0)).toThrow('ESRCH')
  })

  it('hands on a signal that comes as soon as the child can speak', async () => {
    const answered = Array.from({ length: 8 }, async () => {
      const child = shell.start(['run', '--env', 'X=x', '--wait', '60s', '--', 'cat'])
      const end = ended(child)
      child.stdin?.write('ready\n')
      await says(child, 'ready')
      child.kill('SIGTERM')
      return end
    })
    const how = { code: 128 + 15, signal: null, stdout: 'ready\n', stderr: '' }
    expect(await Promise.all(answered)).toEqual(answered.map(() => how))
  })

  it.skipIf(!hasScript)('leaves the Ctrl-C of a terminal to the terminal', async () => {
    const program = `let interrupts = 0
      process.on('SIGINT', () => { interrupts++ })
      process.on('SIGTERM', () => { console.log('interrupts ' + interrupts); process.exit(0) })
      setInterval(() => undefined, 1e6)
      console.log('parent ' + process.ppid + ' ready')`
    const file = await shell.write('counts.cjs', program)
    // In a session of its own: what it gets is what was handed on, and nothing from the terminal.
    const command = ['setsid', process.execPath, file]
    const child = startAtTerminal(['run', '--env', 'X=x', '--', ...command])
    const end = ended(child)
    let shown = ''
    child.stdout?.on('data', (text) => {
      shown += text
    })
    await says(child, 'ready')
    child.stdin?.write('\u0003')
    await says(child, '^C')
    // Handed on after whatever came before it.
    process.kill(Number(/parent (\d+)/.exec(shown)?.[1]), 'SIGTERM')
    expect((await end).stdout).toContain('interrupts 0\r\n')
  })
})

describe('a command that is ended from outside', () => {
  it.each([
    ['SIGINT', 130, ['set', 'unread']],
    ['SIGTERM', 143, ['import', '-', '--format', 'dotenv']],
  ] as const)(
    'by %s while it reads stdin says so by %i and does nothing',
    async (signal, code, args) => {
      const child = shell.start(args)
      const end = ended(child)
      // More than a pipe holds: once all of it is taken, the command is reading.
      await new Promise((taken) => child.stdin?.write('A=fake\n'.repeat(150_000), taken))
      child.kill(signal)
      expect(await end).toEqual({ code, signal: null, stdout: '', stderr: '' })
      const { versions } = await checkVault(shell.vault, unlock)
      expect(versions.map(({ path }) => path)).toEqual(['x', 'large', 'db'])
    },
  )

  it('while it follows the log has closed the vault', async () => {
    const child = shell.start(['audit', '--follow', '--json'])
    const end = ended(child)
    await says(child, '"audit.read"')
    child.kill('SIGINT')
    const { stdout, ...how } = await end
    expect(how).toEqual({ code: 130, signal: null, stderr: '' })
    const positions = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).position)
    expect(positions).toEqual(positions.map((_, n) => n))
    expect(await wasClosed(shell)).toBe(true)
  })

  it('while it makes a vault leaves a recovery file that opens it', async () => {
    const [vault, file] = [shell.path('made'), shell.path('recovery')]
    const child = shell.start(['init', '--vault', vault, '--recovery-file', file])
    const end = ended(child)
    // The recovery file is there by then, and its keyslot is not.
    await vi.waitFor(() => expect(existsSync(vault)).toBe(true), { interval: 1, timeout: 30_000 })
    child.kill('SIGINT')
    expect(await end).toMatchObject({ code: 130, stderr: expect.not.stringContaining('muniment:') })
    const key = recoveryKey.parse(await readFile(file, 'utf8'))
    const opened = await Vault.open({ path: vault, unlock: key, actor: 'user/ana' })
    expect(opened.keyslots.list().map(({ label }) => label)).toEqual(['passphrase', 'recovery'])
    await opened.close()
  })
})

describe('the end of a command', () => {
  it('does not wait for what it left open', async () => {
    const file = await shell.write(
      'lingers.mjs',
      `setInterval(() => undefined, 1e6)
      export const one = { name: 'one', version: 1, initial: () => ({ seen: 0 }), on: {} }`,
    )
    const ran = await shell.run(['replay', 'one', '--module', file, '--json'])
    expect(ran).toEqual({ code: 0, signal: null, stdout: '{"seen":0}\n', stderr: '' })
  })

  it('tells a failure though the reader of stdout is gone', async () => {
    const child = shell.start(['exists', 'absent'])
    const end = ended(child)
    child.stdout?.destroy()
    expect(await end).toMatchObject({ code: 4, signal: null, stderr: '' })
    expect(await wasClosed(shell)).toBe(true)
  })

  it.skipIf(process.platform !== 'linux')('tells that stdout took nothing', async () => {
    const line = `exec "$0" "$@" > /dev/full`
    const args = ['-c', line, process.execPath, main, 'get', 'x', '--json']
    const { code, stderr } = await ended(spawn('sh', args, { env: shell.env }))
    expect({ code, ...JSON.parse(stderr) }).toEqual({
      code: 9,
      error: { code: 'FAILED', message: 'stdout cannot be written: ENOSPC', exitCode: 9 },
    })
    expect(await wasClosed(shell)).toBe(true)
  })
})

describe.skipIf(!hasScript)('init at a terminal, with --json', () => {
  it('makes no vault whose recovery key nobody saw', async () => {
    const vault = shell.path('unmade')
    const { code, stdout } = await ended(startAtTerminal(['init', '--json', '--vault', vault]))
    expect(code).toBe(2)
    expect(stdout).toContain('"message":"--json does not show the recovery key"')
    expect(existsSync(vault)).toBe(false)
  })
})

const manyCount = 10_000
const importMsMax = 5_000
/** From the start of the process to its end, beyond the key derivation. */
const commandMsMax = 600
/** What `node -e 0` takes on a machine with nothing else to do: on a busy one all is allowed to take longer alike. */
const bareStartMs = 45
const tries = 3

async function msOf(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await work()
  return performance.now() - start
}

/** How much slower than at rest this machine is now. */
async function slowdown(): Promise<number> {
  const bare = await msOf(() => promisify(execFile)(process.execPath, ['-e', '0']))
  return Math.max(1, bare / bareStartMs)
}

describe(`a vault of ${manyCount} secrets`, () => {
  let large: Shell

  beforeAll(async () => {
    large = await Shell.withVault()
  })

  afterAll(() => large.remove())

  it(`takes them in one import, in under ${importMsMax} ms`, async () => {
    const secrets = Array.from({ length: manyCount }, (_, n) => [`many/${n}`, `fake-${n}`])
    const file = await large.write('many.json', JSON.stringify(Object.fromEntries(secrets)))
    const before = await slowdown()
    const ms = await msOf(async () => {
      expect(await large.json(['import', file, '--format', 'json'])).toMatchObject({
        written: manyCount,
        skipped: [],
      })
    })
    expect(ms).toBeLessThan(importMsMax * Math.max(before, await slowdown()))
  })

  it.each([
    ['get', ['get', 'many/77'], /^fake-77$/],
    ['list', ['list', 'many/7777'], /^path +type.*\nmany\/7777 /],
    ['status', ['status'], /^secrets +10,000$/m],
  ] as const)(
    `starts, answers to %s and ends in under ${commandMsMax} ms`,
    async (_, args, said) => {
      const measured: number[] = []
      while (measured.length < tries) {
        const kdf = await measureKdf(lightKdf)
        const pace = await slowdown()
        let stdout = ''
        const ms = await msOf(async () => {
          stdout = (await large.run(args)).stdout
        })
        expect(stdout).toMatch(said)
        measured.push((ms - kdf) / pace)
        if (Math.min(...measured) < commandMsMax) return
      }
      expect(Math.min(...measured)).toBeLessThan(commandMsMax)
    },
  )

  it.each([
    ['the log', ['audit', '--json']],
    ['the log, followed', ['audit', '--json', '--follow']],
  ])('lets a reader of %s go after the first bytes', async (_, args) => {
    const child = large.start(args)
    const end = ended(child)
    await says(child, '{')
    child.stdout?.destroy()
    expect(await end).toMatchObject({ code: 0, signal: null, stderr: '' })
    expect(await wasClosed(large)).toBe(true)
  })

  it('holds together after all that', async () => {
    const { versions } = await checkVault(large.vault, unlock)
    expect(versions).toHaveLength(manyCount)
  })
})
