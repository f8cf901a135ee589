import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { passphrase } from '../../src/index.ts'
import { checkVault } from '../fixtures/check-vault.ts'
import { needlesOf, partBytes } from '../fixtures/needles.ts'

/** Canaries as the host gives them: text, or bytes in hex. */
type Canaries = Readonly<Record<string, string | { readonly hex: string }>>

let parent: string
let folder: string
let output: string
let canaries: ReadonlyMap<string, Buffer>

beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), 'muniment-canary-'))
  folder = join(parent, 'vault')
  const file = join(parent, 'canaries')
  const host = fileURLToPath(new URL('canary-host.mjs', import.meta.url))
  const options = { maxBuffer: 1024 ** 3, encoding: 'latin1' } as const
  const { stdout, stderr } = await promisify(execFile)(
    process.execPath,
    [host, folder, file],
    options,
  )
  output = stdout + stderr
  const written: Canaries = JSON.parse(await readFile(file, 'utf8'))
  canaries = new Map(
    Object.entries(written).map(([name, canary]) => [
      name,
      typeof canary === 'string' ? Buffer.from(canary) : Buffer.from(canary.hex, 'hex'),
    ]),
  )
}, 120_000)

afterAll(() => rm(parent, { recursive: true }))

/** Which canaries a text or file holds, and as what. */
function found(haystack: string): readonly string[] {
  return [...canaries].flatMap(([name, canary]) =>
    needlesOf(canary)
      .filter((needle) => haystack.includes(needle))
      .map((needle) => `${name} as ${needle}`),
  )
}

async function* filesOf(path: string): AsyncGenerator<readonly [string, string]> {
  for (const entry of await readdir(path, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const file = join(entry.parentPath, entry.name)
    yield [file, await readFile(file, 'latin1')]
  }
}

describe('a host that prints everything it gets hold of', () => {
  it('did everything, and nearly everything that can go wrong went wrong', () => {
    expect([...canaries.keys()].sort()).toEqual([
      'bytes',
      'field',
      'file',
      'later',
      'passphrase',
      'recovery',
      'second',
      'string',
      'third',
      'wrong',
    ])
    expect(output.length).toBeGreaterThan(1_000_000)
    expect(output).toContain('[secret]')
    // Nothing else: a raw error would stand here by the name of its class.
    const seen = /codes seen: (.*)/.exec(output)?.[1]
    expect(seen?.split(' ')).toEqual([
      'ABORTED',
      'CLOCK',
      'CLOSED',
      'CONFLICT',
      'DELETED',
      'DESTROYED',
      'EXPIRED',
      'FAILED',
      'INTEGRITY',
      'INVALID',
      'NOT_FOUND',
      'NOT_YET_VALID',
      'TIMEOUT',
      'TOO_LARGE',
      'UNCERTAIN',
      'UNSUPPORTED',
      'WRONG_KEY',
    ])
  })

  it('printed no value, passphrase or recovery key, in whole or in part, in any encoding', () => {
    expect(found(output)).toEqual([])
  })

  it('left none in any file of the vault', async () => {
    let files = 0
    for await (const [file, bytes] of filesOf(folder)) {
      expect(found(bytes), file).toEqual([])
      files++
    }
    expect(files).toBeGreaterThan(10)
    const words = canaries.get('passphrase') ?? Buffer.alloc(0)
    await checkVault(folder, passphrase(words))
  })

  it.each([
    ['text', (canary: Buffer) => `password=${canary.toString('latin1')};`],
    ['a part', (canary: Buffer) => canary.subarray(-2 * partBytes, -5).toString('latin1')],
    ['hex', (canary: Buffer) => `0x00${canary.toString('hex')}`],
    ['base64', (canary: Buffer) => Buffer.concat([Buffer.from('ab'), canary]).toString('base64')],
    ['an inspected buffer', (canary: Buffer) => canary.toString('hex').replace(/../g, '$& ')],
    ['a buffer as JSON', (canary: Buffer) => JSON.stringify(canary)],
  ])('would have been noticed, as %s', (_name, print) => {
    for (const canary of canaries.values()) expect(found(print(canary))).not.toEqual([])
  })
})
