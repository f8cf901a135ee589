import { VaultError } from '../errors.ts'
import type { Anchor } from '../events/catalogue.ts'
import type { Keyring } from '../keys/keyring.ts'
import { verifyConsistency } from '../proofs/consistency.ts'
import { parseNote, verifyNote } from '../proofs/note.ts'
import { parseVkey } from '../proofs/vkey.ts'
import type { FileTable } from '../store/port.ts'
import { readAnchorFile, writeAnchorFile } from './anchor-file.ts'
import { openOwn, type SignedCheckpoint } from './checkpoints.ts'
import { cosign } from './witness.ts'

/** What is known of an anchor: the checkpoint that it holds, and why the newest one did not get there. */
export interface AnchorState extends Anchor {
  /** Size of the log that it vouches for; 0 before the first time. */
  readonly size: number
  readonly failure?: string
}

/** What anchoring needs of an open vault. */
export interface Anchored {
  readonly keyring: Keyring
  readonly store: { readonly files: FileTable }
  readonly anchors: ReadonlyMap<string, Anchor>
  /** The consistency proof between two sizes of the log. */
  consistency(from: number, to: number): Promise<readonly Buffer[]>
}

/**
 * anchored := (length u16 ‖ target ‖ length u16 ‖ note) × n                         big-endian
 *
 * The newest checkpoint that each anchor holds, a witness's with its cosignature.
 */
const name = 'anchored'
/** How long an anchor may take: a disk elsewhere may be gone, and a witness silent. */
const anchorMs = 10_000
/** How long a closing waits for anchors. */
const closeMs = 2000

/**
 * Takes kept checkpoints out of the reach of whoever holds the vault's folder. It goes on beside the callers, one
 * checkpoint after the other and the newest first; an anchor that fails is told by its state, and never holds up the log.
 */
export class Anchoring {
  readonly #vault: Anchored
  readonly #ended = new AbortController()
  readonly #failures = new Map<string, string>()
  #held: Map<string, Buffer> | undefined
  #next: SignedCheckpoint | undefined
  #working: Promise<void> | undefined

  constructor(vault: Anchored) {
    this.#vault = vault
  }

  /** A checkpoint was kept. */
  take(checkpoint: SignedCheckpoint): void {
    if (this.#vault.anchors.size === 0) return
    this.#next = checkpoint
    this.#working ??= this.#work()
  }

  async states(): Promise<readonly AnchorState[]> {
    const held = await this.#read()
    return [...this.#vault.anchors.values()].map((anchor) => {
      const note = held.get(anchor.target)
      const failure = this.#failures.get(anchor.target)
      const size = this.#opened(note)?.size ?? 0
      return { ...anchor, size, ...(failure !== undefined && { failure }) }
    })
  }

  /** The newest checkpoint that each witness has cosigned. */
  async cosigned(): Promise<readonly Buffer[]> {
    const held = await this.#read()
    return [...this.#vault.anchors.values()].flatMap(({ target, vkey }) => {
      const note = held.get(target)
      return note !== undefined && vkey !== undefined && isSignedBy(note, vkey) ? [note] : []
    })
  }

  /** Waits until what was taken is where it goes, or has failed. */
  async settled(): Promise<void> {
    while (this.#working !== undefined) await this.#working
  }

  /** The same within a bound: what does not answer must not hold up a closing. */
  async close(): Promise<void> {
    const timer = setTimeout(() => this.#ended.abort(), closeMs)
    await this.settled()
    clearTimeout(timer)
    this.#ended.abort()
  }

  async #work(): Promise<void> {
    for (let next = this.#next; next !== undefined; next = this.#next) {
      this.#next = undefined
      const checkpoint = next
      const anchors = [...this.#vault.anchors.values()]
      await Promise.all(anchors.map((anchor) => this.#anchor(anchor, checkpoint)))
    }
    // In one go with the last look at what is next: nothing that is taken in between is left lying.
    this.#working = undefined
  }

  async #anchor(anchor: Anchor, checkpoint: SignedCheckpoint): Promise<void> {
    try {
      const held = this.#opened((await this.#read()).get(anchor.target))
      const { signal } = this.#ended
      const step = { anchor, checkpoint, vault: this.#vault, held, signal }
      await this.#hold(anchor.target, await unless(signal, ways[anchor.kind](step)))
      this.#failures.delete(anchor.target)
    } catch (error) {
      const message = error instanceof Error ? error.message : 'unknown'
      this.#failures.set(anchor.target, message)
    }
  }

  /** What `anchored` holds is nobody's word until it is opened: where it does not, it is as good as absent. */
  #opened(note: Buffer | undefined): SignedCheckpoint | undefined {
    try {
      return note && openOwn(note, this.#vault.keyring)
    } catch {
      return undefined
    }
  }

  async #read(): Promise<Map<string, Buffer>> {
    this.#held ??= decode((await this.#vault.store.files.read(name)) ?? new Uint8Array(0))
    return this.#held
  }

  async #hold(target: string, note: Buffer): Promise<void> {
    const held = await this.#read()
    if (held.get(target)?.equals(note) === true) return
    held.set(target, note)
    for (const known of held.keys()) if (!this.#vault.anchors.has(known)) held.delete(known)
    await this.#vault.store.files.replace(name, encode(held))
  }
}

interface Step {
  readonly anchor: Anchor
  readonly checkpoint: SignedCheckpoint
  readonly vault: Anchored
  /** What the anchor held last, as far as the vault knows. */
  readonly held: SignedCheckpoint | undefined
  readonly signal: AbortSignal
}

/** The work's result, or a refusal where it takes too long or is not waited for any more; it may go on all the same. */
async function unless<T>(ended: AbortSignal, work: Promise<T>): Promise<T> {
  const late = AbortSignal.any([AbortSignal.timeout(anchorMs), ended])
  const given = new Promise<never>((_, reject) => {
    late.addEventListener('abort', () =>
      reject(new VaultError('TIMEOUT', 'it did not answer in time')),
    )
  })
  work.catch(() => undefined)
  return Promise.race([work, given])
}

/** How a checkpoint gets to each kind of anchor; gives the note that it holds then. */
const ways: Record<Anchor['kind'], (step: Step) => Promise<Buffer>> = {
  file: async ({ anchor, checkpoint, vault, held }) => {
    const bytes = await readAnchorFile(anchor.target)
    if (bytes !== undefined) {
      await expectContinued(vault, openOwn(bytes, vault.keyring), checkpoint)
    } else if (held !== undefined) throw gone(held)
    await writeAnchorFile(anchor.target, checkpoint.note)
    return checkpoint.note
  },
  witness: async ({ anchor, checkpoint, vault, held, signal }) => {
    if (held?.size === checkpoint.size) return held.note
    const witness = { url: anchor.target, vkey: parseVkey(anchor.vkey ?? '') }
    const prove = (from: number) => vault.consistency(from, checkpoint.size)
    // Another incarnation is another log to a witness, of which it has seen nothing.
    const seen = held?.origin === checkpoint.origin ? held.size : 0
    return cosign(witness, checkpoint, { seen, prove, signal })
  },
}

/** Written anew it would vouch for whatever the log is by now. */
function gone({ size }: SignedCheckpoint): VaultError {
  return new VaultError(
    'NOT_FOUND',
    `the anchor's file is gone, which held a checkpoint of ${size} events: put it back, or remove the anchor and add it anew`,
  )
}

function isSignedBy(note: Buffer, vkey: string): boolean {
  try {
    return verifyNote(parseNote(note), [parseVkey(vkey)]).length > 0
  } catch {
    return false
  }
}

/** The anchor's own checkpoint must be one that this log has passed through. */
async function expectContinued(
  vault: Anchored,
  held: SignedCheckpoint,
  checkpoint: SignedCheckpoint,
): Promise<void> {
  if (held.size > checkpoint.size) {
    throw new VaultError(
      'INTEGRITY',
      `the anchor holds a checkpoint of ${held.size} events, and the log has ${checkpoint.size}: it was rolled back`,
      { expected: held.size, found: checkpoint.size },
    )
  }
  const [from, to] = [held.size, checkpoint.size]
  const proof = await vault.consistency(from, to)
  verifyConsistency({ from, to, proof, fromRoot: held.root, toRoot: checkpoint.root })
}

function encode(held: ReadonlyMap<string, Buffer>): Buffer {
  return Buffer.concat(
    [...held].flatMap(([target, note]) => [...part(Buffer.from(target)), ...part(note)]),
  )
}

function part(bytes: Buffer): Buffer[] {
  const length = Buffer.alloc(2)
  length.writeUInt16BE(bytes.length)
  return [length, bytes]
}

/** Unauthenticated bytes: what does not read as an entry ends the reading, and each note is verified where it is used. */
function decode(bytes: Uint8Array): Map<string, Buffer> {
  const buffer = Buffer.from(bytes)
  const held = new Map<string, Buffer>()
  let at = 0
  const next = (): Buffer | undefined => {
    const start = at + 2
    const end = start <= buffer.length ? start + buffer.readUInt16BE(at) : Number.POSITIVE_INFINITY
    if (end > buffer.length) return undefined
    at = end
    return buffer.subarray(start, end)
  }
  for (let target = next(); target !== undefined; target = next()) {
    const note = next()
    if (note !== undefined) held.set(target.toString(), note)
  }
  return held
}
