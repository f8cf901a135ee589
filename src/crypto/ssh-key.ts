import { createPublicKey, type JsonWebKey } from 'node:crypto'
import type { SecretInput } from '../secret/value.ts'
import { viewOf } from './bytes.ts'
import { sha256 } from './hash.ts'

/**
 * The fingerprint that `ssh-keygen -l` prints, `SHA256:` and unpadded base64, of the public key in a value: a line
 * of `authorized_keys`, an OpenSSH private key (encrypted ones too: their public half is in the clear), a PEM key
 * that is not encrypted, or fields that hold one as `sshPublicKey`, `publicKey` or `privateKey`. Undefined for
 * anything else; never throws.
 */
export function sshKeyFacts(value: SecretInput): { fingerprint: string } | undefined {
  for (const text of textsOf(value)) {
    const blob = publicBlob(text)
    if (blob !== undefined) {
      return { fingerprint: `SHA256:${sha256(blob).toString('base64').replace(/=+$/, '')}` }
    }
  }
  return undefined
}

function textsOf(value: SecretInput): readonly string[] {
  if (typeof value === 'string') return [value]
  if (value instanceof Uint8Array) return [viewOf(value).toString()]
  const fields = [value.sshPublicKey, value.publicKey, value.privateKey]
  return fields.filter((field) => typeof field === 'string')
}

/** The key in SSH's wire format (RFC 4253 §6.6), which is what gets hashed. */
function publicBlob(text: string): Buffer | undefined {
  try {
    return blobOfLine(text) ?? blobOfOpenSsh(text) ?? blobOfPem(text)
  } catch {
    // Not a key: whatever node:crypto or a read past the end says of it.
    return undefined
  }
}

/** One line of `authorized_keys` (sshd(8)): the algorithm and base64, perhaps between options and a comment. */
function blobOfLine(text: string): Buffer | undefined {
  const words =
    text
      .trimStart()
      .split('\n', 1)[0]
      ?.split(/[ \t]+/, 64) ?? []
  for (const [at, algorithm] of words.entries()) {
    const encoded = words[at + 1]?.trimEnd() ?? ''
    if (!/^(ssh|ecdsa|sk)-[\w.@-]+$/.test(algorithm) || !/^[\w+/]+=*$/.test(encoded)) continue
    const blob = Buffer.from(encoded, 'base64')
    const [name, ...key] = stringsOf(blob)
    if (name?.toString() === algorithm && key.length > 0) return blob
  }
  return undefined
}

const openSshMagic = Buffer.from('openssh-key-v1\0')

/** PROTOCOL.key of OpenSSH: magic ‖ string cipher ‖ string kdf ‖ string options ‖ u32 keys ‖ string public key. */
function blobOfOpenSsh(text: string): Buffer | undefined {
  const armoured = /-----BEGIN OPENSSH PRIVATE KEY-----([^-]+)-----END/.exec(text)?.[1]
  if (armoured === undefined) return undefined
  const bytes = Buffer.from(armoured, 'base64')
  if (!bytes.subarray(0, openSshMagic.length).equals(openSshMagic)) return undefined
  let at = openSshMagic.length
  for (let skipped = 0; skipped < 3; skipped += 1) at += 4 + stringAt(bytes, at).length
  return stringAt(bytes, at + 4)
}

function blobOfPem(text: string): Buffer | undefined {
  if (!text.includes('-----BEGIN ')) return undefined
  return blobOfJwk(createPublicKey(text).export({ format: 'jwk' }))
}

function blobOfJwk({ crv, e, kty, n, x, y }: JsonWebKey): Buffer | undefined {
  if (crv === 'Ed25519') return wire('ssh-ed25519', Buffer.from(x ?? '', 'base64url'))
  if (kty === 'RSA') return wire('ssh-rsa', mpint(e), mpint(n))
  if (kty !== 'EC' || crv === undefined) return undefined
  // RFC 5656 §3.1: the curve's name, then the point, uncompressed.
  const curve = crv.replace('P-', 'nistp')
  const point = [Buffer.of(4), Buffer.from(x ?? '', 'base64url'), Buffer.from(y ?? '', 'base64url')]
  return wire(`ecdsa-sha2-${curve}`, Buffer.from(curve), Buffer.concat(point))
}

/** `ssh-ed25519 AAAA…`, from the 32 bytes of a public key (RFC 8709 §4). */
export function ed25519PublicLine(raw: Uint8Array): string {
  return `ssh-ed25519 ${wire('ssh-ed25519', raw).toString('base64')}`
}

function wire(algorithm: string, ...strings: readonly Uint8Array[]): Buffer {
  const parts = [Buffer.from(algorithm), ...strings].map((part) => {
    const length = Buffer.alloc(4)
    length.writeUInt32BE(part.length)
    return Buffer.concat([length, part])
  })
  return Buffer.concat(parts)
}

/** RFC 4251 §5: the shortest big-endian form, with a zero in front where the top bit would read as a sign. */
function mpint(encoded: string | undefined): Buffer {
  const bytes = Buffer.from(encoded ?? '', 'base64url')
  return (bytes[0] ?? 0) < 0x80 ? bytes : Buffer.concat([Buffer.of(0), bytes])
}

/** The strings that a blob consists of, to its last byte. */
function stringsOf(blob: Buffer): readonly Buffer[] {
  const strings: Buffer[] = []
  for (let at = 0; at < blob.length; ) {
    const string = stringAt(blob, at)
    strings.push(string)
    at += 4 + string.length
  }
  return strings
}

/** The string that stands at `at`. A RangeError where there is none, which `publicBlob` takes for an answer. */
function stringAt(bytes: Buffer, at: number): Buffer {
  const end = at + 4 + bytes.readUInt32BE(at)
  if (end > bytes.length) throw new RangeError(`a string ends at ${end} of ${bytes.length} bytes`)
  return bytes.subarray(at + 4, end)
}
