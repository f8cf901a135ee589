import type { EventType, VaultEvent } from '../events/catalogue.ts'
import type { Awaited } from '../log/awaited.ts'
import type { TokenRow } from '../projections/tokens.ts'
import type { Permit } from './permit.ts'
import type { Session } from './session.ts'

/** What changes what a scope may do, whoever it is for. */
const ofAll: readonly EventType[] = [
  'policy.written',
  'policy.removed',
  'role.written',
  'role.removed',
  'role.granted',
  'role.withdrawn',
  'approle.removed',
  'clock.corrected',
]
/** What is of one token alone. */
const ofToken: readonly EventType[] = ['token.revoked', 'token.renewed', 'token.used']

const traits = [...ofAll, ...ofToken].map((text) => ({ kind: 'type', text }) as const)

/** The events with which what a permit lets its holder do may come to an end, or the end of it may move. */
export function permitEvents(session: Session, { token }: Permit): Awaited {
  const row = token?.()
  const accessors = row === undefined ? new Set<string>() : lineOf(session, row)
  return {
    traits,
    isMeant: (event) => ofAll.includes(event.type) || isOfToken(event, accessors),
  }
}

function isOfToken(event: VaultEvent, accessors: ReadonlySet<string>): boolean {
  if (!ofToken.includes(event.type)) return false
  const { accessor } = event.data as { readonly accessor?: string }
  return accessor !== undefined && accessors.has(accessor)
}

/** A token and those that it was issued through: it ends with each of them. */
function lineOf({ current }: Session, token: TokenRow): ReadonlySet<string> {
  const rows = current.state.tokens.fold.state
  const accessors = new Set<string>()
  let row: TokenRow | undefined = token
  while (row !== undefined && !accessors.has(row.accessor)) {
    accessors.add(row.accessor)
    row = row.parent && rows.get(row.parent.accessor)
  }
  return accessors
}

/** A clock may jump past an end that a timer was set for: it is looked at again after so many milliseconds. */
export const lookAgainMs = 60_000

/** Milliseconds after which to look whether a grant of it, or the token that it is for, has run out; undefined where none does. */
export function untilEnd({ current }: Session, permit: Permit): number | undefined {
  const until = permit.until()
  if (until === Infinity) return undefined
  return Math.min(Math.max(1, until - current.time.judged()), lookAgainMs)
}
