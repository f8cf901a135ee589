import type { EventType, VaultEvent } from '../events/catalogue.ts'
import { eventTypes } from '../events/event-types.ts'
import { defineProjection, type Handlers, type Projection } from './projection.ts'

type Step<S> = (state: S, event: VaultEvent) => void

/**
 * Several projections folded as one. Its state has theirs by name; it is replayed, never kept.
 *
 * @example
 * const both = combined('both', { secrets, accesses })
 * // both.initial() is { secrets: new Map(), accesses: new Map() }
 */
export function combined<S extends object>(
  name: string,
  parts: { readonly [K in keyof S]: Projection<S[K]> },
): Projection<S> {
  const names = Object.keys(parts) as (keyof S)[]
  const steps = (stepOf: <K extends keyof S>(part: Projection<S[K]>) => Step<S[K]> | undefined) => {
    const all = names.flatMap((key): Step<S>[] => {
      const step = stepOf(parts[key])
      return step === undefined ? [] : [(state, event) => step(state[key], event)]
    })
    return all.length === 0 ? undefined : inTurn(all)
  }
  const on: Partial<Record<EventType, Step<S>>> = {}
  for (const type of eventTypes) {
    const step = steps((part) => part.on[type] as Step<unknown> | undefined)
    if (step !== undefined) on[type] = step
  }
  const each = steps((part) => part.each)
  return defineProjection<S>({
    name,
    version: 1,
    initial: () => Object.fromEntries(names.map((key) => [key, parts[key].initial()])) as S,
    on: on as Handlers<S>,
    ...(each !== undefined && { each }),
  })
}

function inTurn<S>(steps: readonly Step<S>[]): Step<S> {
  const [only] = steps
  if (only !== undefined && steps.length === 1) return only
  return (state, event) => {
    for (const step of steps) step(state, event)
  }
}
