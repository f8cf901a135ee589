import { decodeText, encodeText, equalBytes, Refusal } from './bytes.js'
import { grouped } from './ledger.js'
import { openCheckpoint, parseVkey } from './notes.js'
import { parseEvidenceStatement, parseManifest, verifyStatement } from './statements.js'

/** @import { Bytes } from './bytes.js' */
/** @import { Ledger } from './ledger.js' */
/** @import { VerifyEd25519, Vkey } from './notes.js' */
/** @import { EvidenceStatement, Manifest } from './statements.js' */

/**
 * What signatures are checked with.
 *
 * @typedef {object} Trust
 * @property {Ledger} ledger
 * @property {Vkey} key
 * @property {VerifyEd25519 | undefined} verify undefined where this browser has no Ed25519
 */

/** @typedef {{ statement: EvidenceStatement, isSigned: boolean }} Signed */

/** @param {Pick<Trust, 'verify'>} trust */
export function signedWords({ verify }) {
  return verify === undefined ? 'signature not checked' : 'signed by the key'
}

/**
 * @param {Ledger} ledger
 * @param {string | undefined} pinned the fingerprint of the key that was pinned
 * @param {Bytes} bytes
 * @returns {Vkey}
 */
export function readKey(ledger, pinned, bytes) {
  const text = decodeText(bytes, 'key', 4096)
  if (!text.endsWith('\n')) throw new Refusal('key: expected one line')
  const key = parseVkey(text.slice(0, -1))
  if (pinned === undefined) ledger.say('verifier.key', 'can be read: compare its fingerprint')
  else if (pinned === key.fingerprint) {
    ledger.say('verifier.key', 'is the key that you pinned')
  } else {
    // The key goes on to be used: what it signed is told apart from what nobody did.
    ledger.refuse('verifier.key', 'it is not the key that you pinned: of another vault, or forged')
  }
  return key
}

/**
 * A key as a person kept it: the whole line, or its fingerprint alone.
 *
 * @param {string} text
 * @returns {string} the fingerprint
 */
export function parsePinned(text) {
  const digits = text.replaceAll(/\s/g, '').toLowerCase()
  return /^[0-9a-f]{64}$/.test(digits) ? digits : parseVkey(text.trim()).fingerprint
}

/**
 * @param {Trust} trust
 * @param {Bytes} bytes
 */
export async function readCheckpoint(trust, bytes) {
  const checkpoint = await openCheckpoint(bytes, trust.key, trust.verify)
  trust.ledger.say('checkpoint', `${signedWords(trust)}, of ${grouped(checkpoint.size)} events`)
  return checkpoint
}

/**
 * @param {Trust} trust
 * @param {Bytes} bytes
 * @returns {Promise<Signed>}
 */
export async function readStatement(trust, bytes) {
  const { ledger, key, verify } = trust
  const parsed = parseEvidenceStatement(bytes)
  const { statement, note } = parsed
  await verifyStatement(parsed, key, verify)
  if (statement.sums !== ledger.files.get('SHA256SUMS')?.sha256) {
    throw new Refusal('SHA256SUMS is not the one that it was made of')
  }
  expectSameCheckpoint(ledger, encodeText(statement.checkpoint))
  if (statement.range.to !== statement.asOf.position) {
    throw new Refusal('its range does not end with its last event')
  }
  ledger.say('SHA256SUMS', 'is the one that the statement names')
  const signed = note === undefined ? 'bears no signature of an owner' : signedWords(trust)
  ledger.say('evidence.statement', `${signed}; its log is proved to be that of the checkpoint`)
  return { statement, isSigned: note !== undefined }
}

/**
 * @param {Trust} trust
 * @param {Signed | undefined} whole
 * @param {{ name: string, bytes: Bytes }} file
 */
export async function readManifest(trust, whole, { name, bytes }) {
  const { ledger, key, verify } = trust
  const parsed = parseManifest(bytes)
  const { statement: manifest, note } = parsed
  await verifyStatement(parsed, key, verify)
  expectSameCheckpoint(ledger, encodeText(manifest.checkpoint))
  if (whole !== undefined) expectPartOf(whole, manifest, note !== undefined)
  const signed = note === undefined ? 'unsigned' : signedWords(trust)
  const { rowCount, findings } = manifest
  const counts = `rows: ${grouped(rowCount)}, findings: ${grouped(findings)}`
  ledger.say(name, `${signed}; ${counts}`)
  return { name, manifest }
}

/**
 * @param {Signed} whole
 * @param {Manifest} manifest
 * @param {boolean} isSigned
 */
function expectPartOf({ statement, isSigned: isWholeSigned }, manifest, isSigned) {
  const { asOf, head, range, population, origin } = manifest
  const isSameLog =
    origin === statement.origin &&
    asOf.position === statement.asOf.position &&
    asOf.time === statement.asOf.time &&
    head.size === statement.head.size &&
    head.root === statement.head.root
  if (!isSameLog) throw new Refusal('it is of another state of the log than the statement')
  // A report of how things stand at a moment takes all of the log up to then.
  const isSameStart = range.from === statement.range.from || range.from === 0
  if (!isSameStart || range.to !== statement.range.to) {
    throw new Refusal('it is of another range than the statement')
  }
  const events = Math.max(0, range.to - range.from + 1)
  const { first, last } = population
  const isRange = first === range.from && last === range.to && population.events === events
  if (!isRange || population.gaps !== 0) {
    throw new Refusal('it does not take every event of its range')
  }
  if (isSigned && !isWholeSigned) {
    throw new Refusal('it is signed, and the statement is not: a signature was taken away')
  }
  if (!isSigned && isWholeSigned) throw new Refusal('it is not signed, and the statement is')
}

/**
 * @param {Ledger} ledger
 * @param {Bytes} note
 */
export function expectSameCheckpoint(ledger, note) {
  const { bytes } = ledger.files.get('checkpoint') ?? {}
  if (bytes !== undefined && equalBytes(bytes, note)) return
  throw new Refusal('its checkpoint is not the one in the file checkpoint')
}
