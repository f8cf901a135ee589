import { deepStrictEqual } from 'node:assert/strict'
import { accesses } from '../../../src/projections/accesses.ts'
import { rotations } from '../../../src/projections/rotations.ts'
import { secrets } from '../../../src/projections/secrets.ts'
import { versions } from '../../../src/projections/versions.ts'
import type { Vault } from '../../../src/vault/vault.ts'

/** The vault's own, and one that is the host's. */
export const followed = { secrets, rotations, accesses, versions } as const

export type Views = Readonly<Record<keyof typeof followed, ReadonlyMap<string, unknown>>>

/** What the projections showed at a size of the log. Rows are replaced, never changed, so a shallow copy lasts. */
export interface Moment {
  readonly size: number
  readonly views: Views
}

/** What follows a vault from its opening to its close, across reopenings: projections, and a stream of all events. */
export class Followers {
  readonly #live: Promise<Live>
  readonly #positions: number[] = []
  readonly #streamed: Promise<void>

  constructor(vault: Vault) {
    this.#live = follow(vault)
    this.#streamed = new Promise((resolve, reject) => {
      vault.events$.subscribe({
        next: ({ events }) => this.#positions.push(...events.map(({ position }) => position)),
        error: reject,
        complete: resolve,
      })
    })
    // A crash ends the stream with an error, and then nobody asks for its end.
    this.#streamed.catch(() => undefined)
  }

  async moment(size: number): Promise<Moment> {
    return { size, views: await shownBy(await this.#live, size) }
  }

  /** After a close: the stream has completed, with each event once, in order, `vault.closed` at its end. */
  async ended(size: number): Promise<void> {
    await this.#streamed
    const all = Array.from({ length: size + 1 }, (_, position) => position)
    deepStrictEqual(this.#positions, all, 'the stream of events')
  }
}

/** What the projections of a vault show once it has folded so many events. */
export async function viewsOf(vault: Vault, size: number): Promise<Views> {
  const live = await follow(vault)
  const views = await shownBy(live, size)
  for (const projection of Object.values(live)) projection.close()
  return views
}

type Live = Awaited<ReturnType<typeof follow>>

async function follow(vault: Vault) {
  return {
    secrets: await vault.project(secrets),
    rotations: await vault.project(rotations),
    accesses: await vault.project(accesses),
    versions: await vault.project(versions),
  }
}

async function shownBy(
  { secrets, rotations, accesses, versions }: Live,
  size: number,
): Promise<Views> {
  return {
    secrets: new Map(secrets.view),
    rotations: new Map(rotations.view),
    accesses: new Map(accesses.view),
    versions: new Map(await versions.waitFor(size - 1)),
  }
}
