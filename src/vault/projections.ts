import { VaultError } from '../errors.ts'
import { defineProjection, type Fold, type Projection } from '../projections/projection.ts'
import { builtInProjection, type LiveProjection, liveProjection } from './live.ts'
import type { Session } from './session.ts'

/** The projections that follow a vault's log on behalf of its host. */
export class LiveProjections {
  readonly #session: Session
  readonly #live = new Map<string, LiveProjection<unknown>>()
  /** Names whose snapshots are being read. */
  readonly #starting = new Set<string>()

  constructor(session: Session) {
    this.#session = session
  }

  /** Throws `EXISTS` where another of this name is live, `INVALID`, `CLOSED`. */
  async start<S>(projection: Projection<S>): Promise<LiveProjection<S>> {
    defineProjection(projection)
    const { followed } = this.#session
    const engine = this.#session.engine()
    const { name } = projection
    const builtIn = (): Fold<S> | undefined => {
      const folds = Object.values(this.#session.current.state).map(
        ({ fold }) => fold as unknown as Fold<S>,
      )
      return folds.find((fold) => fold.projection === projection)
    }
    const own = builtIn()
    if (own !== undefined) return builtInProjection(followed, () => builtIn() ?? own)
    const isTaken =
      this.#live.has(name) || this.#starting.has(name) || Object.hasOwn(engine.state, name)
    if (isTaken) throw new VaultError('EXISTS', `a projection named ${name} is live already`)
    this.#starting.add(name)
    const { fold } = await engine.snapshots
      .start(projection)
      .finally(() => this.#starting.delete(name))
    const live = liveProjection(followed, fold, () => {
      this.#live.delete(name)
      this.#session.current.snapshots.release(name)
    })
    this.#live.set(name, live as LiveProjection<unknown>)
    return live
  }

  statuses(): { name: string; state: string; position: number }[] {
    return [...this.#live.values()].map(({ name, status }) => ({
      name,
      state: status.state,
      position: status.position,
    }))
  }
}
