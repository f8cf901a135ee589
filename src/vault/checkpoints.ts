import { breather } from '../breather.ts'
import { privateKeyOf, publicKeyOf } from '../crypto/ed25519.ts'
import { sha256 } from '../crypto/hash.ts'
import { VaultError } from '../errors.ts'
import type { Keyring } from '../keys/keyring.ts'
import {
  type Checkpoint,
  openCheckpoint,
  parseCheckpoint,
  signCheckpoint,
} from '../proofs/checkpoint.ts'
import { parseNote, verifyNote } from '../proofs/note.ts'
import { isOriginOf } from '../proofs/origin.ts'
import { type Frontier, root } from '../proofs/tree.ts'
import { type Vkey, vkeyOf } from '../proofs/vkey.ts'
import type { FileTable } from '../store/port.ts'
import {
  keep,
  lastKept,
  type OpenFile,
  readAtRest,
  readKept,
  writeAtRest,
} from './checkpoint-files.ts'

/** A checkpoint of this vault, with the note that was signed. */
export interface SignedCheckpoint extends Checkpoint {
  /** C2SP signed note: what an auditor keeps, and a witness cosigns. */
  readonly note: Buffer
}

/** What signing needs of an open vault. */
export interface Signing {
  readonly keyring: Keyring
  /** Of the keys that sign: two where one is replacing the other, and the log says so. */
  readonly seeds: readonly Uint8Array[]
  readonly origin: string
  readonly log: { readonly frontier: Frontier; readonly state: string }
  /** Takes each checkpoint that was kept. */
  readonly anchoring: { take(checkpoint: SignedCheckpoint): void }
}

/** A checkpoint at rest is signed at most so often; its signing waits for nobody and nobody for it. */
const restMs = 1000
/** One in so many events is kept. */
export const checkpointKeptEvery = 1000

/** The newest checkpoints that stand beside the log, and where the next kept one goes. */
export interface FoundCheckpoints {
  readonly newest: SignedCheckpoint | undefined
  readonly kept: SignedCheckpoint | undefined
  readonly open: OpenFile
}

/** Reads the newest checkpoints. Throws `INTEGRITY` for one that the vault's keys did not sign. */
export async function findCheckpoints(
  files: FileTable,
  keyring: Keyring,
): Promise<FoundCheckpoints> {
  const resting = await readAtRest(files)
  const { newest, open } = await lastKept(files)
  const rest = resting && openOwn(resting, keyring)
  const kept = newest && openOwn(newest, keyring)
  return { newest: (rest?.size ?? 0) > (kept?.size ?? 0) ? rest : kept, kept, open }
}

/** A checkpoint that one of the vault's own keys signed, of this incarnation or an earlier one. */
export function openOwn(bytes: Uint8Array, keyring: Keyring): SignedCheckpoint {
  try {
    return readOwn(bytes, keyring)
  } catch (cause) {
    if (!(cause instanceof VaultError) || cause.code === 'INTEGRITY') throw cause
    // It was written by a vault: where it does not read as a checkpoint, its bytes were changed.
    throw new VaultError('INTEGRITY', 'a checkpoint beside the log is damaged', { cause })
  }
}

function readOwn(bytes: Uint8Array, keyring: Keyring): SignedCheckpoint {
  const checkpoint = readNote(bytes)
  if (!isOriginOf(keyring.vaultId, checkpoint.origin)) {
    throw new VaultError('INTEGRITY', 'a checkpoint beside the log is of another vault')
  }
  return expectOwnSignature(checkpoint, keyring)
}

/**
 * A checkpoint that somebody kept and brings back; undefined where it is of another vault. Throws `INVALID` for what is
 * none, `INTEGRITY` where the vault's keys did not sign it.
 */
export function openRemembered(bytes: Uint8Array, keyring: Keyring): SignedCheckpoint | undefined {
  let checkpoint: SignedCheckpoint
  try {
    checkpoint = readNote(bytes)
  } catch (cause) {
    throw new VaultError('INVALID', 'what was given to compare with is no checkpoint', { cause })
  }
  if (!isOriginOf(keyring.vaultId, checkpoint.origin)) return undefined
  return expectOwnSignature(checkpoint, keyring)
}

function expectOwnSignature(checkpoint: SignedCheckpoint, { log }: Keyring): SignedCheckpoint {
  const { origin, note } = checkpoint
  const own = log.signers.map(({ publicKey }) => vkeyOf(origin, publicKeyOf(publicKey)))
  verifyNote(parseNote(note), own)
  return checkpoint
}

/** What a note says; its signature is another matter. */
function readNote(bytes: Uint8Array): SignedCheckpoint {
  const { origin, size, root: rootHash } = parseCheckpoint(parseNote(bytes).text)
  return { origin, size, root: rootHash, note: Buffer.from(bytes) }
}

/**
 * The notes that a keyring has verified, by their SHA-256 in hex. Kept checkpoints stay as they are, and to verify a
 * signature takes half a millisecond, of thousands of them again and again.
 */
const verified = new WeakMap<Keyring, Set<string>>()

/** Whether the key has signed a checkpoint, under its own name. */
export function isSignedBy({ note }: SignedCheckpoint, log: Vkey): boolean {
  try {
    openCheckpoint(note, { log })
    return true
  } catch (error) {
    if (error instanceof VaultError && error.code === 'INTEGRITY') return false
    throw error
  }
}

/** Every checkpoint that is kept for good, oldest first. Throws `INTEGRITY`. */
export async function* listKept(
  files: FileTable,
  keyring: Keyring,
): AsyncGenerator<SignedCheckpoint, void, void> {
  const known = verified.get(keyring) ?? new Set()
  verified.set(keyring, known)
  const breathe = breather()
  for await (const bytes of readKept(files)) {
    const hash = sha256(bytes).toString('hex')
    const checkpoint = known.has(hash) ? readNote(bytes) : openOwn(bytes, keyring)
    known.add(hash)
    yield checkpoint
    await breathe()
  }
}

/** The same; then the newest as it is by then, where it is not one of them. */
export async function* listCheckpoints(
  files: FileTable,
  keyring: Keyring,
  newest: () => SignedCheckpoint | undefined,
): AsyncGenerator<SignedCheckpoint, void, void> {
  let last = 0
  for await (const checkpoint of listKept(files, keyring)) {
    last = checkpoint.size
    yield checkpoint
  }
  const end = newest()
  if (end !== undefined && end.size > last) yield end
}

/**
 * Signs what is durable, off the path of the callers: at rest once a second, and for good at every 1,000 events, on
 * close and when asked. The commit was synced before its size is seen here, and never is a smaller size signed, so no
 * crash leaves a checkpoint of a log that is not there.
 */
export class Checkpoints {
  readonly #files: FileTable
  readonly #vault: Signing
  #newest: SignedCheckpoint | undefined
  #kept: SignedCheckpoint | undefined
  #open: OpenFile
  #failure: unknown
  #timer: NodeJS.Timeout | undefined
  #turn: Promise<unknown> = Promise.resolve()

  constructor(files: FileTable, vault: Signing, found: FoundCheckpoints) {
    this.#files = files
    this.#vault = vault
    this.#newest = found.newest
    this.#kept = found.kept
    this.#open = found.open
  }

  get newest(): SignedCheckpoint | undefined {
    return this.#newest
  }

  /** Why the newest signing failed, if it did. The log goes on without: what is past it is unproved. */
  get failure(): unknown {
    return this.#failure
  }

  /** A commit was folded. */
  committed(): void {
    this.#timer ??= setTimeout(() => this.#rest(), restMs).unref()
  }

  /** Signed of what is durable at this moment, and put nowhere: the newest one where the log has not grown since. */
  current(): SignedCheckpoint {
    const { origin, log, seeds } = this.#vault
    const { frontier } = log
    const before = this.#newest
    if (before?.size === frontier.size && before.origin === origin) return before
    if (before !== undefined && before.size > frontier.size) {
      throw new VaultError(
        'INTEGRITY',
        `the log holds ${frontier.size} events, and a checkpoint of ${before.size} is signed`,
        { expected: before.size, found: frontier.size },
      )
    }
    const checkpoint = { origin, size: frontier.size, root: root(frontier) }
    const keys = seeds.map((seed) => privateKeyOf(seed))
    return { ...checkpoint, note: signCheckpoint(checkpoint, keys) }
  }

  /** Signs the log as it is, and keeps that for good where asked. Throws as the store does. */
  sign({ kept }: { readonly kept: boolean }): Promise<SignedCheckpoint> {
    const signed = this.#turn.then(() => this.#sign(kept))
    this.#turn = signed.catch(() => undefined)
    return signed
  }

  /** The same where nobody waits for it: `failure` tells. Never rejects. */
  async signQuietly(how: { readonly kept: boolean }): Promise<void> {
    await this.sign(how).catch((cause) => {
      this.#failure = cause
    })
  }

  /** Every kept checkpoint, oldest first; then the newest, where it is not one of them. */
  list(): AsyncGenerator<SignedCheckpoint, void, void> {
    return listCheckpoints(this.#files, this.#vault.keyring, () => this.#newest)
  }

  stop(): void {
    clearTimeout(this.#timer)
  }

  /** Waits for a signing that is under way. */
  async settled(): Promise<void> {
    await this.#turn
  }

  #rest(): void {
    this.#timer = undefined
    const { log } = this.#vault
    if (log.state !== 'open') return
    const kept = log.frontier.size - (this.#kept?.size ?? 0) >= checkpointKeptEvery
    void this.signQuietly({ kept })
  }

  async #sign(kept: boolean): Promise<SignedCheckpoint> {
    const checkpoint = this.current()
    const isKept = this.#kept?.note.equals(checkpoint.note) === true
    if (kept && !isKept) {
      this.#open = await keep(this.#files, this.#open, checkpoint.note)
      this.#kept = checkpoint
      this.#vault.anchoring.take(checkpoint)
    } else if (checkpoint !== this.#newest) await writeAtRest(this.#files, checkpoint.note)
    this.#newest = checkpoint
    this.#failure = undefined
    return checkpoint
  }
}
