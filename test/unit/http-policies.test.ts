import { describe, expect, it } from 'vitest'
import { plainText } from '../../src/http/policies/plain-text.ts'
import { decidedBy } from '../../src/http/policies/vault-words.ts'
import { testVault } from '../../src/testing.ts'
import { appendedBy, eventsOf } from '../fixtures/events.ts'

describe('plainText', () => {
  const policy = 'path "secret/data/*" { capabilities = ["read"] }\n'

  it('reads base64, whatever its line breaks and padding', () => {
    for (const text of [policy, `${policy} `, `${policy}  `, '# ü\n']) {
      const packed = Buffer.from(text).toString('base64')
      expect(plainText(packed)).toBe(text)
      expect(plainText(packed.replace(/(.{8})/g, '$1\r\n'))).toBe(text)
    }
  })

  it.each([policy, '{"path":{}}', '', 'abc', 'abc=d', '////', '_-_-', '\u{feff}abc'])(
    'takes %j as it stands',
    (text) => {
      expect(plainText(text)).toBe(text)
    },
  )
})

describe('decidedBy', () => {
  const decided = (path: string, mount = 'secret') =>
    decidedBy(path, mount).map(({ subject, gives }) => [subject, gives])
  const change = ['create', 'update', 'patch']
  const write = ['create', 'update']

  it.each([
    ['secret/data/a/b', [['a/b', { read: ['read'], write, delete: ['delete'] }]]],
    ['/secret/data/a', [['a', { read: ['read'], write, delete: ['delete'] }]]],
    ['secret/subkeys/a', [['a', { read: ['read'] }]]],
    ['secret/delete/a', [['a', { delete: ['update'] }]]],
    ['secret/undelete/a', [['a', { delete: ['update'] }]]],
    ['secret/destroy/a', [['a', { destroy: ['update'] }]]],
    ['secret/config', [['', { policy: ['create', 'read', 'update'] }]]],
    ['sys/seal', [['', { keys: ['update'] }]]],
    ['sys/audit', [['', { audit: ['read'] }]]],
  ])('%s', (path, expected) => {
    expect(decided(path)).toEqual(expected)
  })

  it('takes a folder for what is in it', () => {
    const list = { list: ['list', 'scan'] }
    expect(decided('secret/metadata/a/')).toEqual([['a/(any secret)', list]])
    expect(decided('secret/metadata')).toEqual([['(any secret)', list]])
    expect(decided('secret/metadata/')).toEqual([['(any secret)', list]])
    expect(decided('secret/metadata/a')).toEqual([
      ['a', { describe: ['read'], annotate: change, purge: ['delete'] }],
      ['a/(any secret)', list],
    ])
  })

  it('is of the mount that is asked about', () => {
    expect(decided('kv/data/a', 'kv')).toHaveLength(1)
    expect(decided('team/kv/data/a', 'team/kv')).toEqual(decided('secret/data/a'))
    expect(decided('secret/data/a', 'kv')).toEqual([])
    expect(decided('secretive/data/a')).toEqual([])
  })

  it.each(['secret', 'secret/data', 'secret/data/', 'secret/other/a', 'cubbyhole/a', 'sys', ''])(
    '%j is decided by nothing',
    (path) => {
      expect(decided(path)).toEqual([])
    },
  )

  it('tells what every token may do', () => {
    expect(decidedBy('auth/token/lookup-self', 'secret')).toEqual([
      { subject: '', gives: {}, open: ['read', 'update'] },
    ])
    expect(decidedBy('sys/internal/ui/mounts/secret/a', 'secret')).toMatchObject([
      { open: ['read'] },
    ])
    expect(decidedBy('auth/token/lookup', 'secret')).toMatchObject([{ gives: { token: {} } }])
  })
})

describe('the text of a policy', () => {
  const rules = [{ effect: 'allow' as const, capabilities: ['read' as const], paths: ['a/**'] }]

  it('is kept beside its rules, and is changed by itself', async () => {
    const { vault } = await testVault()
    await vault.policies.write('p', { rules, text: 'one' })
    expect(await vault.policies.get('p')).toMatchObject({ rules, text: 'one' })
    const same = () => vault.policies.write('p', { rules, text: 'one' })
    expect(await appendedBy(vault, same)).toEqual([])
    const other = () => vault.policies.write('p', { rules, text: 'two' })
    expect(await appendedBy(vault, other)).toEqual(['policy.written'])
    expect(await vault.policies.list()).toMatchObject([{ name: 'p', text: 'two' }])
    await vault.policies.write('p', { rules })
    expect(await vault.policies.get('p')).not.toHaveProperty('text')
    const written = await eventsOf(vault, { type: 'policy.written' })
    expect(written.map(({ data }) => data)).toEqual([
      { name: 'p', rules, text: 'one' },
      { name: 'p', rules, text: 'two' },
      { name: 'p', rules },
    ])
  })

  it('comes back with a reopened vault', async () => {
    const { vault } = await testVault()
    await vault.policies.write('p', { rules, text: 'one' })
    await vault.reopen()
    expect(await vault.policies.get('p')).toMatchObject({ text: 'one' })
  })

  it('is refused where it is no text, or too large', async () => {
    const { vault } = await testVault()
    const write = (text: unknown) => vault.policies.write('p', { rules, text: text as string })
    await expect(write(7)).rejects.toMatchObject({
      code: 'INVALID',
      message: 'text must be a string of well-formed text',
    })
    await expect(write('\ud800')).rejects.toMatchObject({ code: 'INVALID' })
    await expect(write('ü'.repeat(16_385))).rejects.toMatchObject({
      code: 'TOO_LARGE',
      message: 'text: expected at most 32768 bytes, found 32770',
      expected: 32_768,
      found: 32_770,
    })
    await write('ü'.repeat(16_384))
  })
})
