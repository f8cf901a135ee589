import { randomBytes } from 'node:crypto'
import { mkdir, readdir, readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { passphrase } from '../../src/index.ts'
import { checkVault } from '../fixtures/check-vault.ts'
import { ended, type Ran, type RunOptions, Shell } from '../fixtures/cli.ts'
import { needlesOf } from '../fixtures/needles.ts'

/** Each command is a process of its own, and others may want the cores as well. */
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const canary = (name: string) => `canary-${name}-${randomBytes(24).toString('hex')}`
const words = canary('words')
const value = canary('value')
const field = canary('field')
const later = canary('later')
const imported = canary('imported')
const secrets = { words, value, field, later, imported }

interface Observed extends Ran {
  readonly args: readonly string[]
  /** As anybody on the machine could read it; only Linux shows it. */
  readonly commandLine: string
}

let shell: Shell
const observed: Observed[] = []

/** Which secrets a text or file holds. */
function found(haystack: string): readonly string[] {
  return Object.entries(secrets).flatMap(([name, secret]) =>
    needlesOf(Buffer.from(secret)).some((needle) => haystack.includes(needle)) ? [name] : [],
  )
}

async function observe(args: readonly string[], options: RunOptions = {}): Promise<Observed> {
  const env = { TMPDIR: shell.path('tmp'), ...options.env }
  const child = shell.start(args, { ...options, env })
  const end = ended(child)
  const commandLine = await readFile(`/proc/${child.pid}/cmdline`, 'utf8').catch(() => '')
  child.stdin?.on('error', () => undefined)
  child.stdin?.end(options.input ?? '')
  const seen = { args, commandLine, ...(await end) }
  observed.push(seen)
  return seen
}

/** Runs a command that is asked for no value, and expects its exit code. */
async function silent(code: number, args: readonly string[], options: RunOptions = {}) {
  const ran = await observe(args, options)
  expect(ran.code, `${args.join(' ')}: ${ran.stderr}`).toBe(code)
  expect(found(ran.stdout), args.join(' ')).toEqual([])
}

/** Runs a command that is asked for values, and expects no others in what it prints. */
async function telling(
  names: readonly (keyof typeof secrets)[],
  args: readonly string[],
): Promise<void> {
  const { code, stdout, stderr } = await observe(args)
  expect(code, `${args.join(' ')}: ${stderr}`).toBe(0)
  expect(found(stdout), args.join(' ')).toEqual(names)
}

beforeAll(async () => {
  shell = await Shell.make()
  await shell.write('passphrase', `${words}\n`)
  await shell.write('field.json', JSON.stringify({ user: 'app', password: field }))
  // Each holds what no secret is made of beside what one is, and values where only names belong.
  await shell.write('app.env', `A=${imported}\nNOT ONE ${imported}\nB="${imported}\n`)
  await shell.write('plain.json', `{"kept":"${imported}","bad//path":"${imported}","n":[1]}`)
  await shell.write('broken.json', `{"kept":"${imported}","kept":"${imported}"}`)
  await shell.write('bitwarden.json', `{"items":[{"type":1,"name":["${imported}"]}]}`)
  await shell.write('names.env', 'X=v/text#absent\n')
  await mkdir(shell.path('tmp'))
})

afterAll(() => shell.remove())

describe('values that go through the command line', () => {
  it('come in without being repeated', async () => {
    await silent(0, ['init', '--recovery-file', shell.path('recovery')])
    await silent(0, ['set', 'v/text'], { input: `${value}\n` })
    await silent(0, ['set', 'v/field', '--json-value', '--from-file', 'field.json', '--json'])
    await silent(0, ['rotate', 'v/text', '--stdin', '--trigger', 'compromise'], { input: later })
    await silent(0, ['rotate', 'v/text', '--stdin', '--json'], { input: later })
    await silent(0, ['import', 'app.env', '--format', 'dotenv', '--prefix', 'env'])
    await silent(0, ['import', 'plain.json', '--format', 'json', '--json'])
  })

  it('are not repeated where they are refused', async () => {
    await Promise.all([
      silent(2, ['set', 'v/bad', '--json-value'], { input: `{"password":"${value}"` }),
      silent(2, ['set', 'v/bad', '--json-value', '--json'], { input: `["${value}"]` }),
      silent(2, ['import', 'broken.json', '--format', 'json']),
      silent(0, ['import', 'bitwarden.json', '--format', 'bitwarden', '--dry-run']),
      silent(0, ['import', 'app.env', '--format', 'dotenv', '--dry-run', '--json']),
    ])
    await silent(5, ['set', 'v/text', '--if-version', '9', '--json'], { input: value })
    await silent(2, ['get', 'v/field', '--field', 'absent'])
    await silent(2, ['run', '--env-file', 'names.env', '--', 'true'])
  })

  it('are in no answer but those that were asked for them', async () => {
    await silent(0, ['history', 'v/text', '--json'])
    await silent(0, ['replay', 'versions', '--json'])
    await silent(0, ['run', '--env', 'X=v/text', 'Y=v/field#password', '--', 'true'])
    await silent(0, ['export', '--format', 'json', '--reveal', '--out', 'out.json'])
    await silent(0, ['backup', 'vault.muna'])
    await silent(0, ['audit', '--json'])
    await telling(['later'], ['get', 'v/text'])
    await telling(['value'], ['get', 'v/text', '--version', '1', '--json'])
    await telling(['field'], ['get', 'v/field', '--field', 'password', '--json'])
    await telling(['later', 'imported'], ['export', '--format', 'dotenv', '--reveal'])
    await telling(['field'], ['run', '--env', 'X=v/field#password', '--', 'sh', '-c', 'echo $X'])
  })

  it('were on no command line and in no complaint', () => {
    expect(observed.length).toBeGreaterThan(20)
    for (const { args, commandLine, stderr } of observed) {
      expect(found(stderr), args.join(' ')).toEqual([])
      expect(found(commandLine), args.join(' ')).toEqual([])
    }
    if (process.platform === 'linux') {
      expect(observed.filter(({ commandLine }) => commandLine.includes('main.js'))).toEqual(
        observed,
      )
    }
  })

  it('are in no file but those that were to hold them', async () => {
    const holders: Record<string, readonly string[]> = {}
    for (const entry of await readdir(shell.folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue
      const file = join(entry.parentPath, entry.name)
      const names = found(await readFile(file, 'latin1'))
      if (names.length > 0) holders[relative(shell.folder, file)] = names
    }
    expect(holders).toEqual({
      passphrase: ['words'],
      'field.json': ['field'],
      'app.env': ['imported'],
      'plain.json': ['imported'],
      'broken.json': ['imported'],
      'bitwarden.json': ['imported'],
      'out.json': ['value', 'field', 'later', 'imported'],
    })
    const { versions } = await checkVault(shell.vault, passphrase(words))
    expect(versions.map((version) => version.value)).toContain(later)
  })

  it('leave nothing in the folder for temporary files', async () => {
    expect(await readdir(shell.path('tmp'))).toEqual([])
  })
})
