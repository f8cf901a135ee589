import { describe, expect, test } from 'vitest'
import { rulesOfText } from '../../src/http/policy-text/policy-text.ts'
import { VaultError } from '../../src/index.ts'

const rulesIn = (text: string) => rulesOfText(text, { mount: 'secret' })
const readProd = [{ effect: 'allow', capabilities: ['read'], paths: ['prod/**'] }]

function refused(text: string): string {
  try {
    return JSON.stringify(rulesIn(text))
  } catch (error) {
    if (!(error instanceof VaultError)) throw error
    expect(error.code).toBe('INVALID')
    return error.message
  }
}

describe('HCL', () => {
  test.each([
    ['on one line', 'path "secret/data/prod/*" { capabilities = ["read"] }'],
    ['without spaces', 'path"secret/data/prod/*"{capabilities=["read"]}'],
    ['with a comma behind all', 'path "secret/data/prod/*" { capabilities = ["read",], }'],
    ['over lines', 'path\n"secret/data/prod/*"\n{\r\n\tcapabilities\n=\n[\n"read"\n,\n]\n}\n'],
    ['with its words quoted', '"path" "secret/data/prod/*" { "capabilities" = ["read"] }'],
    ['with a name', 'name = "dev"\npath "secret/data/prod/*" { capabilities = ["read"] }'],
    [
      'with a comment of its own',
      'path "secret/data/prod/*" { comment = "why" capabilities = ["read"] }',
    ],
    [
      'with comments',
      '# one { "\n// two\n/* three\n*/path/**/"secret/data/prod/*" { # four\ncapabilities = [/* " */"read" // five\n] } #',
    ],
    ['with escapes', 'path "secret\\u002fdata/pr\\u006fd/*" { capabilities = ["re\\u0061d"] }'],
    [
      'with a word that comes twice',
      'path "secret/data/prod/*" { capabilities = ["read", "read"] }',
    ],
  ])('%s', (_, text) => {
    expect(rulesIn(text)).toEqual(readProd)
  })

  test.each([
    ['deny', ['read', 'write', 'rotate', 'delete'], 'deny'],
    ['read', ['read'], 'allow'],
    ['write', ['read', 'write', 'delete'], 'allow'],
    ['sudo', ['read', 'write', 'delete'], 'allow'],
  ])('the older shorthand: policy = "%s"', (word, capabilities, effect) => {
    const rules = [{ effect, capabilities, paths: ['a'] }]
    expect(rulesIn(`path "secret/data/a" { policy = "${word}" }`)).toEqual(rules)
  })

  test('the shorthand and a list go together', () => {
    const text = 'path "secret/data/a" { policy = "read" capabilities = ["delete"] }'
    expect(rulesIn(text)).toEqual([
      { effect: 'allow', capabilities: ['read', 'delete'], paths: ['a'] },
    ])
  })

  test.each([
    ['nothing', ''],
    ['white space', ' \n\t\r\n'],
    ['comments', '# none\n/* none */ // none'],
    ['a path that allows nothing', 'path "secret/data/a" {}'],
  ])('%s allows nothing', (_, text) => {
    expect(rulesIn(text)).toEqual([])
  })

  const words = 'create, read, update, patch, delete, list, scan, sudo, deny'
  const stray = (name: string) =>
    `expected capabilities, policy or comment, found "${name}": ` +
    'a restriction that cannot be kept here is not passed over'
  test.each([
    ['path', '1, column 5: expected a path in quotation marks, found the end of the text'],
    ['path secret', '1, column 6: expected a path in quotation marks, found "secret"'],
    ['path "a"', '1, column 9: expected "{", found the end of the text'],
    ['path "a" = {}', '1, column 10: expected "{", found "="'],
    ['path "a" "b" {}', '1, column 10: expected "{", found "\\""'],
    ['path "a" {', '1, column 11: expected a field or "}", found the end of the text'],
    ['path "a" { = }', '1, column 12: expected a field or "}", found "="'],
    ['path "a" { capabilities ["read"] }', '1, column 25: expected "=", found "["'],
    ['path "a" {\n  capabilities = "read"\n}', '2, column 18: expected a list of capabilities'],
    [
      'path "a" {\n  capabilities = read\n}',
      '2, column 18: expected a string or a list of strings, found "read"',
    ],
    ['path "a" {\n  capabilities = ["read" "list"]\n}', '2, column 26: expected "]", found "\\""'],
    ['path "a" {\n  capabilities = [1]\n}', '2, column 19: expected a string or "]", found "1"'],
    ['path "a" {\n  capabilities = [,]\n}', '2, column 19: expected a string or "]", found ","'],
    [
      'path "a" {\n  capabilities = [["read"]]\n}',
      '2, column 19: expected a string or "]", found "["',
    ],
    [
      'path "a" { capabilities = ["read", "rename"] }',
      `1, column 36: expected one of ${words}, found "rename"`,
    ],
    [
      'path "a" { capabilities = ["Read"] }',
      `1, column 28: expected one of ${words}, found "Read"`,
    ],
    [
      'path "a" {\n  capabilities = ["read"]\n  capabilities = ["list"]\n}',
      '3, column 3: expected capabilities once for each path',
    ],
    ['path "a" { policy = ["read"] }', '1, column 21: expected a string'],
    [
      'path "a" { policy = "admin" }',
      '1, column 21: expected one of deny, read, write, sudo, found "admin"',
    ],
    [
      'path "a" {\n  allowed_parameters = {\n    "x" = []\n  }\n}',
      `2, column 3: ${stray('allowed_parameters')}`,
    ],
    [
      'path "a" { denied_parameters = { "*" = [] } }',
      `1, column 12: ${stray('denied_parameters')}`,
    ],
    ['path "a" { required_parameters = ["x"] }', `1, column 12: ${stray('required_parameters')}`],
    ['path "a" { min_wrapping_ttl = "1s" }', `1, column 12: ${stray('min_wrapping_ttl')}`],
    ['path "a" { max_wrapping_ttl = 90 }', `1, column 12: ${stray('max_wrapping_ttl')}`],
    ['path "a" { control_group = {} }', `1, column 12: ${stray('control_group')}`],
    ['path "a" { mfa_methods = ["x"] }', `1, column 12: ${stray('mfa_methods')}`],
    ['path "a" { expiration = "2030-01-01" }', `1, column 12: ${stray('expiration')}`],
    ['path "a" { pagination_limit = 3 }', `1, column 12: ${stray('pagination_limit')}`],
    ['path "a" { Capabilities = ["read"] }', `1, column 12: ${stray('Capabilities')}`],
    ['paths "a" {}', '1, column 1: expected "path", found "paths"'],
    ['{{ path', '1, column 2: expected the name of a member, found "{"'],
    ['[]', '1, column 1: expected "path", found "["'],
    ['name "x"', '1, column 6: expected "=", found "\\""'],
    [
      'path "a" { comment = <<EOT\nx\nEOT\n}',
      '1, column 22: expected a string in quotation marks, found a heredoc',
    ],
    ['path "a\nb" {}', '1, column 6: expected the string to end on its line'],
    ['path "a', '1, column 6: expected the string to end on its line'],
    [
      'path "a\\',
      '1, column 8: expected an escape of \\" \\\\ \\n \\r \\t or \\u with four hex digits',
    ],
    [
      'path "\\x41" {}',
      '1, column 7: expected an escape of \\" \\\\ \\n \\r \\t or \\u with four hex digits',
    ],
    [
      'path "\\u12" {}',
      '1, column 7: expected an escape of \\" \\\\ \\n \\r \\t or \\u with four hex digits',
    ],
    [
      'path "secret/data/$'.concat('{env}" {}'),
      '1, column 19: expected a string as it is meant, found an interpolation',
    ],
    ['\n\n  /* never', '3, column 3: expected the comment to end'],
    ['\u{feff}path "a" {}', '1, column 1: expected "path", found "\\ufeff"'],
    ['päth', '1, column 1: expected "path", found "p"'],
    ['💥', '1, column 1: expected "path", found "\\ud83d\\udca5"'],
    [
      '# é 💥\r\npath "secret/data/a" {\r\n\tcapabilities = [ "\u001b[31m" ] }',
      `3, column 19: expected one of ${words}, found "\\u001b[31m"`,
    ],
  ])('refused: %j', (text, message) => {
    expect(refused(text)).toBe(`line ${message}`)
  })

  test('a long word is not told in full', () => {
    const word = 'x'.repeat(5000)
    const message = `expected "path", found "${'x'.repeat(64)}…"`
    expect(refused(word)).toBe(`line 1, column 1: ${message}`)
    const text = `path "${word}" { capabilities = ["read"] }`
    expect(refused(text).length).toBeLessThan(250)
  })
})

describe("Vault's JSON", () => {
  test.each([
    ['an object of paths', '{"path":{"secret/data/prod/*":{"capabilities":["read"]}}}'],
    ['a list of such objects', '{"path":[{"secret/data/prod/*":{"capabilities":["read"]}}]}'],
    ['fields in a list', '{"path":{"secret/data/prod/*":[{"capabilities":["read"]}]}}'],
    [
      'with a name, and space around all',
      ' \n{ "name" : "x" , "path" : { "secret/data/prod/*" : { "policy" : "read" } } }\n ',
    ],
    ['with escapes', '{"path":{"secret\\/data/pr\\u006fd/*":{"capabilities":["read"]}}}'],
  ])('%s', (_, text) => {
    expect(rulesIn(text)).toEqual(readProd)
  })

  test('allows nothing where it names no path', () => {
    for (const text of ['{}', '{"path":{}}', '{"path":[]}']) expect(rulesIn(text)).toEqual([])
  })

  test.each([
    ['{', '1, column 2: expected the name of a member, found the end of the text'],
    ['{"path"', '1, column 8: expected ":", found the end of the text'],
    ['{"path":', '1, column 9: expected a value, found the end of the text'],
    ['{"path":{}', '1, column 11: expected "," or "}", found the end of the text'],
    ['{"path":{}} x', '1, column 13: expected the end of the text, found "x"'],
    ['{"path":{},}', '1, column 12: expected the name of a member, found "}"'],
    ['{"path":[}', '1, column 10: expected a value, found "}"'],
    ['{"path":[{}', '1, column 12: expected "," or "]", found the end of the text'],
    ['{"path":{},\n "path":{}}', '2, column 2: expected members of different names'],
    ['{"path":1}', '1, column 9: expected an object from paths to fields'],
    ['{"path":[1]}', '1, column 10: expected an object'],
    ['{"path":{"a":true}}', '1, column 14: expected an object'],
    ['{"path":{"a":[]}}', '1, column 14: expected an object'],
    ['{"path":{"a":[{},{}]}}', '1, column 18: expected one object for each path'],
    ['{"path":{"a":{"capabilities":"read"}}}', '1, column 30: expected a list of capabilities'],
    ['{"path":{"a":{"capabilities":[null]}}}', '1, column 31: expected a capability as a string'],
    [
      '{"path":{"a":{"allowed_parameters":{}}}}',
      '1, column 15: expected capabilities, policy or comment, found "allowed_parameters": ' +
        'a restriction that cannot be kept here is not passed over',
    ],
    ['{"name":1}', '1, column 9: expected a string'],
    ['{"Path":{}}', '1, column 2: expected "path" or "rules", found "Path"'],
    ['{"path":"a\nb"}', '1, column 9: expected the string to end on its line'],
    ['{"path":"\\x"}', '1, column 9: expected a string whose escapes are those of JSON'],
    ['{"path":01}', '1, column 9: expected a value, found "01"'],
    [`${'{"path":'.repeat(9)}`, '1, column 65: expected nesting at most 8 deep'],
    [
      '{"path":{"secret/data/a*":{"capabilities":["read"]}}}',
      '1, column 10: "secret/data/a*": expected "*" as a segment of its own, since rules go by ' +
        'whole segments; write "secret/data/a/*", or each path that is meant',
    ],
  ])('refused: %j', (text, message) => {
    expect(refused(text)).toBe(`line ${message}`)
  })
})

describe('our own JSON', () => {
  test('is taken as it is', () => {
    const text = '{"rules":[{"paths":["prod/**"],"effect":"deny","capabilities":["audit","keys"]}]}'
    expect(rulesIn(text)).toEqual([
      { effect: 'deny', capabilities: ['audit', 'keys'], paths: ['prod/**'] },
    ])
  })

  const rule = (members: string) => `{"rules":[{${members}}]}`
  const known =
    'read, list, describe, write, rotate, annotate, delete, destroy, purge, audit, report, policy, token, keys'
  test.each([
    ['{"rules":{}}', '1, column 10: expected a list'],
    ['{"rules":[1]}', '1, column 11: expected a rule as an object'],
    ['{"rules":[],"path":{}}', '1, column 13: expected rules alone, found "path"'],
    ['{"path":{},"rules":[]}', '1, column 2: expected rules alone, found "path"'],
    [rule('"effect":"allow"'), '1, column 11: expected the rule to have capabilities'],
    [rule('"role":"x"'), '1, column 12: expected effect, capabilities, paths, found "role"'],
    [
      rule('"effect":"permit","capabilities":["read"],"paths":["a"]'),
      '1, column 21: expected one of allow, deny, found "permit"',
    ],
    [
      rule('"effect":1,"capabilities":["read"],"paths":["a"]'),
      '1, column 21: expected one of allow, deny',
    ],
    [
      rule('"effect":"deny","capabilities":["create"],"paths":["a"]'),
      `1, column 44: expected one of ${known}, found "create"`,
    ],
    [
      rule('"effect":"deny","capabilities":[],"paths":["a"]'),
      '1, column 43: expected at least one',
    ],
    [
      rule('"effect":"deny","capabilities":["read","read"],"paths":["a"]'),
      '1, column 51: expected each once',
    ],
    [rule('"effect":"deny","capabilities":["read"],"paths":"a"'), '1, column 60: expected a list'],
    [
      rule('"effect":"deny","capabilities":["read"],"paths":[1]'),
      '1, column 61: expected a path as a string',
    ],
    [
      rule('"effect":"deny","capabilities":["read"],"paths":["a*"]'),
      '1, column 61: segment of path "a*": expected no U+002A',
    ],
    [
      rule('"effect":"deny","capabilities":["read"],"paths":["a","a"]'),
      '1, column 65: expected each once',
    ],
  ])('refused: %s', (text, message) => {
    expect(refused(text)).toBe(`line ${message}`)
  })
})

describe('bounds', () => {
  test('a text of 32 KiB, in bytes of UTF-8', () => {
    const comment = (bytes: number) => `#${'é'.repeat((bytes - 1) / 2)}`
    expect(rulesIn(`${comment(32_767)}\n`)).toEqual([])
    expect(() => rulesIn(comment(32_769))).toThrow(
      expect.objectContaining({
        code: 'TOO_LARGE',
        message: 'policy: expected at most 32768 bytes, found 32769',
        expected: 32_768,
        found: 32_769,
      }),
    )
  })

  const paths = (count: number, path: (i: number) => string) =>
    Array.from({ length: count }, (_, i) => `path "${path(i)}" {}`).join('\n')

  test('128 different paths', () => {
    const path = (i: number) => `secret/data/p${i}`
    expect(rulesIn(`${paths(128, path)}\n${paths(128, path)}`)).toEqual([])
    expect(refused(paths(129, path))).toBe('line 129, column 6: expected at most 128 paths')
  })

  test('2,048 segments of paths', () => {
    const path = (i: number) => `secret/data/${'a/'.repeat(29)}p${i}`
    expect(rulesIn(paths(64, path))).toEqual([])
    expect(refused(paths(65, path))).toBe(
      'line 65, column 6: expected at most 2048 segments of paths in all',
    )
  })
})
