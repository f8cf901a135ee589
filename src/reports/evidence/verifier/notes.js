import {
  decodeText,
  encodeText,
  hexOf,
  malformed,
  parseBase64,
  parseDecimal,
  parseHash,
  Refusal,
} from './bytes.js'
import { sha256 } from './sha256.js'

/**
 * C2SP signed notes, their keys, and checkpoints:
 *
 * vkey       := name "+" keyId "+" base64(01 ‖ public key(32))
 * keyId      := SHA-256(name ‖ 0A ‖ 01 ‖ public key)[:4]             as 8 lower-case hex digits
 * note       := text ‖ "\n" ‖ ("— " name " " base64(key id(4) ‖ signature(64)) "\n")+
 * checkpoint := origin "\n" decimal(size) "\n" base64(root) "\n" ‖ (extension "\n")*       the text of a note
 */

/** @import { Bytes } from './bytes.js' */
/** @typedef {{ name: string, keyId: string, publicKey: Bytes, fingerprint: string, line: string }} Vkey */
/** @typedef {{ name: string, keyId: string, bytes: Bytes }} NoteSignature */
/** @typedef {{ text: string, signatures: readonly NoteSignature[] }} Note */
/** @typedef {{ origin: string, size: number, root: Bytes }} Checkpoint */
/** @typedef {(publicKey: Bytes, signature: Bytes, message: Bytes) => Promise<boolean>} VerifyEd25519 */

const namePattern = /^[^\p{White_Space}\p{Cc}+]+$/u
const noteBytesMax = 512 * 1024
const signaturesMax = 64

/**
 * The y of Ed25519 points whose order divides 8 (RFC 8032 §5.1.2), the sign of x cleared: under such a key anybody's
 * signatures verify.
 */
const smallOrder = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
]
/** y from p = 2^255 - 19 to 2^255 - 1, little-endian: a second spelling of a smaller one. */
const beyondP = /^(e[d-f]|f.)(ff){30}7f$/

/**
 * Reads the key of a log, as a person pins it.
 *
 * @param {string} text
 * @returns {Vkey}
 */
export function parseVkey(text) {
  if (encodeText(text).length > 4096) throw malformed('key', 'at most 4096 bytes')
  const [name = '', keyId = '', ...rest] = text.split('+')
  const encoded = rest.join('+')
  if (!namePattern.test(name) || !/^[0-9a-f]{8}$/.test(keyId) || encoded === '') {
    throw malformed('key', 'name+key id in 8 hex digits+base64')
  }
  const material = parseBase64(encoded, 'key')
  if (material[0] !== 0x01) throw malformed('key', 'one that signs logs, of type 1')
  const hash = hexOf(sha256(encodeText(`${name}\n`), material))
  if (hash.slice(0, 8) !== keyId) throw malformed('key', 'the key id of its name and key')
  const publicKey = material.slice(1)
  if (publicKey.length !== 32) throw malformed('key', 'a public key of 32 bytes')
  if (isWeak(publicKey)) throw malformed('key', 'a public key that is not of small order')
  return { name, keyId, publicKey, fingerprint: hash, line: text }
}

/** @param {Bytes} publicKey */
function isWeak(publicKey) {
  const y = publicKey.slice()
  y[31] = /** @type {number} */ (y[31]) & 0x7f
  const hex = hexOf(y)
  return smallOrder.includes(hex) || beyondP.test(hex)
}

/**
 * Reads a note; nothing is verified yet.
 *
 * @param {Uint8Array} bytes
 * @returns {Note}
 */
export function parseNote(bytes) {
  const note = decodeText(bytes, 'signed note', noteBytesMax)
  if (bytes.some((byte) => byte < 0x20 && byte !== 0x0a)) {
    throw malformed('signed note', 'no control character but the newline')
  }
  const blank = note.lastIndexOf('\n\n')
  if (blank < 0) throw malformed('signed note', 'a blank line between text and signatures')
  const lines = note.slice(blank + 2).split('\n')
  if (lines.pop() !== '' || lines.length === 0) {
    throw malformed('signed note', 'signature lines, each ended by a newline')
  }
  if (lines.length > signaturesMax) {
    throw malformed('signed note', `at most ${signaturesMax} signatures`)
  }
  return { text: note.slice(0, blank + 1), signatures: lines.map(parseSignature) }
}

/**
 * @param {string} line
 * @returns {NoteSignature}
 */
function parseSignature(line) {
  const [dash, name = '', encoded = '', ...more] = line.split(' ')
  if (dash !== '—' || !namePattern.test(name) || more.length > 0) {
    throw malformed('signed note', '"— name base64"')
  }
  const bytes = parseBase64(encoded, 'signed note')
  if (bytes.length <= 4) throw malformed('signed note', 'a key id and a signature')
  return { name, keyId: hexOf(bytes.subarray(0, 4)), bytes: bytes.slice(4) }
}

/**
 * Whether a note bears the name and the id of a key; whether it holds, `verifyNote` says.
 *
 * @param {Note} note
 * @param {Pick<Vkey, 'name' | 'keyId'>} key
 */
export function isSignedBy({ signatures }, { name, keyId }) {
  return signatures.some((signature) => signature.name === name && signature.keyId === keyId)
}

/**
 * Verifies a note under a key. Signatures of other keys are ignored; one that the key did not make refuses the note,
 * and so does a note that it did not sign. Without a way to verify, only what does not need one is checked.
 *
 * @param {Note} note
 * @param {Vkey} vkey
 * @param {VerifyEd25519 | undefined} verify
 */
export async function verifyNote(note, vkey, verify) {
  if (!isSignedBy(note, vkey)) throw new Refusal('the key in verifier.key has not signed it')
  const message = encodeText(note.text)
  for (const { name, keyId, bytes } of note.signatures) {
    if (name !== vkey.name || keyId !== vkey.keyId) continue
    // RFC 8032 §5.1.7.
    const holds = bytes.length === 64 && (!verify || (await verify(vkey.publicKey, bytes, message)))
    if (!holds) throw new Refusal('the signature does not verify')
  }
}

/**
 * Reads the text of a checkpoint.
 *
 * @param {string} text
 * @returns {Checkpoint}
 */
export function parseCheckpoint(text) {
  const lines = text.split('\n')
  if (lines.pop() !== '' || lines.length < 3 || lines.includes('')) {
    throw malformed('checkpoint', 'lines of origin, size and root, each ended by a newline')
  }
  const [origin = '', size = '', root = ''] = lines
  return {
    origin,
    size: parseDecimal(size, 'checkpoint: size'),
    root: parseHash(root, 'checkpoint: root'),
  }
}

/**
 * Opens a checkpoint that the log of this key has signed.
 *
 * @param {Uint8Array} bytes
 * @param {Vkey} vkey
 * @param {VerifyEd25519 | undefined} verify
 * @returns {Promise<Checkpoint>}
 */
export async function openCheckpoint(bytes, vkey, verify) {
  const note = parseNote(bytes)
  const checkpoint = parseCheckpoint(note.text)
  if (checkpoint.origin !== vkey.name) {
    throw new Refusal('checkpoint: it is of another log than the key is for')
  }
  await verifyNote(note, vkey, verify)
  return checkpoint
}

/**
 * Ed25519 as this browser has it; undefined where it has none.
 *
 * @returns {Promise<VerifyEd25519 | undefined>}
 */
export async function ed25519() {
  const subtle = globalThis.crypto?.subtle
  /** @param {Bytes} raw */
  const keyOf = (raw) => subtle.importKey('raw', raw, 'Ed25519', false, ['verify'])
  try {
    // The public key of RFC 8032 §7.1, test 1.
    await keyOf(parseBase64('11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=', 'key'))
  } catch {
    return undefined
  }
  return async (publicKey, signature, message) => {
    try {
      return await subtle.verify('Ed25519', await keyOf(publicKey), signature, message)
    } catch {
      // What a browser cannot take for a key or a signature verifies nothing.
      return false
    }
  }
}
