import type { Row } from '../../store/port.ts'
import type { Capture, Keeper } from './keeper.ts'
import { keySpace, rowKey, rowKinds, type SealedRows } from './sealed-rows.ts'

/** The root of a perfect subtree: that of leaves [index · 2^level, (index + 1) · 2^level). */
interface Node {
  readonly level: number
  readonly index: number
  readonly hash: Buffer
}

/** Rows sealed in one step of a flush. */
const rowsPerStep = 256

/**
 * The inner nodes of the log's tree, which proofs are made of: those not written yet in memory, the others a row each.
 * Nothing depends on them but time: what is missing is computed again from the events.
 *
 * key := space ‖ level u8 ‖ index u32, high ‖ index u32, low          row := hash(32)
 */
export class TreeRows implements Keeper {
  readonly #rows: SealedRows
  readonly #space = keySpace(rowKinds.tree, '')
  #fresh = new Map<string, Node>()
  /** Of a flush that is under way: still to be found, and fresh again if it fails. */
  #taken: ReadonlyMap<string, Node> = new Map()
  #size = 0

  constructor(rows: SealedRows) {
    this.#rows = rows
  }

  get space(): Uint8Array {
    return this.#space
  }

  /** How many leaves the tree had when it grew last. */
  get size(): number {
    return this.#size
  }

  add(nodes: readonly Node[], size: number): void {
    this.#size = size
    for (const node of nodes) this.#fresh.set(nameOf(node), node)
  }

  async get(level: number, index: number): Promise<Buffer | undefined> {
    const name = nameOf({ level, index })
    const held = this.#fresh.get(name) ?? this.#taken.get(name)
    return held?.hash ?? this.#rows.get(this.#keyOf({ level, index }))
  }

  capture(): Capture {
    const taken = this.#fresh
    this.#fresh = new Map()
    this.#taken = taken
    const end = () => {
      this.#taken = new Map()
    }
    return {
      meta: new Uint8Array(0),
      changes: () => this.#sealed([...taken.values()]),
      done: end,
      failed: () => {
        end()
        for (const [name, node] of taken) this.#fresh.set(name, node)
      },
    }
  }

  /** Nothing is read ahead: a node that is missing costs time, and one that does not open is an error by itself. */
  async load(): Promise<boolean> {
    return true
  }

  reset(): void {
    this.#fresh.clear()
    this.#taken = new Map()
    this.#size = 0
  }

  *#sealed(nodes: readonly Node[]): Generator<{ put: Row[] }> {
    for (let at = 0; at < nodes.length; at += rowsPerStep) {
      const step = nodes.slice(at, at + rowsPerStep)
      yield { put: step.map((node) => this.#rows.seal(this.#keyOf(node), node.hash)) }
    }
  }

  #keyOf({ level, index }: Pick<Node, 'level' | 'index'>): Buffer {
    return rowKey(this.#space, level, Math.floor(index / 2 ** 32), index >>> 0)
  }
}

function nameOf({ level, index }: Pick<Node, 'level' | 'index'>): string {
  return `${level} ${index}`
}
