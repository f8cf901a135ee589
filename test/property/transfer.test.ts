import { fc, test } from '@fast-check/vitest'
import { parse } from 'dotenv'
import { describe, expect, it } from 'vitest'
import { VaultError } from '../../src/errors.ts'
import { checkPath } from '../../src/events/path.ts'
import { decodeValue, encodeValue } from '../../src/keys/value.ts'
import { simpleEntry } from '../../src/transfer/admit.ts'
import { formatDotenv } from '../../src/transfer/dotenv-export.ts'
import type { TransferEntry } from '../../src/transfer/entry.ts'
import { formatJson } from '../../src/transfer/json-export.ts'
import { parseJson } from '../../src/transfer/json-text.ts'
import { type ImportFormat, parseTransfer } from '../../src/transfer/parse.ts'
import { foreignPath, foreignPathOf } from '../../src/transfer/paths.ts'
import { files, fixture, parseText, valuesOf } from '../fixtures/transfer/files.ts'

const wellFormed = fc
  .string({ unit: 'binary', maxLength: 20 })
  .filter((text) => text.isWellFormed())
const tricky = fc
  .array(fc.constantFrom("'", '"', '`', '\\', '$', '#', '=', '\n', '\r', ' ', 'A', 'é', '\\n'), {
    maxLength: 12,
  })
  .map((parts) => parts.join(''))

describe('dotenv', () => {
  const values = fc.array(fc.oneof(tricky, wellFormed), { minLength: 1, maxLength: 5 })

  test.prop([values], { numRuns: 1500 })('reads every value back that it writes', (values) => {
    const entries = values.map((value, at) => simpleEntry(`V${at}`, value))
    const { text, skipped } = formatDotenv(entries, { prefix: '' })
    const gone = new Set(skipped.map(({ row }) => row))
    const kept = entries.filter(({ path }) => !gone.has(path))
    const expected = valuesOf({ entries: kept, skipped: [] })
    expect(parse(text)).toEqual(expected)
    expect(valuesOf(parseText('dotenv', text))).toEqual(expected)
  })

  /** Rows as a person writes them, each of which dotenv reads as one. */
  const row = fc
    .tuple(fc.constantFrom('A', 'B', 'C.d', 'export E'), fc.constantFrom("'", '"', '`', ''), tricky)
    .map(([name, quote, text]) => `${name}=${quote}${text}${quote}`)
    .filter((row) => Object.keys(parse(row)).length === 1 && !/[\n\r]\s*[=:]/.test(row))

  test.prop([row], { numRuns: 1500 })(
    'reads of a row what dotenv does, or says that it does not',
    (row) => {
      const whole = parse(row)
      const text = `${row}\nZ=fake`
      const read = valuesOf(parseText('dotenv', text))
      const [name = ''] = Object.keys(whole)
      if (name in read && parse(text)[name] === whole[name]) expect(read[name]).toBe(whole[name])
      if (!(name in read)) expect(parseText('dotenv', text).skipped).not.toEqual([])
    },
  )
})

describe('our export', () => {
  const name = fc.string({ minLength: 1, maxLength: 10 }).filter((text) => text !== '__proto__')
  const json = fc
    .jsonValue({ maxDepth: 3, noUnicodeString: false })
    .filter(
      (value) => !/__proto__/.test(JSON.stringify(value)) && JSON.stringify(value).isWellFormed(),
    )
  const value = fc.oneof(
    wellFormed,
    fc.uint8Array({ maxLength: 40 }),
    fc.dictionary(name, json, { maxKeys: 4 }),
  )
  const time = fc.integer({ min: 0, max: 253_402_300_799_999 })
  const version = fc.record(
    { value, expiresAt: time, notBefore: time },
    { requiredKeys: ['value'] },
  )
  const meta = fc.record(
    {
      type: fc.constantFrom('generic', 'api_key', 'ssh_key'),
      description: wellFormed,
      owner: wellFormed,
      tags: fc.dictionary(name, wellFormed, { maxKeys: 3 }),
      rotateEvery: fc.integer({ min: 1, max: 1e12 }),
      maxVersions: fc.integer({ min: 1, max: 1_000_000 }),
      casRequired: fc.boolean(),
    },
    { requiredKeys: ['type'] },
  )
  const entry = fc.record({
    path: fc.stringMatching(/^[a-z]{1,4}(\/[a-z]{1,4}){0,3}$/),
    meta,
    versions: fc.array(version, { minLength: 1, maxLength: 3 }),
  })
  const sound = ({ versions }: { versions: { notBefore?: number; expiresAt?: number }[] }) =>
    versions.every(
      ({ notBefore = 0, expiresAt = Number.POSITIVE_INFINITY }) => notBefore < expiresAt,
    )
  const entries = fc.uniqueArray(entry.filter(sound), {
    selector: ({ path }) => path,
    maxLength: 4,
  })

  /** As a vault gives a value back: the same of -0, and of an object without a prototype. */
  function kept(entries: readonly TransferEntry[]) {
    return entries.map((entry) => ({
      ...entry,
      versions: entry.versions.map((each) => ({
        ...each,
        value: decodeValue(encodeValue(each.value)),
      })),
    }))
  }

  test.prop([entries], { numRuns: 500 })('is read back as it was written', (entries) => {
    const given = entries as unknown as TransferEntry[]
    const text = formatJson(given, { vaultId: 'v', position: 1 })
    const parsed = parseText('json', text)
    expect(parsed.skipped).toEqual([])
    expect(kept(parsed.entries)).toEqual(kept(given))
  })
})

describe('JSON', () => {
  test.prop([fc.json({ maxDepth: 6, noUnicodeString: false })], { numRuns: 2000 })(
    'reads as JSON.parse reads it, numbers that are rounded apart',
    (text) => {
      const read = JSON.stringify(parseJson(text, 'json'))
      expect(JSON.parse(read)).toEqual(JSON.parse(text))
    },
  )

  test.prop([fc.json(), fc.nat(), fc.string({ maxLength: 2 })], { numRuns: 1500 })(
    'is refused where JSON.parse refuses it',
    (text, at, put) => {
      const from = at % (text.length + 1)
      const mutated = text.slice(0, from) + put + text.slice(from + 1)
      let parsed: unknown
      try {
        parsed = JSON.parse(mutated)
      } catch {
        expect(() => parseJson(mutated, 'json')).toThrow(VaultError)
        return
      }
      let read: string
      try {
        read = JSON.stringify(parseJson(mutated, 'json'))
      } catch (error) {
        // The one way in which it is stricter.
        expect(error).toMatchObject({ message: expect.stringContaining('found one twice') })
        return
      }
      // A number that is rounded shows as null.
      if (!read.includes('null')) expect(read).toBe(JSON.stringify(parsed))
    },
  )
})

describe('foreign names', () => {
  const name = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }), fc.string())

  test.prop([name, name], { numRuns: 1500 })(
    'become paths, or too long for one',
    (folder, item) => {
      for (const path of [foreignPath(folder, item), foreignPathOf(folder)]) {
        try {
          expect(checkPath(path)).toBe(path)
        } catch (error) {
          expect(error).toMatchObject({ code: 'TOO_LARGE' })
        }
      }
    },
  )
})

/** What of a fixture is a value: it may be nowhere in what is said of the file. */
const canaries = /fake|FAKE|ZmFrZQ|5432|0000000000000000/

function saidOf(bytes: Uint8Array, format: ImportFormat): string {
  try {
    return JSON.stringify(parseTransfer(bytes, { format }).skipped)
  } catch (error) {
    if (!(error instanceof VaultError)) throw error
    expect(error.cause).toBeUndefined()
    return error.message
  }
}

describe.each(files)('$name, changed at random', ({ format, name }) => {
  const original = fixture(name)
  const edit = fc.record({
    at: fc.nat({ max: original.length }),
    cut: fc.nat({ max: 12 }),
    put: fc.oneof(
      fc.constantFrom('"', '{', '}', '[', ']', ',', ':', '\n', "'", '\\', '#', '=', 'null', '-1'),
      fc.string({ maxLength: 3 }),
    ),
  })

  test.prop([fc.array(edit, { minLength: 1, maxLength: 3 })], { numRuns: 200 })(
    'is refused by our errors alone, and never by its content',
    (edits) => {
      let bytes: Uint8Array = original
      for (const { at, cut, put } of edits) {
        const [before, after] = [bytes.subarray(0, at), bytes.subarray(at + cut)]
        bytes = Buffer.concat([before, Buffer.from(put), after])
      }
      expect(saidOf(bytes, format)).not.toMatch(canaries)
    },
  )

  it('cut short anywhere, is refused by our errors alone', () => {
    for (let length = 0; length < original.length; length += 7) {
      expect(saidOf(original.subarray(0, length), format)).not.toMatch(canaries)
    }
  })
})

describe('a file made to take long', () => {
  const deep = '{"a":'.repeat(1_000_000)
  const wide = `{"${'n'.repeat(1_000_000)}":{${Array.from({ length: 10_000 }, (_, i) => `"${i}":{"k":1}`).join()}}}`
  const same = `{"items":[{"type":2,"name":"a","fields":[${Array.from({ length: 30_000 }, () => '{"name":"x","value":"y"}').join()}]}]}`
  it.each([
    ['lists', '['.repeat(5_000_000)],
    ['objects', deep],
    ['a huge name above many', wide],
    ['custom fields of one name', same],
    ['empty lines', '\n'.repeat(1_000_000)],
    ['spaces', ' '.repeat(5_000_000)],
    ['unclosed quotes', `A='x\nB="x\nC=\`x\n`.repeat(10_000)],
    ['an unclosed quote before escaped ones', `A='${"\\' \n".repeat(200_000)}`],
    ['a name without an end', 'A'.repeat(5_000_000)],
    ['digits', `{"a":${'1'.repeat(5_000_000)}}`],
    ['escapes', `{"a":"${'\\u0061'.repeat(1_000_000)}"}`],
  ])('does not: %s', (_, text) => {
    const bytes = Buffer.from(text)
    for (const format of ['dotenv', 'json', 'vault-kv', 'bitwarden'] as const) {
      const start = performance.now()
      saidOf(bytes, format)
      expect(performance.now() - start).toBeLessThan(5000)
    }
  })
})
