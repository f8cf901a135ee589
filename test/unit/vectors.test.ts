import { createPublicKey, hkdfSync, pbkdf2, verify } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { publicKeyOf } from '../../src/crypto/ed25519.ts'
import { openGcm, sealGcm } from '../../src/crypto/gcm.ts'

/** Public test vectors are run from where they lie: `MUNIMENT_VECTORS` names a folder with C2SP's in `wycheproof`. */
const folder = process.env.MUNIMENT_VECTORS

interface Case {
  readonly tcId: number
  readonly comment: string
  readonly result: 'valid' | 'invalid' | 'acceptable'
}

interface Group<Test extends Case> {
  readonly tests: readonly Test[]
}

/** The groups of a set, or undefined, said aloud, where it is not there. */
function load<G extends Group<Case>>(name: string): readonly G[] | undefined {
  const path = folder === undefined ? undefined : join(folder, 'wycheproof', name)
  if (path !== undefined && existsSync(path))
    return JSON.parse(readFileSync(path, 'utf8')).testGroups
  console.warn(`SKIPPED: wycheproof/${name}: ${path ?? 'MUNIMENT_VECTORS'} is not there`)
  return undefined
}

function bytes(hex: string): Buffer {
  return Buffer.from(hex, 'hex')
}

interface AeadCase extends Case {
  readonly key: string
  readonly iv: string
  readonly aad: string
  readonly msg: string
  readonly ct: string
  readonly tag: string
}

const aeadGroups = load<Group<AeadCase> & { ivSize: number; keySize: number; tagSize: number }>(
  'aes_gcm_test.json',
)

describe.skipIf(aeadGroups === undefined)('Wycheproof: AES-256-GCM, 12-byte nonces', () => {
  const groups = (aeadGroups ?? []).filter(
    ({ ivSize, keySize, tagSize }) => ivSize === 96 && keySize === 256 && tagSize === 128,
  )
  const cases = groups.flatMap(({ tests }) => tests)

  it('has valid cases and refusals', () => expectBoth(cases))

  it.each(cases)('$tcId $comment ($result)', (test) => {
    const pair = { key: bytes(test.key), nonce: bytes(test.iv) }
    const sealed = bytes(test.ct + test.tag)
    if (test.result === 'valid') {
      expect(openGcm(pair, sealed, bytes(test.aad))).toEqual(bytes(test.msg))
      expect(sealGcm(pair, bytes(test.msg), bytes(test.aad))).toEqual(sealed)
    } else {
      expect(() => openGcm(pair, sealed, bytes(test.aad))).toThrow(
        expect.objectContaining({ code: 'INTEGRITY' }),
      )
    }
  })
})

interface HkdfCase extends Case {
  readonly ikm: string
  readonly salt: string
  readonly info: string
  readonly size: number
  readonly okm: string
}

const hkdfGroups = load<Group<HkdfCase>>('hkdf_sha256_test.json')

describe.skipIf(hkdfGroups === undefined)('Wycheproof: HKDF-SHA-256', () => {
  const cases = (hkdfGroups ?? []).flatMap(({ tests }) => tests)

  it('has valid cases and refusals', () => expectBoth(cases))

  it.each(cases)('$tcId $comment ($result)', ({ ikm, salt, info, size, okm, result }) => {
    const derive = () => Buffer.from(hkdfSync('sha256', bytes(ikm), bytes(salt), bytes(info), size))
    if (result === 'valid') expect(derive()).toEqual(bytes(okm))
    else expect(derive).toThrow(/key length/i)
  })
})

interface PbkdfCase extends Case {
  readonly password: string
  readonly salt: string
  readonly iterationCount: number
  readonly dkLen: number
  readonly dk: string
}

const pbkdfGroups = load<Group<PbkdfCase>>('pbkdf2_hmacsha256_test.json')

describe.skipIf(pbkdfGroups === undefined)('Wycheproof: PBKDF2-HMAC-SHA256', () => {
  const cases = (pbkdfGroups ?? []).flatMap(({ tests }) => tests)

  it('has cases, all of them valid', () => {
    expect(cases.length).toBeGreaterThan(0)
    expect(cases.every(({ result }) => result === 'valid')).toBe(true)
  })

  it.each(cases)('$tcId $comment ($result)', async (test) => {
    const { password, salt, iterationCount, dkLen } = test
    const derive = promisify(pbkdf2)
    const key = await derive(bytes(password), bytes(salt), iterationCount, dkLen, 'sha256')
    expect(key).toEqual(bytes(test.dk))
  })
})

interface SignatureCase extends Case {
  readonly msg: string
  readonly sig: string
}

const signatureGroups = load<
  Group<SignatureCase> & { publicKey: { pk: string }; publicKeyPem: string }
>('ed25519_test.json')

describe.skipIf(signatureGroups === undefined)('Wycheproof: Ed25519', () => {
  const cases = (signatureGroups ?? []).flatMap(({ publicKey, publicKeyPem, tests }) =>
    tests.map((test) => ({ ...test, pk: publicKey.pk, pem: publicKeyPem })),
  )

  it('has valid cases and refusals', () => expectBoth(cases))

  it.each(cases)('$tcId $comment ($result)', ({ msg, pem, pk, result, sig }) => {
    const key = publicKeyOf(bytes(pk))
    expect(key.equals(createPublicKey(pem))).toBe(true)
    expect(verify(null, bytes(msg), key, bytes(sig))).toBe(result === 'valid')
  })
})

/** A filter or a format that let nothing through would pass every case. */
function expectBoth(cases: readonly Case[]): void {
  const results = cases.map(({ result }) => result)
  expect(new Set(results)).toEqual(new Set(['valid', 'invalid']))
}
