import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type Imported, parseTransfer, passphrase, Vault } from '../../src/index.ts'
import { checkVault } from '../fixtures/check-vault.ts'
import { ended, lightKdf, Shell, words } from '../fixtures/cli.ts'
import { files, fixture } from '../fixtures/transfer/files.ts'

/** Each command is a process of its own, and others may want the cores as well. */
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const unlock = passphrase(words, lightKdf)
const shells: Shell[] = []

async function shellWith(secrets: Readonly<Record<string, string>> = {}): Promise<Shell> {
  const shell = await Shell.withVault(secrets)
  shells.push(shell)
  return shell
}

afterAll(() => Promise.all(shells.map((shell) => shell.remove())))

function fileOf(name: string): string {
  return fileURLToPath(new URL(`../fixtures/transfer/${name}`, import.meta.url))
}

/** An export of ours, without what says which vault it is of and when. */
function secretsIn(exported: string): readonly unknown[] {
  return JSON.parse(exported).secrets
}

/** What a vault knows of its live secrets, without when and how often: history belongs to the vault that made it. */
async function known({ vault: path }: Shell, prefix: string): Promise<readonly unknown[]> {
  const vault = await Vault.open({ path, unlock, actor: 'user/ana' })
  const { items } = await vault.list(prefix)
  await vault.close()
  const live = items.filter(({ state }) => state === 'live')
  return live.map(
    ({ createdAt, updatedAt, valueChangedAt, lastRotatedAt, rotationCount, dueAt, ...info }) =>
      info,
  )
}

describe('import', () => {
  let shell: Shell

  beforeAll(async () => {
    shell = await shellWith()
  })

  it.each(files)('takes $name', async ({ format, name }) => {
    const { entries, skipped } = parseTransfer(fixture(name), { format, prefix: name })
    const args = ['import', fileOf(name), '--format', format, '--prefix', name]
    expect(await shell.json(args)).toEqual({
      written: entries.length,
      updated: 0,
      unchanged: 0,
      versions: entries.flatMap(({ versions }) => versions).length,
      skipped,
      aborted: false,
    })
  })

  it('rehearsed, says what it would do, and needs no vault for it', async () => {
    const env = { MUNIMENT_PASSPHRASE_FILE: '', MUNIMENT_VAULT: shell.path('nowhere') }
    const args = ['import', fileOf('bitwarden.json'), '--format', 'bitwarden', '--dry-run']
    const { entries, skipped } = parseTransfer(fixture('bitwarden.json'), { format: 'bitwarden' })
    const paths = entries.map(({ path }) => path)
    const [told, said] = await Promise.all([shell.json(args, { env }), shell.run(args, { env })])
    expect(told).toEqual({ dryRun: true, secrets: paths.length, paths, skipped })
    const last = `would import ${paths.length} secrets, skip ${skipped.length}`
    expect(said.stdout).toBe([...paths, last, ''].join('\n'))
    expect(said.stderr.split('warning: skipped ')).toHaveLength(skipped.length + 1)
  })

  it('has written what the files hold', async () => {
    const { stdout } = await shell.run(['export', '--format', 'json', '--reveal'])
    const parsed = files.flatMap(({ format, name }) =>
      parseTransfer(fixture(name), { format, prefix: name }).entries.map(({ path }) => path),
    )
    const exported = parseTransfer(Buffer.from(stdout), { format: 'json' }).entries
    expect(exported.map(({ path }) => path)).toEqual(
      parsed.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))),
    )
    const values = new Map(exported.map(({ path, versions }) => [path, versions.at(-1)?.value]))
    expect(values.get('app.env/DB_PASSWORD')).toBe('fake password # one')
    expect(values.get('vault-responses.json/prod/db')).toEqual({
      username: 'fake-app',
      password: 'fake-db-password',
      port: 5432,
    })
  })

  it('passes over what is there, and with --update gives it a next version', async () => {
    const args = ['import', fileOf('plain.json'), '--format', 'json', '--prefix', 'plain.json']
    const again = await shell.run(args)
    expect(again.stdout).toBe('imported 0 secrets, skipped 4\n')
    expect(again.stderr).toContain(
      'warning: skipped plain.json/prod/app/token: is there already, at version 1\n',
    )
    const changed = await shell.write('plain.json', '{"prod/app/token":"fake-2","prod/new":"fake"}')
    const updated = await shell.json<Imported>([
      ...['import', changed, '--format', 'json', '--prefix', 'plain.json', '--update'],
    ])
    expect(updated).toMatchObject({ written: 1, updated: 1, unchanged: 0, skipped: [] })
    const same = await shell.run([...args.slice(0, 1), changed, ...args.slice(2), '--update'])
    expect(same.stdout).toBe('imported 0 secrets, left 2 as they were\n')
    expect(same.stderr).toBe('next: muniment list\n')
  })

  it('refuses a file that it cannot read, before it asks for the vault', async () => {
    const options = { env: { MUNIMENT_PASSPHRASE_FILE: '', MUNIMENT_VAULT: shell.path('nowhere') } }
    const encrypted = fileOf('bitwarden-encrypted.json')
    const [sealed, absent] = await Promise.all([
      shell.run(['import', encrypted, '--format', 'bitwarden'], options),
      shell.run(['import', 'absent.env', '--format', 'dotenv'], options),
    ])
    expect(sealed).toMatchObject({ code: 2, stdout: '' })
    expect(sealed.stderr).toMatch(
      /^muniment: INVALID bitwarden file: expected an export that is not/,
    )
    expect(absent).toMatchObject({ code: 2, stderr: expect.stringContaining('ENOENT') })
  })
})

describe('export', () => {
  let shell: Shell

  beforeAll(async () => {
    shell = await shellWith({
      'env/simple': 'plain',
      'env/it-is': "it's $HOME",
      'env/9': 'a\nb # c',
    })
    const vault = await Vault.open({ path: shell.vault, unlock, actor: 'user/ana' })
    await vault.write('all/text', 'one', {
      type: 'api_key',
      description: 'what for',
      owner: 'team/pay',
      tags: { team: 'pay' },
      rotateEvery: 86_400_000,
      expiresAt: new Date('2099-01-01T00:00:00Z'),
      maxVersions: 5,
    })
    await vault.rotate('all/text', 'two', { expiresAt: null })
    await vault.write('all/bytes', Buffer.from([0, 255, 128]))
    await vault.write('all/fields', { user: 'app', port: 5432, nested: { list: [null, true] } })
    await vault.write('all/gone', 'fake')
    await vault.delete('all/gone')
    await vault.close()
  })

  it('is on record, and brings an equal vault into being', async () => {
    const other = await shellWith()
    const out = shell.path('all.json')
    const told = await shell.json(['export', 'all/', '--format', 'json', '--reveal', '--out', out])
    const { position, ...counts } = told
    expect(counts).toEqual({ out, format: 'json', secrets: 3, versions: 4, skipped: [] })
    expect((await stat(out)).mode & 0o777).toBe(0o600)
    const text = await readFile(out, 'utf8')
    const record = await shell.json(['audit', '--type', 'export.created'])
    expect(record).toMatchObject({ position, data: { prefix: 'all/', secrets: 3, versions: 4 } })

    expect(await other.json(['import', out, '--format', 'json'])).toMatchObject({ versions: 4 })
    const copied = await other.run(['export', '--format', 'json', '--reveal'])
    expect(secretsIn(copied.stdout)).toEqual(secretsIn(text))
    expect(await known(other, '')).toEqual(await known(shell, 'all/'))
    await checkVault(other.vault, unlock)
  })

  it('as dotenv is read back by a shell, and says what it left out', async () => {
    const args = ['export', 'env/', '--format', 'dotenv', '--reveal']
    const { stdout, stderr, code } = await shell.run(args)
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr:
        'warning: skipped env/it-is: no quotes make dotenv and a shell both read its value back\n',
    })
    const file = await shell.write('sourced.env', stdout)
    const script = 'set -a; . "$1"; printf "%s|%s" "$simple" "$_9"'
    const sourced = await promisify(execFile)('sh', ['-c', script, 'sh', file])
    expect(sourced.stdout).toBe('plain|a\nb # c')
  })

  it('is refused where it cannot be made, before it asks for the vault', async () => {
    const there = await shell.write('there.json', 'mine')
    const options = { env: { MUNIMENT_PASSPHRASE_FILE: '', MUNIMENT_VAULT: shell.path('nowhere') } }
    const [taken, hidden] = await Promise.all([
      shell.run(['export', '--format', 'json', '--reveal', '--out', there], options),
      shell.run(['export', '--format', 'json'], options),
    ])
    expect(taken).toMatchObject({ code: 5, stdout: '', stderr: expect.stringContaining('EXISTS') })
    expect(hidden).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringContaining('try: add --reveal'),
    })
    expect(await readFile(there, 'utf8')).toBe('mine')
  })

  it('that fails leaves no file in the way of the next', async () => {
    const wrong = await shell.write('wrong', 'incorrect horse\n')
    const out = shell.path('retried.json')
    const args = ['export', '--format', 'json', '--reveal', '--out', out]
    expect(await shell.run([...args, '--passphrase-file', wrong])).toMatchObject({ code: 6 })
    expect(existsSync(out)).toBe(false)
  })
})

describe('backup and restore', () => {
  it('give a vault with all secrets and a verifier of its own', async () => {
    const shell = await shellWith({ 'prod/a': 'fake-a' })
    const file = shell.path('vault.muna')
    const backup = await shell.json(['backup', file])
    const bytes = await readFile(file)
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    expect(backup).toMatchObject({ sha256, bytes: bytes.length, path: file })

    const target = shell.path('restored')
    const restored = await shell.json(['restore', file, '--vault', target])
    const own = await Vault.open({ path: shell.vault, unlock, actor: 'user/ana' })
    const { id: vaultId, verifier } = own.identity()
    await own.close()
    expect(restored).toMatchObject({ path: target, vaultId, secrets: 1 })
    expect(restored.verifier).toMatch(/^.+\+[0-9a-f]{8}\+/)
    expect(restored.verifier).not.toBe(verifier)
    expect((await shell.run(['get', 'prod/a', '--vault', target])).stdout).toBe('fake-a')
    await checkVault(target, unlock)

    const full = shell.path('full')
    await mkdir(full)
    await writeFile(join(full, 'notes'), 'mine')
    const [overVault, overOther] = await Promise.all([
      shell.run(['restore', file, '--vault', target]),
      shell.run(['restore', file, '--vault', full]),
    ])
    expect(overVault).toMatchObject({
      code: 5,
      stdout: '',
      stderr: expect.stringContaining('EXISTS'),
    })
    expect(overOther).toMatchObject({ code: 2, stdout: '' })
    expect(await readdir(full)).toEqual(['notes'])
  })
})

const manyCount = 10_000
/** What the log of a vault has grown beyond once some hundreds of secrets are in it. */
const begunBytes = 100_000

async function logBytes({ vault }: Shell): Promise<number> {
  const folder = join(vault, 'log')
  const names = (await readdir(folder)).filter((name) => name.endsWith('.log'))
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(folder, name))).size))
  return sizes.reduce((sum, size) => sum + size, 0)
}

function many(count: number): string {
  const entries = Array.from({ length: count }, (_, n) => [`many/${n}`, `fake-${n}`])
  return JSON.stringify(Object.fromEntries(entries))
}

describe('an import that is interrupted', () => {
  it('tells what is there, and run again completes', async () => {
    const shell = await shellWith()
    const file = await shell.write('many.json', many(manyCount))
    const child = shell.start(['import', file, '--format', 'json', '--json'])
    const end = ended(child)
    await vi.waitFor(async () => expect(await logBytes(shell)).toBeGreaterThan(begunBytes), {
      interval: 1,
      timeout: 15_000,
    })
    child.kill('SIGINT')
    const { code, stdout, stderr } = await end
    expect({ code, stderr }).toEqual({ code: 130, stderr: '' })
    const { written, aborted, skipped }: Imported = JSON.parse(stdout)
    expect({ aborted, skipped }).toEqual({ aborted: true, skipped: [] })
    expect(written).toBeGreaterThan(0)
    expect(written).toBeLessThan(manyCount)
    const { events } = await checkVault(shell.vault, unlock)
    expect(events.filter(({ type }) => type === 'secret.written')).toHaveLength(written)

    const rest = await shell.json<Imported>(['import', file, '--format', 'json'])
    expect(rest.written).toBe(manyCount - written)
    expect(rest.skipped).toHaveLength(written)
    expect(rest.aborted).toBe(false)
  })
})
