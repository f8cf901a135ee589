import { VaultError } from '../errors.ts'
import {
  type Fold,
  fixedProjection,
  type Projection,
  startFold,
} from '../projections/projection.ts'
import { builtInProjection, type LiveProjection, liveProjection } from './live.ts'
import type { Session } from './session.ts'

/** What is kept beside the projections, under a name like theirs. */
const reserved: readonly string[] = ['tree']

/** A projection that the host has begun, with its definition. */
export interface HostProjection {
  readonly projection: Projection<unknown>
  readonly live: LiveProjection<unknown>
}

/** The projections that follow a vault's log on behalf of its host, and of those that it serves. */
export class LiveProjections {
  readonly #session: Session
  readonly #live = new Map<string, HostProjection>()
  /** Those whose handler threw, until one of their name is begun again. */
  readonly #faulted = new Map<string, HostProjection>()
  /** Names whose snapshots are being read. */
  readonly #starting = new Set<string>()

  constructor(session: Session) {
    this.#session = session
  }

  /** Throws `EXISTS` where another of this name is live, `INVALID`, `CLOSED`. */
  async start<S>(projection: Projection<S>): Promise<LiveProjection<S>> {
    const { followed } = this.#session
    const engine = this.#session.engine()
    const builtIn = (): Fold<S> | undefined => {
      const folds = Object.values(this.#session.current.state).map(
        ({ fold }) => fold as unknown as Fold<S>,
      )
      return folds.find((fold) => fold.projection === projection)
    }
    const own = builtIn()
    if (own !== undefined) return builtInProjection(followed, () => builtIn() ?? own)
    // Its name is that of its snapshot: it is read once, so that the one that is checked is the one that is used.
    const fixed = fixedProjection(projection)
    const { name } = fixed
    const isOurs = Object.values(engine.state).some(({ fold }) => fold.projection.name === name)
    const isTaken =
      isOurs || reserved.includes(name) || this.#live.has(name) || this.#starting.has(name)
    if (isTaken) throw new VaultError('EXISTS', `a projection named ${name} is live already`)
    this.#starting.add(name)
    const { fold } = await engine.snapshots.start(fixed).finally(() => this.#starting.delete(name))
    const live = liveProjection(followed, fold, () => {
      const ended = this.#live.get(name)
      this.#live.delete(name)
      this.#session.current.snapshots.release(name)
      if (ended?.live.status.state === 'faulted') this.#faulted.set(name, ended)
    })
    this.#faulted.delete(name)
    this.#live.set(name, {
      projection: fixed as Projection<unknown>,
      live: live as LiveProjection<unknown>,
    })
    return live
  }

  /**
   * One for a scope: a fold of its own from the first event on, of the vault's own projections too. It has nothing of what
   * decides, and neither reads nor writes what is kept for the next opening.
   */
  follow<S>(fixed: Projection<S>): LiveProjection<S> {
    return liveProjection(this.#session.followed, startFold(fixed), () => undefined)
  }

  /** Those of the host that are live, or whose handler threw; in the order of their names. */
  all(): readonly HostProjection[] {
    const all = [...this.#live.values(), ...this.#faulted.values()]
    return all.sort((a, b) => (a.projection.name < b.projection.name ? -1 : 1))
  }

  find(name: string): HostProjection | undefined {
    return this.#live.get(name) ?? this.#faulted.get(name)
  }

  statuses(): { name: string; state: string; position: number }[] {
    return this.all().map(({ live: { name, status } }) => ({
      name,
      state: status.state,
      position: status.position,
    }))
  }
}
