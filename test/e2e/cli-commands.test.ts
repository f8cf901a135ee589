import { readFile, stat } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { version } from '../../src/index.ts'
import { type Ran, Shell } from '../fixtures/cli.ts'

// A case runs several processes, each of which a busy machine starts late.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

/** One vault twice: what is done to the one is told in words, to the other in JSON. */
let people: Shell
let programs: Shell

beforeAll(async () => {
  const secrets = { 'prod/db/password': 'hunter2' }
  ;[people, programs] = await Promise.all([Shell.withVault(secrets), Shell.withVault(secrets)])
})

afterAll(() => Promise.all([people.remove(), programs.remove()]))

/** What differs from run to run, by what it is; a table's columns keep their width. */
const unsettled: readonly (readonly [RegExp, string])[] = [
  [/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, '<time>'],
  [/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/g, '<wall clock>'.padEnd(19)],
  [/\((?:now|in \d+ \w|\d+ \w ago)\)/g, '(<age>)'],
  [/\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g, '<uuid>'],
  [/muniment\/[0-9a-f]{32}\/<uuid>\+[0-9a-f]{8}\+[\w+/=]+/g, '<verifier>'],
  [/\b[0-9a-f]{64}\b/g, '<hash>'],
  [/\b[0-9a-f]{32}\b/g, '<hex>'],
  [/MUNIMENT-RECOVERY(?:-[0-9A-Z]{4})+/g, '<recovery key>'],
  [/\d+(?:\.\d)? (?:[KMGT]iB|ms)/g, '<amount>'],
]

function settled(text: string, { folder }: Shell): string {
  const placed = text.replaceAll(folder, '<folder>')
  const told = unsettled.reduce((before, [what, name]) => before.replace(what, name), placed)
  return told.replace(/ +$/gm, '').trimEnd()
}

interface Told {
  /** What people read, settled: the result, and behind `#` what stands on stderr. */
  readonly words: string
  /** What `--json` prints, settled. */
  readonly json: unknown
}

/** Runs a command on both vaults; `{}` in an argument is the vault's folder. */
async function tell(args: readonly string[], input = '', code = 0): Promise<Told> {
  const run = (shell: Shell, more: readonly string[]) => {
    const placed = args.map((arg) => arg.replace('{}', shell.folder))
    return shell.run([...placed, ...more], { input })
  }
  const [said, printed] = await Promise.all([run(people, []), run(programs, ['--json'])])
  expect([said.code, printed.code], said.stderr + printed.stderr).toEqual([code, code])
  expect(printed.stderr).toBe('')
  return { words: wordsOf(said), json: JSON.parse(settled(printed.stdout, programs)) }
}

function wordsOf({ stdout, stderr }: Ran): string {
  const notes = settled(stderr, people).replace(/^(?=.)/gm, '# ')
  return [settled(stdout, people), notes].filter((text) => text !== '').join('\n')
}

const time = '<time>'
const position = expect.any(Number)

// Each goes on from where the one before left the vault.
describe('a secret', () => {
  it('is set', async () => {
    const about = '--type api_key --owner team/pay --tag team=pay tier=1 --rotate-every 90d'
    const more = ['--description', 'to pay with', '--expires', '9d', '--reason', 'the first']
    const { words, json } = await tell(['set', 'prod/api', ...about.split(' '), ...more], 'key-1\n')
    expect(words).toMatchInlineSnapshot(`
      "prod/api is at version 1
      # next: muniment get prod/api --reveal"
    `)
    expect(json).toEqual({ path: 'prod/api', version: 1, position })
  })

  it('is got', async () => {
    const { words, json } = await tell(['get', 'prod/api'])
    expect(words).toBe('key-1')
    expect(json).toEqual({
      path: 'prod/api',
      version: 1,
      newestVersion: 1,
      value: 'key-1',
      type: 'api_key',
      description: 'to pay with',
      owner: 'team/pay',
      tags: { team: 'pay', tier: '1' },
      createdAt: time,
      updatedAt: time,
      updatedBy: 'user/ana',
      valueChangedAt: time,
      expiresAt: time,
      rotateEvery: 7_776_000_000,
      dueAt: time,
      rotationCount: 0,
      accessCount: 1,
      lastAccessedAt: time,
      casRequired: false,
    })
  })

  it('with fields is got whole, or by one of them', async () => {
    const input = '{"user":"app","port":5432}'
    await programs.json(['set', 'prod/db', '--json-value'], { input })
    const whole = await programs.run(['get', 'prod/db'])
    expect(whole.stdout).toBe('{\n  "user": "app",\n  "port": 5432\n}')
    const field = await programs.json(['get', 'prod/db', '--field', 'port'])
    expect(field).toEqual({ path: 'prod/db', version: 1, field: 'port', value: 5432 })
  })

  it('is rotated', async () => {
    const { words, json } = await tell(['rotate', 'prod/api', '--reason', 'quarterly'])
    expect(words).toMatchInlineSnapshot(`
      "prod/api is at version 2, rotated 1 time
      # next, once nothing uses it: muniment destroy prod/api --version 1"
    `)
    expect(json).toEqual({
      path: 'prod/api',
      version: 2,
      rotationCount: 1,
      changed: true,
      position,
    })
  })

  it('is rotated to the value it has', async () => {
    const same = await people.run(
      ['rotate', 'prod/db/password', '--stdin', '--trigger', 'compromise', '--if-version', '1'],
      { input: 'hunter2\n' },
    )
    expect(wordsOf(same)).toMatchInlineSnapshot(`
      "prod/db/password is at version 2, rotated 1 time
      # warning: the new value is the old one
      # next, once nothing uses it: muniment destroy prod/db/password --version 1"
    `)
  })

  it('is got as it was', async () => {
    const older = await people.run(['get', 'prod/api', '--version', '1'])
    expect(older.stdout).toBe('key-1')
    const then = await programs.json(['get', 'prod/api', '--as-of', '6'])
    expect(then).toMatchObject({ version: 1, newestVersion: 1, value: 'key-1', rotationCount: 0 })
  })

  it('is annotated', async () => {
    const { words, json } = await tell(['annotate', 'prod/api', '--clear', 'expires', 'owner'])
    expect(words).toMatchInlineSnapshot(`
      "prod/api is annotated, at version 2
      # next: muniment describe prod/api"
    `)
    expect(json).toEqual({ path: 'prod/api', version: 2, position })
  })

  it('is described', async () => {
    const { words, json } = await tell(['describe', 'prod/api'])
    expect(words).toMatchInlineSnapshot(`
      "path           prod/api
      type           api_key
      version        2
      description    to pay with
      tags           team=pay, tier=1
      created        <wall clock>        UTC (<age>)
      updated        <wall clock>        UTC (<age>) by user/ana
      value changed  <wall clock>        UTC (<age>)
      rotation due   <wall clock>        UTC (<age>)
      rotations      1
      last rotated   <wall clock>        UTC (<age>)
      reads          2
      last read      <wall clock>        UTC (<age>)"
    `)
    expect(json).toEqual({
      path: 'prod/api',
      type: 'api_key',
      version: 2,
      state: 'live',
      description: 'to pay with',
      tags: { team: 'pay', tier: '1' },
      createdAt: time,
      updatedAt: time,
      updatedBy: 'user/ana',
      valueChangedAt: time,
      rotateEvery: 7_776_000_000,
      dueAt: time,
      rotationCount: 1,
      lastRotatedAt: time,
      accessCount: 2,
      lastAccessedAt: time,
      casRequired: false,
    })
  })

  it('has a history', async () => {
    const { words, json } = await tell(['history', 'prod/api'])
    expect(words).toMatchInlineSnapshot(`
      "version  state  created (UTC)        by        how      expires (UTC)        reason
      2        live   <wall clock>         user/ana  manual   -                    quarterly
      1        live   <wall clock>         user/ana  written  <wall clock>         the first"
    `)
    const written = { state: 'live', createdAt: time, createdBy: 'user/ana', changed: true }
    expect(json).toEqual([
      {
        ...written,
        version: 2,
        origin: 'manual',
        reason: 'quarterly',
        position,
      },
      {
        ...written,
        version: 1,
        origin: 'written',
        reason: 'the first',
        expiresAt: time,
        position,
      },
    ])
  })

  it('is deleted', async () => {
    const { words, json } = await tell(['delete', 'prod/api', '--version', '1', '2'])
    expect(words).toMatchInlineSnapshot(`
      "deleted versions 1, 2 of prod/api
      # next: muniment restore prod/api --version 1 2, or destroy it for good"
    `)
    expect(json).toEqual({ path: 'prod/api', versions: [1, 2], position })
  })

  it('is brought back', async () => {
    const { words, json } = await tell(['restore', 'prod/api', '--version', '1,2'])
    expect(words).toBe('restored versions 1, 2 of prod/api')
    expect(json).toEqual({ path: 'prod/api', versions: [1, 2], position })
  })

  it('is destroyed', async () => {
    const { words, json } = await tell(['destroy', 'prod/api', '--version', '1'])
    expect(words).toMatchInlineSnapshot(`
      "destroyed version 1 of prod/api
      # a backup made before may bring it back, for as long as one is kept"
    `)
    expect(json).toEqual({ path: 'prod/api', versions: [1], position })
  })

  it('is purged', async () => {
    const purged = await programs.run(['purge', 'prod/db', '--yes'])
    expect(wordsOf(purged)).toMatchInlineSnapshot(`
      "destroyed version 1 of prod/db
      # its record stays: muniment audit --subject prod/db"
    `)
  })

  it('is there, or is not', async () => {
    const there = await programs.json(['exists', 'prod/api'])
    expect(there).toEqual({ path: 'prod/api', exists: true })
    const gone = await tell(['exists', 'prod/db'], '', 4)
    expect(gone.words).toBe('prod/db is not there')
    expect(gone.json).toEqual({ path: 'prod/db', exists: false })
  })
})

describe('the vault', () => {
  it('lists what it holds', async () => {
    const { words, json } = await tell(['list', 'prod/'])
    expect(words).toMatchInlineSnapshot(`
      "path              type     version  value changed (UTC)  expires (UTC)  rotations  last read (UTC)
      prod/api          api_key  2        <wall clock>         -              1          <wall clock>
      prod/db/password  generic  2        <wall clock>         -              1          -
      2 secrets"
    `)
    expect(json).toEqual([
      expect.objectContaining({ path: 'prod/api', version: 2, state: 'live', rotationCount: 1 }),
      {
        path: 'prod/db/password',
        type: 'generic',
        version: 1,
        state: 'live',
        tags: {},
        createdAt: time,
        updatedAt: time,
        updatedBy: 'user/ana',
        valueChangedAt: time,
        rotationCount: 0,
        accessCount: 0,
        casRequired: false,
      },
    ])
  })

  it('lists what it held, and what is due', async () => {
    const then = await people.run(['list', '--as-of', '3'])
    expect(wordsOf(then)).toMatchInlineSnapshot(`
      "path              type     version  value changed (UTC)  expires (UTC)  rotations  last read (UTC)
      prod/db/password  generic  1        <wall clock>         -              0          -
      1 secret
      # as of position 3, <wall clock>        UTC (<age>)"
    `)
    expect(await programs.json(['list', '--due'])).toEqual([])
  })

  it('tells what was done', async () => {
    const types = ['--type', 'secret.rotated', 'secret.annotated']
    const args = ['audit', '--subject', 'prod/**', ...types, '--from', '1h', '--limit', '3']
    const { stdout, stderr } = await people.run(args)
    expect(settled(stdout, people).replace(/^ *\d+/gm, '<n>')).toMatchInlineSnapshot(`
      "<n>  <wall clock>        UTC  secret.rotated         user/ana (claimed)  prod/api  manual  version 2  "quarterly"
      <n>  <wall clock>        UTC  secret.rotated         user/ana (claimed)  prod/db/password  compromise  version 2
      <n>  <wall clock>        UTC  secret.annotated       user/ana (claimed)  prod/api"
    `)
    expect(stderr).toBe('')
    const printed = await programs.run([...args, '--json'])
    const events = settled(printed.stdout, programs).split('\n')
    expect(events).toHaveLength(2)
    expect(JSON.parse(events[0] ?? '')).toEqual({
      position,
      id: '<uuid>',
      type: 'secret.rotated',
      time,
      actor: 'user/ana',
      subject: 'prod/api',
      context: { auth: { method: 'claimed', id: '<uuid>' }, reason: 'quarterly' },
      data: {
        version: 2,
        keyId: '<hash>',
        changed: true,
        trigger: 'manual',
        previous: expect.any(Number),
        meta: expect.objectContaining({ type: 'api_key', owner: 'team/pay' }),
      },
    })
  })

  it('replays its projections, and one of the caller’s own', async () => {
    const { stdout } = await people.run(['replay', 'rotations'])
    expect(stdout.replace(/\d{13}/g, '<ms>')).toMatchInlineSnapshot(`
      "{
        'prod/api': {
          count: 1,
          failures: 0,
          lastAt: <ms>,
          lastBy: 'user/ana',
          lastTrigger: 'manual',
          lastChanged: true
        },
        'prod/db/password': {
          count: 1,
          failures: 0,
          lastAt: <ms>,
          lastBy: 'user/ana',
          lastTrigger: 'compromise',
          lastChanged: false
        }
      }
      "
    `)
    const module = `export const byActor = { name: 'by-actor', version: 1, initial: () => new Map(),
      on: { 'secret.written': (state, { actor }) => {
        state.set(actor, (state.get(actor) ?? 0) + 1) } } }`
    const file = await programs.write('mine.mjs', module)
    const state = await programs.json(['replay', 'by-actor', '--module', file])
    expect(state).toEqual({ 'user/ana': 3 })
  })

  it('says how it is', async () => {
    const { words, json } = await tell(['status'])
    expect(words.replace(/(?<=events +)\d+/, '<n>')).toMatchInlineSnapshot(`
      "status          ok
      vault           <hex>
      at              <folder>/vault
      verifier        <verifier>
      events          <n>
      secrets         2
      keyslots        1
      failed unlocks  0
      free space      <amount>"
    `)
    expect(json).toMatchObject({
      vaultId: '<hex>',
      verifier: '<verifier>',
      keyslots: 1,
      status: 'ok',
      location: '<folder>/vault',
      size: expect.any(Number),
      secrets: 2,
      keptTo: expect.any(Number),
      failedUnlocks: 0,
      freeBytes: expect.any(Number),
    })
  })

  it('has keyslots, and is given another, which is taken away again', async () => {
    const added = await programs.json(['keyslot', 'add', '--recovery', '--label', 'safe'])
    const { id, recoveryKey, ...about } = added
    expect(about).toEqual({
      kind: 'recovery',
      role: 'owner',
      label: 'safe',
      createdAt: expect.any(String),
      current: false,
    })
    expect(recoveryKey).toMatch(/^MUNIMENT-RECOVERY(?:-[0-9A-Z]{4})+$/)
    const slots = await programs.json<unknown[]>(['keyslot', 'list'])
    expect(slots).toEqual([
      expect.objectContaining({ kind: 'argon2id', label: 'test', current: true }),
      { id, ...about },
    ])
    const removed = await programs.json(['keyslot', 'remove', String(id).slice(0, 8)])
    expect(removed).toEqual({ id, removed: true })
    expect(wordsOf(await people.run(['keyslot', 'list']))).toMatchInlineSnapshot(`
      "   id                                    role   kind      label  created (UTC)
      *  <uuid>  owner  argon2id  test   <wall clock>"
    `)
  })
})

describe('in and out', () => {
  it('imports', async () => {
    const rows = 'TOKEN=tok-1\nTOKEN=tok-2\nEMPTY\n'
    await Promise.all([people, programs].map((shell) => shell.write('app.env', rows)))
    const args = ['import', 'app.env', '--format', 'dotenv', '--prefix', 'app']
    const rehearsed = await programs.run([...args, '--dry-run', '--json'])
    expect(JSON.parse(rehearsed.stdout)).toMatchObject({
      dryRun: true,
      secrets: 1,
      paths: ['app/TOKEN'],
      skipped: [{ row: 'line 1' }, { row: 'line 3' }],
    })
    const { words, json } = await tell(args)
    expect(words).toMatchInlineSnapshot(`
      "imported 1 secret, skipped 2
      # warning: skipped line 1: its name comes again on line 2, which holds
      # warning: skipped line 3: expected NAME=value
      # next: muniment list"
    `)
    expect(json).toEqual({
      written: 1,
      updated: 0,
      unchanged: 0,
      versions: 1,
      skipped: [expect.anything(), expect.anything()],
      aborted: false,
    })
  })

  it('exports', async () => {
    const args = ['export', 'app/', '--format', 'dotenv', '--reveal']
    const { stdout } = await people.run(args)
    expect(stdout).toMatchInlineSnapshot(`
      "TOKEN='tok-2'
      "
    `)
    const out = programs.path('out.env')
    expect(await programs.json([...args, '--out', out])).toEqual({
      out,
      format: 'dotenv',
      secrets: 1,
      versions: 1,
      position,
      skipped: [],
    })
    expect((await stat(out)).mode & 0o777).toBe(0o600)
    expect(await readFile(out, 'utf8')).toBe(stdout)
  })

  it('backs up, and makes a vault of the backup', async () => {
    const { words, json } = await tell(['backup', '{}/copy.muna'])
    expect(words.replace(/^\d+/, '<n>')).toMatchInlineSnapshot(`
      "<n> events in <folder>/copy.muna
      sha256 <hash>
      # it opens with the passphrases that the vault has today; keep it, and them, elsewhere"
    `)
    const size = expect.any(Number)
    expect(json).toEqual({
      path: '<folder>/copy.muna',
      bytes: size,
      size,
      position: size,
      sha256: '<hash>',
    })
  })

  it('makes a vault of a backup', async () => {
    const size = expect.any(Number)
    const restored = await tell(['restore', '{}/copy.muna', '--vault', '{}/copy'])
    expect(restored.words.replace(/\d+ events/, '<n> events')).toMatchInlineSnapshot(`
      "vault <hex> is at <folder>/copy: 3 secrets, <n> events

      its verifier, which is another than that of the vault it was copied from:
        <verifier>
      # what was destroyed after the backup was made is back: destroy it again"
    `)
    expect(restored.json).toEqual({
      vaultId: '<hex>',
      path: '<folder>/copy',
      verifier: '<verifier>',
      size,
      secrets: 3,
    })
  })

  it('runs a command with secrets', async () => {
    const script = 'echo "$T with $1"; exit 3'
    const child = ['--', 'sh', '-c', script, 'sh', '--json']
    const ran = await people.run(['run', '--env', 'T=app/TOKEN', ...child])
    expect(ran).toEqual({ code: 3, signal: null, stdout: 'tok-2 with --json\n', stderr: '' })
  })
})

describe('without a vault', () => {
  it('one is made, with a recovery key in a file', async () => {
    const args = ['init', '--vault', '{}/made', '--recovery-file', '{}/recovery', '--kdf', 'pbkdf2']
    const { words, json } = await tell(args)
    expect(words).toMatchInlineSnapshot(`
      "vault <hex> is at <folder>/made

      its verifier; give this to your auditor today:
        <verifier>
      # the recovery key is in <folder>/recovery: print it, and lock it away
      # next: muniment set PATH"
    `)
    expect(json).toEqual({ vaultId: '<hex>', path: '<folder>/made', verifier: '<verifier>' })
    expect((await stat(people.path('recovery'))).mode & 0o777).toBe(0o600)
    const opened = ['status', '--vault', people.path('made')]
    const byKey = ['--passphrase-file', people.path('recovery')]
    expect(await people.json([...opened, ...byKey])).toMatchObject({ keyslots: 2, status: 'ok' })
  })

  it('a key derivation is measured', async () => {
    const { stdout } = await people.run(['kdf', 'bench'])
    expect(settled(stdout, people)).toMatchInlineSnapshot(`
      "argon2id  <amount> (<amount>, 3 passes, 4 lanes)
      pbkdf2    <amount> (HMAC-SHA-256, 600,000 iterations)"
    `)
    const measured = await people.json(['kdf', 'bench'])
    expect(measured).toEqual({ argon2id_ms: expect.any(Number), pbkdf2_ms: expect.any(Number) })
  })

  it('a script completes commands, and asks for what completes them', async () => {
    const script = await people.run(['completion', 'bash'])
    expect(script).toMatchObject({ code: 0, stderr: '' })
    expect(script.stdout).toContain('complete -F __muniment_complete muniment')
    const { stdout } = await people.run(['complete', '--', 'get', '--re'])
    expect(stdout).toMatch(/^--reason\t.*\n--reveal\t.*\n:4\n$/)
  })

  it('the release is said', async () => {
    expect(await people.run(['--version'])).toMatchObject({
      code: 0,
      stdout: `${version}\n`,
      stderr: '',
    })
  })
})
