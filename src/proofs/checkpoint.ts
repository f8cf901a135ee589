import type { KeyObject } from 'node:crypto'
import { VaultError } from '../errors.ts'
import { malformed, parseDecimal, parseHash } from './lines.ts'
import { formatNote, parseNote, signNote, verifyNote } from './note.ts'
import type { SignatureType, Vkey } from './vkey.ts'

/**
 * C2SP tlog-checkpoint, the text of a signed note:
 *
 * checkpoint := origin "\n" decimal(size) "\n" base64(root) "\n" ‖ (extension "\n")*
 *
 * No line is empty. Ours have no extensions; those of others are read and mean nothing. The name of the log's key is
 * its origin.
 */
export interface Checkpoint {
  /** Which log it is of: for ours `muniment/<vaultId>/<incarnation>`. */
  readonly origin: string
  /** How many leaves the log holds. */
  readonly size: number
  /** RFC 9162 root hash, 32 bytes. */
  readonly root: Buffer
}

/** Whose word counts. */
export interface Trust {
  /** The log's key, pinned out of band; its name is the origin. */
  readonly log: Vkey
  /** Keys of type `cosignature/v1`, one a witness. */
  readonly witnesses?: readonly Vkey[]
}

/** A witness that saw a checkpoint, and when. */
export interface Cosigner {
  readonly name: string
  readonly time: Date
}

export interface OpenedCheckpoint extends Checkpoint {
  readonly cosigners: readonly Cosigner[]
}

export function formatCheckpoint({ origin, size, root }: Checkpoint): string {
  const text = `${origin}\n${size}\n${root.toString('base64')}\n`
  if (parseCheckpoint(text).extensions.length > 0)
    throw malformed('checkpoint', 'a one-line origin')
  return text
}

/** Reads the text of a checkpoint. Throws `INVALID`, saying what was expected. */
export function parseCheckpoint(
  text: string,
): Checkpoint & { readonly extensions: readonly string[] } {
  const lines = text.split('\n')
  if (lines.pop() !== '' || lines.length < 3 || lines.includes('')) {
    throw malformed('checkpoint', 'lines of origin, size and root, each ended by a newline')
  }
  const [origin = '', size = '', root = '', ...extensions] = lines
  return {
    origin,
    size: parseDecimal(size, 'checkpoint: size'),
    root: parseHash(root, 'checkpoint: root'),
    extensions,
  }
}

/**
 * The signed note of a checkpoint. Whoever calls this has made sure that the log is on disk up to that size, and that
 * no other root was ever signed for it.
 *
 * @param keys the log's private keys: one, or the old and the new where a rotation is under way
 */
export function signCheckpoint(checkpoint: Checkpoint, keys: readonly KeyObject[]): Buffer {
  const text = formatCheckpoint(checkpoint)
  return formatNote({
    text,
    signatures: keys.map((key) => signNote(text, { name: checkpoint.origin, key })),
  })
}

/**
 * Opens a signed checkpoint: the log's own signature has to hold, and that of each witness that is trusted and has
 * signed. How many witnesses are enough is for the caller to say.
 *
 * @throws VaultError `INVALID` for what is no checkpoint and for keys of the wrong type; `INTEGRITY` for one that does
 *   not verify
 */
export function openCheckpoint(
  bytes: Uint8Array,
  { log, witnesses = [] }: Trust,
): OpenedCheckpoint {
  expectType(log, 'ed25519')
  for (const witness of witnesses) expectType(witness, 'cosignature/v1')
  // A cosignature does not hold the witness's name: one key would count twice, and a log could be its own witness.
  const keys = [log, ...witnesses].map(({ publicKey }) => publicKey.toString('hex'))
  if (new Set(keys).size < keys.length) {
    throw new VaultError('INVALID', 'log and witnesses: expected a key of its own for each')
  }
  const note = parseNote(bytes)
  const { origin, size, root } = parseCheckpoint(note.text)
  if (origin !== log.name) {
    throw new VaultError('INTEGRITY', 'checkpoint: it is of another log than the key is for', {
      expected: log.name,
    })
  }
  const verified = verifyNote(note, [log, ...witnesses])
  if (!verified.some(({ vkey }) => vkey === log)) {
    throw new VaultError('INTEGRITY', 'checkpoint: the log itself has not signed it')
  }
  const cosigners = verified.flatMap(({ vkey, seconds }) =>
    seconds === undefined ? [] : [{ name: vkey.name, time: new Date(seconds * 1000) }],
  )
  return { origin, size, root, cosigners }
}

function expectType({ name, type }: Vkey, expected: SignatureType): void {
  if (type === expected) return
  throw new VaultError('INVALID', `key of ${name}: expected the type ${expected}, found ${type}`)
}
