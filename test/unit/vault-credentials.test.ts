import { createHash, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { credentials } from '../../src/index.ts'
import { testVault } from '../../src/testing.ts'
import { appendedBy } from '../fixtures/events.ts'

const example = (name: string) =>
  readFileSync(new URL(`../../examples/demo/${name}`, import.meta.url), 'utf8')

const database = { host: 'db', port: 5432, database: 'app', user: 'app', password: 'hunter2' }

describe('credentials', () => {
  it('are typed objects, each one secret and one audited operation', async () => {
    const { vault } = await testVault()
    const { database: databases, apiKey } = credentials(vault)
    const types = await appendedBy(vault, async () => {
      await databases.write('prod/db', database)
      await databases.read('prod/db', { reason: 'start-up' })
      await databases.rotate('prod/db', { ...database, password: 'next' })
      await apiKey.write('prod/mail', { key: 'k', service: 'mail' })
    })
    expect(types).toEqual(['secret.written', 'secret.accessed', 'secret.rotated', 'secret.written'])
    expect(await databases.read('prod/db')).toEqual({ ...database, password: 'next' })
    expect(await apiKey.read('prod/mail')).toEqual({ key: 'k', service: 'mail' })
    expect((await vault.describe('prod/db')).type).toBe('database_password')
    expect((await vault.describe('prod/mail')).type).toBe('api_key')
  })

  it.each([
    ['a port out of range', { ...database, port: 70_000 }, /port of the credential/],
    ['a missing field', { ...database, user: undefined }, /user of the credential/],
    ['a field too many', { ...database, extra: 'x' }, /has a field that its kind has not/],
  ])('refuse %s and name it, not its value', async (_, value, message) => {
    const { vault } = await testVault()
    const writing = credentials(vault).database.write('prod/db', value as never)
    await expect(writing).rejects.toThrow(message)
    await expect(writing).rejects.not.toThrow(/hunter2/)
  })

  it('refuse to read what is of another kind', async () => {
    const { vault } = await testVault({ text: 'x', fields: { key: 'k' } })
    const { database: databases } = credentials(vault)
    await expect(databases.read('text')).rejects.toMatchObject({ code: 'INVALID' })
    await expect(databases.read('fields')).rejects.toMatchObject({ code: 'INVALID' })
  })
})

describe('a value that says something of itself', () => {
  it('a certificate: its dates and fingerprint, unless the caller says otherwise', async () => {
    const { vault, clock } = await testVault()
    const pem = example('web.crt.pem')
    await vault.write('tls/web', pem, { type: 'certificate' })
    const info = await vault.describe('tls/web')
    const der = Buffer.from(pem.replace(/-----.*-----/g, ''), 'base64')
    const digest = createHash('sha256').update(der).digest('hex').toUpperCase()
    expect(info.fingerprint).toBe(`SHA256:${digest.replace(/..(?!$)/g, '$&:')}`)
    expect(info.expiresAt).toEqual(new Date(new X509Certificate(pem).validTo))
    const given = new Date(clock.now() + 366 * 24 * 3600 * 1000)
    await vault.write('tls/web', pem, { expiresAt: given })
    expect((await vault.describe('tls/web')).expiresAt).toEqual(given)
  })

  it('an SSH key: its fingerprint, which goes with the value', async () => {
    const { vault } = await testVault()
    await vault.write('ssh/deploy', example('deploy_ed25519'), { type: 'ssh_key' })
    const { fingerprint } = await vault.describe('ssh/deploy')
    expect(fingerprint).toMatch(/^SHA256:[A-Za-z0-9+/]{43}$/)
    await vault.write('ssh/public', example('deploy_ed25519.pub'), { type: 'ssh_key' })
    expect((await vault.describe('ssh/public')).fingerprint).toBe(fingerprint)
    await vault.rotate('ssh/deploy', 'no key')
    expect((await vault.describe('ssh/deploy')).fingerprint).toBeUndefined()
  })
})
