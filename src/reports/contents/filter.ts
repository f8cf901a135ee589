import type { VaultEvent } from '../../events/catalogue.ts'
import { matches, type Pattern, parsePattern } from '../../events/pattern.ts'
import type { Handlers, Projection } from '../../projections/projection.ts'
import type { ReportParams } from '../report.ts'

/** Whose events, and about what; what is absent does not restrict. */
export interface Filter {
  readonly subject: Pattern | undefined
  readonly actor: Pattern | undefined
}

/** Reports judge event by event, and their patterns are the same throughout. */
const parsed = new WeakMap<ReportParams, Filter>()

/** Reads a report's patterns. Throws `INVALID`, `TOO_LARGE`. */
export function filterOf(params: ReportParams): Filter {
  const known = parsed.get(params)
  if (known !== undefined) return known
  const { subject, actor } = params
  const filter = {
    subject: subject === undefined ? undefined : parsePattern(subject, 'subject'),
    actor: actor === undefined ? undefined : parsePattern(actor, 'actor'),
  }
  parsed.set(params, filter)
  return filter
}

export function isAbout({ subject }: Pick<Filter, 'subject'>, path: string): boolean {
  return subject === undefined || matches(subject, path)
}

export function isBy({ actor }: Pick<Filter, 'actor'>, name: string): boolean {
  return actor === undefined || matches(actor, name)
}

export function keeps(filter: Filter, event: Pick<VaultEvent, 'subject' | 'actor'>): boolean {
  return isAbout(filter, event.subject) && isBy(filter, event.actor)
}

/**
 * A projection of the events that are about what is asked. What is left out while the log is read, in its slices, need
 * not be passed over when rows are made.
 */
export function onlyAbout<S>(filter: Filter, projection: Projection<S>): Projection<S> {
  if (filter.subject === undefined) return projection
  const kept = (step: Step<S>): Step<S> => {
    return (state, event) => {
      if (isAbout(filter, event.subject)) step(state, event)
    }
  }
  const { on, each } = projection
  const steps = Object.entries(on).map(([type, step]) => [type, kept(step as Step<S>)])
  return {
    ...projection,
    on: Object.fromEntries(steps) as Handlers<S>,
    ...(each && { each: kept(each) }),
  }
}

type Step<S> = (state: S, event: VaultEvent) => void

/** Whether there is a path that both patterns match. */
export function overlap(a: Pattern, b: Pattern): boolean {
  const length = Math.min(a.parts.length, b.parts.length)
  for (let at = 0; at < length; at++) {
    const [one, other] = [a.parts[at], b.parts[at]]
    if (one !== other && one !== '*' && other !== '*') return false
  }
  if (a.deep && b.deep) return true
  // What ends in `**` matches one segment more than it has parts, at least.
  if (a.deep) return b.parts.length > a.parts.length
  if (b.deep) return a.parts.length > b.parts.length
  return a.parts.length === b.parts.length
}
