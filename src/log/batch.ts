import { randomFillSync } from 'node:crypto'
import { VaultError } from '../errors.ts'
import type { DraftEvent, EventContext, Fact, VaultEvent } from '../events/catalogue.ts'
import { currentSchema } from '../events/upcast.ts'
import { uuidv7 } from '../events/uuid.ts'
import { commitBytesMax, commitEventsMax } from '../limits.ts'
import type { Moment } from './clock.ts'
import type { CommitWriter } from './commit.ts'
import type { Command, Decision, Waiting } from './queue.ts'

/** A command with what it decided. */
export interface Decided {
  readonly entry: Waiting
  readonly decision: Decision
  readonly events: readonly VaultEvent[]
  /** What went wrong beside the commit: told to the caller once the commit itself is decided. */
  failure?: unknown
}

export interface Batch {
  readonly decided: readonly Decided[]
  /** Entries that do not fit any more: they wait for the next commit. */
  readonly left: readonly Waiting[]
}

/**
 * Decides entries in order, lays their events out from `first` on, and stops when the commit is full. An entry whose
 * decision throws is answered and takes no part.
 */
export function decideBatch(
  entries: readonly Waiting[],
  plain: CommitWriter,
  { moment, first }: { moment: Moment; first: number },
): Batch {
  const decided: Decided[] = []
  plain.clear()
  for (const [i, entry] of entries.entries()) {
    if (entry.settled) continue
    const count = plain.spans.length
    try {
      const next = decideOne(entry, moment, first + count)
      for (const event of next.events) plain.add(event)
      const fits = plain.spans.length <= commitEventsMax && plain.size <= commitBytesMax
      if (!fits && count > 0) {
        plain.cut(count)
        return { decided, left: entries.slice(i) }
      }
      decided.push(next)
    } catch (error) {
      plain.cut(count)
      entry.reject(error)
    }
  }
  return { decided, left: [] }
}

function decideOne(entry: Waiting, moment: Moment, position: number): Decided {
  const { command } = entry
  const decision = command.decide({ now: moment.time, position })
  const { facts, given } = decision
  if (facts.length > commitEventsMax) {
    throw new VaultError('TOO_LARGE', `one operation would append ${facts.length} events`, {
      expected: commitEventsMax,
      found: facts.length,
    })
  }
  const { actor } = command
  const { time, skewMs } = moment
  const context = contextOf(command, decision, skewMs)
  const events = facts.map((fact, i) =>
    draft(fact, { position: position + i, time, actor, context }),
  )
  return { entry, decision, events: given === undefined ? events : named(events, given) }
}

function contextOf(command: Command, decision: Decision, skewMs: number): EventContext {
  if (decision.context === undefined && skewMs === 0) return command.context
  return { ...command.context, ...decision.context, ...(skewMs > 0 && { clockSkewMs: skewMs }) }
}

/** Lets every command fetch what its decision needs. */
export async function prepareAll(entries: readonly Waiting[]): Promise<void> {
  const preparing: Promise<void>[] = []
  for (const entry of entries) {
    try {
      const work = entry.command.prepare?.()
      if (work !== undefined) preparing.push(work.catch((error) => entry.reject(error)))
    } catch (error) {
      entry.reject(error)
    }
  }
  if (preparing.length > 0) await Promise.all(preparing)
}

/** Starts the work that goes on beside the sync; undefined where there is none to wait for. */
export function startDuring(batch: readonly Decided[]): Promise<unknown> | undefined {
  const working: Promise<void>[] = []
  for (const decided of batch) {
    if (decided.decision.refused !== undefined || decided.entry.settled) continue
    const note = (error: unknown) => {
      decided.failure = error
    }
    try {
      const work = decided.entry.command.during?.()
      if (work !== undefined) working.push(work.catch(note))
    } catch (error) {
      note(error)
    }
  }
  return working.length > 0 ? Promise.all(working) : undefined
}

/** Tells a caller what became of its command, now that it is durable. */
export function answer({ entry, decision, events, failure }: Decided): void {
  const refused = decision.refused ?? failure
  if (refused !== undefined) entry.reject(refused)
  else entry.resolve(events)
}

const randomPool = Buffer.alloc(10 * 512)
let randomAt = randomPool.length

function draft(
  fact: Fact,
  envelope: { position: number; time: number; actor: string; context: EventContext },
): Drafted {
  if (randomAt === randomPool.length) {
    randomFillSync(randomPool)
    randomAt = 0
  }
  const id = uuidv7(envelope.time, randomPool.subarray(randomAt, randomAt + 10))
  randomAt += 10
  const { type, subject, data } = fact
  const { position, time, actor, context } = envelope
  const schema = currentSchema(type)
  return { position, schema, id, time, actor, subject, context, type, data } as Drafted
}

type Drafted = VaultEvent & DraftEvent

/** The events of a command to which its caller gave an id: that is the first one's. */
function named(
  events: readonly Drafted[],
  { id, said }: NonNullable<Decision['given']>,
): readonly Drafted[] {
  const [first, ...rest] = events
  if (first === undefined) return events
  return [{ ...first, id, context: { ...first.context, given: said } }, ...rest]
}
