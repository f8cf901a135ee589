import type { VersionState } from '../secrets.ts'

/** Slots in a chunk: what is copied when one of them changes in a table that shares it. */
export const chunkSlots = 512

/** A secret from its first version to its purge, as one position of the log knows it. Positions are those of events. */
export interface Life {
  readonly version: number
  readonly state: VersionState
  /** All versions below this one are destroyed. */
  readonly oldest: number
  /** The event that holds the newest version. */
  readonly position: number
  /** The newest event that changed the secret. */
  readonly last: number
  /** The newest event that says what is known of the secret besides its value. */
  readonly metaAt: number
  readonly createdAt: number
  readonly updatedAt: number
  readonly valueChangedAt: number
  readonly rotations: number
  /** Undefined before the first. */
  readonly rotatedAt: number | undefined
  readonly accesses: number
  /** Undefined before the first. */
  readonly accessedAt: number | undefined
}

/** What an event makes of a life; `marked` is a deletion, restoration or destruction of other versions than the newest. */
export type ChangeKind =
  | 'written'
  | 'rotated'
  | 'annotated'
  | 'deleted'
  | 'restored'
  | 'destroyed'
  | 'marked'
  | 'purged'

export interface LifeChange {
  readonly kind: ChangeKind
  readonly slot: number
  readonly position: number
  readonly time: number
  /** After the event. */
  readonly version: number
  /** After the event. */
  readonly oldest: number
  /** Whether the value is another than the one before. */
  readonly changed: boolean
  /** The path of a life that begins with the event. */
  readonly born: string | undefined
}

/** One number of each slot a column, side by side: a slot's are together, so that one copy takes them all. */
const at = {
  version: 0,
  state: 1,
  oldest: 2,
  position: 3,
  last: 4,
  metaAt: 5,
  createdAt: 6,
  updatedAt: 7,
  valueChangedAt: 8,
  rotations: 9,
  rotatedAt: 10,
  accesses: 11,
  accessedAt: 12,
} as const satisfies Record<keyof Life, number>

/** Numbers that a slot takes. */
export const slotNumbers = Object.keys(at).length

const states = ['live', 'deleted', 'destroyed'] as const satisfies readonly VersionState[]

/** The slots `n × 512` to `n × 512 + 511` of a table; a slot without a path holds no life. */
export interface LifeChunk {
  readonly numbers: Float64Array
  readonly paths: (string | undefined)[]
}

/**
 * The lives of secrets at one position, by slot; a slot that a purge has freed is taken again. A fork costs as much as
 * the list of its chunks: the two share them, and whoever changes one first takes a copy.
 *
 * @example
 * const then = table.fork()
 * table.apply(change)
 * then.life(change.slot)
 */
export class LifeTable {
  readonly #chunks: LifeChunk[]
  /** Chunks that no other table shares. */
  readonly #own: boolean[]

  constructor(chunks: readonly LifeChunk[] = [], own = true) {
    this.#chunks = [...chunks]
    this.#own = chunks.map(() => own)
  }

  /** The whole table, to be read only. */
  get chunks(): readonly LifeChunk[] {
    return this.#chunks
  }

  fork(): LifeTable {
    this.#own.fill(false)
    return new LifeTable(this.#chunks, false)
  }

  pathOf(slot: number): string | undefined {
    return this.#chunks[Math.floor(slot / chunkSlots)]?.paths[slot % chunkSlots]
  }

  life(slot: number): Life {
    const chunk = this.#chunks[Math.floor(slot / chunkSlots)]
    if (chunk === undefined) throw new RangeError(`no life has slot ${slot}`)
    const { numbers } = chunk
    const start = startOf(slot)
    const rotations = numbers[start + at.rotations] as number
    const accesses = numbers[start + at.accesses] as number
    return {
      version: numbers[start + at.version] as number,
      state: states[numbers[start + at.state] as number] ?? 'live',
      oldest: numbers[start + at.oldest] as number,
      position: numbers[start + at.position] as number,
      last: numbers[start + at.last] as number,
      metaAt: numbers[start + at.metaAt] as number,
      createdAt: numbers[start + at.createdAt] as number,
      updatedAt: numbers[start + at.updatedAt] as number,
      valueChangedAt: numbers[start + at.valueChangedAt] as number,
      rotations,
      rotatedAt: rotations > 0 ? numbers[start + at.rotatedAt] : undefined,
      accesses,
      accessedAt: accesses > 0 ? numbers[start + at.accessedAt] : undefined,
    }
  }

  /** Its value was handed out: nine events of ten, so they take no object each. */
  access(slot: number, time: number): void {
    const { numbers } = this.#ownChunk(slot)
    const start = startOf(slot)
    numbers[start + at.accesses] = (numbers[start + at.accesses] as number) + 1
    numbers[start + at.accessedAt] = time
  }

  apply(change: LifeChange): void {
    const { kind, slot, position, time, born } = change
    const { numbers, paths } = this.#ownChunk(slot)
    const start = startOf(slot)
    if (born !== undefined) {
      paths[slot % chunkSlots] = born
      numbers.fill(0, start, start + slotNumbers)
      numbers[start + at.createdAt] = time
    }
    if (kind === 'purged') {
      paths[slot % chunkSlots] = undefined
      return
    }
    numbers[start + at.version] = change.version
    numbers[start + at.oldest] = change.oldest
    numbers[start + at.last] = position
    numbers[start + at.updatedAt] = time
    setByKind[kind]?.(numbers, start, change)
  }

  /** The chunk of a slot, to be changed: a copy of its own where it was shared. */
  #ownChunk(slot: number): LifeChunk {
    const n = Math.floor(slot / chunkSlots)
    const chunk = this.#chunks[n]
    if (chunk !== undefined && this.#own[n] === true) return chunk
    for (let last = this.#chunks.length; last <= n; last += 1) {
      this.#chunks.push({ numbers: new Float64Array(chunkSlots * slotNumbers), paths: [] })
      this.#own.push(true)
    }
    if (chunk === undefined) return this.#chunks[n] as LifeChunk
    const copy = { numbers: chunk.numbers.slice(), paths: [...chunk.paths] }
    this.#chunks[n] = copy
    this.#own[n] = true
    return copy
  }
}

function startOf(slot: number): number {
  return (slot % chunkSlots) * slotNumbers
}

type Setter = (numbers: Float64Array, start: number, change: LifeChange) => void

const stateNumber = (state: VersionState): number => states.indexOf(state)

function stateSetter(state: VersionState): Setter {
  const number = stateNumber(state)
  return (numbers, start) => {
    numbers[start + at.state] = number
  }
}

const newVersion: Setter = (numbers, start, { position, time, changed, born }) => {
  numbers[start + at.state] = stateNumber('live')
  numbers[start + at.position] = position
  numbers[start + at.metaAt] = position
  if (changed || born !== undefined) numbers[start + at.valueChangedAt] = time
}

const setByKind: Partial<Record<ChangeKind, Setter>> = {
  written: newVersion,
  rotated: (numbers, start, change) => {
    newVersion(numbers, start, change)
    numbers[start + at.rotations] = (numbers[start + at.rotations] as number) + 1
    numbers[start + at.rotatedAt] = change.time
  },
  annotated: (numbers, start, { position }) => {
    numbers[start + at.metaAt] = position
  },
  deleted: stateSetter('deleted'),
  restored: stateSetter('live'),
  destroyed: stateSetter('destroyed'),
}
