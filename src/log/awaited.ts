import type { VaultEvent } from '../events/catalogue.ts'
import type { Commit } from './reader.ts'

/** What an event can be told by: `under-subject` is each ancestor of its subject, `prod` of `prod/db/password`. */
export interface Trait {
  readonly kind: 'subject' | 'under-subject' | 'actor' | 'under-actor' | 'type'
  readonly text: string
}

/** Which events somebody waits for. */
export interface Awaited {
  /** One of these is theirs, at least; where none are named, every event is meant. */
  readonly traits?: readonly Trait[]
  /** Whether an event that has one of the traits is meant; it is unless said. */
  readonly isMeant?: (event: VaultEvent) => boolean
}

/** Somebody who waits for the log to grow. */
export interface Waiter {
  /** Events before this position are not meant. */
  readonly next: number
  readonly about: Awaited
  /** Tells him where to go on; undefined where there will be no more. */
  readonly wake: (position: number | undefined) => void
}

type Several = Map<string, Set<Waiter>>

/** Those who wait, found by what they wait for: an event costs as much as it has traits, however many they are. */
export class Waiters {
  readonly #all = new Set<Waiter>()
  readonly #ofAny = new Set<Waiter>()
  readonly #by: Readonly<Record<Trait['kind'], Several>> = {
    subject: new Map(),
    'under-subject': new Map(),
    actor: new Map(),
    'under-actor': new Map(),
    type: new Map(),
  }

  get size(): number {
    return this.#all.size
  }

  has(waiter: Waiter): boolean {
    return this.#all.has(waiter)
  }

  /** Those of this moment. */
  all(): readonly Waiter[] {
    return [...this.#all]
  }

  add(waiter: Waiter): void {
    const { traits } = waiter.about
    this.#all.add(waiter)
    if (traits === undefined) this.#ofAny.add(waiter)
    for (const { kind, text } of traits ?? []) {
      const waiting = this.#by[kind].get(text) ?? new Set()
      waiting.add(waiter)
      this.#by[kind].set(text, waiting)
    }
  }

  remove(waiter: Waiter): void {
    this.#all.delete(waiter)
    this.#ofAny.delete(waiter)
    for (const { kind, text } of waiter.about.traits ?? []) {
      const waiting = this.#by[kind].get(text)
      waiting?.delete(waiter)
      if (waiting?.size === 0) this.#by[kind].delete(text)
    }
  }

  /** Those who wait for one of these events. */
  concernedBy({ events, end }: Pick<Commit, 'events' | 'end'>): ReadonlySet<Waiter> {
    const concerned = new Set<Waiter>()
    for (const waiter of this.#ofAny) if (waiter.next < end) concerned.add(waiter)
    for (const event of events) {
      for (const waiting of this.#candidates(event)) {
        for (const waiter of waiting) {
          const isLeft = event.position >= waiter.next && !concerned.has(waiter)
          if (isLeft && isMeant(waiter, event)) concerned.add(waiter)
        }
      }
    }
    return concerned
  }

  *#candidates({ type, subject, actor }: VaultEvent): Generator<ReadonlySet<Waiter>, void, void> {
    const by = this.#by
    const exactly = [by.type.get(type), by.subject.get(subject), by.actor.get(actor)]
    for (const waiting of exactly) if (waiting !== undefined) yield waiting
    yield* underOf(by['under-subject'], subject)
    yield* underOf(by['under-actor'], actor)
  }
}

function* underOf(by: Several, path: string): Generator<ReadonlySet<Waiter>, void, void> {
  if (by.size === 0) return
  for (let end = path.indexOf('/'); end !== -1; end = path.indexOf('/', end + 1)) {
    const waiting = by.get(path.slice(0, end))
    if (waiting !== undefined) yield waiting
  }
}

function isMeant({ about }: Waiter, event: VaultEvent): boolean {
  try {
    return about.isMeant?.(event) ?? true
  } catch {
    // What cannot be read of an event is for the one who reads it to say.
    return true
  }
}
