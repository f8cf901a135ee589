import { spawn } from 'node:child_process'
import { cp, mkdir, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { Level } from 'level'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { passphrase, Vault } from '../../src/index.ts'
import { formatProofFile, parseProofFile } from '../../src/proofs/proof-file.ts'
import { openCheckpoint, parseVkey } from '../../src/verify.ts'
import {
  ended,
  lightKdf,
  main,
  words as passphraseWords,
  type Ran,
  Shell,
} from '../fixtures/cli.ts'

// A case runs several processes, each of which a busy machine starts late.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const unlock = passphrase(passphraseWords, lightKdf)

let shell: Shell
/** The vault as it was when the first checkpoint was kept. */
let older: string
let verifier: string
let kept: string

beforeAll(async () => {
  shell = await Shell.withVault({ 'prod/db': 'hunter2' })
  verifier = (await shell.json<{ verifier: string }>(['status'])).verifier
  older = shell.path('older')
  kept = shell.path('kept')
})
afterAll(() => shell.remove())

/** Runs a command with nothing in its environment, and no vault where it is. */
function anywhere(args: readonly string[]): Promise<Ran> {
  return ended(spawn(process.execPath, [main, ...args], { cwd: shell.folder, env: {} }))
}

async function words(args: readonly string[], code = 0, env = {}): Promise<string> {
  const ran = await shell.run(args, { env })
  expect(ran.code, ran.stderr).toBe(code)
  return code === 0 || ran.stderr === '' ? ran.stdout : ran.stderr
}

const verifierPattern = String.raw`muniment/[0-9a-f]{32}/[0-9a-f-]{36}\+[0-9a-f]{8}\+\S+`

// Each goes on from where the one before left the vault.
describe('a checkpoint', () => {
  it('is printed as it is to be kept', async () => {
    await cp(shell.vault, older, { recursive: true })
    const note = await words(['checkpoint'])
    await shell.write('kept', note)
    const { size } = openCheckpoint(Buffer.from(note), { log: parseVkey(verifier) })
    const list = await shell.json<{ size: number; root: string }[]>(['checkpoint', '--list'])
    const sizes = list.map((one) => one.size)
    expect(sizes).toEqual([...sizes].sort((a, b) => a - b))
    expect(sizes).toContain(size)
  })
})

describe('a proof', () => {
  let file: string

  it('is written into a new file', async () => {
    file = shell.path('2.tlog-proof')
    const told = await shell.json(['prove', '2', '--out', file])
    expect(told).toEqual({ position: 2, size: expect.any(Number), out: file })
  })

  it('is checked without a vault and without a passphrase', async () => {
    const ran = await anywhere(['verify-proof', file, '--key', verifier])
    expect(ran).toMatchObject({ code: 0, stderr: '' })
    expect(ran.stdout).toMatch(/^event +secret\.written\n.*^subject +prod\/db$/ms)
    expect(ran.stdout).toMatch(
      /^ok: this event stands at position 2 of a log of \d+ that the key has signed\.$/m,
    )
    const json = await anywhere(['verify-proof', file, '--key', verifier, '--json'])
    expect(JSON.parse(json.stdout)).toEqual({
      ok: true,
      origin: parseVkey(verifier).name,
      index: 2,
      size: expect.any(Number),
      root: expect.stringMatching(/^[0-9a-f]{64}$/),
      cosigners: [],
      event: expect.objectContaining({ type: 'secret.written', subject: 'prod/db' }),
    })
    expect(json.stdout).not.toContain('box')
  })

  it('is refused with any part of it altered', async () => {
    const proof = parseProofFile(await readFile(file))
    const { extra = Buffer.alloc(0), proof: path, checkpoint } = proof
    const [first = Buffer.alloc(0)] = path
    const text = checkpoint.toString()
    const altered = {
      event: { extra: flipped(extra, 20) },
      index: { index: 3 },
      hash: { proof: path.with(0, flipped(first, 0)) },
      size: { checkpoint: Buffer.from(text.replace(/^(\d+)$/m, '1$1')) },
      signature: { checkpoint: Buffer.from(text.replace(/(.)(....)\n$/, otherDigit)) },
    }
    const refusals = Object.entries(altered).map(async ([part, change]) => {
      const name = await shell.write(`${part}.tlog-proof`, formatProofFile({ ...proof, ...change }))
      const ran = await anywhere(['verify-proof', name, '--key', verifier])
      expect(ran, part).toMatchObject({ code: 7, stdout: '' })
    })
    await Promise.all(refusals)
  })

  it('is refused under the key of another vault', async () => {
    const other = await Shell.withVault()
    const { verifier: theirs } = await other.json<{ verifier: string }>(['status'])
    const ran = await anywhere(['verify-proof', file, '--key', theirs])
    expect(ran).toMatchObject({ code: 7, stdout: '' })
    expect(ran.stderr).toContain('checkpoint: it is of another log than the key is for')
    await other.remove()
  })
})

function flipped(bytes: Buffer, at: number): Buffer {
  const changed = Buffer.from(bytes)
  changed.writeUInt8(changed.readUInt8(at) ^ 1, at)
  return changed
}

const otherDigit = (_: string, digit: string, rest: string) =>
  `${digit === 'A' ? 'B' : 'A'}${rest}\n`

describe('verify', () => {
  it('says how far the log is signed, and that nobody else vouches for it', async () => {
    expect(await words(['verify'])).toMatch(
      /^ok: (\d+) events, signed to \1\. Not anchored elsewhere: a rollback of this folder would not show\.$/m,
    )
  })

  it('says how far a checkpoint that was kept vouches for it', async () => {
    const found = await shell.json(['verify', '--against', kept])
    const { size } = openCheckpoint(await readFile(kept), { log: parseVkey(verifier) })
    expect(found).toEqual({
      ok: true,
      size: expect.any(Number),
      root: expect.stringMatching(/^[0-9a-f]{64}$/),
      events: found.size,
      commits: expect.any(Number),
      checkpoints: expect.any(Number),
      unsigned: 0,
      anchored: size,
      macs: 'checked',
      keys: 'checked',
      problems: [],
    })
  })

  it('tells a rollback by a checkpoint that was kept, and not without', async () => {
    // Verified against first: each opening makes the log longer.
    const rolledBack = ['--vault', older]
    const told = await words(['verify', '--against', kept, ...rolledBack], 7)
    expect(told).toMatch(/^(?:cut|against) at \d+: .*the remembered checkpoint/m)
    expect(told).toMatch(/^1 problem: \d+ events, signed to \d+\. Not anchored elsewhere/m)
    expect(await words(['verify', ...rolledBack])).toMatch(/^ok: .*Not anchored elsewhere/m)
  })

  it('tells what was damaged, position by position', async () => {
    const damaged = shell.path('damaged')
    await cp(shell.vault, damaged, { recursive: true })
    const options = { keyEncoding: 'buffer', valueEncoding: 'buffer' }
    const log: Level<Buffer, Buffer> = new Level(join(damaged, 'log'), options)
    const row = Buffer.from([0, 0, 0, 0, 0, 0, 0, 2])
    await log.put(row, flipped((await log.get(row)) ?? Buffer.alloc(0), 40))
    await log.close()
    const ran = await shell.run(['verify', '--json', '--vault', damaged])
    expect(ran).toMatchObject({ code: 7, stderr: '' })
    expect(JSON.parse(ran.stdout)).toMatchObject({
      ok: false,
      root: null,
      problems: [{ code: 'seal', position: 2 }, { code: 'unproved' }],
    })
  })
})

describe('an anchor', () => {
  it('is added, takes a checkpoint, vouches in verify, and is removed', async () => {
    const file = shell.path('elsewhere')
    const added = await words(['anchor', 'add', '--file', file])
    expect(added).toMatch(/^kind +target +vouches for +state\nfile +\S+elsewhere +\d+ +sent$/m)
    const listed = await words(['anchor', 'list'])
    expect(listed).toMatch(/^file +\S+elsewhere +\d+ of \d+ +sent$/m)
    const [state] = await shell.json<{ size: number }[]>(['anchor', 'now'])
    expect(state).toEqual({ kind: 'file', target: file, size: expect.any(Number) })
    // The closing has sent one more.
    const { size } = openCheckpoint(await readFile(file), { log: parseVkey(verifier) })
    expect(size).toBe((state?.size ?? 0) + 1)
    expect(await words(['verify'])).toMatch(
      /^ok: (\d+) events, signed to \1\. Vouched for elsewhere to \d+\.$/m,
    )
    expect(await words(['anchor', 'remove', file])).toBe(`no more checkpoints go to ${file}\n`)
  })

  it('that nothing can be written to fails whoever sends there, and is not said to be well', async () => {
    const file = shell.path('absent/checkpoint')
    const failure = `could not write ${file} (ENOENT)`
    const added = await shell.run(['anchor', 'add', '--file', file])
    expect(added).toMatchObject({
      code: 9,
      stdout: expect.stringMatching(/checkpoint +0 +could not write .*\(ENOENT\)\n$/),
    })
    expect(added.stderr).toContain(`it is added all the same`)
    // Another process knows of no failure, but of what was not sent.
    const nothing = /^file +\S+checkpoint +0 +nothing sent yet: muniment anchor now$/m
    expect(await words(['anchor', 'list'])).toMatch(nothing)
    const now = await shell.run(['anchor', 'now', '--json'])
    expect(now).toMatchObject({ code: 9, stderr: '' })
    expect(JSON.parse(now.stdout)).toEqual([{ kind: 'file', target: file, size: 0, failure }])
    await words(['anchor', 'remove', file])
  })

  it('that has missed a checkpoint is behind', async () => {
    const file = shell.path('unplugged/checkpoint')
    await mkdir(shell.path('unplugged'))
    await words(['anchor', 'add', '--file', file])
    await rename(shell.path('unplugged'), shell.path('elsewhere-now'))
    const vault = await Vault.open({ path: shell.vault, unlock, actor: 'user/ana' })
    await Promise.all(Array.from({ length: 1000 }, () => vault.read('prod/db')))
    await vault.close()
    const behind = /^file +\S+checkpoint +\d+ of 1\d{3} +behind: muniment anchor now$/m
    expect(await words(['anchor', 'list'])).toMatch(behind)
    await words(['anchor', 'remove', file])
  })
})

describe('an auditor', () => {
  let backup: string
  let asAuditor: string[]

  it('gets a keyslot, and a backup of his own', async () => {
    const made = await shell.json<{ recoveryKey: string }>([
      'keyslot',
      'add',
      '--auditor',
      '--recovery',
    ])
    expect(made).toMatchObject({ role: 'auditor', kind: 'recovery', current: false })
    const key = await shell.write('auditor', `${made.recoveryKey}\n`)
    backup = shell.path('vault.muna')
    await shell.json(['backup', backup])
    asAuditor = ['--vault', backup, '--passphrase-file', key]
  })

  it('reads all of its history', async () => {
    const run = (...args: string[]) => shell.run([...args, ...asAuditor])
    const [list, history, audit, replay, verified] = await Promise.all([
      run('list', '--json'),
      run('history', 'prod/db', '--json'),
      run('audit', '--type', 'secret.written', '--json'),
      run('replay', 'secrets', '--json'),
      run('verify'),
    ])
    for (const ran of [list, history, audit, replay]) {
      expect(ran, ran.stderr).toMatchObject({ code: 0, stderr: '' })
      expect(ran.stdout).not.toContain('hunter2')
    }
    expect(JSON.parse(list.stdout)).toMatchObject([{ path: 'prod/db', version: 1 }])
    expect(JSON.parse(history.stdout)).toMatchObject([{ version: 1, state: 'live' }])
    expect(JSON.parse(audit.stdout)).toMatchObject({ position: 2, subject: 'prod/db' })
    expect(replay.stdout).toContain('prod/db')
    expect(verified.code, verified.stderr).toBe(0)
    expect(verified.stdout).toMatch(
      /^ok: .*With an auditor's keys, only what is signed is shown to be an owner's\.$/m,
    )
  })

  it('opens no value of it, and never the vault itself', async () => {
    const [value, folder] = await Promise.all([
      shell.run(['get', 'prod/db', ...asAuditor]),
      shell.run(['list', ...asAuditor, '--vault', shell.vault]),
    ])
    expect(value).toMatchObject({ code: 2, stdout: '' })
    expect(value.stderr).toContain('vault.muna is a backup, which is read and never changed')
    expect(folder).toMatchObject({ code: 3, stdout: '' })
  })
})

describe('keys', () => {
  let two: string

  it('are shared out: two of three open the vault, one does not', async () => {
    const made = await shell.json<{ shares: string[] }>(['keyslot', 'add', '--shares', '2/3'])
    expect(made).toMatchObject({ kind: 'shares', role: 'owner', threshold: 2, of: 3 })
    const [first = '', , third = ''] = made.shares
    const one = await shell.write('one', `${first}\n`)
    two = await shell.write('two', `${third}\n${first}\n`)
    const told = await words(['keys', 'list', '--passphrase-file', one], 2)
    expect(told).toContain('this set needs 2 shares, 1 was given')
    expect(told).not.toContain(first.slice(-9))
  })

  it('are rotated and shredded', async () => {
    expect(await words(['keys', 'rotate'])).toBe('the log goes on under keys of epoch 2\n')
    expect(await words(['keys', 'rotate', '--signing'])).toMatch(
      new RegExp(`^the signing key is new; so is the verifier.*\n {2}${verifierPattern}\n$`),
    )
    expect(await shell.json(['keys', 'shred'])).toMatchObject({ epoch: 2, keys: 1 })
    const listed = await shell.json<{ purpose: string; state: string; epoch: number }[]>([
      'keys',
      'list',
      '--passphrase-file',
      two,
    ])
    const current = listed.filter(({ state }) => state === 'current')
    expect(Object.fromEntries(current.map(({ purpose, epoch }) => [purpose, epoch]))).toEqual({
      log: 2,
      blinding: 2,
      append: 2,
      wrapping: 2,
      signing: 2,
      auditors: 1,
    })
  })

  it('are all replaced, and other keyslots dropped, only where that is said', async () => {
    const refused = await words(['keys', 'rotate', '--root'], 2)
    expect(refused).toContain('these keyslots would open nothing any more:')
    expect(refused).toContain('add --yes')
    expect(await words(['keys', 'rotate', '--root', '--yes'])).toMatch(
      new RegExp(`^all keys are new; so is the verifier.*\n {2}${verifierPattern}\n$`),
    )
    expect((await shell.run(['status', '--passphrase-file', two])).code).toBe(6)
    // What was kept before all of that still holds, under the verifier of its day.
    const args = ['verify', '--against', kept, '--key', verifier]
    expect(await words(args)).toMatch(/Vouched for elsewhere to \d+\.$/m)
  })
})
