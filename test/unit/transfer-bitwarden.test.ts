import { describe, expect, it } from 'vitest'
import { parseTransfer } from '../../src/transfer/parse.ts'
import { fixture, parseText, valuesOf } from '../fixtures/transfer/files.ts'

const howTo = 'export the vault with file format ".json", not ".csv" or ".json (Encrypted)"'

describe("a Bitwarden vault's export", () => {
  const parsed = parseTransfer(fixture('bitwarden.json'), { format: 'bitwarden' })

  it('gives the fields of each item below its folder', () => {
    expect(valuesOf(parsed)).toEqual({
      'Work/Servers/My DB (prod)': {
        username: 'fake-user',
        password: 'fake-db-password',
        totp: 'FAKETOTPSEED',
        uris: ['https://db.example.invalid', 'postgres://db.example.invalid'],
        notes: 'fake notes',
        fields: {
          region: 'fake-region',
          'API key': 'fake-api-key',
          'read only': true,
          'region (2)': 'fake-region-2',
        },
      },
      'Café _/https:__example.invalid__': { notes: 'fake secure note' },
      Card: {
        cardholderName: 'Fake Person',
        brand: 'visa',
        number: '0000000000000000',
        expMonth: '4',
        expYear: '2099',
        code: '000',
      },
      Identity: { title: 'Mx', firstName: 'Fake', ssn: 'fake-ssn' },
      'Work/Servers/deploy': {
        privateKey:
          '-----BEGIN OPENSSH PRIVATE KEY-----\nZmFrZQ==\n-----END OPENSSH PRIVATE KEY-----\n',
        publicKey: 'ssh-ed25519 ZmFrZQ== fake',
        keyFingerprint: 'SHA256:fake',
      },
    })
  })

  it('keeps notes out of what can be listed, and knows an SSH key', () => {
    const types = parsed.entries.map(({ meta }) => meta)
    const [generic, sshKey] = [{ type: 'generic' }, { type: 'ssh_key' }]
    expect(types).toEqual([generic, generic, generic, generic, sshKey])
  })

  it('says what it leaves out', () => {
    expect(parsed.skipped).toEqual([
      { row: 'items[0].fields[3]', reason: 'a linked field has no value of its own' },
      { row: 'items[5]', reason: 'its path is that of items[2]' },
      { row: 'items[6]', reason: 'it holds nothing' },
      { row: 'items[7]', reason: 'its type is none of 1 to 8' },
      { row: 'items[8]', reason: 'it is in the trash' },
    ])
  })

  it.each([
    ['fake', 'expected an object, found a string'],
    [{ type: 1, name: 7 }, 'expected a name'],
    [{ type: 1, name: 'a', login: 'fake' }, 'login: expected an object, found a string'],
    [{ type: 1, name: 'a', fields: {} }, 'fields: expected a list, found an object'],
    [
      { type: 2, name: 'a', notes: 'x'.repeat(2 ** 20) },
      'value: expected at most 1048576 bytes, found 1048588',
    ],
    [
      { type: 2, name: 'x'.repeat(129), notes: 'fake' },
      'segment of path: expected at most 128 bytes, found 129',
    ],
  ])('leaves out an item that cannot be a secret: %#', (item, reason) => {
    const { entries, skipped } = parseText('bitwarden', JSON.stringify({ items: [item] }))
    expect(entries).toEqual([])
    expect(skipped).toEqual([{ row: 'items[0]', reason }])
  })

  it('leaves out a custom field that is none, or whose number is taken, and keeps the item', () => {
    const named = ['x', 'x (2)', 'x'].map((name, at) => ({ name, value: `fake-${at}`, type: 0 }))
    const item = { type: 2, name: 'a', fields: [...named, 'fake'] }
    const parsed = parseText('bitwarden', JSON.stringify({ items: [item] }))
    expect(valuesOf(parsed)).toEqual({ a: { fields: { x: 'fake-0', 'x (2)': 'fake-1' } } })
    expect(parsed.skipped).toEqual([
      { row: 'items[0].fields[2]', reason: 'its name is that of another field' },
      { row: 'items[0].fields[3]', reason: 'expected an object, found a string' },
    ])
  })
})

describe("a Bitwarden organisation's export", () => {
  it('gives the fields of each item below the first of its collections', () => {
    const parsed = parseTransfer(fixture('bitwarden-organisation.json'), { format: 'bitwarden' })
    expect(valuesOf(parsed)).toEqual({
      'Infra/Databases/primary': { username: 'fake-admin', password: 'fake-primary' },
      'Everyone/bank': { bankName: 'Fake Bank', accountNumber: '000000', pin: '0000' },
    })
    expect(parsed.skipped).toEqual([
      { row: 'items[0]', reason: 'it is taken in once, below the first of its 2 places' },
    ])
  })
})

describe('another file', () => {
  it.each([
    [fixture('bitwarden-encrypted.json').toString(), 'expected an export that is not encrypted'],
    ['folder,favorite,type,name\n,,login,fake', 'expected JSON'],
    ['', 'expected JSON'],
    ['{"encrypted":false,"folders":[]}', 'expected a list of items, found nothing'],
    ['{"items":{}}', 'expected a list of items, found an object'],
  ])('is refused with how to get the right one: %#', (text, message) => {
    expect(() => parseText('bitwarden', text)).toThrow(
      expect.objectContaining({ code: 'INVALID', message: `bitwarden file: ${message}: ${howTo}` }),
    )
  })
})
