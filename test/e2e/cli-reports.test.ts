import { spawn } from 'node:child_process'
import { cp, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { passphrase, Vault } from '../../src/index.ts'
import { ended, lightKdf, main, type Ran, Shell, words } from '../fixtures/cli.ts'
import { eventsOf } from '../fixtures/events.ts'

// A case runs several processes, each of which a busy machine starts late.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

/** The last event of what is reported on: before anything that the commands themselves leave. */
const last = 8

let shell: Shell
let verifier: string
/** A backup, and what an auditor opens it with. */
let audited: readonly string[]

beforeAll(async () => {
  shell = await Shell.withVault({ 'prod/db': 'hunter2' })
  const path = shell.vault
  const vault = await Vault.open({ path, unlock: passphrase(words, lightKdf), actor: 'user/ana' })
  await vault.write('prod/api', 'key-1', { rotateEvery: 1, owner: 'team/pay' })
  await vault.read('prod/db', { actor: 'svc/pay', reason: 'start-up' })
  await vault.rotate('prod/db', 'hunter3')
  await vault.annotate('prod/db', { owner: 'team/db' })
  const { text } = await vault.keyslots.addRecovery({ role: 'auditor' })
  const backup = shell.path('backup.muna')
  await vault.backup(backup)
  verifier = vault.identity().verifier
  await vault.close()
  audited = ['--vault', backup, '--passphrase-file', await shell.write('auditor', `${text}\n`)]
})

afterAll(() => shell.remove())

/** Runs a command with nothing in its environment, and no vault where it is. */
function anywhere(args: readonly string[]): Promise<Ran> {
  return ended(spawn(process.execPath, [main, ...args], { cwd: shell.folder, env: {} }))
}

async function said(args: readonly string[], code = 0): Promise<string> {
  const ran = await shell.run(args)
  expect(ran.code, ran.stderr).toBe(code)
  return ran.stdout.trimEnd()
}

async function read(name: string): Promise<string> {
  return readFile(shell.path(name), 'utf8')
}

describe('report list', () => {
  it('says which there are, what each answers and takes, without a vault', async () => {
    const { code, stdout, stderr } = await anywhere(['report', 'list', '--json'])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const reports: { number: string; name: string }[] = JSON.parse(stdout)
    expect([...new Set(reports.map(({ number }) => number))]).toEqual(
      [1, 2, 3, 4, 5, 6, 7, 8].map((number) => `R${number}`),
    )
    expect(reports[0]).toEqual({
      number: 'R1',
      name: 'audit-trail',
      title: 'Audit trail',
      question: expect.stringMatching(/\?$/),
      span: 'range',
      params: ['subject', 'actor'],
      controls: expect.arrayContaining(['PCI DSS 10.2.2']),
    })
    const { stdout: table } = await anywhere(['report', 'list'])
    expect(table).toMatch(/^R2 +rotation +--subject --due-within +Is every credential /m)
  })
})

describe('a report on the terminal', () => {
  it('says of what it is, what is to be looked at, and that nothing is missing', async () => {
    const report = ['report', 'rotation', '--as-of', `${last}`]
    const { code, stdout, stderr } = await shell.run([...report, '--fail-on-findings'])
    expect(code).toBe(10)
    const time = String.raw`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d`
    expect(stdout).toMatch(
      new RegExp(
        [
          '^Rotation and expiry: Is every credential rotated in time, .*',
          `as of {2}position ${last}, ${time} UTC`,
          '',
          ' +# +path .* due \\(UTC\\) .* finding',
          `! +1 +prod/api +team/pay +generic +1 .* ${time} +never +overdue by .*, never rotated`,
          ' +2 +prod/db +team/db +generic +2 .* exempt +-',
          '',
          `2 rows of ${last + 1} events, none missing; 1 finding\n$`,
        ].join('\n'),
      ),
    )
    expect(stderr).toContain('all rows and columns, and a proof: the same with --out rotation.csv')
  })

  it('of a range says both ends, and whose acts were asked for is not who asks', async () => {
    const range = ['--from', '2', '--to', `${last}`]
    const text = await said(['report', 'exposure', '--actor', 'svc/*', ...range, '--quiet'])
    expect(text).toMatch(/^from +position 2, .* UTC\nto +position 8, .* UTC\nactor +svc\/\*$/m)
    expect(text).toMatch(/ svc\/pay +prod\/db +1 +read +1 .* changed +\S+ \S+$/m)
    expect(text).toMatch(/^1 row of 7 events, none missing; 0 findings$/m)
    const vault = await openVault()
    const made = await eventsOf(vault, { type: 'report.generated' })
    expect(made.at(-1)).toMatchObject({
      actor: 'user/ana',
      data: { report: 'exposure', params: { actor: 'svc/*', from: 2 }, asOf: last },
    })
    await vault.close()
  })

  it('shows the rows with findings of more than it prints, and says so', async () => {
    const many = await Shell.withVault(
      Object.fromEntries(Array.from({ length: 230 }, (_, i) => [`s/${1000 + i}`, 'x'])),
    )
    const vault = await openVault(many)
    await vault.annotate('s/1229', { rotateEvery: 1 })
    await vault.close()
    const { stdout, stderr } = await many.run(['report', 'rotation'])
    expect(stdout).toMatch(/^! +230 +s\/1229 /m)
    expect(stdout).not.toMatch(/s\/1228/)
    expect(stdout).toMatch(/^230 rows of \d+ events, none missing; 1 finding$/m)
    expect(stderr).toContain(
      'warning: only 200 of 230 rows are shown, those with findings before others',
    )
    await many.remove()
  })

  it('without findings, or of one that judges nothing, does not fail on them', async () => {
    await said(['report', 'denials', '--fail-on-findings', '--to', `${last}`])
    const { code, stderr } = await shell.run(['report', 'audit-trail', '--fail-on-findings'])
    expect(code).toBe(0)
    expect(stderr).toContain('warning: audit-trail judges nothing, so that it never has findings')
  })
})

function openVault({ vault: path }: Shell = shell): Promise<Vault> {
  return Vault.open({ path, unlock: passphrase(words, lightKdf), actor: 'user/ana' })
}

describe('a report for programs', () => {
  it('is JSON, or the bytes of a format', async () => {
    const report = ['report', 'rotation', '--as-of', `${last}`]
    const json = await shell.json([...report])
    expect(json).toMatchObject({
      report: 'rotation',
      asOf: { position: last, time: expect.stringMatching(/Z$/) },
      rows: [{ path: 'prod/api', status: 'never' }, { path: 'prod/db' }],
      totals: { rowCount: 2, findings: 1 },
    })
    const { code, stdout } = await shell.run([...report, '--format', 'csv', '--fail-on-findings'])
    expect(code).toBe(10)
    expect(stdout).toMatch(/^\ufeffrow,path,owner,.*,position,leaf_hash\r\n1,prod\/api,team\/pay,/)
  })

  it('is refused with what it does not take', async () => {
    const ran = await shell.run(['report', 'keys', '--subject', 'prod/**', '--json'])
    expect(ran).toMatchObject({ code: 2, stdout: '' })
    expect(JSON.parse(ran.stderr).error).toMatchObject({
      code: 'INVALID',
      message: 'report keys takes nothing, not subject',
    })
  })
})

// Each goes on from the files that the one before left.
describe('a report in files', () => {
  it('is written with its manifest, for its owner alone', async () => {
    const line = ['report', 'rotation', '--as-of', `${last}`, '--out', 'q1.csv']
    const { code, stdout, stderr } = await shell.run(line)
    expect(code).toBe(0)
    expect(stdout).toMatch(
      /^rotation: 2 rows and 1 finding, up to position 8, .* UTC\n {2}q1\.csv, [\d,]+ bytes\n {2}q1\.manifest\n$/,
    )
    expect(stderr).toContain('next: muniment report verify q1.manifest')
    expect((await stat(shell.path('q1.csv'))).mode & 0o777).toBe(0o600)
    const again = await shell.run(line)
    expect(again).toMatchObject({ code: 5, stdout: '' })
    expect(again.stderr).toContain('EXISTS there is a file at ')
  })

  it('is written in several formats into a folder', async () => {
    await mkdir(shell.path('q1'))
    const made = await shell.json<{ outputs: object[] }>([
      ...['report', 'rotation', '--as-of', `${last}`],
      ...['--out', 'q1', '--format', 'csv', 'html', 'pdf'],
    ])
    expect(made).toMatchObject({
      report: 'rotation',
      rowCount: 2,
      findings: 1,
      isSigned: true,
      manifest: 'q1/rotation.manifest',
    })
    expect(made.outputs).toMatchObject(
      ['csv', 'html', 'pdf'].map((format) => ({ path: `q1/rotation.${format}`, format })),
    )
    expect((await readdir(shell.path('q1'))).sort()).toEqual(
      ['csv', 'html', 'manifest', 'pdf'].map((extension) => `rotation.${extension}`),
    )
    expect(await read('q1/rotation.csv')).toBe(await read('q1.csv'))
  })

  it('is made again by verify, from the vault and from a backup of it', async () => {
    const text = await said(['report', 'verify', 'q1.csv', 'q1/rotation.manifest'])
    const holds = [
      'made again, it has the same 2 rows and 1 finding',
      "its log is this vault's, as a signed checkpoint shows",
      'an owner of the vault has signed it',
      'q1.csv is the file that it was made of',
    ]
    const [first = '', second = ''] = text.split('\n\n')
    expect(first.split('\n').slice(1)).toEqual(holds.map((line) => `  holds: ${line}`))
    expect(second).toContain('holds: rotation.pdf is the file that it was made of')
    expect(await shell.json([...audited, 'report', 'verify', 'q1.csv'])).toMatchObject([
      {
        manifest: 'q1.manifest',
        ok: true,
        isSigned: true,
        files: ['q1.csv'],
        // It was made after the backup.
        isCheckpointShown: false,
        problems: [],
      },
    ])
  })

  it('is checked with the key alone, as far as that goes', async () => {
    const { code, stdout } = await anywhere(['report', 'verify', 'q1.csv', '--key', verifier])
    expect(code).toBe(0)
    expect(stdout).toContain('holds: its log is the one whose key you gave')
    expect(stdout).toContain('holds: q1.csv is the file that it was made of')
    expect(stdout).toContain('not shown: its rows: make it again, from the vault or a backup')
  })

  it('is not what it was with a byte of a file changed', async () => {
    await cp(shell.path('q1'), shell.path('altered'), { recursive: true })
    const file = shell.path('altered/rotation.csv')
    await writeFile(file, (await readFile(file, 'utf8')).replace('never', 'never '))
    const line = ['report', 'verify', 'altered/rotation.html']
    expect(await said(line, 7)).toMatch(
      /^ {2}does not hold: rotation\.csv is not the file that the manifest was made of$/m,
    )
    const { code, stdout } = await anywhere([...line, '--key', verifier, '--json'])
    expect(code).toBe(7)
    expect(JSON.parse(stdout)).toMatchObject([
      { ok: false, problems: ['rotation.csv is not what the manifest was made of'] },
    ])
  })

  it('is not what it was with its manifest changed, under its signature or without', async () => {
    const note = await read('q1.manifest')
    const lie = note.replace('"findings":1', '"findings":0')
    expect(lie).not.toBe(note)
    const [text = ''] = lie.split('\n\n')
    await shell.write('signed.manifest', lie)
    await shell.write('unsigned.manifest', `${text}\n`)
    const files = ['signed.manifest', 'unsigned.manifest']
    const byKey = await anywhere(['report', 'verify', ...files, '--key', verifier, '--json'])
    expect(byKey.code).toBe(7)
    // What no owner signed is the word of whoever made it: only the log shows that it is none.
    expect(JSON.parse(byKey.stdout)).toMatchObject([
      { manifest: 'signed.manifest', ok: false, isSigned: true },
      { manifest: 'unsigned.manifest', ok: true, isSigned: false },
    ])
    const again = await said(['report', 'verify', 'unsigned.manifest'], 7)
    expect(again).toContain('does not hold: findings is 1 when made again')
  })

  it('is made of a backup by an auditor, who signs nothing', async () => {
    const { code, stdout, stderr } = await shell.run([
      ...audited,
      ...['report', 'rotation', '--as-of', `${last}`, '--out', 'theirs.csv'],
    ])
    expect({ code, stdout: stdout.split('\n')[2] }).toEqual({
      code: 0,
      stdout: '  theirs.manifest',
    })
    expect(stderr).toContain('no owner was there to sign it: the manifest says so too')
    expect(await read('theirs.csv')).toBe(await read('q1.csv'))
    const { stdout: found } = await anywhere(['report', 'verify', 'theirs.csv', '--key', verifier])
    expect(found).toContain("not shown: an owner's word for it: it is not signed")
  })

  it('leaves nothing where it cannot be made', async () => {
    const before = await readdir(shell.folder)
    const late = ['--from', '999999', '--out', 'late.csv']
    expect((await shell.run(['report', 'denials', ...late])).code).toBe(2)
    expect(await readdir(shell.folder)).toEqual(before)
  })
})

describe('evidence', () => {
  it('is one file, which says what is in it and what to do with it', async () => {
    const line = ['evidence', '--from', '2', '--to', `${last}`, '--out', 'q1.zip']
    const { code, stdout, stderr } = await shell.run(line)
    expect(code, stderr).toBe(0)
    expect(stdout).toMatch(
      /^evidence +q1\.zip, [\d,]+ bytes\nfrom +position 2, .*\nto +position 8, /,
    )
    expect(stdout).toMatch(/^fingerprint +[0-9a-f]{64} of the verifier$/m)
    expect(stdout).toMatch(/^R2 +rotation +2 +1$/m)
    expect(stderr).toContain('verifier.html checks all of it without a network')
    const zip = await readFile(shell.path('q1.zip'))
    expect(zip.subarray(0, 4).toString('latin1')).toBe('PK\u0003\u0004')
    const again = await shell.run(line)
    expect(again).toMatchObject({ code: 5, stdout: '' })
    expect(again.stderr).toContain('EXISTS there is a file at q1.zip already')
  })

  it('is made of a backup too', async () => {
    const made = await shell.json([
      ...audited,
      'evidence',
      '--to',
      `${last}`,
      '--out',
      'theirs.zip',
    ])
    expect(made).toMatchObject({ out: 'theirs.zip', range: { from: 0, to: last }, isSigned: false })
  })
})

describe('diff', () => {
  it('says what became of which secret, and by whom', async () => {
    const text = await said(['diff', '--from', '2', '--to', `${last + 1}`])
    expect(text).toMatch(/^from +position 2, .* UTC\nto +position 9, .* UTC$/m)
    expect(text).toMatch(/^prod\/api +added +- → 1 +user\/ana$/m)
    expect(text).toMatch(/^prod\/db +rotated +1 → 2 +user\/ana\n {4}owner: - → team\/db$/m)
    expect(text).toMatch(/^9 .* keyslot\.added +\S+ +user\/ana$/m)
    expect(text).toMatch(
      /^2 secrets changed \(1 added, 1 rotated\), 1 change of keys, in 7 events$/m,
    )
  })

  it.each([
    ['a folder', () => []],
    ['a backup', () => audited],
  ])('begins at position 0 where its date is before the log, of %s', async (_, where) => {
    const line = [...where(), 'diff', '--from', '2020-01-01', '--to', `${last}`]
    const { code, stdout, stderr } = await shell.run(line)
    expect(code, stderr).toBe(0)
    expect(stdout).toMatch(/^from +position 0, /)
    expect(stderr).toContain('from.time is before the log, which begins at ')
    expect(stderr).toContain(': compared is with position 0\n')
    const late = await shell.run([...where(), 'diff', '--from', '0', '--to', '2020-01-01'])
    expect(late).toMatchObject({ code: 2, stdout: '' })
  })

  it('is of some secrets alone, of a backup too, whole as JSON', async () => {
    const line = ['diff', '--from', '2', '--to', `${last}`, '--subject', '*/db']
    const diff = await shell.json([...audited, ...line])
    expect(diff).toMatchObject({
      from: { position: 2 },
      to: { position: last },
      secrets: [
        {
          path: 'prod/db',
          change: 'rotated',
          events: [{ type: 'secret.rotated' }, { type: 'secret.annotated' }],
          fields: [{ field: 'owner', after: 'team/db' }],
        },
      ],
      counts: { secrets: 1, changes: 2, bySecretChange: { rotated: 1 } },
    })
    expect(JSON.stringify(diff)).not.toContain('hunter')
  })
})

describe('what a manifest names', () => {
  it('is never read from outside its folder', async () => {
    const [text = ''] = (await read('q1.manifest')).split('\n\n')
    const elsewhere = text.replace('"name":"q1.csv"', '"name":"../auditor"')
    await mkdir(join(shell.folder, 'in'))
    await shell.write('in/x.manifest', `${elsewhere}\n`)
    const found = await anywhere(['report', 'verify', 'in/x.manifest', '--key', verifier])
    expect(found.code).toBe(2)
    expect(found.stderr).toContain('in/x.manifest is no manifest: statement.outputs')
  })

  it('hides nothing of the others, whatever it is', async () => {
    const note = await read('q1.manifest')
    const [text = ''] = note.split('\n\n')
    const named = (name: string) => `${text.replace('"name":"q1.csv"', `"name":"${name}"`)}\n`
    await mkdir(join(shell.folder, 'odd', 'folder.csv'), { recursive: true })
    await mkdir(join(shell.folder, 'odd', 'd.manifest'))
    await shell.write('odd/a.manifest', 'what')
    await shell.write('odd/b.manifest', named('folder.csv'))
    await shell.write('odd/c.manifest', named(`${'n'.repeat(300)}.csv`))
    await shell.write('odd/e.manifest', `${text.replace('"report":"rotation"', '"report":"x"')}\n`)
    await shell.write('odd/q1.manifest', note)
    await cp(shell.path('q1.csv'), shell.path('odd/q1.csv'))
    const files = ['a', 'b', 'c', 'd', 'e', 'q1'].map((name) => `odd/${name}.manifest`)
    const line = ['report', 'verify', ...files, '--json']
    const byKey = await anywhere([...line, '--key', verifier])
    expect(byKey.code, byKey.stderr).toBe(7)
    expect(JSON.parse(byKey.stdout)).toMatchObject([
      { ok: false, problems: [expect.stringContaining('odd/a.manifest is no manifest: ')] },
      { ok: true, files: [], absent: ['folder.csv'] },
      { ok: true, files: [], absent: [`${'n'.repeat(300)}.csv`] },
      { ok: false, problems: ['the manifest odd/d.manifest cannot be read: EISDIR'] },
      { ok: true },
      { ok: true, files: ['q1.csv'] },
    ])
    const again = await shell.run(line)
    expect(again.code, again.stderr).toBe(7)
    expect(JSON.parse(again.stdout)).toMatchObject([
      { ok: false },
      // The same rows under another name: whoever handed it over renamed the file.
      { ok: true, absent: ['folder.csv'] },
      { ok: true },
      { ok: false },
      {
        problems: [expect.stringContaining('it cannot be made again: there is no report of that')],
      },
      { ok: true, files: ['q1.csv'], problems: [] },
    ])
  })
})
