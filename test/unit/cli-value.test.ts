import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import type { Cli } from '../../src/cli/cli.ts'
import { type MetaFlags, readMetaFlags } from '../../src/cli/meta.ts'
import { collect, integer, integers } from '../../src/cli/program.ts'
import { generator, readValue } from '../../src/cli/value.ts'

const folder = mkdtempSync(join(tmpdir(), 'muniment-cli-value-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function file(content: string | Uint8Array): string {
  const path = join(folder, 'value')
  writeFileSync(path, content, { mode: 0o600 })
  return path
}

describe('readValue', () => {
  it.each([
    ['text to the byte, its newline too', 'hunter2\n', 'hunter2\n'],
    ['an empty text', '', ''],
    ['a byte order mark', '\ufeffx', '\ufeffx'],
  ])('takes %s', async (_, content, expected) => {
    await expect(readValue({ fromFile: file(content) })).resolves.toBe(expected)
  })

  it('takes what is not UTF-8 as bytes', async () => {
    const bytes = Uint8Array.of(0xff, 0x00, 0x0a)
    await expect(readValue({ fromFile: file(bytes) })).resolves.toEqual(Buffer.from(bytes))
  })

  it('takes an object of fields', async () => {
    const fromFile = file('{"user":"app","port":5432,"hosts":["a"]}\n')
    await expect(readValue({ fromFile, jsonValue: true })).resolves.toEqual({
      user: 'app',
      port: 5432,
      hosts: ['a'],
    })
  })

  it.each(['hunter2', '"hunter2"', '["hunter2"]', 'null', '7', '{"password":hunter2}', ''])(
    'refuses %j as fields, and does not say what it read',
    async (content) => {
      const refusal = readValue({ fromFile: file(content), jsonValue: true })
      await expect(refusal).rejects.toThrow(/^--json-value: (?!.*hunter2)/)
    },
  )

  it('takes no more than could be a secret', async () => {
    const fromFile = file(Buffer.alloc(2 * 1024 * 1024 + 1))
    await expect(readValue({ fromFile })).rejects.toThrow(
      `${fromFile} is larger than a secret can be (1 MiB)`,
    )
  })

  it('says why a file cannot be read', async () => {
    const missing = join(folder, 'missing')
    await expect(readValue({ fromFile: missing })).rejects.toThrow(
      `${missing} cannot be read: ENOENT`,
    )
    await expect(readValue({ fromFile: folder })).rejects.toThrow(
      `${folder} cannot be read: EISDIR`,
    )
  })

  it('has one source', async () => {
    const both = { fromFile: file('x'), generate: generator('hex') }
    await expect(readValue(both)).rejects.toThrow('give one of --from-file and --generate')
  })
})

describe('generator', () => {
  it.each([
    ['password', /^[ -~]{32}$/],
    ['password:20', /^[ -~]{20}$/],
    ['hex:16', /^[0-9a-f]{32}$/],
    ['base64:32', /^[\w+/-]{43}=?$/],
  ])('%s', async (spec, expected) => {
    expect(await readValue({ generate: generator(spec) })).toMatch(expected)
  })

  it('makes both halves of an SSH key', async () => {
    expect(await readValue({ generate: generator('ed25519') })).toEqual({
      privateKey: expect.stringContaining('PRIVATE KEY-----'),
      publicKey: expect.stringContaining('PUBLIC KEY-----'),
      sshPublicKey: expect.stringMatching(/^ssh-ed25519 /),
    })
  })

  it.each(['', 'pin', 'hex:16:1', ':32', 'Password', '__proto__'])('refuses %j', (spec) => {
    expect(() => generator(spec)).toThrow(
      `--generate: expected password:32, hex:32, base64:32 or ed25519, found ${JSON.stringify(spec)}`,
    )
  })

  it.each(['hex:', 'hex:x', 'hex:-1', 'hex:1e2'])('refuses the size of %s', (spec) => {
    expect(() => generator(spec)).toThrow('expected a whole number')
  })
})

describe('numbers', () => {
  it('are whole', () => {
    expect(integer('0')).toBe(0)
    expect(integer('41007')).toBe(41_007)
    expect(integers('1')).toEqual([1])
    expect(integers('2,3', [1])).toEqual([1, 2, 3])
  })

  it.each(['', ' 1', '-1', '+1', '1.5', '1e3', '0x10', '٣', 'Infinity', '9007199254740992'])(
    'are not %j',
    (text) => {
      expect(() => integer(text)).toThrow('expected a whole number')
      expect(() => integers(`1,${text}`)).toThrow('expected a whole number')
    },
  )

  it('and texts are collected in the order given', () => {
    expect(collect('b', collect('a'))).toEqual(['a', 'b'])
  })
})

describe('readMetaFlags', () => {
  const now = Date.parse('2026-11-24T20:15:36Z')
  const cli = { globals: { tz: 'Europe/Berlin' }, now } as Cli
  const read = (flags: MetaFlags) => readMetaFlags(flags, cli)

  it('says nothing where nothing was said', () => {
    expect(read({})).toEqual({})
    expect(read({ casRequired: false })).toEqual({})
  })

  it('takes what was said', () => {
    const said = {
      type: 'api_key',
      description: '',
      owner: 'team/pay',
      rotateEvery: 1000,
      maxVersions: 3,
      casRequired: true,
    } as const
    expect(read(said)).toEqual(said)
  })

  it('reads a day as its end for an expiry and as its start for a beginning, in the zone', () => {
    expect(read({ expires: '2027-01-31', notBefore: '2027-01-31' })).toEqual({
      expiresAt: new Date('2027-01-31T22:59:59.999Z'),
      notBefore: new Date('2027-01-30T23:00:00.000Z'),
    })
  })

  it('reads a duration as that long from now', () => {
    expect(read({ expires: '90d', notBefore: '1h' })).toEqual({
      expiresAt: new Date('2027-02-22T20:15:36.000Z'),
      notBefore: new Date('2026-11-24T21:15:36.000Z'),
    })
  })

  it('reads tags, whose values may hold a =', () => {
    expect(read({ tag: ['team=pay', 'query=a=b', 'empty='] })).toEqual({
      tags: { team: 'pay', query: 'a=b', empty: '' },
    })
  })

  it.each(['prod/db', '=x', ''])('refuses the tag %j', (tag) => {
    expect(() => read({ tag: [tag] })).toThrow(
      expect.objectContaining({
        message: `--tag: expected key=value, found ${JSON.stringify(tag)}`,
        hint: 'put PATH before --tag',
      }),
    )
  })

  it('takes how long each value lasts', () => {
    expect(read({ expireAfter: 43_200_000 })).toEqual({ expireAfter: 43_200_000 })
    expect(read({ clear: ['expire-after'] })).toEqual({ expireAfter: null })
  })

  it('takes away what is to be cleared, and what is said in the same call wins', () => {
    const clear = ['description', 'tag', 'expires', 'rotate-every', 'cas-required'] as const
    expect(read({ clear, description: 'x' })).toEqual({
      description: 'x',
      tags: null,
      expiresAt: null,
      rotateEvery: null,
      casRequired: null,
    })
  })
})
