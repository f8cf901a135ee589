import { VaultError } from '../errors.ts'
import type { EventData } from '../events/catalogue.ts'
import { openCommit } from '../log/commit.ts'
import type { LogSource } from '../log/reader.ts'
import type { TreeRows } from '../projections/derived/tree-rows.ts'
import { consistencyProof, verifyConsistency } from '../proofs/consistency.ts'
import { inclusionProof, verifyInclusion } from '../proofs/inclusion.ts'
import { formatProofFile } from '../proofs/proof-file.ts'
import type { NodeSource } from '../proofs/subtrees.ts'
import { leafHash } from '../proofs/tree.ts'
import { checkPosition } from './audit.ts'
import type { CallOptions } from './call.ts'
import type { Calls } from './calls.ts'
import type { SignedCheckpoint } from './checkpoints.ts'
import type { Engine } from './engine.ts'
import type { Session } from './session.ts'
import { treeSource } from './tree-source.ts'
import { lookAtAll, wholeTrail } from './whole-trail.ts'

/** That an event stands in the log, for somebody who trusts neither the host nor the disk. */
export interface EventProof {
  readonly position: number
  /** Of the log whose checkpoint is in it. */
  readonly size: number
  /** C2SP tlog-proof, with the event itself in it: what `muniment/verify` and the command line check without a vault. */
  readonly file: Buffer
}

/** That a log continues an earlier one. */
export interface ConsistencyProof {
  readonly from: SignedCheckpoint
  readonly to: SignedCheckpoint
  /** RFC 9162 §2.1.4, 32 bytes each. */
  readonly proof: readonly Buffer[]
}

/**
 * What the vault says of its log to others: signed checkpoints, and proofs that lead to them. Of a scope it takes the right
 * to `audit` everything, and each look is on record as `audit.read`.
 *
 * A checkpoint is signed at rest once a second, and kept for good at every 1,000 events, on close and when asked.
 */
export class Proofs {
  readonly #session: Session
  readonly #calls: Calls

  constructor(session: Session, calls: Calls) {
    this.#session = session
    this.#calls = calls
  }

  /** Signs the log as it is, and keeps that. Throws `NO_SPACE`, `FAILED`. */
  async checkpoint(options: CallOptions = {}): Promise<SignedCheckpoint> {
    await this.#begin(options, { look: 'checkpoint' })
    return this.#session.engine().checkpoints.sign({ kept: true })
  }

  /** Every kept checkpoint, oldest first, then the newest. Throws `INTEGRITY` for one that the vault did not sign. */
  async *checkpoints(options: CallOptions = {}): AsyncGenerator<SignedCheckpoint, void, void> {
    await this.#begin(options, { look: 'checkpoints' })
    yield* this.#session.engine().checkpoints.list()
  }

  /**
   * Proves that an event stands in the log. The proof shows that one event, and nothing of its neighbours. Throws
   * `INVALID` for a position that the log does not have.
   *
   * @example
   * const { file } = await vault.proofs.event(41_007)
   * await writeFile('41007.tlog-proof', file)
   */
  async event(position: number, options: CallOptions = {}): Promise<EventProof> {
    checkPosition('position', position)
    return this.#calls.inspect(options, async (inspector) => {
      const engine = this.#session.engine()
      if (inspector.sight) await inspector.sight.begin(wholeTrail)
      if (!(position < engine.size)) {
        const newest = engine.size - 1
        throw new VaultError('INVALID', `position is ${position}, and the log ends at ${newest}`, {
          expected: newest,
          found: position,
        })
      }
      await lookAtAll(inspector, { proof: position })
      return proveEvent(engine, position, await covering(engine, position))
    })
  }

  /** Proves that the log of a later checkpoint continues that of an earlier one. Throws `INVALID`. */
  async consistency(
    from: SignedCheckpoint,
    to?: SignedCheckpoint,
    options: CallOptions = {},
  ): Promise<ConsistencyProof> {
    await this.#begin(options, {
      look: 'consistency',
      fromSize: from.size,
      ...(to && { toSize: to.size }),
    })
    const engine = this.#session.engine()
    const later = to ?? (await engine.checkpoints.sign({ kept: true }))
    return { from, to: later, proof: await proveConsistency(engine, from, later) }
  }

  /** What is signed discloses no event: only of a scope such a look is on record. */
  async #begin(options: CallOptions, filter: EventData['audit.read']['filter']): Promise<void> {
    if (!this.#calls.isScoped) return
    await this.#calls.inspect(options, (inspector) => lookAtAll(inspector, filter))
  }
}

/** A log whose proofs can be made. */
export type Provable = LogSource & { readonly nodes: Pick<TreeRows, 'get'> }

/** The proof that an event stands in the log of a checkpoint that covers it, which has been verified. */
export async function proveEvent(
  log: Provable,
  position: number,
  { size, root, note }: SignedCheckpoint,
): Promise<EventProof> {
  const extra = await leafDataAt(log, position)
  const leaf = leafHash(extra)
  const proof = await checked(log, async (source) => {
    const path = await inclusionProof(source, { index: position, size })
    verifyInclusion({ index: position, size, leaf, proof: path, root })
    return path
  })
  const file = formatProofFile({ index: position, extra, proof, checkpoint: note })
  return { position, size, file }
}

/** The proof between two sizes of the log, which has been verified. */
export async function proveConsistency(
  log: Provable,
  from: Pick<SignedCheckpoint, 'size' | 'root'>,
  to: Pick<SignedCheckpoint, 'size' | 'root'>,
): Promise<readonly Buffer[]> {
  return checked(log, async (source) => {
    const proof = await consistencyProof(source, { from: from.size, to: to.size })
    verifyConsistency({
      from: from.size,
      to: to.size,
      proof,
      fromRoot: from.root,
      toRoot: to.root,
    })
    return proof
  })
}

/** The newest checkpoint where it covers the position, else one of now. */
async function covering(engine: Engine, position: number): Promise<SignedCheckpoint> {
  const { newest } = engine.checkpoints
  const covers = newest !== undefined && newest.size > position && newest.origin === engine.origin
  return covers ? newest : engine.checkpoints.sign({ kept: true })
}

/** A kept node that is wrong makes a proof that does not verify: then all is computed from the events. */
async function checked<T>(log: Provable, prove: (source: NodeSource) => Promise<T>): Promise<T> {
  try {
    return await prove(treeSource(log, log.nodes))
  } catch (error) {
    if (!(error instanceof VaultError) || error.code !== 'INTEGRITY') throw error
    return prove(treeSource(log, { get: async () => undefined }))
  }
}

/** salt(16) ‖ event bytes: what the leaf's hash is made of. */
async function leafDataAt({ store, epochs }: LogSource, position: number): Promise<Buffer> {
  for await (const [stored] of store.read({ from: position, to: position + 1 })) {
    if (stored === undefined) break
    const { buffer, spans } = openCommit(epochs, stored)
    const span = spans[position - stored.first]
    if (span === undefined) break
    const salt = epochs.at(stored.first).blind(position, 1)
    return Buffer.concat([salt, buffer.subarray(...span)])
  }
  throw new VaultError('INTEGRITY', `position ${position} is missing`, { expected: position })
}
