import { VaultError } from '../../errors.ts'
import type { VaultEvent } from '../../events/catalogue.ts'
import { decodeEvent } from '../../events/decode.ts'
import { type CommitPlain, leafHashesOf } from '../../log/commit.ts'
import { append, emptyFrontier, type Frontier, root } from '../../proofs/tree.ts'
import type { KeyRow, StoredCommit } from '../../store/port.ts'
import { collectHoles } from './holes.ts'
import { checkKeyRows } from './key-rows.ts'
import type { LentKeys } from './lent-keys.ts'
import { checkLifecycle } from './lifecycle.ts'
import { commitOpener } from './open-commit.ts'
import { collectProblems, type Problem } from './problem.ts'
import { checkSecrets } from './secrets.ts'
import { type Claim, checkSigned, type FoundNote } from './signed.ts'
import { checkTimeline } from './timeline.ts'

/** What is verified, and against what. A worker can be sent all of it. */
export interface Brief {
  readonly keys: LentKeys
  /** How many events the log held when verification began. */
  readonly size: number
  readonly claims: readonly Claim[]
  readonly notes: readonly FoundNote[]
}

/** Where the store gives no commit, and why. */
export interface Unreadable {
  readonly first: number
  readonly fault: string
}

export type ReadItem = StoredCommit | Unreadable

/** What was found; a worker can send all of it back. */
export interface Findings {
  readonly events: number
  readonly commits: number
  /** In hexadecimal digits; null where a commit could not be read. */
  readonly root: string | null
  readonly checkpoints: number
  readonly signed: number
  readonly anchored: number
  readonly problems: readonly Problem[]
}

/**
 * Verifies a log that it is handed piece by piece: first the key rows, then the commits in order. It reads nothing
 * itself, and no fault of the log stops it. Its ciphers last until `erase`; the keys are for whoever lent them to wipe.
 */
export class Verifier {
  readonly #size: number
  readonly #problems = collectProblems()
  readonly #holes = collectHoles()
  readonly #opener
  readonly #keyRows
  readonly #timeline
  readonly #lifecycle
  readonly #secrets
  readonly #signed
  #tree: Frontier | undefined = emptyFrontier
  /** Where the tree ends that could be built. */
  #whole = 0
  /** The position that the next commit should begin at. */
  #next = 0
  /** Where a commit begins that could not be read, whose count nobody vouches for. */
  #holeFrom: number | undefined
  #events = 0
  #commits = 0

  constructor({ keys, size, claims, notes }: Brief) {
    const [problems, holes] = [this.#problems, this.#holes]
    this.#size = size
    this.#opener = commitOpener(keys, problems)
    this.#keyRows = checkKeyRows(keys, problems)
    this.#timeline = checkTimeline(problems)
    this.#lifecycle = checkLifecycle(keys, { size, holes, problems })
    this.#secrets = checkSecrets({ holes, problems })
    const lifecycle = this.#lifecycle
    this.#signed = checkSigned({ claims, notes }, { keys, lifecycle, problems })
  }

  keyRows(rows: readonly KeyRow[]): void {
    this.#keyRows.rows(rows)
  }

  /** The store did not give every key row, and says why. */
  loseKeyRows(fault: string): void {
    this.#keyRows.lose(fault)
  }

  /** Commits of ascending positions. */
  commits(items: readonly ReadItem[]): void {
    for (const item of items) this.#item(item)
  }

  end(): Findings {
    this.#close(this.#size)
    const [signed, tree] = [this.#signed, this.#tree]
    signed.end(this.#size)
    this.#keyRows.end(this.#secrets.versions, this.#holes)
    if (tree === undefined) {
      this.#problems.add(
        'unproved',
        `from position ${this.#whole} on no root can be compared: ${signed.unproved} that were signed or noted prove nothing`,
        this.#whole,
      )
    }
    return {
      events: this.#events,
      commits: this.#commits,
      root: tree === undefined ? null : root(tree).toString('hex'),
      checkpoints: signed.checkpoints,
      signed: signed.signed,
      anchored: signed.anchored,
      problems: this.#problems.found,
    }
  }

  /** Lets go of the ciphers. */
  erase(): void {
    this.#opener.erase()
    this.#keyRows.erase()
  }

  #item(item: ReadItem): void {
    // Where a damaged commit ends nobody knows: what is not there behind it is of the same hole.
    if ('fault' in item && this.#holeFrom !== undefined) return
    if (!this.#place(item.first)) return
    if ('fault' in item) {
      this.#problems.add('unreadable', item.fault, item.first)
      this.#holeFrom = item.first
      return
    }
    this.#commits++
    const plain = this.#opener.open(item)
    if (plain === undefined) this.#holeFrom = item.first
    else this.#opened(item.first, plain)
  }

  /** Whether a commit may begin there: behind the one before it. */
  #place(first: number): boolean {
    if (first < this.#next) {
      this.#problems.add(
        'position',
        `a commit begins at position ${first}, within the one before it`,
        first,
      )
      return false
    }
    this.#close(first)
    return true
  }

  /** What was read ends before `first`: what lies between is a hole. */
  #close(first: number): void {
    if (this.#holeFrom === undefined && first > this.#next) {
      this.#problems.add(
        'position',
        `positions ${this.#next} to ${first - 1} are missing`,
        this.#next,
      )
    }
    const from = this.#holeFrom ?? this.#next
    this.#holeFrom = undefined
    if (first <= from) return
    this.#hole(from, first)
    this.#tree = undefined
    this.#next = first
  }

  #hole(from: number, to: number): void {
    this.#holes.add(from, to)
    this.#timeline.hole()
  }

  #opened(first: number, plain: CommitPlain): void {
    const end = first + plain.spans.length
    const events: VaultEvent[] = []
    for (const [i, [start, stop]] of plain.spans.entries()) {
      const event = this.#decoded(plain, { start, end: stop, position: first + i })
      if (event !== undefined) events.push(event)
    }
    const before = this.#tree
    const rootBefore = () => before && root(before)
    for (const event of events) {
      this.#timeline.event(event)
      this.#secrets.event(event, first)
    }
    this.#lifecycle.commit({ first, end, events, rootBefore })
    this.#events += events.length
    this.#next = end
    if (before !== undefined) {
      this.#tree = append(before, leafHashesOf(this.#opener.epochs.at(first), first, plain))
      this.#whole = end
    }
    this.#signed.reached(end, this.#tree)
  }

  /** The event, all of it decoded and checked; undefined where that fails. */
  #decoded(
    { buffer }: CommitPlain,
    place: { start: number; end: number; position: number },
  ): VaultEvent | undefined {
    try {
      const event = decodeEvent(buffer, place)
      expectDecoded(event)
      return event
    } catch (error) {
      if (!(error instanceof VaultError)) throw error
      const code = error.code === 'UNSUPPORTED' ? 'schema' : 'event'
      this.#problems.add(code, error.message, place.position)
      this.#hole(place.position, place.position + 1)
      return undefined
    }
  }
}

/** `decodeEvent` leaves these for when they are read. */
function expectDecoded({ context, data }: VaultEvent): readonly unknown[] {
  return [context, data]
}
