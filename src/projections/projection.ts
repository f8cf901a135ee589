import { VaultError } from '../errors.ts'
import type { EventOf, EventType, VaultEvent } from '../events/catalogue.ts'
import { eventTypes } from '../events/event-types.ts'
import { deepFrozen } from './deep-frozen.ts'

/** One function an event type, which changes the state that it is given. */
export type Handlers<S> = {
  readonly [T in EventType]?: (state: S, event: EventOf<T>) => void
}

/**
 * A named fold over the log; its state is an object. The same definition is folded live, replayed to any moment, and kept as a snapshot.
 *
 * A state that is a `Map` is kept by the rows that were touched, so handlers replace rows with `set` and never
 * change one in place (rows are frozen). Any other state gives `encode` and `decode`, or is replayed.
 */
export interface Projection<S> {
  /** `[a-z][a-z0-9-]*`; names the snapshot. */
  readonly name: string
  /** Raised when a handler's meaning changes: older snapshots are then replayed instead. */
  readonly version: number
  readonly initial: () => S
  readonly on: Handlers<S>
  /** Runs for each event of any type, after its own handler. */
  readonly each?: (state: S, event: VaultEvent) => void
  readonly encode?: (state: S) => unknown
  readonly decode?: (encoded: unknown) => S
}

/** What callers see of a state: a `Map` without its setters; anything else as it is, to be read only. */
export type View<S> = S extends Map<infer K, infer V> ? ReadonlyMap<K, V> : Readonly<S>

const nameForm = /^[a-z][a-z0-9-]{0,63}$/

/** Whether a projection can be named so. */
export function isProjectionName(name: unknown): name is string {
  return typeof name === 'string' && nameForm.test(name)
}

/**
 * Checks a projection's definition and gives it back, typed. Throws `INVALID`.
 *
 * @example
 * const writesByActor = defineProjection({
 *   name: 'writes-by-actor',
 *   version: 1,
 *   initial: () => new Map<string, number>(),
 *   on: {
 *     'secret.written': (state, event) => {
 *       state.set(event.actor, (state.get(event.actor) ?? 0) + 1)
 *     },
 *   },
 * })
 */
export function defineProjection<S>(projection: Projection<S>): Projection<S> {
  if (!isProjectionName(projection.name)) {
    throw new VaultError('INVALID', `a projection's name is of the form ${nameForm.source}`)
  }
  if (!Number.isSafeInteger(projection.version) || projection.version < 1) {
    throw new VaultError(
      'INVALID',
      `version of projection ${projection.name} must be an integer from 1`,
    )
  }
  const initial = projection.initial()
  if (typeof initial !== 'object' || initial === null) {
    throw new VaultError('INVALID', `the state of projection ${projection.name} must be an object`)
  }
  const unknown = Object.keys(projection.on).find((type) => !eventTypes.includes(type as EventType))
  if (unknown !== undefined) {
    throw new VaultError(
      'INVALID',
      `projection ${projection.name} handles ${unknown}, which no event is`,
    )
  }
  return projection
}

/** A definition that stays as it is: each field is read once, and nobody can change it any more. Throws as `defineProjection`. */
export function fixedProjection<S>(projection: Projection<S>): Projection<S> {
  const { name, version, initial, on, each, encode, decode } = projection
  return defineProjection(
    Object.freeze({
      name,
      version,
      initial,
      on: Object.freeze({ ...on }),
      ...(each && { each }),
      ...(encode && { encode }),
      ...(decode && { decode }),
    }),
  )
}

/** Thrown where a handler threw: the state before the event is lost with it, and the fold stops there. */
export class FoldError extends Error {
  override readonly name = 'FoldError'
  readonly projection: string
  readonly position: number

  constructor(projection: string, position: number, cause: unknown) {
    super(`projection ${projection} failed at position ${position}`, { cause })
    this.projection = projection
    this.position = position
  }
}

/** A projection's state at a position, and how to move it on. Shared by the live path and by replays. */
export interface Fold<S> {
  readonly projection: Projection<S>
  readonly state: S
  /** How many events it has seen: the next position it takes. */
  readonly position: number
  /** Folds the events from `position` on; those before it are passed over. Throws `FoldError`. */
  apply(events: readonly VaultEvent[]): void
}

export function startFold<S>(
  projection: Projection<S>,
  { state = projection.initial(), position = 0 }: { state?: S; position?: number } = {},
): Fold<S> {
  const handlers = handlersOf(projection)
  const { each } = projection
  const step = (event: VaultEvent) => {
    if (event.position < position) return
    if (event.position > position) {
      throw new VaultError('INTEGRITY', `projection ${projection.name} missed position ${position}`)
    }
    handlers[event.type]?.(state, event)
    each?.(state, event)
    position++
  }
  return {
    projection,
    state,
    get position() {
      return position
    },
    apply: (events) => {
      try {
        for (const event of events) step(event)
      } catch (cause) {
        throw new FoldError(projection.name, position, cause)
      }
    },
  }
}

/** The state after these events alone, or after a state, of a projection whose subjects do not depend on each other. */
export function foldChosen<S>(
  projection: Projection<S>,
  events: readonly VaultEvent[],
  state: S = projection.initial(),
): S {
  const handlers = handlersOf(projection)
  for (const event of events) handlers[event.type]?.(state, event)
  return state
}

/** The table as it is looked up: by whatever type an event turns out to be of. */
function handlersOf<S>({ on }: Projection<S>) {
  return on as Readonly<Partial<Record<EventType, (state: S, event: VaultEvent) => void>>>
}

/** The read-only face of a state. A view is live: it shows the state as it moves on. */
export function viewOf<S>(fold: Fold<S>): View<S> {
  const { state } = fold
  return (state instanceof Map ? new MapView(state) : state) as View<S>
}

/**
 * The face of a state that decides, which nobody can change through it: maps without their setters, copies of lists, and
 * rows that are frozen once they are handed out.
 */
export function shieldedViewOf<S>({ state }: Fold<S>): View<S> {
  return shielded(state) as View<S>
}

function shielded(value: unknown): unknown {
  if (value instanceof Map) return new MapView(value, shieldedRow)
  // A list of a state grows: its copy is what is frozen.
  if (Array.isArray(value)) return deepFrozen([...value])
  if (typeof value !== 'object' || value === null) return value
  const face = {}
  for (const [name, field] of Object.entries(value)) {
    if (typeof field === 'function') continue
    const get = () => shielded((value as Record<string, unknown>)[name])
    Object.defineProperty(face, name, { enumerable: true, get })
  }
  return Object.freeze(face)
}

/** Rows are never changed in place, so that freezing one that is handed out takes nothing away. */
function shieldedRow<V>(row: V): V {
  return (row instanceof Map ? new MapView(row, shieldedRow) : deepFrozen(row)) as V
}

/** A `Map` that cannot be written to, at run time too. */
class MapView<K, V> implements ReadonlyMap<K, V> {
  readonly #map: ReadonlyMap<K, V>
  readonly #shown: (<R>(row: R) => R) | undefined

  /** @param shown what is handed out of a row; the row itself unless said */
  constructor(map: ReadonlyMap<K, V>, shown?: <R>(row: R) => R) {
    this.#map = map
    this.#shown = shown
  }

  get size(): number {
    return this.#map.size
  }

  get(key: K): V | undefined {
    const row = this.#map.get(key)
    return this.#shown === undefined ? row : this.#shown(row)
  }

  has(key: K): boolean {
    return this.#map.has(key)
  }

  forEach(visit: (value: V, key: K, map: ReadonlyMap<K, V>) => void): void {
    for (const [key, value] of this) visit(value, key, this)
  }

  entries(): MapIterator<[K, V]> {
    return this.#shown === undefined ? this.#map.entries() : this.#shownEntries(this.#shown)
  }

  keys(): MapIterator<K> {
    return this.#map.keys()
  }

  values(): MapIterator<V> {
    return this.#shown === undefined ? this.#map.values() : this.#shownValues(this.#shown)
  }

  [Symbol.iterator](): MapIterator<[K, V]> {
    return this.entries()
  }

  *#shownEntries(shown: <R>(row: R) => R): MapIterator<[K, V]> {
    for (const [key, value] of this.#map) yield [key, shown(value)]
  }

  *#shownValues(shown: <R>(row: R) => R): MapIterator<V> {
    for (const value of this.#map.values()) yield shown(value)
  }
}
