import { describe, expect, test } from 'vitest'
import { rulesOfText, textOfRules } from '../../src/http/policy-text/policy-text.ts'
import { capabilities, type PolicyRule, VaultError } from '../../src/index.ts'

const mount = 'secret'
const full = ['create', 'read', 'update', 'delete', 'list']
const admin = [...full, 'sudo']

/** HCL of paths and their capabilities, one a line. */
function hcl(...paths: readonly (readonly [path: string, words: readonly string[]])[]): string {
  return paths
    .map(([path, words]) => `path "${path}" { capabilities = ${JSON.stringify(words)} }`)
    .join('\n')
}

/** Rules in short: `+read,list prod/**`, and with `-` those that deny. */
function shown(rules: readonly PolicyRule[]): readonly string[] {
  return rules.map(({ effect, capabilities, paths }) => {
    return `${effect === 'allow' ? '+' : '-'}${capabilities.join()} ${paths.join(' ')}`
  })
}

const translated = (text: string) => shown(rulesOfText(text, { mount }))

function refused(text: string): string {
  try {
    return translated(text).join('; ')
  } catch (error) {
    if (!(error instanceof VaultError)) throw error
    expect(error.code).toBe('INVALID')
    return error.message
  }
}

const strange = (path: string) =>
  `expected a path below "secret/", found "${path}", which there is no counterpart of here`
const endpoints = ['data', 'metadata', 'delete', 'undelete', 'destroy', 'subkeys']
const unknown = (path: string) =>
  `expected a path below one of ${endpoints.map((name) => `"secret/${name}/"`).join(', ')}, found "${path}"`
const prefix = (path: string, advice: string) =>
  `"${path}": expected "*" as a segment of its own, since rules go by whole segments; ` +
  `write "${advice}", or each path that is meant`
const star = (path: string) => `"${path}": expected "*" at the end alone; "+" is any one segment`
const half = (missing: string, endpoint: string) =>
  `expected ${missing} as well at ${endpoint}/: making a secret and changing it are one right here`

describe('what each endpoint comes to', () => {
  test.each([
    ['secret/data/prod/*', ['read'], ['+read prod/**']],
    ['secret/data/*', ['read'], ['+read **']],
    ['secret/data/prod/db', ['read'], ['+read prod/db']],
    ['/secret/data/prod/db', ['read'], ['+read prod/db']],
    ['secret/data/+/db', ['read'], ['+read */db']],
    ['secret/data/+/+/*', ['read'], ['+read */*/**']],
    ['secret/data/prod/*', ['create', 'update'], ['+write prod/**']],
    ['secret/data/prod/*', ['create', 'update', 'patch'], ['+write prod/**']],
    ['secret/data/prod/*', admin, ['+read,write,delete prod/**']],
    ['secret/data/prod/*', ['list', 'sudo', 'scan'], []],
    ['secret/data/prod/*', [], []],
    ['secret/data/prod/', full, []],
    ['secret/data', full, []],
    ['secret/metadata/prod/*', ['read'], ['+describe prod/**']],
    ['secret/metadata/prod/*', ['list'], ['+list prod/**']],
    ['secret/metadata/prod/*', ['list', 'scan'], ['+list prod/**']],
    ['secret/metadata/*', ['list'], ['+list **']],
    ['secret/metadata', ['list'], ['+list *']],
    ['secret/metadata/', ['list', 'read'], ['+list *']],
    ['secret/metadata/prod', ['read', 'list'], ['+describe prod', '+list prod/*']],
    ['secret/metadata/prod/', ['read', 'list'], ['+list prod/*']],
    ['secret/metadata/prod/+', ['list'], ['+list prod/* prod/*/*']],
    ['secret/metadata/prod/+/', ['list'], ['+list prod/*/*']],
    ['secret/metadata/prod/*', ['create', 'update'], ['+annotate prod/**']],
    ['secret/metadata/prod/*', ['create', 'update', 'patch'], ['+annotate prod/**']],
    ['secret/metadata/prod/*', ['delete'], ['+purge prod/**']],
    ['secret/delete/prod/*', ['update'], ['+delete prod/**']],
    ['secret/delete/prod/*', ['create', 'read', 'delete', 'list', 'patch'], []],
    ['secret/destroy/prod/*', ['update'], ['+destroy prod/**']],
    ['secret/destroy/prod/*', full, ['+destroy prod/**']],
    ['secret/undelete/prod/*', ['read'], []],
    ['secret/subkeys/prod/*', ['update'], []],
    ['secret/*', ['read', 'list'], ['+read,list,describe **']],
    ['secret/*', full, ['+read,list,describe,write,annotate,delete,destroy,purge **']],
    ['secret/+/prod/*', full, ['+read,list,describe,write,annotate,delete,destroy,purge prod/**']],
  ])('%s %j', (path, words, rules) => {
    expect(translated(hcl([path, words]))).toEqual(rules)
  })

  test.each([
    ['secret/data/prod/*', ['-read,write,rotate,delete prod/**']],
    ['secret/metadata/prod/*', ['-list,describe,annotate,purge prod/**']],
    ['secret/metadata/prod', ['-describe,annotate,purge prod', '-list prod/*']],
    ['secret/delete/prod/*', ['-delete prod/**']],
    ['secret/destroy/prod/*', ['-destroy prod/**']],
    ['secret/undelete/prod/*', []],
    ['secret/subkeys/prod/*', []],
    ['secret/config', []],
    ['secret/*', ['-read,list,describe,write,rotate,annotate,delete,destroy,purge **']],
    ['sys/policies/acl/*', ['-policy **']],
    ['sys/policies/acl/admin', []],
    ['auth/*', ['-token **']],
  ])('%s denied', (path, rules) => {
    expect(translated(hcl([path, ['deny']]))).toEqual(rules)
    expect(translated(hcl([path, ['read', 'deny']]))).toEqual(rules)
  })

  test('rules are as few as say it, a pattern with all that it allows', () => {
    const words = ['read', 'list']
    const text = hcl(
      ['secret/data/a/*', words],
      ['secret/metadata/a/*', words],
      ['secret/data/b/*', words],
      ['secret/metadata/b/*', words],
      ['secret/data/c', ['read']],
    )
    expect(translated(text)).toEqual(['+read,list,describe a/** b/**', '+read c'])
  })

  test('no rule has more paths than one may have', () => {
    const paths = Array.from({ length: 128 }, (_, i) => [`secret/data/p${i}`, ['read']] as const)
    expect(rulesOfText(hcl(...paths), { mount }).map(({ paths }) => paths.length)).toEqual([64, 64])
  })

  test('paths are those of the mount that is asked about', () => {
    const text = hcl(['kv/data/prod/*', ['read']], ['kv/config', ['deny']])
    expect(shown(rulesOfText(text, { mount: 'kv' }))).toEqual(['+read prod/**'])
    expect(refused(text)).toBe(`line 1, column 6: ${strange('kv/data/prod/*')}`)
  })
})

describe('where paths overlap', () => {
  test('what the more specific one leaves out is denied there', () => {
    // The first policy of Vault's own tutorial.
    const text = hcl(['secret/data/*', ['create', 'update']], ['secret/data/foo', ['read']])
    expect(translated(text)).toEqual(['+write **', '+read foo', '-write foo'])
  })

  test('nothing is denied that no wider path allows', () => {
    const text = hcl(['secret/data/*', ['read']], ['secret/data/foo', ['read', 'delete']])
    expect(translated(text)).toEqual(['+read **', '+read,delete foo'])
  })

  test('a denial stands in a wider allowance', () => {
    const text = hcl(['secret/data/*', ['read']], ['secret/data/prod/*', ['deny']])
    expect(translated(text)).toEqual(['+read **', '-read,write,rotate,delete prod/**'])
  })

  test('the same path said twice is one path, and deny wins', () => {
    const [once, twice] = [
      ['secret/data/a', ['create']] as const,
      ['secret/data/a', ['update']] as const,
    ]
    expect(translated(hcl(once, twice))).toEqual(['+write a'])
    expect(translated(hcl(once, twice, ['secret/data/a', ['deny']]))).toEqual([
      '-read,write,rotate,delete a',
    ])
  })

  test('a folder is not what is in it', () => {
    const text = hcl(['secret/data/a', ['read']], ['secret/data/a/*', ['read', 'delete']])
    expect(translated(text)).toEqual(['+read a', '+read,delete a/**'])
  })

  test('of two that are alike in all else, the greater one decides', () => {
    const [first, second] = ['secret/data/+/+/a', 'secret/data/+/a/+'] as const
    const wide = hcl([first, ['read', 'delete']], [second, ['read']])
    expect(translated(wide)).toEqual(['+read,delete */*/a', '+read */a/*', '-delete */a/*'])
    const narrow = hcl([first, ['read']], [second, ['read', 'delete']])
    expect(translated(narrow)).toEqual(['+read */*/a', '+read,delete */a/*'])
  })

  test('the folder of a listing is named with its slash or without', () => {
    const text = hcl(['secret/metadata/*', ['list']], ['secret/metadata/prod', ['read']])
    expect(translated(text)).toEqual(['+list **', '+describe prod', '-list prod/*'])
    expect(
      translated(hcl(['secret/metadata/prod', ['read']], ['secret/metadata/prod/', ['list']])),
    ).toEqual(['+describe prod', '+list prod/*'])
  })

  test('deleting is there where either endpoint gives it', () => {
    const both = hcl(
      ['secret/data/*', full],
      ['secret/data/prod/*', ['read']],
      ['secret/delete/*', ['update']],
    )
    expect(translated(both)).toEqual(['+read,write,delete **', '+read prod/**', '-write prod/**'])
  })

  test('a denial of the value is one of deleting it, also by number', () => {
    const text = hcl(['secret/*', full], ['secret/data/prod/*', ['deny']])
    expect(translated(text)[1]).toBe('-read,write,rotate,delete prod/**')
  })

  const cannot =
    'there Vault goes by the most specific path, and here every rule counts; name the paths that are meant instead of a wider one'
  test.each([
    [
      'a denial and a more specific allowance',
      hcl(['secret/data/*', ['deny']], ['secret/data/app/*', ['read']]),
      `line 1, column 6: "secret/data/*" denies read, and line 2 allows it again at "secret/data/app/*": ${cannot}`,
    ],
    [
      'what is left out and allowed again',
      hcl(
        ['secret/data/*', full],
        ['secret/data/prod/*', ['read']],
        ['secret/data/prod/app/*', full],
      ),
      `line 2, column 6: "secret/data/prod/*" leaves out write, and line 3 allows it again at "secret/data/prod/app/*": ${cannot}`,
    ],
    [
      'a right that the other endpoint gives in part',
      hcl(
        ['secret/data/*', full],
        ['secret/data/prod/*', ['read']],
        ['secret/delete/prod/app/*', ['update']],
      ),
      `line 2, column 6: "secret/data/prod/*" leaves out delete, while line 3 gives it in part at delete/: ${cannot}`,
    ],
    [
      'a denial that leaves nothing of the other endpoint',
      hcl(['secret/data/*', ['deny']], ['secret/delete/prod/*', ['update']]),
      `line 1, column 6: "secret/data/*" denies delete, and line 2 allows it at "secret/delete/prod/*", which is one right here: ${cannot}`,
    ],
  ])('refused: %s', (_, text, message) => {
    expect(refused(text)).toBe(message)
  })
})

describe('half of what is one right here is refused', () => {
  test.each([
    ['secret/data/a', ['create'], half('update', 'data')],
    ['secret/data/a', ['update', 'read'], half('create', 'data')],
    ['secret/data/a', ['patch'], half('create and update', 'data')],
    ['secret/metadata/a', ['update'], half('create', 'metadata')],
    ['secret/metadata/a', ['scan'], 'expected list beside scan, which are one right here'],
    [
      'secret/undelete/a',
      ['update'],
      '"secret/undelete/a": undelete is within delete here, which this text does not give there',
    ],
    [
      'secret/subkeys/a',
      ['read'],
      '"secret/subkeys/a": subkeys is within read here, which this text does not give there',
    ],
    [
      'secret/config',
      ['read', 'update'],
      '"secret/config" is within the right to policies here, which this text does not give',
    ],
  ])('%s %j', (path, words, why) => {
    expect(refused(hcl([path, words]))).toBe(`line 1, column 6: ${why}`)
  })

  test('and is no more than the whole where the text gives that', () => {
    const text = hcl(
      ['secret/data/a/*', ['read']],
      ['secret/subkeys/a/b', ['read']],
      ['secret/delete/a/*', ['update']],
      ['secret/undelete/a/+', ['update']],
    )
    expect(translated(text)).toEqual(['+read,delete a/**'])
    const beyond = hcl(['secret/delete/a/*', ['update']], ['secret/undelete/*', ['update']])
    expect(refused(beyond)).toBe(
      'line 2, column 6: "secret/undelete/*": undelete is within delete here, which this text does not give there',
    )
  })

  test.each([
    ['secret/delete/a', 'secret/undelete/a/*'],
    ['secret/delete/a/*', 'secret/undelete/a'],
    ['secret/delete/a/+', 'secret/undelete/a/*'],
    ['secret/delete/a/b', 'secret/undelete/a/+'],
  ])('%s is not all of %s', (given, asked) => {
    expect(refused(hcl([given, ['update']], [asked, ['update']]))).toBe(
      `line 2, column 6: "${asked}": undelete is within delete here, which this text does not give there`,
    )
  })

  test('nor can it be denied where the text gives the whole', () => {
    const text = hcl(['secret/data/a/*', ['read']], ['secret/subkeys/*', ['deny']])
    expect(refused(text)).toBe(
      'line 2, column 6: expected no deny of "secret/subkeys/*": subkeys is within read here, which this text gives there',
    )
    const both = hcl(['secret/data/a/*', ['read']], ['secret/*', ['deny']])
    expect(refused(both)).toContain('"secret/*" denies read, and line 1 allows it again')
  })
})

describe('paths that cannot be said', () => {
  test.each([
    ['secret/data/prod*', prefix('secret/data/prod*', 'secret/data/prod/*')],
    ['secret*', prefix('secret*', 'secret/*')],
    ['secret/data/*/db', star('secret/data/*/db')],
    ['secret/data/a*b', star('secret/data/a*b')],
    ['secret/data/**', star('secret/data/**')],
    [
      'secret/data/{{identity.entity.id}}/*',
      'expected a path as it is meant, found the template "secret/data/{{identity.entity.id}}/*"',
    ],
    ['secret/data/a//b', '"secret/data/a//b": expected no empty segment'],
    ['secret/data/a!b', 'segment of path "a!b": expected no U+0021'],
    ['secret/data/a+b', 'segment of path "a+b": expected no U+002B'],
    ['secret/data/a\\\\b', 'segment of path "a\\\\b": expected no U+005C'],
    ['secret/data/../b', 'segment of path "..": expected no segment ".."'],
    ['secret/data/e\\u0301', 'segment of path "e\\u0301": expected normalisation form C'],
    [`secret/data/${'a'.repeat(129)}`, 'segment of path: expected at most 128 bytes, found 129'],
    [`secret/metadata/${'abc/'.repeat(128)}`, 'path: expected at most 512 bytes, found 513'],
    ['secret/foo', unknown('secret/foo')],
    ['secret/', unknown('secret/')],
    ['secret/+', unknown('secret/+')],
    ['+/data/a', strange('+/data/a')],
    ['secrets/data/a', strange('secrets/data/a')],
    ['transit/keys/a', strange('transit/keys/a')],
    ['', strange('')],
  ])('%s', (path, why) => {
    expect(refused(hcl([path, ['list']]))).toBe(`line 1, column 6: ${why}`)
  })
})

describe('the vault itself', () => {
  test('what operators give each other in Vault', () => {
    // As Vault's tutorials on policies and on AppRole have it.
    const text = hcl(
      ['sys/health', ['read', 'sudo']],
      ['sys/policies/acl', ['list']],
      ['sys/policies/acl/*', admin],
      ['auth/*', admin],
      ['sys/auth/*', ['create', 'update', 'delete', 'sudo']],
      ['sys/auth', ['read']],
      ['secret/*', admin],
      ['sys/mounts/*', admin],
      ['sys/mounts', ['read']],
    )
    expect(translated(text)).toEqual([
      '+read,list,describe,write,annotate,delete,destroy,purge,policy,token **',
    ])
  })

  test('all of it, on all paths, is every right', () => {
    const [rule, ...others] = rulesOfText(hcl(['*', admin]), { mount })
    expect(others).toEqual([])
    expect(rule).toEqual({ effect: 'allow', capabilities: [...capabilities], paths: ['**'] })
    const but = hcl(['*', admin], ['secret/data/prod/*', ['read', 'list']], ['auth/*', ['deny']])
    expect(translated(but).slice(1)).toEqual([
      '+read prod/**',
      '-write,rotate prod/**',
      '-token **',
    ])
  })

  test.each([
    ['sys/policies/acl/*', full, ['+policy **']],
    ['sys/policies/*', full, ['+policy **']],
    ['sys/policy/*', full, ['+policy **']],
    ['sys/*', full, ['+policy **']],
    ['auth/approle/*', full, ['+token **']],
    ['auth/token/*', admin, ['+token **']],
  ])('%s %j', (path, words, rules) => {
    expect(translated(hcl([path, words]))).toEqual(rules)
  })

  const policies =
    'is no right of its own here: all of "sys/policies/acl/*" is the right to policies'
  const tokens =
    'is no right of its own here: all of "auth/approle/*", or of "auth/token/*" with sudo, is the right to tokens'
  test.each([
    [
      'sys/policies/acl/*',
      ['read', 'list'],
      'expected create, read, update, delete, list: less of "sys/policies/acl/*" is no right here',
    ],
    [
      'auth/token/*',
      full,
      'expected create, read, update, delete, list, sudo: less of "auth/token/*" is no right here',
    ],
    ['sys/policies/acl', ['list'], `"sys/policies/acl" ${policies}`],
    ['sys/policies/acl/admin', full, `"sys/policies/acl/admin" ${policies}`],
    ['auth/token/create', ['update'], `"auth/token/create" ${tokens}`],
    ['auth/approle/role/ci', ['read'], `"auth/approle/role/ci" ${tokens}`],
    ['sys/capabilities', ['update'], `"sys/capabilities" ${tokens}`],
    [
      'sys/audit',
      ['read', 'sudo'],
      '"sys/audit" is no right of its own here: it takes the right to audit, which rules of our own can give',
    ],
    [
      'sys/seal',
      ['update', 'sudo'],
      '"sys/seal" is no right of its own here: it takes the right to keys, which rules of our own can give',
    ],
    [
      'auth/token/lookup-self',
      ['deny'],
      'expected no deny: every token may use "auth/token/lookup-self" here',
    ],
    [
      '*',
      full,
      'expected create, read, update, delete, list, sudo, and no deny: less of everything cannot be said',
    ],
    [
      '*',
      [...admin, 'deny'],
      'expected create, read, update, delete, list, sudo, and no deny: less of everything cannot be said',
    ],
    ['sys/rotate', ['update'], strange('sys/rotate')],
  ])('refused: %s %j', (path, words, why) => {
    expect(refused(hcl([path, words]))).toBe(`line 1, column 6: ${why}`)
  })

  test('a part of what the text gives is neither less nor denied', () => {
    const given = ['sys/policies/acl/*', full] as const
    expect(translated(hcl(given, ['sys/policy/ci', full], ['sys/policy', ['read']]))).toEqual([
      '+policy **',
    ])
    expect(refused(hcl(given, ['sys/policies/acl/admin', ['read']]))).toBe(
      `line 2, column 6: "sys/policies/acl/admin" ${policies}`,
    )
    const deny = 'what this text allows besides is one right here, and would be denied with it'
    expect(refused(hcl(given, ['sys/policies/acl/admin', ['deny']]))).toBe(
      `line 2, column 6: expected no deny of "sys/policies/acl/admin": ${deny}`,
    )
    expect(refused(hcl(given, ['sys/*', ['deny']]))).toBe(
      `line 2, column 6: expected no deny of "sys/*": ${deny}`,
    )
    expect(refused(hcl(['*', admin], ['sys/audit', ['deny']]))).toBe(
      `line 2, column 6: expected no deny of "sys/audit": ${deny}`,
    )
    expect(translated(hcl(given, ['secret/config', ['read', 'update']]))).toEqual(['+policy **'])
    expect(refused(hcl(given, ['secret/config', ['read']]))).toBe(
      'line 2, column 6: "secret/config" is within the right to policies here, which this text gives: expected read and update',
    )
  })

  test("Vault's own default policy comes to nothing", () => {
    const text = hcl(
      ['auth/token/lookup-self', ['read']],
      ['auth/token/renew-self', ['update']],
      ['auth/token/revoke-self', ['update']],
      ['sys/capabilities-self', ['update']],
      ['identity/entity/id/{{identity.entity.id}}', ['read']],
      ['identity/entity/name/{{identity.entity.name}}', ['read']],
      ['sys/internal/ui/resultant-acl', ['read']],
      ['sys/renew', ['update']],
      ['sys/leases/renew', ['update']],
      ['sys/leases/lookup', ['update']],
      ['cubbyhole/*', full],
      ['sys/wrapping/wrap', ['update']],
      ['sys/wrapping/lookup', ['update']],
      ['sys/wrapping/unwrap', ['update']],
      ['sys/tools/hash', ['update']],
      ['sys/tools/hash/*', ['update']],
      ['sys/control-group/request', ['update']],
      ['identity/oidc/provider/+/authorize', ['read', 'update']],
      ['sys/internal/ui/mounts/secret', ['read']],
    )
    expect(translated(text)).toEqual([])
  })
})

describe('a policy that was written as rules', () => {
  const rules: readonly PolicyRule[] = [
    { effect: 'allow', capabilities: ['read', 'audit'], paths: ['prod/**', '*/db'] },
    { effect: 'deny', capabilities: ['write'], paths: ['**'] },
  ]

  test('has a text that says the same', () => {
    expect(textOfRules(rules)).toBe(
      [
        '{',
        '  "rules": [',
        '    {',
        '      "effect": "allow",',
        '      "capabilities": [',
        '        "read",',
        '        "audit"',
        '      ],',
        '      "paths": [',
        '        "prod/**",',
        '        "*/db"',
        '      ]',
        '    },',
        '    {',
        '      "effect": "deny",',
        '      "capabilities": [',
        '        "write"',
        '      ],',
        '      "paths": [',
        '        "**"',
        '      ]',
        '    }',
        '  ]',
        '}',
      ].join('\n'),
    )
    expect(rulesOfText(textOfRules(rules), { mount })).toEqual(rules)
    expect(rulesOfText(textOfRules([]), { mount })).toEqual([])
  })

  test('has the same text in whatever order its fields are', () => {
    const turned = rules.map(({ paths, capabilities, effect }) => ({ paths, capabilities, effect }))
    expect(textOfRules(turned)).toBe(textOfRules(rules))
  })
})
