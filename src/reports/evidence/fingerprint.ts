import { createHash } from 'node:crypto'
import { formatVkey, type Vkey } from '../../proofs/vkey.ts'

/**
 * The whole hash of which a key's id is the first four bytes, in hex: SHA-256(name ‖ 0A ‖ type ‖ public key). Two
 * people read it to each other, and no other key has it.
 */
export function fingerprintOf(vkey: Vkey): string {
  const line = formatVkey(vkey)
  const material = Buffer.from(line.slice(`${vkey.name}+${vkey.keyId}+`.length), 'base64')
  return createHash('sha256').update(`${vkey.name}\n`).update(material).digest('hex')
}

/** In groups of four digits, as people read it out. */
export function groupsOf(fingerprint: string): readonly string[] {
  return fingerprint.match(/.{4}/g) ?? []
}
