import type { Holder } from '../access/asked.ts'
import { type Explanation, explainAccess } from '../access/explain.ts'
import { checkCapability, checkPolicyNames, checkRoleNames } from '../access/policy.ts'
import { VaultError } from '../errors.ts'
import { checkActor, checkPath } from '../events/path.ts'
import type { Capability } from '../events/words.ts'
import { eventAt } from '../log/reader.ts'
import { access } from '../projections/access.ts'
import type { CallOptions } from './call.ts'
import type { FoldedLog } from './folded-log.ts'
import type { Inspector } from './inspect.ts'
import { date } from './meta-options.ts'
import { type Moment, momentRefused, sizeOf } from './replay.ts'
import { stateFound } from './state-found.ts'

/** Whose right is asked about: an actor, and roles that a host would assert beside those that the log grants. */
export interface ExplainedActor {
  readonly actor: string
  readonly roles?: readonly string[]
  /** What a token of the actor is held to, in place of any roles. */
  readonly policies?: readonly string[]
}

export interface ExplainedAccess {
  readonly capability: Capability
  /** Empty for the vault itself. */
  readonly path: string
}

export interface ExplainOptions extends CallOptions {
  /** With the policies and grants of then; now unless said. */
  readonly at?: Moment
}

interface ExplainRequest extends ExplainedAccess {
  readonly who: ExplainedActor
  readonly at: Moment | undefined
  /** What the clock reads; milliseconds since the epoch. */
  readonly now: number
}

/** Recorded as `audit.read` of the path, where inspections are; a scope may where it may `audit` that path. */
export async function explainTo(
  { log, sight, record }: Inspector,
  { who, capability, path, at, now }: ExplainRequest,
): Promise<Explanation> {
  const { actor, roles = [], policies } = who
  const holder: Holder = {
    actor: checkActor(actor),
    asserted: checkRoleNames(roles),
    ...(policies !== undefined && { policies: checkPolicyNames(policies) }),
  }
  checkCapability(capability)
  if (path !== '') checkPath(path)
  if (sight) await sight.begin({ operation: 'audit', subject: path })
  const found = at === undefined ? undefined : await momentOf(log, at).catch(refusedTo(sight))
  const refused = found instanceof VaultError ? found : undefined
  const then = found instanceof VaultError ? undefined : found
  const place = then !== undefined && then.size > 0 ? { position: then.size - 1 } : {}
  const filter = { explain: capability, actor, ...place }
  await record?.({ type: 'audit.read', subject: path, data: { filter } })
  if (refused !== undefined) throw refused
  const state =
    then === undefined ? log.state.access.fold.state : await stateFound(log, access, then)
  return explainAccess(state, holder, { capability, path, now: then?.time ?? now })
}

/** The refusal of a moment, which a scope is told once its look is on record; the host at once, with all that it says. */
const refusedTo =
  (sight: Inspector['sight']) =>
  (error: unknown): VaultError => {
    const refused = sight && momentRefused(error, 'at')
    if (refused === undefined) throw error
    return refused
  }

/** How many events there were, and the time by which grants are judged. */
async function momentOf(log: FoldedLog, at: Moment): Promise<{ size: number; time: number }> {
  const size = await sizeOf(log, at, 'at')
  if ('time' in at) return { size, time: date('at.time', at.time) }
  return { size, time: (await eventAt(log, size - 1)).event.time }
}
