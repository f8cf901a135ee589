import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { generate } from '../../src/crypto/generate.ts'
import { sshKeyFacts } from '../../src/crypto/ssh-key.ts'
import type { SecretFields, SecretInput } from '../../src/secret/value.ts'

describe('generated values', () => {
  it('are passwords of the length and alphabet asked for', () => {
    expect(text(generate.password().make())).toMatch(/^[\w.~-]{32}$/)
    expect(text(generate.password({ length: 8, alphabet: 'aé𝄞' }).make())).toMatch(/^[aé𝄞]{8}$/u)
    expect(generate.password({ length: 40 }).spec).toBe('password of 40 characters out of 66')
  })

  it('differ at every call', () => {
    const { make } = generate.password()
    expect(new Set(Array.from({ length: 1000 }, make)).size).toBe(1000)
  })

  it('favour no character of the alphabet', () => {
    // 66 does not divide 256: a byte modulo 66 would draw the first 58 a third more often than the rest.
    const counts = new Map<string, number>()
    const { make } = generate.password({ length: 1024 })
    for (let round = 0; round < 129; round += 1) {
      for (const character of text(make())) {
        counts.set(character, (counts.get(character) ?? 0) + 1)
      }
    }
    // About 2,000 each, with a standard deviation of 45: eight of those are never seen.
    expect(counts.size).toBe(66)
    for (const count of counts.values()) expect(Math.abs(count - 2001)).toBeLessThan(8 * 45)
  })

  it('are random bytes in hexadecimal and base64', () => {
    expect(text(generate.hex().make())).toMatch(/^[0-9a-f]{64}$/)
    expect(text(generate.hex({ bytes: 16 }).make())).toHaveLength(32)
    expect(Buffer.from(text(generate.base64({ bytes: 33 }).make()), 'base64')).toHaveLength(33)
    expect(generate.base64().spec).toBe('32 random bytes in base64')
  })

  it('are Ed25519 key pairs whose three fields belong together', () => {
    const generator = generate.ed25519()
    expect(generator.type).toBe('ssh_key')
    const pair = fields(generator.make())
    const message = Buffer.from('signed')
    const signature = sign(null, message, createPrivateKey(String(pair.privateKey)))
    expect(verify(null, message, createPublicKey(String(pair.publicKey)), signature)).toBe(true)
    expect(pair.sshPublicKey).toMatch(/^ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI[\w+/]+$/)
    const fingerprints = Object.values(pair).map((field) => sshKeyFacts(String(field))?.fingerprint)
    expect(new Set(fingerprints).size).toBe(1)
    expect(sshKeyFacts(pair)?.fingerprint).toBe(fingerprints[0])
  })

  it.each([
    [() => generate.password({ length: 7 }), 'length: expected 8 to 1024, found 7'],
    [() => generate.password({ length: 1025 }), 'length: expected 8 to 1024, found 1025'],
    [() => generate.password({ length: 8.5 }), 'length: expected 8 to 1024, found 8.5'],
    [
      () => generate.password({ alphabet: 'a' }),
      'characters of alphabet: expected 2 to 1024, found 1',
    ],
    [
      () => generate.password({ alphabet: 'abca' }),
      'alphabet: expected distinct characters, found two of "a"',
    ],
    [
      () => generate.password({ alphabet: 'ab\ud834' }),
      'alphabet: expected characters, found half of one',
    ],
    [() => generate.hex({ bytes: 15 }), 'bytes: expected 16 to 1024, found 15'],
    [() => generate.base64({ bytes: 1025 }), 'bytes: expected 16 to 1024, found 1025'],
  ])('refuse %s', (make, message) => {
    expect(make).toThrow(expect.objectContaining({ code: 'INVALID', message }))
  })
})

function text(value: SecretInput): string {
  if (typeof value !== 'string') throw new Error('expected a string')
  return value
}

function fields(value: SecretInput): SecretFields {
  if (typeof value === 'string' || value instanceof Uint8Array) throw new Error('expected fields')
  return value
}
