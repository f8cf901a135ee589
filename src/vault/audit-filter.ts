import { VaultError } from '../errors.ts'
import type { EventType, VaultEvent } from '../events/catalogue.ts'
import { eventTypes } from '../events/event-types.ts'
import { matches, type Pattern, parsePattern } from '../events/pattern.ts'
import type { Term } from '../projections/derived/terms.ts'

/** Which events an audit query or follow is about; what is absent does not restrict. */
export interface AuditFilter {
  /** A path, or a pattern: `*` is one segment, a trailing `**` one or more. */
  readonly subject?: string
  readonly actor?: string
  readonly type?: EventType | readonly EventType[]
  /** `denied` are refusals, failed unlocks and failed rotations; `allowed` is everything else. */
  readonly outcome?: 'allowed' | 'denied'
}

/** A filter, checked: how to look for events in the index, and how to judge one. */
export interface ReadFilter {
  /** One term of each group, at least. */
  readonly groups: readonly (readonly Term[])[]
  matches(event: VaultEvent): boolean
  /** As `audit.read` records it. */
  readonly recorded: Readonly<Record<string, string | number>>
}

const deniedTypes: ReadonlySet<EventType> = new Set([
  'secret.denied',
  'auth.failed',
  'secret.rotation_failed',
])

/** Throws `INVALID`, naming the argument. */
export function readFilter(filter: AuditFilter): ReadFilter {
  const subject = filter.subject === undefined ? undefined : parsePattern(filter.subject, 'subject')
  const actor = filter.actor === undefined ? undefined : parsePattern(filter.actor, 'actor')
  const types = typesOf(filter)
  const groups = [
    subject && termOf(subject, 'subject'),
    actor && termOf(actor, 'actor'),
    types && [...types].map((text): Term => ({ kind: 'type', text })),
  ].filter((group) => group !== undefined)
  return {
    groups: groups.map((group) => (Array.isArray(group) ? group : [group])),
    matches: (event) =>
      (types === undefined || types.has(event.type)) &&
      (subject === undefined || matches(subject, event.subject)) &&
      (actor === undefined || matches(actor, event.actor)),
    recorded: {
      ...(filter.subject !== undefined && { subject: filter.subject }),
      ...(filter.actor !== undefined && { actor: filter.actor }),
      ...(filter.type !== undefined && { type: [filter.type].flat().join(' ') }),
      ...(filter.outcome !== undefined && { outcome: filter.outcome }),
    },
  }
}

/** The types that a filter lets through; undefined for all. */
function typesOf({ type, outcome }: AuditFilter): ReadonlySet<EventType> | undefined {
  const named = type === undefined ? undefined : [type].flat()
  const unknown = named?.find((name) => !eventTypes.includes(name))
  if (unknown !== undefined || named?.length === 0) {
    throw new VaultError('INVALID', `type must be one of ${eventTypes.join(', ')}`)
  }
  if (outcome === undefined) return named && new Set(named)
  if (outcome !== 'allowed' && outcome !== 'denied') {
    throw new VaultError('INVALID', 'outcome must be allowed or denied')
  }
  return new Set(
    (named ?? eventTypes).filter((name) => deniedTypes.has(name) === (outcome === 'denied')),
  )
}

/** The narrowest term that every match of a pattern has; undefined where it begins with a wildcard. */
function termOf({ parts, deep }: Pattern, kind: 'subject' | 'actor'): Term | undefined {
  const wild = parts.indexOf('*')
  const literal = wild === -1 ? parts : parts.slice(0, wild)
  const text = literal.join('/')
  if (wild === -1 && !deep) return { kind, text }
  return literal.length === 0 ? undefined : { kind: `under-${kind}`, text }
}
