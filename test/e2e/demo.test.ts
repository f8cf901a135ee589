import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { passphrase, Vault } from '../../src/index.ts'
import { checkVault } from '../fixtures/check-vault.ts'

const run = promisify(execFile)
const script = (name: string) =>
  fileURLToPath(new URL(`../../examples/demo/${name}.js`, import.meta.url))
const inputs = new URL('../../examples/demo/', import.meta.url)

/** Runs a story with a temporary folder of its own; rejects unless it exits with 0. */
async function tell(story: string, ...flags: string[]) {
  const folder = await mkdtemp(join(tmpdir(), 'muniment-demo-test-'))
  const { stdout, stderr } = await run(process.execPath, [script(story), ...flags], {
    env: { ...process.env, TMPDIR: folder, COLUMNS: '100' },
  })
  return { folder, stdout, stderr }
}

type Told = Awaited<ReturnType<typeof tell>>
let removed: Told
let kept: Told
let visit: Told

beforeAll(async () => {
  ;[removed, kept] = await Promise.all([tell('demo'), tell('demo', '--keep')])
  visit = await tell('auditor')
}, 180_000)

afterAll(async () => {
  for (const { folder } of [removed, kept, visit]) {
    await rm(folder, { recursive: true, force: true })
  }
})

/** What two runs do not have in common. */
function normalised(text: string): string {
  return (
    text
      .replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, '<time>')
      .replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/g, '<time>')
      .replaceAll(/[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/g, '<uuid>')
      .replaceAll(/\b[0-9a-f]{64}\b/g, '<sha256>')
      .replaceAll(/\b[0-9a-f]{32}\b/g, '<vault>')
      .replaceAll(/\+[0-9a-f]{8}\+[A-Za-z0-9+/]{44}/g, '+<key>')
      .replaceAll(/\b1[0-9]{12}\b/g, '<ms>')
      // How old a value is, and how long a file came out with names and hashes of another vault.
      .replaceAll(/\b\d+ s {2,}/g, '<age> ')
      .replaceAll(/\b[\d,]+ bytes\b/g, '<bytes>')
      .replaceAll(/\b[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{1,12}/g, '<slot>')
  )
}

/** The commands and what they said, without the story around them. */
function transcript(stdout: string): string {
  const blocks = stdout.split(/\n\n(?=\$ |\d\. |Removed: |Kept: )/)
  return blocks.filter((block) => block.startsWith('$ ')).join('\n\n')
}

describe('the demo', () => {
  it('is what the README shows', async () => {
    const [shown = ''] = await transcripts()
    expect(normalised(shown)).toBe(normalised(transcript(removed.stdout)))
    expect(removed.stderr).toBe('')
  })

  it('shows no colours where nobody sees them', () => {
    expect(removed.stdout).not.toContain('\u001b')
  })

  it('leaves nothing behind', async () => {
    expect(removed.stdout).toMatch(new RegExp(`Removed: ${removed.folder}/muniment-demo-\\w+`))
    expect(await readdir(removed.folder)).toEqual([])
  })

  it('keeps the vault where it is asked to, and prints no secret of it', async () => {
    const [name = ''] = await readdir(kept.folder)
    const place = join(kept.folder, name)
    expect(kept.stdout).toContain(`Kept: ${place}`)
    expect((await stat(join(place, 'passphrase'))).mode & 0o777).toBe(0o600)

    const unlock = passphrase.fromFile(join(place, 'passphrase'))
    const vault = await Vault.open({ path: join(place, 'vault'), unlock, actor: 'test' })
    const rotated = await vault.read('pay/DATABASE_PASSWORD')
    await vault.close()

    const secrets = [
      rotated.text(),
      (await readFile(join(place, 'passphrase'), 'utf8')).trim(),
      (await readFile(join(place, 'recovery-key'), 'utf8')).trim(),
      'correct-horse',
      'n0t-a-real#secret $value',
      'demo_key_4f1d2c8a9b7e60355a1c',
      'demo-refresh-0a1b2c3d4e5f',
      ...(await keyLines('deploy_ed25519')),
    ]
    expect(rotated.text()).toHaveLength(32)
    expect(secrets.filter((secret) => kept.stdout.includes(secret))).toEqual([])
    await checkVault(join(place, 'vault'), unlock)
    await checkVault(join(place, 'restored'), unlock)
  })
})

describe("the auditor's first visit", () => {
  it('is what the README shows', async () => {
    const [, shown = ''] = await transcripts()
    expect(normalised(shown)).toBe(normalised(transcript(visit.stdout)))
    expect(visit.stderr).toBe('')
  })
})

/** What the README shows of terminals, in its order. */
async function transcripts(): Promise<readonly string[]> {
  const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8')
  return [...readme.matchAll(/```console\n([\s\S]*?)```/g)].map(([, shown = '']) => shown.trimEnd())
}

/** What stands between the armour of a private key. */
async function keyLines(name: string): Promise<readonly string[]> {
  const text = await readFile(new URL(name, inputs), 'utf8')
  return text.split('\n').filter((line) => line !== '' && !line.startsWith('-----'))
}
