import { VaultError } from '../errors.ts'
import type { Keyring } from '../keys/keyring.ts'
import { openEpochs } from '../log/epochs.ts'
import { openCheckpoint, type Trust } from '../proofs/checkpoint.ts'
import { isOriginOf } from '../proofs/origin.ts'
import { formatVkey } from '../proofs/vkey.ts'
import { commitCount, type KeyRow, type Store } from '../store/port.ts'
import { openRemembered } from './checkpoints.ts'
import { type PassOptions, teller } from './replay.ts'
import { readHead, readNotes } from './verification/beside.ts'
import { integrityOf } from './verification/integrity.ts'
import { lendKeys, wipeKeys } from './verification/lent-keys.ts'
import { collectProblems, type Problem, type Problems } from './verification/problem.ts'
import { readStore } from './verification/read-store.ts'
import { hex } from './verification/rotations.ts'
import { type Run, startRun } from './verification/run.ts'
import type { Claim, FoundNote } from './verification/signed.ts'
import type { Findings } from './verification/verifier.ts'

/** `checked` with an owner's keys; an auditor has none that tell. */
export type OwnersCheck = 'checked' | 'not checked: auditor'

/** What verification found. Plain JSON, with no secret in it. */
export interface Verification {
  /** Whether nothing is amiss. What lies past the last signature, and whether anyone outside vouches, is said below. */
  readonly ok: boolean
  /** How many events the log held when verification began. */
  readonly size: number
  /** RFC 9162 root hash of all of them, in hexadecimal digits; null where one of them could not be read. */
  readonly root: string | null
  /** Events and commits that were read. */
  readonly events: number
  readonly commits: number
  /** Checkpoints beside the log that hold. */
  readonly checkpoints: number
  /** Events past the last of them: whoever holds the vault's keys could still have changed them. */
  readonly unsigned: number
  /**
   * How many events, from the first on, somebody outside the vault vouches for: a witness, the file of an anchor, or the
   * checkpoint in `against`. A rollback of the whole folder to a time past these cannot be seen.
   */
  readonly anchored: number
  /** Whether an owner made each commit. */
  readonly macs: OwnersCheck
  /** Whether each version has its key, and no destroyed one. */
  readonly keys: OwnersCheck
  readonly problems: readonly Problem[]
}

export interface VerifyOptions extends PassOptions {
  /** A checkpoint of this vault that was kept elsewhere, and by whose keys it holds: the vault's own, unless said. */
  readonly against?: { readonly checkpoint: Uint8Array; readonly trust?: Trust }
}

/** A log and the keys that open it: an owner's, or an auditor's. Nothing may be appended to it meanwhile. */
export interface VerifiedLog {
  readonly store: Store
  readonly keyring: Keyring
}

/**
 * Reads every byte of a log, and holds it against itself, its keyring and all that was signed of it. What is wrong is
 * told, never thrown. Throws `INVALID` and `INTEGRITY` about `against`, `ABORTED`, and what the store throws.
 */
export async function verifyLog(
  { store, keyring }: VerifiedLog,
  options: VerifyOptions = {},
): Promise<Verification> {
  const problems = collectProblems()
  const epochs = openEpochs(keyring)
  try {
    const claims = await readHead(store.files, { epochs, problems })
    const notes = await readNotes(store.files, problems)
    const size = await store.head()
    const rows = store.keys.entries()
    return await verifyTaken({ store, keyring, size, rows, claims, notes, problems }, options)
  } finally {
    epochs.erase()
  }
}

/** A log as it was at one moment: the log may have grown since, and everything else is of that moment. */
export interface Taken extends VerifiedLog {
  readonly size: number
  readonly rows: AsyncIterable<KeyRow>
  readonly claims: readonly Claim[]
  readonly notes: readonly FoundNote[]
  /** What was found amiss in taking it. */
  readonly problems: Problems
}

export async function verifyTaken(taken: Taken, options: VerifyOptions): Promise<Verification> {
  const { keyring, size, notes, problems } = taken
  const against = options.against && readAgainst(options.against, keyring, problems)
  const claims = against === undefined ? taken.claims : [...taken.claims, against]
  const keys = lendKeys(keyring)
  try {
    const run = await startRun({ keys, size, claims, notes })
    try {
      return verificationOf(taken, await feed(run, taken, options))
    } finally {
      await run.close()
    }
  } finally {
    wipeKeys(keys)
  }
}

/** Hands over key rows, then the log. */
async function feed(
  run: Run,
  { store, keyring, size, rows }: Taken,
  { onProgress, signal }: VerifyOptions,
): Promise<Findings> {
  const { stop, unless } = stopper(signal)
  try {
    if (keyring.values !== undefined) await unless(feedKeyRows(run, rows))
    const tell = teller(size, onProgress)
    for await (const items of readStore(store, size)) {
      await unless(run.commits(items))
      const last = items.at(-1)
      if (last !== undefined)
        tell('fault' in last ? last.first : last.first + commitCount(last.sealed))
    }
    return await unless(run.end())
  } finally {
    stop()
  }
}

const rowsPerBatch = 64

async function feedKeyRows(run: Run, rows: AsyncIterable<KeyRow>): Promise<void> {
  try {
    for await (const some of inBatches(rows)) await run.keyRows(some)
  } catch (error) {
    await run.loseKeyRows(integrityOf(error).message)
  }
}

async function* inBatches(
  rows: AsyncIterable<KeyRow>,
): AsyncGenerator<readonly KeyRow[], void, void> {
  let batch: KeyRow[] = []
  for await (const row of rows) {
    batch.push(row)
    if (batch.length < rowsPerBatch) continue
    yield batch
    batch = []
  }
  if (batch.length > 0) yield batch
}

/** Lets what is waited for go on only as long as nobody aborts. */
function stopper(signal: AbortSignal | undefined) {
  let abort = () => {}
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(new VaultError('ABORTED', 'the caller aborted', { cause: signal?.reason }))
  })
  aborted.catch(() => undefined)
  if (signal?.aborted === true) abort()
  signal?.addEventListener('abort', abort, { once: true })
  return {
    unless: <T>(work: Promise<T>): Promise<T> => Promise.race([aborted, work]),
    stop: () => signal?.removeEventListener('abort', abort),
  }
}

function verificationOf(
  { keyring, size, problems: taken }: Taken,
  { signed, problems: found, ...findings }: Findings,
): Verification {
  const owners = keyring.values === undefined ? 'not checked: auditor' : 'checked'
  const problems = [...taken.found, ...found]
  return {
    ok: problems.length === 0,
    size,
    ...findings,
    unsigned: size - signed,
    macs: owners,
    keys: owners,
    problems,
  }
}

/** The remembered checkpoint, which holds by the caller's keys; whether it is of this log is what will be found. */
function readAgainst(
  { checkpoint, trust }: NonNullable<VerifyOptions['against']>,
  keyring: Keyring,
  problems: Problems,
): Claim | undefined {
  const by = 'the remembered checkpoint'
  const remembered =
    trust === undefined
      ? openRemembered(checkpoint, keyring)
      : openTrusted({ checkpoint, trust }, keyring, problems)
  if (remembered === undefined) {
    problems.add('against', `${by} is of another vault`)
    return undefined
  }
  const { size, root } = remembered
  return { code: 'against', by, size, root }
}

function openTrusted(
  { checkpoint, trust }: { readonly checkpoint: Uint8Array; readonly trust: Trust },
  { vaultId, log }: Keyring,
  problems: Problems,
): Pick<Claim, 'size' | 'root'> | undefined {
  const { origin, size, root } = openCheckpoint(checkpoint, trust)
  if (!isOriginOf(vaultId, origin)) return undefined
  const publicKey = hex(trust.log.publicKey)
  if (!log.signers.some((signer) => hex(signer.publicKey) === publicKey)) {
    const message = `the vault has never signed with the key ${formatVkey(trust.log)}`
    problems.add('against', message, size)
  }
  return { size, root }
}
