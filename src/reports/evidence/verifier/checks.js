import { manifestName, proofName } from './files.js'
import { Ledger } from './ledger.js'
import { claimOutputs, readListed } from './listed.js'
import { readEarlier, readProof } from './proved.js'
import { parsePinned, readCheckpoint, readKey, readManifest, readStatement } from './signed.js'

/** @import { FileResult } from './ledger.js' */
/** @import { Checkpoint, VerifyEd25519, Vkey } from './notes.js' */
/** @import { Signed, Trust } from './signed.js' */
/** @import { EvidenceStatement, Manifest } from './statements.js' */
/** @import { Entry } from './zip.js' */

/**
 * `holds`: everything that a page can check · `unsigned`: the same, and no owner has signed it · `unchecked`: this browser
 * cannot check signatures, and the rest holds · `refused`: something does not hold, or is missing, or is too much.
 *
 * @typedef {'holds' | 'unsigned' | 'unchecked' | 'refused'} Verdict
 */

/**
 * @typedef {object} Result
 * @property {Verdict} verdict
 * @property {readonly FileResult[]} files in the order of their names
 * @property {Vkey | undefined} key
 * @property {boolean} isChecked whether signatures could be checked
 * @property {'none' | 'same' | 'other'} pin whether a key was pinned, and is the one here
 * @property {EvidenceStatement | undefined} statement
 * @property {boolean} isSigned whether the statement bears a signature
 * @property {Checkpoint | undefined} checkpoint
 * @property {readonly { name: string, manifest: Manifest }[]} reports
 */

/**
 * @typedef {object} How
 * @property {string | undefined} pinned the key as somebody kept it
 * @property {VerifyEd25519 | undefined} verify
 * @property {(done: number, all: number) => void} [onProgress] of bytes
 */

/**
 * Checks evidence: every file of it against its list, the list against the statement, and whatever is signed or proved
 * against the key and the checkpoint. What is wrong with the evidence is told, never thrown; a pinned key that cannot be
 * read is thrown.
 *
 * @param {readonly Entry[]} entries
 * @param {How} how
 * @returns {Promise<Result>}
 */
export async function checkEvidence(entries, { pinned, verify, onProgress = () => undefined }) {
  const fingerprint = pinned === undefined ? undefined : parsePinned(pinned)
  const ledger = new Ledger()
  await readListed(ledger, entries, onProgress)
  const key = await ledger.attempt('verifier.key', (bytes) => readKey(ledger, fingerprint, bytes))
  const found = key === undefined ? nothing : await readSigned({ ledger, key, verify })
  claimOutputs(ledger, found.reports)
  const files = ledger.results()
  const isSigned = found.whole?.isSigned === true
  return {
    verdict: verdictOf(files, { isSigned, isChecked: verify !== undefined }),
    files,
    key,
    isChecked: verify !== undefined,
    pin: fingerprint === undefined ? 'none' : key?.fingerprint === fingerprint ? 'same' : 'other',
    statement: found.whole?.statement,
    isSigned,
    checkpoint: found.checkpoint,
    reports: found.reports,
  }
}

/**
 * @typedef {object} Found
 * @property {Signed | undefined} whole
 * @property {Checkpoint | undefined} checkpoint
 * @property {readonly { name: string, manifest: Manifest }[]} reports
 */

/** @type {Found} */
const nothing = { whole: undefined, checkpoint: undefined, reports: [] }

/**
 * @param {Trust} trust
 * @returns {Promise<Found>}
 */
async function readSigned(trust) {
  const { ledger } = trust
  const checkpoint = await ledger.attempt('checkpoint', (bytes) => readCheckpoint(trust, bytes))
  const whole = await ledger.attempt('evidence.statement', (bytes) => readStatement(trust, bytes))
  const reports = []
  for (const name of ledger.namesLike(manifestName)) {
    const read = await ledger.attempt(name, (bytes) => readManifest(trust, whole, { name, bytes }))
    if (read !== undefined) reports.push(read)
  }
  for (const name of ledger.namesLike(proofName)) {
    await ledger.attempt(name, (bytes) => readProof(trust, { name, bytes }))
  }
  await readEarlier(trust)
  return { whole, checkpoint, reports }
}

/**
 * @param {readonly FileResult[]} files
 * @param {{ isSigned: boolean, isChecked: boolean }} signatures
 * @returns {Verdict}
 */
function verdictOf(files, { isSigned, isChecked }) {
  if (files.some(({ problems }) => problems.length > 0)) return 'refused'
  // Its checkpoint is signed even where no owner has signed it: without that, nothing shows whose log it is.
  if (!isChecked) return 'unchecked'
  return isSigned ? 'holds' : 'unsigned'
}
