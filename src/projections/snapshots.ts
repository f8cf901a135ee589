import { setImmediate as turn } from 'node:timers/promises'
import type { Row } from '../store/port.ts'
import type { Capture, Keeper } from './derived/keeper.ts'
import type { SealedRows } from './derived/sealed-rows.ts'
import { type KeptFold, startKept } from './kept-fold.ts'
import { type Manifest, manifestKey, packManifest, readManifest, type Stored } from './manifest.ts'
import type { Projection } from './projection.ts'

/** Events between two snapshots: what a kill of the process can leave to be replayed. */
const snapshotEvery = 8192

/** The snapshots of a vault's projections: written together, disposable as a whole. */
export class Snapshots {
  readonly #rows: SealedRows
  readonly #kept = new Map<string, Kept>()
  #manifest: Manifest | undefined
  /** Where the newest flush was tried. */
  #tried: number
  #flushing: Promise<void> | undefined
  #failure: unknown
  #doubt: unknown

  private constructor(rows: SealedRows, manifest: Manifest | undefined) {
    this.#rows = rows
    this.#manifest = manifest
    this.#tried = manifest?.position ?? 0
  }

  /** With the newest manifest, where there is one that opens; otherwise with none, and everything is replayed. */
  static async open(rows: SealedRows): Promise<Snapshots> {
    const row = await rows.get(manifestKey).catch(() => undefined)
    const manifest = row && readManifest(row)
    // Rows of another format are of no use to anybody, and some would never be written over.
    if (row !== undefined && manifest === undefined) await rows.clear()
    return new Snapshots(rows, manifest)
  }

  get rows(): SealedRows {
    return this.#rows
  }

  get manifest(): Manifest | undefined {
    return this.#manifest
  }

  /** Why the newest flush failed, if it did. The log goes on without: the next opening replays more. */
  get failure(): unknown {
    return this.#failure
  }

  /** A projection's fold, from its snapshot or from the start, which takes part in the flushes from here on. */
  async start<S>(projection: Projection<S>): Promise<KeptFold<S>> {
    const stored = this.#manifest?.folds.get(projection.name)
    const kept = await startKept(projection, this.#rows, stored)
    const { keeper, fold } = kept
    if (keeper === undefined) this.#kept.delete(projection.name)
    else {
      const { version } = projection
      this.#kept.set(projection.name, { keeper, version, position: () => fold.position })
    }
    return kept
  }

  /** Whatever else is folded from the log and kept with its projections: true where it is kept up to their position. */
  async keep(name: string, kept: Kept): Promise<boolean> {
    const stored = this.#manifest?.folds.get(name)
    this.#kept.set(name, kept)
    if (stored === undefined || stored.position !== this.#manifest?.position) return false
    return stored.version === kept.version && (await kept.keeper.load(stored.meta))
  }

  /** A projection that is no longer live; its snapshot stays for the next time. */
  release(name: string): void {
    this.#kept.delete(name)
  }

  /** Forgets every snapshot: what a doubt about any of them calls for. */
  async discard(): Promise<void> {
    this.#manifest = undefined
    this.#tried = 0
    this.#kept.clear()
    await this.#rows.clear()
  }

  /**
   * Something kept turned out damaged: nothing more is kept, and the next opening replays the log. Never rejects.
   */
  async distrust(doubt: unknown): Promise<void> {
    if (this.#doubt !== undefined) return
    this.#doubt = doubt
    this.#failure = doubt
    await this.settled()
    await this.#rows.write({ remove: [manifestKey] }).catch(() => undefined)
  }

  /** Whether so much was appended since the newest flush that another is due. */
  due(position: number): boolean {
    return this.#flushing === undefined && position - this.#tried >= snapshotEvery
  }

  /**
   * Captures every fold at once, then encodes in slices and writes all in one batch. The vault's own folds stand at
   * `position`, the host's may be behind. Never rejects: `failure` tells.
   */
  flush(position: number, frontier: Uint8Array): Promise<void> {
    if (this.#flushing !== undefined) return this.#flushing
    if (this.#manifest?.position === position) return Promise.resolve()
    this.#tried = position
    this.#flushing = this.#write(position, frontier).finally(() => {
      this.#flushing = undefined
    })
    return this.#flushing
  }

  /** Waits for a flush that is under way. */
  async settled(): Promise<void> {
    await this.#flushing
  }

  async #write(position: number, frontier: Uint8Array): Promise<void> {
    const captured = this.#capture()
    const encoded = await encodeAll(captured.taken)
    const folds = new Map(this.#manifest?.folds)
    for (const { name, stored } of encoded.whole) folds.set(name, stored)
    const manifest = { position, frontier, folds }
    try {
      if (this.#doubt !== undefined) throw this.#doubt
      const put = [...encoded.put, this.#rows.seal(manifestKey, packManifest(manifest))]
      await this.#rows.write({ put, remove: encoded.remove })
    } catch (cause) {
      // What was captured is captured again by the next flush; until then an opening replays more.
      for (const { capture } of encoded.whole) capture.failed()
      this.#failure = cause
      return
    }
    for (const { capture } of encoded.whole) capture.done()
    this.#manifest = manifest
    this.#failure = encoded.failure ?? captured.failure
    for (const { keeper } of encoded.whole) await stepAll(keeper)
  }

  /** Takes every fold at one moment. */
  #capture(): { readonly taken: readonly Taken[]; readonly failure: unknown } {
    const taken: Taken[] = []
    let failure: unknown
    for (const [name, { keeper, version, position }] of this.#kept) {
      try {
        const capture = keeper.capture()
        const stored = { version, position: position(), meta: capture.meta }
        taken.push({ name, keeper, capture, stored })
      } catch (cause) {
        // A host's `encode` threw: its projection is left out, and replayed by the next opening.
        failure = cause
      }
    }
    return { taken, failure }
  }
}

/** What is kept, of which version, and up to which position. */
export interface Kept {
  readonly keeper: Keeper
  readonly version: number
  readonly position: () => number
}

interface Taken {
  readonly name: string
  readonly keeper: Keeper
  readonly capture: Capture
  readonly stored: Stored
}

/** A capture that cannot be encoded (a host's rows that msgpack would alter) is left out, and takes no other with it. */
async function encodeAll(taken: readonly Taken[]) {
  const put: Row[] = []
  const remove: Uint8Array[] = []
  const whole: Taken[] = []
  let failure: unknown
  for (const each of taken) {
    const [puts, removes] = [put.length, remove.length]
    try {
      for (const changes of each.capture.changes()) {
        put.push(...(changes.put ?? []))
        remove.push(...(changes.remove ?? []))
        await turn()
      }
      whole.push(each)
    } catch (cause) {
      put.length = puts
      remove.length = removes
      each.capture.failed()
      failure = cause
    }
  }
  return { put, remove, whole, failure }
}

/** Work that can wait, such as merging an index: a fault there shows when what it worked on is read. */
async function stepAll(keeper: Keeper): Promise<void> {
  try {
    while ((await keeper.step?.()) === true) await turn()
  } catch {
    return
  }
}
