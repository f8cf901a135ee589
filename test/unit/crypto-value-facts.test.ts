import { generateKeyPairSync, X509Certificate } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { certificateFacts } from '../../src/crypto/certificate.ts'
import { sshKeyFacts } from '../../src/crypto/ssh-key.ts'
import type { SecretInput } from '../../src/secret/value.ts'

/** Made with OpenSSL and OpenSSH for these tests; the fingerprints are what `openssl x509` and `ssh-keygen -l` print. */
const certificate = `-----BEGIN CERTIFICATE-----
MIIBfzCCASWgAwIBAgIUVU/ecQqcFIKheJyNnvNBFekF4IMwCgYIKoZIzj0EAwIw
FTETMBEGA1UEAwwKZGIuZXhhbXBsZTAeFw0yNjExMjQxNzI4NTZaFw0zNjExMjEx
NzI4NTZaMBUxEzARBgNVBAMMCmRiLmV4YW1wbGUwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAR3vB0Gwt9dsfktzjTlTtdgIu1JR8k3gTKFIaOyaDoPuxMaPAOzVyMe
T/CDEQRNwldbeY9rQr4HjzucufhLskRwo1MwUTAdBgNVHQ4EFgQUvII31E3WhQ1a
8HRBSGOzlApGT6AwHwYDVR0jBBgwFoAUvII31E3WhQ1a8HRBSGOzlApGT6AwDwYD
VR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiAwMh10tmGbb7mljz/nTk5G
Ve9Q0Z8ormlIl1SuDkpA2gIhAPElfO1f29ibwjNHMzA9qaodVohi5TT/zAfFJnZo
rBF3
-----END CERTIFICATE-----
`
const ed25519Line = [
  'ssh-ed25519 ',
  'AAAAC3NzaC1lZDI1NTE5AAAAIIoRs0WKjUEFNvoo17XYO+OY5Uw35me6kXhoUyTxXYqG',
  ' test@muniment',
].join('')
const ecdsaLine = [
  'ecdsa-sha2-nistp256 ',
  'AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBJJ8a0vo0cWSrWCVLX87MB4QAj6z',
  'YrSUUbMfqyW1VP8wqPiYvYEl/XdEjd/RZCixvKjBqI5xpy+J6ggqn7bgSxs=',
  ' test@muniment',
].join('')
const rsaLine = [
  'ssh-rsa ',
  'AAAAB3NzaC1yc2EAAAADAQABAAABAQC1L15h7zFMUv/m8XjdwPzLmWD2ZhkU63HEu1axE2qK7fO6M4gs',
  '2h6Xyo0N+AvP90BYrdcYAD2civdiccmJfrtrYB5pqo2OSMW5yPyuifzxr5q7ZnC39jOLLFPm5fqQkCn/',
  'dP9DQuAEcmXfZIw2mzLF5fU09oA72z81qcmIWLFN5RliU23Q0GCH34Jm+GP5xLebg04gxnzHjFc/nAL+',
  'BrraPScmzL0+vWiArRXVLKGyPZrCP+kwRK613wufkwXCs1BsCl5lok1qRKIEXB3QOVDATVP+4KxfsPFz',
  'AAPTB4LRGsDBw+HG7oP2elnlPLdCP0gODOhPz50aGKzIgo89OhtZ',
  ' test@muniment',
].join('')
const ecdsaPem = `-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEknxrS+jRxZKtYJUtfzswHhACPrNi
tJRRsx+rJbVU/zCo+Ji9gSX9d0SN39FkKLG8qMGojnGnL4nqCCqftuBLGw==
-----END PUBLIC KEY-----
`
const rsaPem = `-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAtS9eYe8xTFL/5vF43cD8
y5lg9mYZFOtxxLtWsRNqiu3zujOILNoel8qNDfgLz/dAWK3XGAA9nIr3YnHJiX67
a2AeaaqNjkjFucj8ron88a+au2Zwt/YziyxT5uX6kJAp/3T/Q0LgBHJl32SMNpsy
xeX1NPaAO9s/NanJiFixTeUZYlNt0NBgh9+CZvhj+cS3m4NOIMZ8x4xXP5wC/ga6
2j0nJsy9Pr1ogK0V1Syhsj2awj/pMESutd8Ln5MFwrNQbApeZaJNakSiBFwd0DlQ
wE1T/uCsX7DxcwAD0weC0RrAwcPhxu6D9npZ5Ty3Qj9IDgzoT8+dGhisyIKPPTob
WQIDAQAB
-----END PUBLIC KEY-----
`
/** Its private half is encrypted under a passphrase that nobody kept. */
const encryptedOpenSsh = `-----BEGIN OPENSSH PRIVATE KEY-----
b3BlbnNzaC1rZXktdjEAAAAACmFlczI1Ni1jdHIAAAAGYmNyeXB0AAAAGAAAABDHGmx9xn
Tmopk2blmQ85mJAAAAEAAAAAEAAAAzAAAAC3NzaC1lZDI1NTE5AAAAIKpkJejFR/wO4U7/
FU7uVBOy7Seay2lHBcAScGC+mTWyAAAAkFqoVS+ymofUuIGO8hdjZ+t2CqwmZxr0RLA1Zv
3Vi70SJOWl7Rw9KvLUrnBez9TOYSYuhofxsWE6Vz9dHR6hLkjtLnPl1azuz/ozl197vnza
Wpc73GSM6hg10j3Y/kog00EH+uzldqbZ1v21H4bNcD6//wHHNq5onCQWm3hNx0p2s0hYwm
DPYhC6fAqnf6PFyg==
-----END OPENSSH PRIVATE KEY-----
`
const fingerprints = {
  ed25519: 'SHA256:fartFo9pN/ra+ocXoft9JAu/8kQokMsyEpwby5/Wqas',
  ecdsa: 'SHA256:vOKXNadxAf0ovvrZvq1t2eahAJcxr4Ge7vTMkvlDmhA',
  rsa: 'SHA256:p7Y89DgzBx4COkWPYG3ljRRkHvU49nNQ9i8vsXdsYSg',
  encrypted: 'SHA256:zgRzpRA1MOSpbWWsHeyqxI7QpswmKZNMslyEgrpWXzA',
}
const certificateOf = {
  notBefore: Date.parse('2026-11-24T17:28:56Z'),
  expiresAt: Date.parse('2036-11-21T17:28:56Z'),
  fingerprint:
    'SHA256:C8:0B:A8:03:9F:C9:FA:05:27:7F:F4:6E:94:14:8F:4C:' +
    'CC:70:78:59:C0:F3:B2:19:58:68:44:AE:F8:90:CF:51',
}

/** Nothing of this is a certificate or a key, in ways that a parser could trip over. */
const garbage: readonly SecretInput[] = [
  '',
  'hunter2',
  Buffer.alloc(0),
  Buffer.of(0x30, 0x82, 0xff, 0xff),
  Buffer.alloc(1024, 0xff),
  {},
  { certificate: 12, publicKey: null },
  certificate.slice(0, 300),
  ed25519Line.slice(0, 40),
  'ssh-ed25519 AAAA',
  'ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIIoRs0WKjUEFNvoo17XYO+OY5Uw35me6kXhoUyTxXYqG',
  '-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAACg==\n-----END OPENSSH PRIVATE KEY-----',
  '-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----',
  '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----',
]

describe('what a certificate says', () => {
  it.each<[string, SecretInput]>([
    ['PEM text', certificate],
    ['PEM bytes', Buffer.from(certificate)],
    ['a chain, of which the first counts', certificate + certificate],
    ['DER bytes', new X509Certificate(certificate).raw],
    ['the field of that name', { certificate, privateKey: 'PEM' }],
  ])('is read from %s', (_where, value) => {
    expect(certificateFacts(value)).toEqual(certificateOf)
  })

  it('is undefined for anything else', () => {
    for (const value of [...garbage, ed25519Line]) expect(certificateFacts(value)).toBeUndefined()
  })
})

describe('the fingerprint of an SSH key', () => {
  it.each<[string, SecretInput, string]>([
    ['an Ed25519 line', ed25519Line, fingerprints.ed25519],
    ['an ECDSA line', ecdsaLine, fingerprints.ecdsa],
    ['an RSA line', rsaLine, fingerprints.rsa],
    ['bytes of a line', Buffer.from(`${ed25519Line}\r\n`), fingerprints.ed25519],
    ['a line with options', `restrict,command="run it" ${rsaLine}`, fingerprints.rsa],
    ['an ECDSA public key in PEM', ecdsaPem, fingerprints.ecdsa],
    ['an RSA public key in PEM', rsaPem, fingerprints.rsa],
    ['an encrypted OpenSSH private key', encryptedOpenSsh, fingerprints.encrypted],
    ['a field', { privateKey: encryptedOpenSsh }, fingerprints.encrypted],
    [
      'the public field first',
      { privateKey: encryptedOpenSsh, sshPublicKey: rsaLine },
      fingerprints.rsa,
    ],
  ])('is read from %s', (_where, value, fingerprint) => {
    expect(sshKeyFacts(value)).toEqual({ fingerprint })
  })

  it('is the same for a private key in PEM and its public half', () => {
    const pairs = [
      generateKeyPairSync('ed25519'),
      generateKeyPairSync('ec', { namedCurve: 'P-384' }),
      generateKeyPairSync('ec', { namedCurve: 'P-521' }),
    ]
    for (const { privateKey, publicKey } of pairs) {
      const fact = sshKeyFacts(privateKey.export({ format: 'pem', type: 'pkcs8' }).toString())
      expect(fact?.fingerprint).toMatch(/^SHA256:[\w+/]{43}$/)
      expect(sshKeyFacts(publicKey.export({ format: 'pem', type: 'spki' }).toString())).toEqual(
        fact,
      )
    }
  })

  it('is undefined for anything else, encrypted PEM keys and other curves included', () => {
    const encrypted = generateKeyPairSync('ed25519').privateKey.export({
      format: 'pem',
      type: 'pkcs8',
      cipher: 'aes-256-cbc',
      passphrase: 'unknown',
    })
    const x25519 = generateKeyPairSync('x25519').publicKey.export({ format: 'pem', type: 'spki' })
    const others = [encrypted.toString(), x25519.toString()]
    for (const value of [...garbage, ...others]) expect(sshKeyFacts(value)).toBeUndefined()
  })
})
