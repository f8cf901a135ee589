import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { passphrase, Vault } from '../../src/index.ts'

const run = promisify(execFile)
const demo = fileURLToPath(new URL('../../examples/demo/demo.js', import.meta.url))
const inputs = new URL('../../examples/demo/', import.meta.url)

/** Runs the demo with a temporary folder of its own; rejects unless it exits with 0. */
async function tell(width: number, ...flags: string[]) {
  const folder = await mkdtemp(join(tmpdir(), 'muniment-demo-test-'))
  const { stdout, stderr } = await run(process.execPath, [demo, ...flags], {
    env: { ...process.env, TMPDIR: folder, COLUMNS: String(width) },
  })
  return { width, folder, stdout, stderr }
}

type Told = Awaited<ReturnType<typeof tell>>
let removed: Told
let kept: Told

beforeAll(async () => {
  ;[removed, kept] = await Promise.all([tell(100), tell(80, '--keep')])
}, 60_000)

afterAll(async () => {
  for (const { folder } of [removed, kept]) await rm(folder, { recursive: true, force: true })
})

describe('the demo', () => {
  it('tells its story: what was done, and what was refused', () => {
    const story = [
      /\+ 7 secrets written in 1 commit/,
      /pay\/deploy-key +ssh_key +•••••• {2}- +SHA256:cIn6Oeg1q4c…/,
      /pay\/tls +certificate +•••••• {2}2036-11-23 {2}SHA256:11:BD:3B:7C…/,
      /\+ pay\/db\/password is at version 2, rotated once/,
      /\+ svc\/payments has version 2; console.log shows \[secret\]/,
      /! EXPIRED: version 1 of pay\/oauth\/refresh has expired/,
      /! DESTROYED: version 1 of pay\/db\/password is destroyed/,
      /! WRONG_KEY: no keyslot opens/,
      /\+ 17 events folded from the first: the same state as the live one/,
      /pay\/db\/password +2 +live +1 +1 +- +user\/ana/,
      /pay\/oauth\/refresh +1 +expired +0 +0 /,
      /11 .* svc\/payments {2}secret\.denied +pay\/oauth\/refresh v1 REFUSED: expired/,
      /12 .* user\/ana +secret\.destroyed +pay\/db\/password v1/,
      /13 .* user\/ana +secret\.denied +pay\/db\/password v1 REFUSED: destroyed/,
      /15 .* auth\.failed +REFUSED: wrong passphrase/,
      /\+ 17 events on \d{4}-\d\d-\d\d, 3 refusals/,
    ]
    let from = 0
    for (const part of story) {
      const found = part.exec(removed.stdout.slice(from))
      expect(found, `${part} after position ${from} of:\n${removed.stdout}`).not.toBeNull()
      from += (found?.index ?? 0) + (found?.[0].length ?? 0)
    }
    expect(removed.stderr).toBe('')
  })

  it('fits the width it is given, and shows no colours where nobody sees them', () => {
    for (const { width, folder, stdout } of [removed, kept]) {
      const lines = stdout.split('\n').filter((line) => !line.includes(folder))
      expect(lines.filter((line) => line.length > width)).toEqual([])
      expect(stdout).not.toContain('\u001b')
    }
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
    const rotated = await vault.read('pay/db/password')
    await vault.close()

    const secrets = [
      rotated.text(),
      (await readFile(join(place, 'passphrase'), 'utf8')).trim(),
      'correct-horse',
      'n0t-a-real#secret $value',
      'demo_key_4f1d2c8a9b7e60355a1c',
      'demo-refresh-0a1b2c3d4e5f',
      ...(await keyLines('web.key.pem')),
      ...(await keyLines('deploy_ed25519')),
    ]
    expect(rotated.text()).toHaveLength(32)
    expect(secrets.filter((secret) => kept.stdout.includes(secret))).toEqual([])
  })
})

/** What stands between the armour of a private key. */
async function keyLines(name: string): Promise<readonly string[]> {
  const text = await readFile(new URL(name, inputs), 'utf8')
  return text.split('\n').filter((line) => line !== '' && !line.startsWith('-----'))
}
