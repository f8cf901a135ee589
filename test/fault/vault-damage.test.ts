import { cp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { testClock } from '../../src/testing/test-clock.ts'
import { checkVault } from '../fixtures/check-vault.ts'
import { later, long, open, populated, random, scratch } from './vault-material.ts'
import { assertion, type Outcome, Teller } from './vault-teller.ts'

const flipsPerFile = 12
const timeout = long ? 3_600_000 : 60_000
const seed = Number(process.env.FC_SEED ?? 2026)

/** What a damaged vault may be refused with: nothing that would blame the caller or send it elsewhere. */
const refusals = ['INTEGRITY', 'WRONG_KEY', 'UNSUPPORTED', 'FAILED']

/** A vault, its files, and what it tells when nothing was done to it. */
interface Base {
  readonly path: string
  readonly size: number
  readonly files: readonly string[]
  readonly expected: Outcome
}

let parent: string
let copy: string
let closed: Base
/** As a kill leaves it: the journal is not a table yet. */
let killed: Base
/** `closed` at an earlier time, another vault, and a copy of `older` that lived on apart, to the same length. */
let older: string
let other: string
let fork: string

beforeAll(async () => {
  parent = await scratch({ fast: true })
  copy = join(parent, 'copy')
  older = join(parent, 'older')
  other = join(parent, 'other')
  fork = join(parent, 'fork')
  const path = join(parent, 'closed')
  await populated(path)
  await cp(path, older, { recursive: true })
  await later(path)
  await populated(other)
  await later(other)
  await cp(older, fork, { recursive: true })
  await later(fork, 'of the fork')
  closed = await baseOf(path)
  killed = await baseOf(await killedCopy(path))
})

const teller = new Teller()
afterAll(async () => {
  teller.end()
  await rm(parent, { recursive: true })
})

/** The folder of a vault that is open has what a kill would leave. */
async function killedCopy(path: string): Promise<string> {
  const [live, to] = [join(parent, 'live'), join(parent, 'killed')]
  await cp(path, live, { recursive: true })
  const vault = await open({ path: live }, { clock: testClock(Date.UTC(2026, 0, 3)) })
  for (let n = 0; n < 4; n++) await vault.write('prod/journal', `value ${n}`)
  await cp(live, to, { recursive: true })
  await vault.close()
  return to
}

async function baseOf(path: string): Promise<Base> {
  const { size, head } = await checkVault(path)
  expect(head).toBe(size)
  const entries = await readdir(path, { recursive: true, withFileTypes: true })
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(path.length + 1))
    .sort()
  const base = { path, size, files, expected: { parts: {} } }
  return { ...base, expected: await changed(base, async () => undefined) }
}

/** What comes of a copy that was changed. */
async function changed({ path, size }: Base, change: () => Promise<unknown>): Promise<Outcome> {
  await rm(copy, { recursive: true, force: true })
  await cp(path, copy, { recursive: true })
  await change()
  return teller.outcomeOf(copy, size)
}

/** The exact state, or a refusal that says what is wrong; never a difference that nobody notices. */
async function expectNoSilentChange(
  base: Base,
  what: string,
  change: () => Promise<unknown>,
): Promise<void> {
  const { parts, code } = await changed(base, change).catch((cause: unknown) => {
    throw new Error(what, { cause })
  })
  const { expected } = base
  for (const part in parts) expect(parts[part], `${what}: ${part}`).toBe(expected.parts[part])
  if (code === undefined) expect(Object.keys(parts), what).toEqual(Object.keys(expected.parts))
  else expect([...refusals, assertion], what).toContain(code)
}

async function flipBits(base: Base, files: readonly string[]): Promise<void> {
  const next = random(seed)
  for (const file of files) {
    const bytes = await readFile(join(base.path, file))
    const few = Array.from({ length: flipsPerFile }, () => Math.floor(next() * bytes.length))
    for (const at of bytes.length === 0 ? [] : long ? bytes.keys() : few) {
      const bit = Math.floor(next() * 8)
      const flipped = Buffer.from(bytes)
      flipped.writeUInt8(bytes.readUInt8(at) ^ (1 << bit), at)
      const what = `${file}: bit ${bit} of byte ${at} (seed ${seed})`
      await expectNoSilentChange(base, what, () => writeFile(join(copy, file), flipped))
    }
  }
}

async function cutShort(base: Base, files: readonly string[]): Promise<void> {
  const next = random(seed)
  for (const file of files) {
    const { length } = await readFile(join(base.path, file))
    const few = [0, Math.floor(next() * length), length - 1]
    for (const to of length === 0 ? [] : long ? Array(length).keys() : few) {
      const what = `${file}: cut to ${to} of ${length} (seed ${seed})`
      await expectNoSilentChange(base, what, () => truncate(join(copy, file), to))
    }
  }
}

/** Not LevelDB's own notes and its lock, which decide nothing. */
const counts = (file: string) => !/\/LO(G|G\.old|CK)$/.test(file)
/** What a kill leaves otherwise than a close does. */
const unsettled = (file: string) => /^(head|log\/\d+\.log)$/.test(file)

it('undamaged, both tell everything', () => {
  expect(closed.expected.code).toBeUndefined()
  expect(Object.keys(closed.expected.parts)).toContain('value 3 of prod/db')
  expect(closed.files.filter((file) => /^log\/\d+\.ldb$/.test(file)).length).toBeGreaterThan(1)
  expect(killed.expected.code).toBeUndefined()
  expect(Object.keys(killed.expected.parts)).toContain('value 4 of prod/journal')
  expect(killed.files.filter(unsettled)).toHaveLength(2)
})

describe('a change to any file is noticed, or changes nothing', { timeout }, () => {
  it('a flipped bit', async () => {
    await flipBits(closed, closed.files.filter(counts))
    await flipBits(killed, killed.files.filter(unsettled))
  })

  it('a file cut short', async () => {
    await cutShort(closed, closed.files.filter(counts))
    await cutShort(killed, killed.files.filter(unsettled))
  })

  it('a file that is lost, full of zeros, or longer than it was', async () => {
    for (const base of [closed, killed]) {
      for (const file of base.files) {
        const { length } = await readFile(join(base.path, file))
        const change = (what: string, work: () => Promise<unknown>) =>
          expectNoSilentChange(base, `${file}: ${what}`, work)
        await change('lost', () => rm(join(copy, file)))
        if (!counts(file)) continue
        await change('zeros', () => writeFile(join(copy, file), new Uint8Array(length)))
        await change('longer', () => writeFile(join(copy, file), 'and more', { flag: 'a' }))
      }
    }
  })
})

describe('a part that is put in from elsewhere', () => {
  const put = (from: string, name: string) => async () => {
    await rm(join(copy, name), { recursive: true })
    await cp(join(from, name), join(copy, name), { recursive: true })
  }
  const same = { code: undefined, message: undefined }

  it.each<[string, 'older' | 'other' | 'fork', object]>([
    ['keyring', 'older', { code: 'INTEGRITY', message: expect.stringContaining('an older file') }],
    ['keyring', 'other', { code: 'INTEGRITY', message: expect.stringContaining('another vault') }],
    ['log', 'older', { code: 'INTEGRITY', message: expect.stringContaining('it was cut') }],
    ['log', 'other', { code: 'INTEGRITY', message: expect.stringContaining('no owner made') }],
    ['head', 'older', same],
    ['head', 'other', { code: 'INTEGRITY', message: expect.stringContaining('head file') }],
    ['derived', 'older', same],
    ['derived', 'other', same],
    ['log', 'fork', { code: 'INTEGRITY', message: expect.stringContaining('not those that') }],
    ['head', 'fork', { code: 'INTEGRITY', message: expect.stringContaining('not those that') }],
    ['derived', 'fork', same],
    ['checkpoints-00000000', 'older', same],
    [
      'checkpoints-00000000',
      'other',
      { code: 'INTEGRITY', message: expect.stringContaining('another vault') },
    ],
    [
      'checkpoints-00000000',
      'fork',
      { code: 'INTEGRITY', message: expect.stringContaining('the checkpoint was written for') },
    ],
  ])('%s of %s', async (name, from, outcome) => {
    const { parts, code, message } = await changed(closed, put({ older, other, fork }[from], name))
    expect({ code, message }).toMatchObject(outcome)
    for (const part in parts) expect(parts[part], part).toBe(closed.expected.parts[part])
    if (code !== undefined) return
    expect(Object.keys(parts)).toEqual(Object.keys(closed.expected.parts))
    await checkVault(copy)
  })

  it('all of an older copy opens: a rollback of the whole folder cannot be seen from inside', async () => {
    const { code, parts } = await changed(closed, async () => {
      await rm(copy, { recursive: true })
      await cp(older, copy, { recursive: true })
    })
    expect(code).toBeUndefined()
    expect(Object.keys(parts)).toContain('value 2 of prod/db')
    expect(Object.keys(parts)).not.toContain('value 3 of prod/db')
  })
})
