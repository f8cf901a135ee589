import { type KeyObject, sign, verify } from 'node:crypto'
import { publicKeyOf } from '../crypto/ed25519.ts'
import { VaultError } from '../errors.ts'
import { cosign, cosignatureBytes, readCosignature } from './cosignature.ts'
import { decodeText, malformed, parseBase64 } from './lines.ts'
import { namePattern, type SignatureType, type Vkey, vkeyOf } from './vkey.ts'

/**
 * C2SP signed-note:
 *
 * note      := text ‖ "\n" ‖ signature, one or more          in UTF-8, no control character below U+0020 but "\n"
 * text      := lines; some may be blank, for the last blank line of the note ends it
 * signature := "— " name " " base64(key id(4) ‖ bytes) "\n"   the dash is U+2014
 */
export interface Note {
  /** With its last newline. */
  readonly text: string
  readonly signatures: readonly NoteSignature[]
}

/** One signature line; whether it holds is another question. */
export interface NoteSignature {
  readonly name: string
  /** 8 hex digits. */
  readonly keyId: string
  readonly bytes: Buffer
}

/** A signature that holds, and the key that it holds under. */
export interface VerifiedSignature {
  readonly vkey: Vkey
  readonly signature: NoteSignature
  /** When a witness saw the text, in seconds since the epoch; undefined for a plain signature. */
  readonly seconds: number | undefined
}

export interface Signer {
  readonly name: string
  /** Private, Ed25519. */
  readonly key: KeyObject
}

export const noteBytesMax = 512 * 1024
/** The specification asks for 16 or more. */
export const signaturesMax = 64

const keyIdBytes = 4
const ed25519Bytes = 64

/** How the bytes of each type of signature are read, and how many there are. */
const schemes: Record<SignatureType, { readonly length: number; readonly read: ReadSignature }> = {
  ed25519: {
    length: ed25519Bytes,
    read: (text, signature) => ({ message: Buffer.from(text), signature, seconds: undefined }),
  },
  'cosignature/v1': { length: cosignatureBytes, read: readCosignature },
}

type ReadSignature = (
  text: string,
  bytes: Buffer,
) => { message: Buffer; signature: Buffer; seconds: number | undefined }

/** Signs a text with a plain Ed25519 key (type 1). */
export function signNote(text: string, { name, key }: Signer): NoteSignature {
  const { keyId } = vkeyOf(name, key)
  return { name, keyId, bytes: sign(null, Buffer.from(text), key) }
}

/** Signs a text as a witness does (type 4), who saw it at this time. */
export function cosignNote(text: string, { name, key }: Signer, seconds: number): NoteSignature {
  const { keyId } = vkeyOf(name, key, 'cosignature/v1')
  return { name, keyId, bytes: cosign(text, { key, seconds }) }
}

/** The bytes of a note, which `parseNote` takes. Throws `INVALID` or `TOO_LARGE` where it would not. */
export function formatNote({ text, signatures }: Note): Buffer {
  const bytes = Buffer.from(`${text}\n${formatSignatures(signatures)}`)
  if (parseNote(bytes).text !== text)
    throw malformed('signed note', 'a text that ends in a newline')
  return bytes
}

export function formatSignatures(signatures: readonly NoteSignature[]): string {
  return signatures.map(formatSignature).join('')
}

function formatSignature({ name, keyId, bytes }: NoteSignature): string {
  return `— ${name} ${Buffer.concat([Buffer.from(keyId, 'hex'), bytes]).toString('base64')}\n`
}

/**
 * Reads a note; nothing is verified yet.
 *
 * @throws VaultError `INVALID`, saying what was expected; `TOO_LARGE` beyond 512 KiB
 */
export function parseNote(bytes: Uint8Array): Note {
  const note = decodeNoteText(bytes, 'signed note')
  const blank = note.lastIndexOf('\n\n')
  if (blank < 0) throw malformed('signed note', 'a blank line between text and signatures')
  const text = note.slice(0, blank + 1)
  return { text, signatures: parseLines(note.slice(blank + 2), 'signed note') }
}

/** Reads signature lines alone, one or more, as a witness answers. */
export function parseSignatures(bytes: Uint8Array): NoteSignature[] {
  return parseLines(decodeNoteText(bytes, 'signatures'), 'signatures')
}

/**
 * Verifies a note under the keys that are trusted, and returns the signatures that hold, one a key. Those of other
 * keys are ignored; one that a trusted key did not make refuses the note, and so does a note that none signed.
 *
 * @throws VaultError `INTEGRITY`
 */
export function verifyNote(note: Note, vkeys: readonly Vkey[]): readonly VerifiedSignature[] {
  const trusted = new Map(vkeys.map((vkey) => [identity(vkey), vkey]))
  const verified = new Map<Vkey, VerifiedSignature>()
  for (const signature of note.signatures) {
    const vkey = trusted.get(identity(signature))
    if (vkey === undefined) continue
    const found = verifySignature(note.text, signature, vkey)
    const other = verified.get(vkey)
    // A witness may have signed twice: how fresh a checkpoint is, the later time tells.
    if (other === undefined || (found.seconds ?? 0) > (other.seconds ?? 0))
      verified.set(vkey, found)
  }
  if (verified.size > 0) return [...verified.values()]
  throw new VaultError('INTEGRITY', 'signed note: none of the trusted keys has signed it')
}

function verifySignature(text: string, signature: NoteSignature, vkey: Vkey): VerifiedSignature {
  const { length, read } = schemes[vkey.type]
  if (signature.bytes.length === length) {
    const { message, signature: raw, seconds } = read(text, signature.bytes)
    // RFC 8032 §5.1.7.
    if (verify(null, message, publicKeyOf(vkey.publicKey), raw)) return { vkey, signature, seconds }
  }
  throw new VaultError('INTEGRITY', `signed note: the signature by ${vkey.name} does not verify`)
}

/** A key is known by its name and its id, never by one of them. */
function identity({ name, keyId }: { readonly name: string; readonly keyId: string }): string {
  return `${name}+${keyId}`
}

function decodeNoteText(bytes: Uint8Array, what: string): string {
  const text = decodeText(bytes, what, noteBytesMax)
  if (bytes.some((byte) => byte < 0x20 && byte !== 0x0a)) {
    throw malformed(what, 'no control character but the newline')
  }
  return text
}

function parseLines(text: string, what: string): NoteSignature[] {
  const lines = text.split('\n')
  if (lines.pop() !== '' || lines.length === 0) {
    throw malformed(what, 'signature lines, each ended by a newline')
  }
  if (lines.length > signaturesMax) throw malformed(what, `at most ${signaturesMax} signatures`)
  return lines.map((line, i) => parseSignature(line, `${what}: signature ${i + 1}`))
}

function parseSignature(line: string, what: string): NoteSignature {
  const [dash, name = '', encoded = '', ...more] = line.split(' ')
  if (dash !== '—' || !namePattern.test(name) || more.length > 0) {
    throw malformed(what, '"— name base64"')
  }
  const bytes = parseBase64(encoded, what)
  if (bytes.length <= keyIdBytes) throw malformed(what, 'a key id and a signature')
  return {
    name,
    keyId: bytes.toString('hex', 0, keyIdBytes),
    bytes: bytes.subarray(keyIdBytes),
  }
}
