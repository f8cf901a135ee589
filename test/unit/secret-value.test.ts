import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { type SecretInput, SecretValue } from '../../src/secret/value.ts'

const about = { path: 'prod/db/password', version: 3, position: 41, type: 'generic' }
const leak = 'hunter2'

function secret(content: SecretInput): SecretValue {
  return new SecretValue(content, about)
}

describe('a secret value', () => {
  it.each<[string, SecretInput]>([
    ['a string', leak],
    ['bytes', Buffer.from(leak)],
    ['fields', { password: leak }],
  ])('of %s prints nowhere', (_kind, content) => {
    const value = secret(content)
    const printed = [
      String(value),
      `${value}`,
      `a ${value} b`,
      JSON.stringify({ value }),
      JSON.stringify([value]),
      inspect(value),
      inspect({ nested: { value } }, { depth: 9, showHidden: true, getters: true }),
      inspect(value, { customInspect: false, showHidden: true, getters: true, depth: 9 }),
      JSON.stringify(structuredClone(value)),
      inspect(structuredClone(value)),
      JSON.stringify({ ...value }),
      JSON.stringify(Object.getOwnPropertyNames(value)),
      JSON.stringify(Object.entries(value)),
      String(new Error(`failed with ${value}`)),
    ]
    for (const text of printed) {
      expect(text).not.toContain(leak)
      expect(text).not.toContain(Buffer.from(leak).toString('base64'))
      expect(text).not.toContain([...Buffer.from(leak)].join(','))
    }
    expect(`${value}`).toBe('[secret]')
    expect(inspect({ value })).toBe('{ value: [secret] }')
    expect(JSON.stringify({ value })).toBe('{"value":"[secret]"}')
  })

  it('says what it is', () => {
    expect(secret(leak)).toMatchObject({ ...about, kind: 'string' })
    expect(secret(Buffer.alloc(0)).kind).toBe('bytes')
    expect(secret({}).kind).toBe('fields')
  })

  it('gives text of strings and of bytes that are UTF-8', () => {
    expect(secret('pässword').text()).toBe('pässword')
    expect(secret(Buffer.from('\ufeffpässword')).text()).toBe('\ufeffpässword')
    expect(() => secret(Buffer.of(0xff)).text()).toThrow(
      expect.objectContaining({
        code: 'INVALID',
        path: about.path,
        message: 'secret prod/db/password holds bytes that are not UTF-8: use bytes()',
      }),
    )
  })

  it('gives bytes as a copy in memory of its own', () => {
    const value = secret(Buffer.from('key'))
    value.bytes().fill(0)
    expect(value.bytes().toString()).toBe('key')
    expect(value.bytes().buffer.byteLength).toBe(3)
    expect(secret('pä').bytes()).toEqual(Buffer.from('pä'))
    expect(secret('pä').bytes().buffer.byteLength).toBe(3)
  })

  it('gives fields as a copy', () => {
    const value = secret({ user: 'app', hosts: ['a'] })
    const copy = value.fields()
    copy.user = 'other'
    expect(value.fields()).toEqual({ user: 'app', hosts: ['a'] })
  })

  it('names the method to use instead', () => {
    const fields = secret({ a: 1 })
    const text = secret('a')
    const refusal = (message: string) => expect.objectContaining({ code: 'INVALID', message })
    const useFields = refusal('secret prod/db/password holds fields: use fields()')
    expect(() => fields.text()).toThrow(useFields)
    expect(() => fields.bytes()).toThrow(useFields)
    expect(() => text.fields()).toThrow(
      refusal('secret prod/db/password holds a string: use text()'),
    )
    expect(() => secret(Buffer.of(1)).fields()).toThrow(
      refusal('secret prod/db/password holds bytes: use bytes()'),
    )
  })
})
