import { mkdir, readdir, readFile } from 'node:fs/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { withFiles } from '../../src/cli/remote/files.ts'
import { connect, type RemoteVault } from '../../src/client.ts'
import {
  archiveStore,
  formatNames,
  type OutputSink,
  outputFolder,
  passphrase,
  Vault,
} from '../../src/index.ts'
import { parseVkey, verifyEventProof } from '../../src/verify.ts'
import { lightKdf, Shell, words } from '../fixtures/cli.ts'
import { checkFiles, filesAt } from '../fixtures/evidence.ts'
import { type ServerProcess, startServer } from '../fixtures/server-process.ts'

// A case runs several processes, each of which a busy machine starts late.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

const unlock = passphrase(words, lightKdf)

async function tokenOf(shell: Shell, policy: string): Promise<string> {
  const { token } = await shell.json(['token', 'create', 'svc/audit', '--policy', policy])
  return String(token)
}

const names = ['audit-trail', 'rotation', 'access-review', 'integrity']

describe('what an auditor takes away through a server', () => {
  let shell: Shell
  let server: ServerProcess
  let remote: RemoteVault
  let verifier: string
  /** The last event of what is reported on: before anything that the server itself leaves. */
  let last: number

  beforeAll(async () => {
    shell = await Shell.withVault({ 'prod/db': 'hunter2', 'prod/api': 'key-1' })
    const vault = await Vault.open({ path: shell.vault, unlock, actor: 'user/ana' })
    for (let i = 0; i < 300; i++) await vault.write(`prod/service-${i}`, `${i}`, { rotateEvery: 1 })
    await vault.read('prod/db', { actor: 'svc/pay', reason: 'start-up' })
    await vault.rotate('prod/db', 'hunter3')
    const rules = [{ effect: 'allow', capabilities: ['read', 'list'], paths: ['**'] }] as const
    await vault.policies.write('reader', { rules })
    verifier = vault.identity().verifier
    last = vault.position
    await vault.close()
    await mkdir(shell.path('local'))
    for (const name of names) {
      const flags = ['--as-of', `${last}`, '--format', ...formatNames]
      await shell.json(['report', name, ...flags, '--out', `${shell.path('local')}/`])
    }
    const token = await tokenOf(shell, 'root')
    server = await startServer(shell, [])
    remote = connect({ server: server.url, token })
  })
  afterAll(async () => {
    await server.end()
    await shell.remove()
  })

  it('are the bytes that the command line makes of the folder, in every format', async () => {
    await mkdir(shell.path('remote'))
    for (const name of names) {
      const made = await withFiles(remote).reports.write(name, {
        formats: [...formatNames],
        to: shell.path('remote'),
        asOf: { position: last },
      })
      expect(made.isSigned).toBe(true)
    }
    for (const file of names.flatMap((name) => formatNames.map((format) => `${name}.${format}`))) {
      const [theirs, ours] = await Promise.all([
        readFile(shell.path(`local/${file}`)),
        readFile(shell.path(`remote/${file}`)),
      ])
      expect(ours.equals(theirs), file).toBe(true)
    }
    const again = [
      'report',
      'verify',
      ...names.map((name) => shell.path(`remote/${name}.manifest`)),
    ]
    expect(await shell.json(again)).toMatchObject(names.map(() => ({ ok: true, problems: [] })))
  })

  it('are evidence that its own page finds sound', async () => {
    const path = shell.path('q1.zip')
    const evidence = await withFiles(remote).reports.evidence({
      asOf: { position: last },
      to: path,
    })
    const found = await checkFiles(await filesAt(path), verifier)
    expect(found.files.flatMap(({ problems }) => problems)).toEqual([])
    expect(found).toMatchObject({ verdict: 'holds', isSigned: true })
    expect(found.key?.fingerprint.replaceAll(/[^0-9a-f]/g, '')).toBe(evidence.fingerprint)
    const again = withFiles(remote).reports.evidence({ to: path })
    await expect(again).rejects.toMatchObject({ code: 'EXISTS' })
  })

  it('are proofs that are checked without the vault', async () => {
    const { file } = await remote.proofs.event(last)
    const proved = verifyEventProof(file, { log: parseVkey(verifier) })
    expect(proved).toMatchObject({ index: last, event: { type: 'policy.written' } })
    const path = await shell.write('last.tlog-proof', file)
    const ran = await shell.run(['verify-proof', path, '--key', verifier])
    expect([ran.code, ran.stderr]).toEqual([0, ''])
  })

  it('is a log that holds, and a backup that restores', async () => {
    const told: number[] = []
    const found = await remote.verify({ onProgress: ({ position }) => told.push(position) })
    expect(found).toMatchObject({ ok: true, problems: [] })
    expect(told.at(-1)).toBe(found.size)
    const path = shell.path('vault.muna')
    const made = await withFiles(remote).backup(path)
    const restored = shell.path('restored')
    await shell.json(['restore', path, '--vault', restored])
    const read = await shell.run(['get', 'prod/db', '--vault', restored])
    expect(read.stdout).toBe('hunter3')
    expect(made.size).toBeGreaterThan(last)
  })

  it('is nothing for a token that may not, which is on record', async () => {
    const { token } = await remote.tokens.issue({ actor: 'svc/reader', policies: ['reader'] })
    const scoped = connect({ server: server.url, token: token.text() })
    const sink = outputFolder(shell.folder)
    const asked = [
      scoped.reports.write('keys', { formats: ['csv'], to: sink }),
      scoped.reports.run('keys'),
      scoped.diff({ position: 0 }, { position: last }),
      scoped.proofs.event(0),
      scoped.verify(),
      scoped.backupBytes().next(),
    ]
    const found = await Promise.allSettled(asked)
    expect(found.map((each) => each.status === 'rejected' && each.reason.code)).toEqual(
      asked.map(() => 'DENIED'),
    )
    const { stdout } = await shell.run([
      ...['audit', '--type', 'secret.denied', '--actor', 'svc/reader', '--json'],
    ])
    const denied: { data: { operation: string } }[] = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(denied.map(({ data }) => data.operation).sort()).toEqual([
      'audit',
      'audit',
      'audit',
      'backup',
      'report',
      'report',
    ])
  })
})

describe('a server that is killed on its way', () => {
  let shell: Shell
  let token: string
  let server: ServerProcess | undefined

  beforeAll(async () => {
    shell = await Shell.withVault()
    const vault = await Vault.open({ path: shell.vault, unlock, actor: 'user/ana' })
    // More than lies on the way between two processes.
    const value = 'x'.repeat(16 * 1024)
    for (let i = 0; i < 1500; i += 100) {
      const some = Array.from({ length: 100 }, (_, j) => `prod/service-${i + j}`)
      await Promise.all(some.map((path) => vault.write(path, value)))
    }
    for (let i = 0; i < 12_000; i += 1000) {
      const reason = 'as it is on record of everybody who reads a value'
      await Promise.all(
        Array.from({ length: 1000 }, () => vault.read('prod/service-0', { reason })),
      )
    }
    await vault.close()
    token = await tokenOf(shell, 'root')
  })
  afterEach(async () => {
    await server?.end('SIGKILL')
    server = undefined
  })
  afterAll(() => shell.remove())

  async function started(): Promise<{ remote: RemoteVault; kill: () => Promise<unknown> }> {
    const begun = await startServer(shell, [])
    server = begun
    return {
      remote: connect({ server: begun.url, token, retries: 0 }),
      kill: () => begun.end('SIGKILL'),
    }
  }

  it('leaves no report', async () => {
    const { remote, kill } = await started()
    const folder = shell.path('reports')
    await mkdir(folder)
    const made = outputFolder(folder)
    let dead: Promise<unknown> | undefined
    const sink: OutputSink = {
      open: async (name) => {
        const file = await made.open(name)
        const write = async (piece: Uint8Array) => {
          dead ??= kill()
          await dead
          await file.write(piece)
        }
        return { write, end: () => file.end(), abort: () => file.abort() }
      },
    }
    const formats = ['json', 'jsonl', 'csv'] as const
    await expect(remote.reports.write('audit-trail', { formats, to: sink })).rejects.toMatchObject({
      code: 'CLOSED',
      retry: 'now',
    })
    expect(await readdir(folder)).toEqual([])
  })

  it('leaves no backup', async () => {
    const { remote, kill } = await started()
    const folder = shell.path('backups')
    await mkdir(folder)
    const path = `${folder}/vault.muna`
    const cut = withFiles({
      ...remote,
      backupBytes: async function* () {
        for await (const piece of remote.backupBytes()) {
          yield piece
          await kill()
        }
      },
    })
    await expect(cut.backup(path)).rejects.toMatchObject({ code: 'CLOSED' })
    expect(await readdir(folder)).toEqual([])
    const { remote: another } = await started()
    await withFiles(another).backup(path)
    await (await archiveStore(path).open()).close()
  })

  it('leaves no export that looks whole', async () => {
    const { remote, kill } = await started()
    const { entries, secrets } = await remote.export()
    expect(secrets).toBe(1500)
    let count = 0
    const all = async () => {
      for await (const _ of entries) if (++count === 1) await kill()
    }
    await expect(all()).rejects.toMatchObject({ code: 'CLOSED' })
    expect(count).toBeLessThan(secrets)
  })
})
