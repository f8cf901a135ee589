import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { passphrase, Vault } from '../../src/index.ts'
import { testClock } from '../../src/testing.ts'
import { lightKdf, Shell, words } from '../fixtures/cli.ts'

// A case runs several processes, each of which a busy machine starts late.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const dayMs = 86_400_000

let shell: Shell

beforeAll(async () => {
  shell = await Shell.withVault({ 'prod/pay/db': 'hunter2', 'prod/pay/api': 'key-1', dev: 'x' })
})

afterAll(() => shell.remove())

const position = expect.any(Number)

/** What a command says in words on stdout, once it ended with that code. */
async function said(args: readonly string[], { code = 0, input = '' } = {}): Promise<string> {
  const ran = await shell.run(args, { input })
  expect(ran.code, ran.stderr).toBe(code)
  return ran.stdout.trimEnd()
}

async function refused(args: readonly string[], input = ''): Promise<Record<string, unknown>> {
  const ran = await shell.run(['--json', ...args], { input })
  expect(ran.stdout).toBe('')
  return JSON.parse(ran.stderr).error
}

function rulesFile(rules: readonly unknown[]): Promise<string> {
  return shell.write('rules.json', JSON.stringify({ rules }))
}

const mayRead = { effect: 'allow', capabilities: ['read', 'list'], paths: ['prod/pay/**'] }
const notApi = { effect: 'deny', capabilities: ['read'], paths: ['prod/pay/api', 'prod/pay/old'] }

// Each goes on from where the one before left the vault.
describe('a policy', () => {
  it('is written from a file, once', async () => {
    const file = await rulesFile([mayRead, notApi])
    expect(await shell.json(['policy', 'write', 'pay', '--file', file])).toEqual({
      name: 'pay',
      rules: 2,
      changed: true,
      position,
    })
    expect(await said(['policy', 'write', 'pay', '--file', file])).toBe(
      'policy pay has these rules already: 2 rules',
    )
  })

  it('is written from stdin, and shown by the numbers of its rules', async () => {
    const input = JSON.stringify({ rules: [{ ...mayRead, paths: ['**'] }] })
    const line = await said(['policy', 'write', 'all', '--file', '-'], { input })
    expect(line).toBe('policy all is written: 1 rule')
    const shown = await said(['policy', 'show', 'pay'])
    expect(shown).toContain(
      [
        'rule   effect  capabilities  paths',
        'pay#0  allow   read, list    prod/pay/**',
        'pay#1  deny    read          prod/pay/api, prod/pay/old',
      ].join('\n'),
    )
    expect(await shell.json(['policy', 'list'])).toMatchObject([
      { name: 'all', rules: [{ paths: ['**'] }], position, writtenBy: 'user/ana' },
      { name: 'pay', rules: [mayRead, notApi], position, writtenBy: 'user/ana' },
    ])
  })

  const malformed: readonly (readonly [string, string, string])[] = [
    ['{"rules":', 'USAGE', 'stdin is not JSON: '],
    ['[]', 'USAGE', 'stdin: expected an object with the one member "rules", a list'],
    ['{"rules":[],"name":"x"}', 'USAGE', 'stdin: expected an object with the one member "rules"'],
    [
      '{"rules":[{"effect":"deny","\\u0065ffect":"allow","capabilities":["read"],"paths":["a"]}]}',
      'USAGE',
      'stdin: an object names one of its members twice',
    ],
    [
      '{"rules":[{"effect":"allow","capabilities":["read"],"paths":["a"]},{"effect":"maybe"}]}',
      'INVALID',
      'rules[1].effect must be allow or deny',
    ],
  ]

  it('is refused where it is not one, with the rule that is none', async () => {
    for (const [input, code, message] of malformed) {
      const error = await refused(['policy', 'write', 'pay', '--file', '-'], input)
      expect(error, input).toMatchObject({ code, exitCode: 2 })
      expect(error.message).toContain(message)
    }
  })

  it('that is not there is not shown, and not removed', async () => {
    expect(await refused(['policy', 'show', 'none'])).toMatchObject({
      code: 'NOT_FOUND',
      exitCode: 4,
    })
    expect(await said(['policy', 'remove', 'none'])).toBe('nothing to do: there is no policy none')
  })
})

describe('a role', () => {
  it('is written of policies, and granted', async () => {
    expect(await said(['role', 'write', 'payer', '--policy', 'pay'])).toBe(
      'role payer has the policy pay',
    )
    const granted = await shell.json(['role', 'grant', 'payer', 'svc/pay', '--expires', '90d'])
    expect(granted).toEqual({
      role: 'payer',
      actor: 'svc/pay',
      expiresAt: expect.stringMatching(/Z$/),
      changed: true,
      position,
    })
    await said(['role', 'grant', 'payer', 'user/ben'])
    expect(await said(['role', 'withdraw', 'payer', 'user/ben'])).toBe(
      'user/ben has not the role payer',
    )
    expect(await said(['role', 'withdraw', 'payer', 'user/ben'])).toBe(
      'nothing to do: user/ben has not the role payer already',
    )
  })

  it('is listed with those who have it', async () => {
    expect(await shell.json(['role', 'list'])).toMatchObject([
      {
        name: 'payer',
        policies: ['pay'],
        grants: [{ actor: 'svc/pay', grantedBy: 'user/ana', expired: false }],
      },
    ])
    expect(await said(['role', 'list'])).toMatch(
      /^role +policies +actor .*\npayer +pay +svc\/pay +\S+ \S+ +user\/ana +\S+ \S+$/,
    )
  })

  it('has only policies that are there, and is granted for a time to come', async () => {
    expect(await refused(['role', 'write', 'dba', '--policy', 'none'])).toMatchObject({
      code: 'NOT_FOUND',
      message: 'there is no policy none',
    })
    expect(await refused(['role', 'grant', 'payer', 'x', '--expires', '2020-01-31'])).toMatchObject(
      { code: 'INVALID', message: expect.stringContaining('expiresAt must be to come') },
    )
  })
})

describe('explain', () => {
  it('says which rule allows, and which denies', async () => {
    const allowed = await said(['explain', 'svc/pay', 'read', 'prod/pay/db'])
    expect(allowed).toMatch(
      /^allowed: pay#0 allows read on prod\/pay\/\*\*, by the role payer, which user\/ana granted /,
    )
    const denied = await shell.run(['explain', 'svc/pay', 'read', 'prod/pay/api', '--json'])
    expect(denied).toMatchObject({ code: 3, stderr: '' })
    expect(JSON.parse(denied.stdout)).toEqual({
      actor: 'svc/pay',
      capability: 'read',
      path: 'prod/pay/api',
      allowed: false,
      effect: 'deny',
      rule: 'pay#1',
      role: 'payer',
      policy: position,
      why: expect.stringContaining('a denial wins'),
    })
  })

  it('says how it was, beside how it is, and ends as it was', async () => {
    const then = await said(['explain', 'svc/pay', 'read', 'prod/pay/db', '--as-of', '3'], {
      code: 3,
    })
    expect(then).toMatch(
      /^as of position 3:\n {2}denied: svc\/pay has no role, .*\nnow:\n {2}allowed: pay#0 allows /,
    )
  })

  it('takes roles that a host would assert, and the vault itself', async () => {
    expect(await said(['explain', 'svc/x', 'list', 'prod/pay/db', '--role', 'payer'])).toMatch(
      /^allowed: .* which the host says that svc\/x has$/,
    )
    expect(await said(['explain', 'svc/pay', 'keys'], { code: 3 })).toBe(
      'denied: no rule of the role payer speaks of keys on the vault itself, and what no rule allows is denied',
    )
  })
})

describe('a backup, by an auditor’s keyslot', () => {
  it('shows who may do what, and changes nothing', async () => {
    const { recoveryKey } = await shell.json<{ recoveryKey: string }>([
      'keyslot',
      'add',
      '--auditor',
      '--recovery',
    ])
    const passphraseFile = await shell.write('auditor', `${recoveryKey}\n`)
    const backup = shell.path('backup.muna')
    await shell.json(['backup', backup])
    const on = ['--vault', backup, '--passphrase-file', passphraseFile]
    expect(await shell.json([...on, 'policy', 'list'])).toHaveLength(2)
    expect(await shell.json([...on, 'policy', 'show', 'pay'])).toMatchObject({
      rules: [mayRead, notApi],
    })
    expect(await shell.json([...on, 'role', 'list'])).toMatchObject([{ name: 'payer' }])
    expect(await shell.json([...on, 'rotation-policy', 'list'])).toEqual([])
    const explained = ['explain', 'svc/pay', 'read', 'prod/pay/db']
    expect(await shell.json([...on, ...explained])).toMatchObject({ allowed: true, rule: 'pay#0' })
    expect(await refused([...on, 'role', 'remove', 'payer'])).toMatchObject({
      code: 'USAGE',
      message: `${backup} is a backup, which is read and never changed`,
    })
  })
})

describe('a rotation policy', () => {
  beforeAll(async () => {
    // Values of a hundred days ago, which no command can make.
    const clock = testClock(Date.now() - 100 * dayMs)
    const path = shell.path('old')
    const unlock = passphrase(words, lightKdf)
    const vault = await Vault.create({ path, unlock, actor: 'user/ana', clock })
    await vault.write('prod/db', 'x')
    await vault.write('prod/tls', 'x', { type: 'certificate' })
    await vault.write('dev/db', 'x', { rotateEvery: 365 * dayMs })
    await vault.close()
  })

  const old = (args: readonly string[]) => [...args, '--vault', 'old']

  it('is set for a prefix and a type, or exempts them', async () => {
    const set = old(['rotation-policy', 'set', '--prefix', 'prod/'])
    expect(await said([...set, '--every', '90d'])).toBe(
      'values of all secrets below prod/: at most 90 d old',
    )
    expect(await shell.json([...set, '--type', 'certificate', '--exempt'])).toEqual({
      prefix: 'prod/',
      type: 'certificate',
      changed: true,
      position,
    })
    expect(await said([...set, '--every', '90d'])).toMatch(/^nothing to do, it is so already: /)
  })

  it('is listed, the one that goes before others first', async () => {
    expect(await said(old(['rotation-policy', 'list']))).toMatch(
      /^prefix .*\nprod\/ +certificate +exempt .*\nprod\/ +all +at most 90 d old .*user\/ana$/,
    )
  })

  it('makes secrets due that say no period of their own', async () => {
    const due = await shell.json<{ path: string }[]>(old(['list', '--due']))
    expect(due.map(({ path }) => path)).toEqual(['prod/db'])
    const words = await said(old(['list', '--due']))
    expect(words).toMatch(/^path .* due \(UTC\) /)
    expect(await shell.json(old(['describe', 'prod/tls']))).not.toHaveProperty('dueAt')
  })

  it('is taken back', async () => {
    const removed = ['rotation-policy', 'remove', '--prefix', 'prod/']
    expect(await said(old(removed))).toBe('nothing is said of all secrets below prod/ any more')
    expect(await refused(old(removed))).toMatchObject({ code: 'NOT_FOUND', exitCode: 4 })
    expect(await shell.json(old(['list', '--due']))).toEqual([])
  })
})

describe('as a person types', () => {
  it('commands, capabilities and formats complete', async () => {
    const lines = [
      ['policy', 'w'],
      ['explain', 'user/ana', 'pu'],
      ['report', 'rot'],
    ]
    const ran = await Promise.all(lines.map((line) => said(['complete', '--', ...line])))
    expect(ran.map((text) => text.split(/\s/)[0])).toEqual(['write', 'purge', 'rotation'])
  })
})
