import type { Asked } from '../access/asked.ts'
import type { At, Outcome } from '../decide/outcome.ts'
import type { AccessState } from '../projections/access.ts'
import type { BuiltIns } from './built-ins.ts'
import type { CallOptions } from './call.ts'
import type { Calls } from './calls.ts'
import type { Inspector } from './inspect.ts'
import { underPolicy } from './permit.ts'

/** What became of a change of policies, roles, grants or rotation policies. */
export interface AccessChange {
  /** Of the event that says so; absent where it was so already, and nothing was appended. */
  readonly position?: number
}

const asked: Asked = { operation: 'policy', subject: '' }

type Decide = (state: BuiltIns, at: At) => Outcome

/**
 * Appends what is decided in a commit of its own, so that every other decision has the policies of its position.
 *
 * @param intent checks the arguments, and copies what of them the log is to hold
 */
export function changePolicy(
  calls: Calls,
  options: CallOptions,
  intent: () => Decide,
): Promise<AccessChange> {
  return calls.run(options, async (call, engine) => {
    const decide = intent()
    const { actor, context, limits } = call
    const command = underPolicy(call, asked, {
      actor,
      context,
      alone: true,
      aggregate: '',
      decide: (at) => decide(engine.state, at),
    })
    const [event] = await engine.append(command, limits)
    return event === undefined ? {} : { position: event.position }
  })
}

/** The same of policies, roles and grants. */
export function changeAccess(
  calls: Calls,
  options: CallOptions,
  intent: () => (access: AccessState, at: At) => Outcome,
): Promise<AccessChange> {
  return changePolicy(calls, options, () => {
    const decide = intent()
    return ({ access }, at) => decide(access.fold.state, at)
  })
}

/** Looks at what is known, on what is open at that time: of a vault, or of a backup. */
export type LookAt = <T>(
  options: CallOptions,
  work: (inspector: Inspector) => Promise<T>,
) => Promise<T>

/** Looks at policies of either kind, which a scope may where it may change them; on record as other looks are. */
export function lookAtPolicy<T>(
  at: LookAt,
  options: CallOptions,
  look: (state: BuiltIns) => readonly T[],
): Promise<readonly T[]> {
  return at(options, async ({ log, sight, record }) => {
    if (sight) await sight.begin(asked)
    const found = look(log.state)
    const data = { operation: 'policy' as const, count: found.length }
    await record?.({ type: 'secret.inspected', subject: '', data })
    return found
  })
}

/** The same of policies, roles and grants. */
export function lookAtAccess<T>(
  at: LookAt,
  options: CallOptions,
  look: (access: AccessState) => readonly T[],
): Promise<readonly T[]> {
  return lookAtPolicy(at, options, ({ access }) => look(access.fold.state))
}

/** In the order of UTF-16 code units. */
export function byName<T>(entries: Iterable<readonly [string, T]>): (readonly [string, T])[] {
  return [...entries].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
}
