import { VaultError } from '../errors.ts'
import {
  type Check,
  describeFault,
  type Fault,
  type Fields,
  integer,
  list,
  map,
  text,
} from '../events/check.ts'
import { timeMsMax } from '../limits.ts'
import { type OpenedCheckpoint, openCheckpoint, type Trust } from '../proofs/checkpoint.ts'
import { verifyConsistency } from '../proofs/consistency.ts'
import { decodeText, malformed, parseHash } from '../proofs/lines.ts'
import {
  formatNote,
  type NoteSignature,
  noteBytesMax,
  parseNote,
  verifyNote,
} from '../proofs/note.ts'
import { canonicalJson } from './canonical.ts'

/**
 * What was made of a log, said so that anybody can hold it against that log.
 *
 * statement := text | note of that text (C2SP signed-note), signed by the key that signs the log's checkpoints
 * text      := title "\n" canonical JSON "\n"
 *
 * A title is no origin of any log, so that no checkpoint can pass for a statement, nor a statement for a checkpoint. A
 * statement without a signature was made with an auditor's keyslot: its checkpoint and consistency proof still show that
 * the log which it speaks of is the vault's; the rest is the word of whoever made it.
 */
export interface Statement {
  /** Of the log as it was called then: `muniment/<vaultId>/<incarnation>`. */
  readonly origin: string
  /** The last event that was taken; its time in ISO 8601. */
  readonly asOf: { readonly position: number; readonly time: string }
  /** Of the log up to and with `asOf`; the root in hex. */
  readonly head: { readonly size: number; readonly root: string }
  /** A signed checkpoint of that size or a later one. */
  readonly checkpoint: string
  /** RFC 9162 consistency proof from `head` to the checkpoint, in base64; empty where they are of one size. */
  readonly consistency: readonly string[]
}

const hashesMax = 64
const natural = integer(0)

/** A hash in lower-case hex. */
export const hexHash: Check = (value) =>
  typeof value === 'string' && /^[0-9a-f]{64}$/.test(value)
    ? undefined
    : invalid('32 bytes in hex', value)

const isoTime: Check = (value) => {
  const time = typeof value === 'string' ? Date.parse(value) : Number.NaN
  const isOne = time >= 0 && time <= timeMsMax && new Date(time).toISOString() === value
  return isOne ? undefined : invalid('a time in ISO 8601', value)
}

function invalid(expected: string, value: unknown): Fault {
  return { code: 'INVALID', path: [], expected, found: `another ${typeof value}` }
}

export const statementFields: Fields<Statement> = {
  origin: text(512, 1),
  asOf: map<Statement['asOf']>({ position: natural, time: isoTime }),
  head: map<Statement['head']>({ size: integer(1), root: hexHash }),
  checkpoint: text(64 * 1024, 1),
  consistency: list(text(64), 0, hashesMax),
}

export function statementText(title: string, statement: Statement): string {
  return `${title}\n${canonicalJson(statement)}\n`
}

/** The bytes of a statement: signed, or without any signature. */
export function formatStatement(text: string, signatures: readonly NoteSignature[]): Buffer {
  return signatures.length === 0 ? Buffer.from(text) : formatNote({ text, signatures })
}

export interface Parsed<S extends Statement> {
  readonly statement: S
  readonly isSigned: boolean
}

/** How one kind of statement reads. */
export interface StatementKind<S extends Statement> {
  /** Its first line. */
  readonly title: string
  readonly fields: Fields<S>
}

/** Reads a statement; nothing is verified yet. Throws `INVALID`, saying what was expected, and `TOO_LARGE`. */
export function parseStatement<S extends Statement>(
  bytes: Uint8Array,
  { title, fields }: StatementKind<S>,
): Parsed<S> {
  const whole = decodeText(bytes, title, noteBytesMax)
  const isSigned = whole.includes('\n\n')
  const [first, json = '', rest, ...more] = (isSigned ? parseNote(bytes).text : whole).split('\n')
  if (first !== title || rest !== '' || more.length > 0) {
    throw malformed('statement', `the line "${title}" and one of JSON`)
  }
  const statement = parseJson(json)
  const fault = map<S>(fields)(statement)
  if (fault !== undefined) throw new VaultError(fault.code, describeFault('statement', fault))
  // Two readers that differ in how they read a member twice, or a number, must not see two statements.
  if (canonicalJson(statement) !== json) throw malformed('statement', 'canonical JSON')
  return { statement: statement as S, isSigned }
}

function parseJson(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    throw malformed('statement', 'JSON')
  }
}

/**
 * Verifies that the log which a statement speaks of is the one whose key is trusted and, where the statement is signed,
 * that this key has signed it. Throws `INTEGRITY`, saying what does not hold.
 */
export function verifyStatement(
  bytes: Uint8Array,
  { statement, isSigned }: Parsed<Statement>,
  trust: Trust,
): OpenedCheckpoint {
  if (isSigned) verifyNote(parseNote(bytes), [trust.log])
  const { origin, asOf, head, consistency } = statement
  if (asOf.position !== head.size - 1) {
    throw new VaultError('INTEGRITY', 'statement: its position is not the last of its log', {
      expected: head.size - 1,
      found: asOf.position,
    })
  }
  if (vaultOf(origin) !== vaultOf(trust.log.name)) {
    throw new VaultError('INTEGRITY', 'statement: it is of another vault than the key is for')
  }
  const checkpoint = openCheckpoint(Buffer.from(statement.checkpoint), trust)
  verifyConsistency({
    from: head.size,
    to: checkpoint.size,
    proof: consistency.map((hash, i) => parseHash(hash, `statement: consistency ${i + 1}`)),
    fromRoot: Buffer.from(head.root, 'hex'),
    toRoot: checkpoint.root,
  })
  return checkpoint
}

/** An origin without the incarnation: a vault that was restored goes by another, and its key speaks for its past. */
function vaultOf(origin: string): string {
  return origin.slice(0, origin.lastIndexOf('/'))
}
