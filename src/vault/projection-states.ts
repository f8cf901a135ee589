import { VaultError } from '../errors.ts'
import { isMapLike, plainState } from '../projections/plain-state.ts'
import { isProjectionName, type Projection, startFold } from '../projections/projection.ts'
import { checkPosition } from './audit.ts'
import { type CallOptions, checkTimeout } from './call.ts'
import type { Calls } from './calls.ts'
import type { FoldedLog } from './folded-log.ts'
import type { HostProjection, LiveProjections } from './projections.ts'
import { reached } from './reached.ts'
import { foldTo, type Moment, type PassOptions, sizeOf } from './replay.ts'
import type { Session } from './session.ts'
import { type ShownProjection, shownProjections } from './shown-projections.ts'
import { lookAtAll, wholeTrail } from './whole-trail.ts'
import { within } from './within.ts'

/** A projection that can be asked for by its name. */
export interface ProjectionEntry {
  readonly name: string
  /** Of its definition. */
  readonly version: number
  /** How many events it has seen. */
  readonly position: number
  readonly state: 'current' | 'behind' | 'faulted' | 'closed'
  /** Whether it is the vault's own; others are those that the host follows with `vault.project`. */
  readonly builtIn: boolean
}

/** What a projection says, as plain JSON. */
export interface ProjectionState {
  readonly name: string
  /** How many events it has seen. */
  readonly position: number
  /** Maps are objects, sets are lists, bytes are hexadecimal digits, dates are ISO 8601. */
  readonly view: unknown
}

export interface ProjectionStateOptions extends CallOptions, Pick<PassOptions, 'onProgress'> {
  /** As it was then, folded from the first event on; as it is unless said. */
  readonly at?: Moment
  /** Of an event that it has to have seen: it is waited for, no longer than the call's `timeout`. */
  readonly minPosition?: number
}

/** A state that is no map may move on while it is written: so often it is begun again before a fold of its own is made. */
const attemptsMax = 3

/**
 * What the vault's projections say, by their names: its own, and those that its host follows. Of a scope it takes the right
 * to `audit` everything, and each look is on record as `audit.read`. What names a key, or is compared with a token, is shown
 * to nobody.
 */
export class ProjectionStates {
  readonly #session: Session
  readonly #calls: Calls
  readonly #live: LiveProjections

  constructor(session: Session, calls: Calls, live: LiveProjections) {
    this.#session = session
    this.#calls = calls
    this.#live = live
  }

  /** All of them, the vault's own first. Throws `CLOSED`, `FAILED`. */
  async list(options: CallOptions = {}): Promise<readonly ProjectionEntry[]> {
    return this.#calls.inspect(options, async (inspector) => {
      await lookAtAll(inspector, { look: 'projections' })
      const own = [...shownProjections.values()].map(
        ({ projection: { name, version } }): ProjectionEntry => {
          return { name, version, position: inspector.log.size, state: 'current', builtIn: true }
        },
      )
      const hosts = this.#live.all().map(({ projection, live }): ProjectionEntry => {
        const { name, version } = projection
        const { state, position } = live.status
        return { name, version, position, state, builtIn: false }
      })
      return [...own, ...hosts]
    })
  }

  /**
   * What one of them says: now, or as it was. `versions`, which nobody follows, is folded from the first event on each time. Throws `NOT_FOUND` for a name that is none of theirs, `INVALID`, `TIMEOUT`
   * where it has not seen `minPosition` by then, `FAILED` where a handler of the host's threw, `ABORTED`.
   *
   * @example
   * const { position } = await vault.write('prod/db/password', 'hunter2')
   * const { view } = await vault.projections.get('rotations', { minPosition: position })
   */
  async get(name: string, options: ProjectionStateOptions = {}): Promise<ProjectionState> {
    const { at, minPosition } = options
    if (!isProjectionName(name)) {
      throw new VaultError('INVALID', 'name must be the name of a projection')
    }
    checkPosition('minPosition', minPosition)
    return this.#calls.inspect(options, async (inspector) => {
      // A scope learns which projections there are only where it may.
      if (inspector.sight) await inspector.sight.begin(wholeTrail)
      const asked = this.#find(name)
      if (minPosition !== undefined) await this.#seen(asked, minPosition, options)
      const { log } = inspector
      const size = at === undefined ? undefined : await sizeOf(log, at, 'at')
      const position = size === undefined ? {} : { position: size - 1 }
      await lookAtAll(inspector, { projection: name, ...position })
      const state = size === undefined ? await this.#now(asked, log, options) : undefined
      return state ?? replayed(log, asked, { ...options, size: size ?? log.size })
    })
  }

  #find(name: string): Asked {
    const own = shownProjections.get(name)
    if (own !== undefined) return own
    const followed = this.#live.find(name)
    if (followed === undefined) {
      throw new VaultError('NOT_FOUND', `there is no projection named ${name}`)
    }
    return { projection: followed.projection, followed }
  }

  async #seen(
    { followed }: Asked,
    position: number,
    { signal, timeout }: CallOptions,
  ): Promise<void> {
    const limits = { ...(signal && { signal }), ...(timeout !== undefined && { timeout }) }
    await reached(this.#session, position, limits)
    if (followed === undefined || followed.live.position > position) return
    expectSound(followed)
    const seen = followed.live.waitFor(position, signal && { signal })
    await within(checkTimeout(timeout ?? this.#session.options.timeout), seen, 'the projection')
  }

  /** What it says now; undefined where it is not followed, or moves on faster than it can be written. */
  async #now(
    asked: Asked,
    log: FoldedLog,
    { signal }: CallOptions,
  ): Promise<ProjectionState | undefined> {
    const { projection, row, followed } = asked
    if (followed !== undefined) expectSound(followed)
    const fold = followed === undefined ? ownFold(log, projection) : liveFold(followed)
    if (fold === undefined) return undefined
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      const { position } = fold
      const state = fold.state()
      const view = await plainState(state, { signal, ...(row && { row }) })
      const isOfThen = isMapLike(state) || fold.position === position
      if (isOfThen) return { name: projection.name, position, view }
    }
    return undefined
  }
}

interface Asked extends ShownProjection {
  readonly followed?: HostProjection
}

interface Readable {
  readonly position: number
  readonly state: () => unknown
}

function ownFold({ state }: FoldedLog, projection: Projection<unknown>): Readable | undefined {
  const folds = Object.values(state).map(({ fold }) => fold)
  const fold = folds.find((each) => (each.projection as Projection<unknown>) === projection)
  if (fold === undefined) return undefined
  return {
    get position() {
      return fold.position
    },
    state: () => fold.state,
  }
}

function liveFold({ live }: HostProjection): Readable {
  return {
    get position() {
      return live.position
    },
    state: () => live.view,
  }
}

/** What a projection says that stopped in the middle of an event is not what the log says. */
function expectSound({ live }: HostProjection): void {
  const { status } = live
  if (status.state !== 'faulted') return
  throw new VaultError(
    'FAILED',
    `the projection ${live.name} failed at position ${status.position}`,
    { cause: status.fault, retry: 'never' },
  )
}

/** A fold of its own, which nobody else moves on. */
async function replayed(
  log: FoldedLog,
  { projection, row }: Asked,
  { size, onProgress, signal }: ProjectionStateOptions & { readonly size: number },
): Promise<ProjectionState> {
  const fold = startFold(projection)
  await foldTo(log, [fold], { size, ...(onProgress && { onProgress }), ...(signal && { signal }) })
  const view = await plainState(fold.state, { signal, ...(row && { row }) })
  return { name: projection.name, position: fold.position, view }
}
