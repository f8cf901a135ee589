import { setImmediate as turn } from 'node:timers/promises'
import { Packr } from 'msgpackr'
import type { Row } from '../store/port.ts'
import type { Capture, Keeper } from './derived/keeper.ts'
import { RowSnapshot } from './derived/row-snapshot.ts'
import { keySpace, rowKey, rowKinds, type SealedRows } from './derived/sealed-rows.ts'
import { stateSnapshot } from './derived/state-snapshot.ts'
import { TrackedMap } from './derived/tracked-map.ts'
import { type Fold, type Projection, startFold } from './projection.ts'

/*
 * key      := space of "snapshots" ‖ 'm'
 * manifest := msgpack [format, position, frontier, [[name, version, position, meta], …]]
 *
 * One row says what all snapshots consist of and at which position and tree they were taken; it is written in the
 * same atomic batch as they are.
 */
const format = 1
const manifestKey = rowKey(keySpace(rowKinds.meta, 'snapshots'), 0x6d)
const packr = new Packr({
  useRecords: false,
  variableMapSize: true,
  copyBuffers: true,
  int64AsType: 'number',
})

/** Events between two snapshots: what a kill of the process can leave to be replayed. */
const snapshotEvery = 8192

interface Stored {
  readonly version: number
  readonly position: number
  readonly meta: Uint8Array
}

export interface Manifest {
  readonly position: number
  /** The Merkle frontier at that position, encoded. */
  readonly frontier: Uint8Array
  readonly folds: ReadonlyMap<string, Stored>
}

/** A fold, and what keeps its state; none where a projection has no way to be kept. */
export interface KeptFold<S> {
  readonly fold: Fold<S>
  readonly keeper: Keeper | undefined
}

/** A state that knows how to keep itself. */
export const keeperOf = Symbol('keeper')

interface SelfKept {
  readonly [keeperOf]: (rows: SealedRows) => Keeper
}

/** The snapshots of a vault's projections: written together, disposable as a whole. */
export class Snapshots {
  readonly #rows: SealedRows
  readonly #kept = new Map<string, KeptFold<unknown>>()
  #manifest: Manifest | undefined
  /** Where the newest flush was tried. */
  #tried: number
  #flushing: Promise<void> | undefined
  #failure: unknown

  private constructor(rows: SealedRows, manifest: Manifest | undefined) {
    this.#rows = rows
    this.#manifest = manifest
    this.#tried = manifest?.position ?? 0
  }

  /** With the newest manifest, where there is one that opens; otherwise with none, and everything is replayed. */
  static async open(rows: SealedRows): Promise<Snapshots> {
    const row = await rows.get(manifestKey).catch(() => undefined)
    return new Snapshots(rows, row === undefined ? undefined : readManifest(row))
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
    this.#kept.set(projection.name, kept as KeptFold<unknown>)
    return kept
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
    const folds = new Map(this.#manifest?.folds)
    const taken: { keeper: Keeper; capture: Capture }[] = []
    for (const [name, { fold, keeper }] of this.#kept) {
      if (keeper === undefined) continue
      const capture = keeper.capture()
      taken.push({ keeper, capture })
      folds.set(name, {
        version: fold.projection.version,
        position: fold.position,
        meta: capture.meta,
      })
    }
    const manifest = { position, frontier, folds }
    try {
      const changes = await encodeAll(taken.map(({ capture }) => capture))
      changes.put.push(this.#rows.seal(manifestKey, packManifest(manifest)))
      await this.#rows.write(changes)
    } catch (cause) {
      // What was captured is captured again by the next flush; until then an opening replays more.
      for (const { capture } of taken) capture.failed()
      this.#failure = cause
      return
    }
    for (const { capture } of taken) capture.done()
    this.#manifest = manifest
    this.#failure = undefined
    for (const { keeper } of taken) await stepAll(keeper)
  }
}

async function encodeAll(
  captures: readonly Capture[],
): Promise<{ put: Row[]; remove: Uint8Array[] }> {
  const put: Row[] = []
  const remove: Uint8Array[] = []
  for (const capture of captures) {
    for (const changes of capture.changes()) {
      put.push(...(changes.put ?? []))
      remove.push(...(changes.remove ?? []))
      await turn()
    }
  }
  return { put, remove }
}

/** Work that can wait, such as merging an index: a fault there shows when what it worked on is read. */
async function stepAll(keeper: Keeper): Promise<void> {
  try {
    while ((await keeper.step?.()) === true) await turn()
  } catch {
    return
  }
}

async function startKept<S>(
  projection: Projection<S>,
  rows: SealedRows,
  stored: Stored | undefined,
): Promise<KeptFold<S>> {
  const kept = keep(projection, rows)
  if (kept.keeper === undefined) return { fold: kept.fold(0), keeper: undefined }
  const usable = stored !== undefined && stored.version === projection.version
  if (usable && (await loaded(kept.keeper, stored.meta))) {
    return { fold: kept.fold(stored.position), keeper: kept.keeper }
  }
  kept.keeper.reset()
  return { fold: kept.fold(0), keeper: kept.keeper }
}

async function loaded(keeper: Keeper, meta: Uint8Array): Promise<boolean> {
  try {
    return await keeper.load(meta)
  } catch {
    return false
  }
}

interface Kept<S> {
  readonly keeper: Keeper | undefined
  /** Starts the fold on the state that the keeper holds by then. */
  readonly fold: (position: number) => Fold<S>
}

function keep<S>(projection: Projection<S>, rows: SealedRows): Kept<S> {
  let state = projection.initial()
  const space = keySpace(rowKinds.snapshot, projection.name)
  const { encode, decode } = projection
  if (isSelfKept(state)) {
    return {
      keeper: state[keeperOf](rows),
      fold: (position) => startFold(projection, { state, position }),
    }
  }
  if (state instanceof Map) {
    const map = new TrackedMap(state)
    const keeper = new RowSnapshot({ rows, space, map })
    const fold = (position: number) => {
      // A reset has emptied the map of what it began with.
      if (position === 0)
        for (const [key, row] of projection.initial() as Map<string, unknown>) map.set(key, row)
      return startFold(projection, { state: map as unknown as S, position })
    }
    return { keeper, fold }
  }
  if (encode === undefined || decode === undefined) {
    return { keeper: undefined, fold: (position) => startFold(projection, { state, position }) }
  }
  let fold: Fold<S> | undefined
  const keeper = stateSnapshot({
    rows,
    space,
    encode: () => encode(fold?.state ?? state),
    decode: (encoded) => {
      state = decode(encoded)
    },
    reset: () => {
      state = projection.initial()
    },
  })
  return {
    keeper,
    fold: (position) => {
      fold = startFold(projection, { state, position })
      return fold
    },
  }
}

function isSelfKept(state: unknown): state is SelfKept {
  return typeof state === 'object' && state !== null && keeperOf in state
}

function packManifest({ position, frontier, folds }: Manifest): Buffer {
  const entries = [...folds].map(([name, { version, position, meta }]) => [
    name,
    version,
    BigInt(position),
    meta,
  ])
  return packr.pack([format, BigInt(position), frontier, entries])
}

function readManifest(row: Buffer): Manifest | undefined {
  const [found, position, frontier, entries] = packr.unpack(row) as [
    number,
    number,
    Uint8Array,
    [string, number, number, Uint8Array][],
  ]
  if (found !== format) return undefined
  const folds = new Map(
    entries.map(([name, version, position, meta]) => [name, { version, position, meta }] as const),
  )
  return { position, frontier, folds }
}
