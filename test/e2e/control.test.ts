import { type ChildProcess, spawn } from 'node:child_process'
import { cp, readdir, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { passphrase, Vault } from '../../src/index.ts'
import { checkVault } from '../fixtures/check-vault.ts'
import { ended, lightKdf, type Ran, Shell, says, words } from '../fixtures/cli.ts'

// Each command is a process of its own, and so is the service.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const hostFile = fileURLToPath(new URL('control-host.mjs', import.meta.url))
const unlock = passphrase(words, lightKdf)
const auditorWords = 'the auditor looks'

const hosts = new Set<ChildProcess>()
const shells: Shell[] = []
afterAll(async () => {
  for (const host of hosts) host.kill('SIGKILL')
  for (const shell of shells) await shell.remove()
})

/** A service that has the vault of a shell open. */
async function startHost(shell: Shell, ...more: string[]): Promise<ChildProcess> {
  const host = spawn(process.execPath, [hostFile, shell.vault, shell.passphraseFile, ...more])
  hosts.add(host)
  host.once('close', () => hosts.delete(host))
  await says(host, 'ready')
  return host
}

/** What a vault holds that both of two have: secrets, history, access, an auditor's keyslot. */
async function filled(): Promise<Shell> {
  const shell = await Shell.withVault({ 'prod/db': 'hunter2', 'prod/api': 'key-1', 'dev/x': 'y' })
  shells.push(shell)
  const vault = await Vault.open({ path: shell.vault, unlock, actor: 'user/ana' })
  await vault.rotate('prod/db', 'hunter3', { reason: 'quarterly' })
  await vault.write('prod/fields', { user: 'app', password: 'fake' })
  await vault.policies.write('payers', {
    rules: [{ effect: 'allow', capabilities: ['read', 'list'], paths: ['prod/**'] }],
  })
  await vault.roles.write('payer', { policies: ['payers'] })
  await vault.roles.grant('svc/pay', 'payer')
  await vault.keyslots.add(passphrase(auditorWords, lightKdf), {
    role: 'auditor',
    label: 'auditor',
  })
  await vault.close()
  await shell.write('auditor', auditorWords)
  await shell.write(
    'rules.json',
    '{"rules":[{"effect":"deny","capabilities":["read"],"paths":["x"]}]}',
  )
  await shell.write('app.env', 'USER=app\nTOKEN=abc\n')
  await shell.write('new', 'another passphrase')
  return shell
}

/** What differs from run to run. An opening leaves two events where a coming leaves one: positions are others. */
const unsettled: readonly (readonly [RegExp, string])[] = [
  [/\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{3}Z)?/g, '<time>'],
  [/\((?:now|in \d+ \w|\d+ \w ago)\)/g, '(<age>)'],
  [/\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g, '<uuid>'],
  [/\b[0-9a-f]{64}\b/g, '<hash>'],
  [/("(?:position|size|asOf)":)\d+/g, '$1<n>'],
  [/("time":)\d+/g, '$1<time>'],
]
/** Of what counts events, whatever else it says, and of what is made at random. */
const numbers: readonly (readonly [RegExp, string])[] = [[/[\d,]*\d(?:\.\d)?/g, '<n>']]

function settled(text: string, { folder }: Shell, more: typeof unsettled = []): string {
  const placed = text.replaceAll(folder, '<folder>')
  return [...unsettled, ...more].reduce((said, [what, name]) => said.replace(what, name), placed)
}

interface Row {
  readonly input?: string
  readonly code?: number
  readonly more?: typeof unsettled
}

const random: typeof unsettled = [
  [/MUNIMENT-[A-Z]+(?:-[0-9A-Z]+)+/g, '<printed key>'],
  [/[\w+/=]{24,}/g, '<random>'],
  ...numbers,
]
/** Each closing leaves one. */
const checkpoints: typeof unsettled = [[/(?:\{[^}]*\},?)+/g, '<checkpoints>']]
/** How long they are follows the size of the log. */
const proofs: typeof unsettled = [[/(?:(?:\\n)?[\w+/=]{40,})+/g, '<bytes>'], ...numbers]
const position = '8'

/** Each is run on a vault that nobody has open, and on one of the same content that a service has open. */
const commands: readonly (readonly [string, Row?])[] = [
  ['list'],
  ['list prod/ --json'],
  [`list --as-of ${position}`],
  ['exists prod/db'],
  ['describe prod/db'],
  ['history prod/db --json'],
  ['get prod/db'],
  ['get prod/db --json --version 1'],
  [`get prod/db --as-of ${position} --reason incident`],
  ['get nope', { code: 4 }],
  ['set new/one --type api_key --tag team=pay --json', { input: 'v' }],
  ['set prod/db --if-version 9', { input: 'v', code: 5 }],
  ['rotate prod/api --trigger compromise --json'],
  ['annotate new/one --owner team/pay'],
  ['delete prod/api'],
  ['get prod/api', { code: 8 }],
  ['restore prod/api --version 2'],
  ['destroy prod/api --version 1'],
  ['purge new/one --yes'],
  ['run --env DB=prod/db -- printenv DB'],
  ['audit --subject prod/** --type secret.rotated secret.deleted --json', { more: numbers }],
  ['diff --from 0 --to 8'],
  ['explain svc/pay read prod/db'],
  ['policy show payers'],
  ['policy write other --file {}/rules.json'],
  ['role list'],
  ['role write reader --policy payers'],
  ['role grant reader user/bob --expires 2099-01-01 --json'],
  ['rotation-policy set --prefix prod/ --every 90d'],
  ['rotation-policy list'],
  ['token list --json'],
  [`report rotation --as-of ${position}`],
  [`report audit-trail --to ${position} --format jsonl`],
  [`report access-review --as-of ${position} --out {}/review.csv`, { more: numbers }],
  ['report verify {}/review.manifest'],
  [`evidence --from 2 --to ${position} --out {}/evidence.zip`, { more: numbers }],
  ['replay rotations --as-of 8'],
  ['import {}/app.env --format dotenv --prefix prod/app'],
  ['export prod/app --format dotenv --reveal'],
  ['export prod/ --format json --reveal --out {}/all.json'],
  ['backup {}/backup.muna', { more: numbers }],
  ['backup {}/backup.muna', { code: 5 }],
  ['verify', { more: numbers }],
  ['checkpoint', { more: proofs }],
  ['checkpoint --list --json', { more: checkpoints }],
  [`prove ${position} --json`, { more: proofs }],
  ['anchor add --file {}/anchor', { more: numbers }],
  ['anchor list --json', { more: numbers }],
  ['anchor remove {}/anchor'],
  ['keyslot list --json'],
  ['keyslot add --label second --new-passphrase-file {}/new --kdf pbkdf2'],
  ['keyslot add --recovery --json', { more: random }],
  ['keyslot add --shares 2/3', { more: random }],
  ['keys list'],
  ['keys rotate', { more: numbers }],
  ['keys rotate --signing', { more: random }],
  ['keys shred', { more: numbers }],
  ['keys rotate --root --yes', { more: random }],
  ['status --json', { more: random }],
  ['get prod/db --accept-clock'],
]

describe('a vault that a service has open and serves', () => {
  let alone: Shell
  let shared: Shell
  let host: ChildProcess

  beforeAll(async () => {
    alone = await filled()
    shared = await Shell.make()
    shells.push(shared)
    await cp(alone.folder, shared.folder, { recursive: true })
    host = await startHost(shared)
  })

  afterAll(async () => {
    host.stdin?.end()
    expect((await ended(host)).code).toBe(0)
  })

  it.each(commands.map(([line, row = {}]) => ({ line, ...row })))('$line', async (row) => {
    const { line, input = '', code = 0, more = [] } = row
    const run = async (shell: Shell) => {
      const args = line.split(' ').map((arg) => arg.replace('{}', shell.folder))
      return shell.run(args, { input })
    }
    const [expected, found] = await Promise.all([run(alone), run(shared)])
    expect([expected.code, found.code], expected.stderr + found.stderr).toEqual([code, code])
    expect(saidBy(found, shared, more)).toEqual(saidBy(expected, alone, more))
  })

  it('says the same of its past as a copy does', async () => {
    for (const name of ['review.csv', 'evidence.zip', 'all.json']) {
      expect((await readFile(shared.path(name))).length).toBeGreaterThan(0)
    }
    expect(await readFile(shared.path('review.csv'))).toEqual(
      await readFile(alone.path('review.csv')),
    )
    expect((await readdir(shared.folder)).sort()).toEqual((await readdir(alone.folder)).sort())
  })
})

function saidBy({ stdout, stderr }: Ran, shell: Shell, more: typeof unsettled) {
  return { stdout: settled(stdout, shell, more), stderr: settled(stderr, shell, more) }
}

describe('through the socket of a vault', () => {
  let shell: Shell
  let host: ChildProcess

  beforeAll(async () => {
    shell = await filled()
    host = await startHost(shell)
  })
  afterEach(() => checkStillServed())

  async function checkStillServed(): Promise<void> {
    if (host.exitCode === null) expect((await shell.run(['exists', 'prod/db'])).code).toBe(0)
  }

  const byAuditor = () => ['--passphrase-file', shell.path('auditor'), '--actor', 'user/aud']

  it('an auditor looks at everything, and at no value', async () => {
    for (const args of [
      ['list'],
      ['audit'],
      ['verify'],
      ['report', 'access-review'],
      ['replay', 'versions'],
      ['keyslot', 'list'],
      ['status'],
      ['prove', '3'],
    ]) {
      const ran = await shell.run([...byAuditor(), ...args])
      expect([args, ran.code, ran.stderr]).toEqual([args, 0, expect.any(String)])
    }
    const refused = await shell.run([...byAuditor(), 'get', 'prod/db'])
    expect(refused).toMatchObject({ code: 3, stdout: '' })
    expect(refused.stderr).toContain(
      'AUDITOR_ONLY an auditor reads the history, and no value, and changes nothing',
    )
    const denied = await shell.json<{ actor: string }>([
      ...['audit', '--type', 'secret.denied', '--subject', 'prod/db', '--limit', '1'],
    ])
    expect(denied.actor).toBe('user/aud')
  })

  it('a wrong passphrase opens nothing, and is on record at once', async () => {
    const wrong = ['--passphrase-file', await shell.write('wrong', 'not it')]
    const ran = await shell.run([...wrong, 'list'])
    expect(ran).toMatchObject({ code: 6, stdout: '' })
    expect(ran.stderr).toContain('WRONG_KEY no keyslot opens')
    expect((await shell.run(['audit', '--type', 'auth.failed'])).stdout).toContain('keyslot')
  })

  it('a follower sees what others do, until he goes', async () => {
    const follower = shell.start(['audit', '--follow', '--subject', 'followed/**', '--json'])
    const seen = says(follower, 'secret.written')
    const [ran] = await Promise.all([
      ended(follower),
      shell
        .run(['set', 'followed/one'], { input: 'x' })
        .then(() => seen)
        .then(() => follower.kill('SIGINT')),
    ])
    expect(ran.code).toBe(130)
    expect(JSON.parse(ran.stdout.split('\n')[0] ?? '')).toMatchObject({ subject: 'followed/one' })
  })

  it('what the service is told to end it ends, and says so', async () => {
    const other = await filled()
    const service = await startHost(other)
    const follower = other.start(['audit', '--follow', '--json'])
    const ran = ended(follower)
    await says(follower, 'vault.created')
    service.stdin?.end()
    expect((await ended(service)).code).toBe(0)
    expect(await ran).toMatchObject({
      code: 9,
      stderr: expect.stringContaining('the vault is closed'),
    })
    expect((await other.run(['list'])).code).toBe(0)
  })

  it('nobody is found once the service was killed: the vault is opened then', async () => {
    const other = await filled()
    const service = await startHost(other)
    await other.run(['set', 'acked'], { input: 'v' })
    const gone = ended(service)
    service.kill('SIGKILL')
    await gone
    expect(await readdir(other.vault)).toContain('control.sock')
    expect((await other.run(['get', 'acked'])).stdout).toBe('v')
    const again = await startHost(other)
    expect((await other.run(['get', 'acked'])).stdout).toBe('v')
    again.stdin?.end()
    await ended(again)
    await checkVault(other.vault, unlock)
  })

  it('a service that does not answer has the vault in use all the same', async () => {
    const other = await filled()
    const service = await startHost(other)
    service.kill('SIGSTOP')
    const ran = await other.run(['list'])
    service.kill('SIGKILL')
    expect(ran).toMatchObject({ code: 6, stderr: expect.stringContaining('IN_USE') })
  })

  it('nobody comes who has none: a service that serves nothing is waited for', async () => {
    const other = await filled()
    const service = await startHost(other, 'unserved')
    const ran = await other.run(['list'])
    expect(ran).toMatchObject({ code: 6, stderr: expect.stringContaining('IN_USE') })
    const waiting = other.run(['list', '--wait', '30s'])
    service.stdin?.end()
    expect((await waiting).code).toBe(0)
  })

  it('ends with it', async () => {
    host.stdin?.end()
    expect((await ended(host)).code).toBe(0)
    expect(await readdir(shell.vault)).not.toContain('control.sock')
    await checkVault(shell.vault, unlock)
  })
})
