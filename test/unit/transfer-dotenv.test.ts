import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse } from 'dotenv'
import { describe, expect, it } from 'vitest'
import { simpleEntry } from '../../src/transfer/admit.ts'
import { formatDotenv } from '../../src/transfer/dotenv-export.ts'
import { parseTransfer } from '../../src/transfer/parse.ts'
import { fixture, parseText, valuesOf } from '../fixtures/transfer/files.ts'

describe('a .env file', () => {
  it('gives what dotenv reads of it, and reports what dotenv passes over', () => {
    const parsed = parseTransfer(fixture('app.env'), { format: 'dotenv', prefix: 'prod/app' })
    expect(valuesOf(parsed)).toEqual({
      'prod/app/DB_HOST': 'db.example.invalid',
      'prod/app/DB_PASSWORD': 'fake password # one',
      'prod/app/DB_PASSWORD_OLD': 'fake\npassword',
      'prod/app/TICKS': `it's "fake"`,
      'prod/app/EMPTY': '',
      'prod/app/cut': 'before',
      'prod/app/PEM': '-----BEGIN FAKE KEY-----\nZmFrZQ==\n# not a comment\n-----END FAKE KEY-----',
      'prod/app/TWICE': 'fake-second',
      'prod/app/yaml.style': 'fake-colon',
      // biome-ignore lint/suspicious/noTemplateCurlyInString: what the file says
      'prod/app/REFERENCE': '${DB_HOST}/fake',
      'prod/app/WINDOWS': 'C:\\fake\\',
    })
    expect(parsed.skipped).toEqual([
      { row: 'line 9', reason: 'expected NAME=value' },
      { row: 'line 10', reason: 'its name comes again on line 15, which holds' },
      { row: 'line 16', reason: 'its quote is not closed' },
      { row: 'line 20', reason: 'path: expected no segment ".."' },
    ])
    expect(new Set(parsed.entries.map(({ meta }) => meta.type))).toEqual(new Set(['generic']))
  })

  it('says of each value what dotenv says of the whole file', () => {
    const whole = parse(fixture('app.env'))
    // Those that are reported above.
    for (const name of ['OPEN', '..']) delete whole[name]
    const parsed = parseTransfer(fixture('app.env'), { format: 'dotenv' })
    expect(valuesOf(parsed)).toEqual(whole)
  })

  it.each(['\r\n', '\r', '\n'])('may break its lines with %j', (end) => {
    const text = ['A=fake-a', 'B="fake', 'b" # c', "C='fake-c'", 'broken', ''].join(end)
    const parsed = parseText('dotenv', text)
    expect(valuesOf(parsed)).toEqual({ A: 'fake-a', B: 'fake\nb', C: 'fake-c' })
    expect(parsed.skipped).toEqual([{ row: 'line 5', reason: 'expected NAME=value' }])
  })

  it.each([
    ['A=1\nB:"x\nC=2\nD:"\n', { A: '1', C: '2' }, ['line 2', 'line 4']],
    ["A='fake\\'\nB='#'\n", { A: "fake\\'\nB=" }, []],
    ["A='fake\\'\nB='x'\n", { A: 'fake\\', B: 'x' }, []],
    ["A=\n\n'fake\nb'\nB=\nC=z", { A: 'fake\nb', B: '', C: 'z' }, []],
    ["A=\n'fake\nC=z", { A: '', C: 'z' }, ['line 2']],
    ["A=fake\nA='fake\nC=z", { C: 'z' }, ['line 1', 'line 2']],
    ['A="b" c\n', { A: '"b" c' }, []],
    ['A="x"\u2028B=y\nC=z', { C: 'z' }, ['line 1']],
    ['# c\u2028B=y\nC=z', { C: 'z' }, ['line 1']],
    ['A\n=b\nC=z', { C: 'z' }, ['line 1', 'line 2']],
    ['__proto__=x\nC=z', { C: 'z' }, ['line 1']],
    [`A=${'x'.repeat(2 ** 21)}\nC=z`, { C: 'z' }, ['line 1']],
    [`A=${'x'.repeat(2 ** 20 + 1)}\nC=z`, { C: 'z' }, ['line 1']],
  ])('is read row by row: %#', (text, values, rows) => {
    const parsed = parseText('dotenv', text)
    expect(valuesOf(parsed)).toEqual(values)
    expect(parsed.skipped.map(({ row }) => row)).toEqual(rows)
  })

  it('is refused where none of its lines is a row', () => {
    expect(() => parseText('dotenv', '{"fake": 1}\n\n# c\nfake\n')).toThrow(
      expect.objectContaining({
        code: 'INVALID',
        message: 'dotenv file: expected lines of NAME=value, found none in 2',
      }),
    )
  })

  it('may be empty', () => {
    expect(parseText('dotenv', '\n# nothing\n')).toEqual({ entries: [], skipped: [] })
  })
})

/** What each value is to a program that a POSIX shell starts with the file sourced. */
function shellReads(text: string, names: readonly string[]): Record<string, string> {
  const folder = mkdtempSync(join(tmpdir(), 'muniment-dotenv-'))
  try {
    writeFileSync(join(folder, 'app.env'), text)
    const print = `${JSON.stringify(process.execPath)} -e "process.stdout.write(JSON.stringify(process.env))"`
    const out = execFileSync('/bin/sh', ['-c', `set -a; . ./app.env; ${print}`], { cwd: folder })
    const env = JSON.parse(out.toString())
    return Object.fromEntries(names.map((name) => [name, env[name]]))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

describe('formatDotenv', () => {
  const entry = simpleEntry

  it('takes the newest version, names it by its path below the prefix, and quotes it', () => {
    const versions = [{ value: 'fake-old' }, { value: "fake's newest" }]
    const entries = [
      { ...entry('prod/app/db-password', ''), versions },
      entry('prod/app/2nd/größe', Buffer.from('fäke')),
    ]
    const expected = `db_password="fake's newest"\n_2nd_gr__e='fäke'\n`
    for (const prefix of ['prod/app', 'prod/app/']) {
      expect(formatDotenv(entries, { prefix })).toEqual({ text: expected, skipped: [] })
    }
  })

  it.each([
    ['', 'prod_app_x'],
    ['pro', 'prod_app_x'],
    ['prod/a', 'app_x'],
    ['prod/app', 'x'],
    ['prod/app/x', 'x'],
  ])('with prefix %j names prod/app/x %s', (prefix, name) => {
    const { text } = formatDotenv([entry('prod/app/x', 'fake')], { prefix })
    expect(text).toBe(`${name}='fake'\n`)
  })

  it('skips what it cannot say, and says why', () => {
    const unquotable = 'no quotes make dotenv and a shell both read its value back'
    const { text, skipped } = formatDotenv(
      [
        entry('fields', { user: 'fake' }),
        entry('bytes', Buffer.from([0xff])),
        entry('a-b', 'fake-1'),
        entry('a.b', 'fake-2'),
        entry('PPID', 'fake'),
        entry('slash', 'fake\\'),
        entry('both', `fake's "quotes"`),
        entry('cr', 'fake\rcr'),
        entry('nul', 'fake\0nul'),
        entry('good', 'fake'),
      ],
      { prefix: '' },
    )
    expect(text).toBe("good='fake'\n")
    expect(skipped).toEqual([
      { row: 'fields', reason: 'it holds fields' },
      { row: 'bytes', reason: 'it holds bytes that are not UTF-8' },
      { row: 'a-b', reason: 'its name, a_b, is also that of a.b' },
      { row: 'a.b', reason: 'its name, a_b, is also that of a-b' },
      { row: 'PPID', reason: 'its name, PPID, is not free for a variable' },
      { row: 'slash', reason: unquotable },
      { row: 'both', reason: unquotable },
      { row: 'cr', reason: unquotable },
      { row: 'nul', reason: unquotable },
    ])
  })

  it('is read back by dotenv and by a shell, whatever a value holds', () => {
    const values = [
      '',
      ' fake ',
      'fake\nlines\n\nX=y\n',
      '# fake',
      '$HOME `id` $(id) "quoted" \\n \\" fake',
      "it's fake #",
      "'fake'",
      'fake\tÁ€😀\u0081\u2028',
      '!fake!',
      '~/fake',
    ]
    const entries = values.map((value, at) => entry(`V${at}`, value))
    const { text, skipped } = formatDotenv(entries, { prefix: '' })
    expect(skipped).toEqual([])
    const expected = Object.fromEntries(values.map((value, at) => [`V${at}`, value]))
    expect(parse(text)).toEqual(expected)
    expect(shellReads(text, Object.keys(expected))).toEqual(expected)
    expect(valuesOf(parseText('dotenv', text))).toEqual(expected)
  })
})
