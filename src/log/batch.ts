import { randomFillSync } from 'node:crypto'
import { VaultError } from '../errors.ts'
import type { DraftEvent, EventContext, Fact, VaultEvent } from '../events/catalogue.ts'
import { encodeEvent } from '../events/encode.ts'
import { currentSchema } from '../events/upcast.ts'
import { uuidv7 } from '../events/uuid.ts'
import { commitEventsMax } from '../limits.ts'
import type { Moment } from './clock.ts'
import type { Decision, Waiting } from './queue.ts'

/** A command with what it decided, encoded. */
export interface Decided {
  readonly entry: Waiting
  readonly decision: Decision
  readonly events: readonly VaultEvent[]
  readonly bytes: readonly Uint8Array[]
  /** What went wrong beside the commit: told to the caller once the commit itself is decided. */
  failure?: unknown
}

/** Decides one command and encodes its events from `position` on; undefined where its caller was refused. */
export function decideOne(entry: Waiting, moment: Moment, position: number): Decided | undefined {
  try {
    const { command } = entry
    const decision = command.decide({ now: moment.time, position })
    if (decision.facts.length > commitEventsMax) {
      throw new VaultError(
        'TOO_LARGE',
        `one operation would append ${decision.facts.length} events`,
        {
          expected: commitEventsMax,
          found: decision.facts.length,
        },
      )
    }
    const context =
      moment.skewMs > 0 ? { ...command.context, clockSkewMs: moment.skewMs } : command.context
    const events = decision.facts.map((fact, i) =>
      draft(fact, { position: position + i, time: moment.time, actor: command.actor, context }),
    )
    return { entry, decision, events, bytes: events.map((event) => encodeEvent(event)) }
  } catch (error) {
    entry.reject(error)
    return undefined
  }
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
): VaultEvent & DraftEvent {
  if (randomAt === randomPool.length) {
    randomFillSync(randomPool)
    randomAt = 0
  }
  const id = uuidv7(envelope.time, randomPool.subarray(randomAt, randomAt + 10))
  randomAt += 10
  return { ...envelope, schema: currentSchema(fact.type), id, ...fact } as VaultEvent & DraftEvent
}
