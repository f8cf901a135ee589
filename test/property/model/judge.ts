import { deepStrictEqual } from 'node:assert/strict'
import { isDeepStrictEqual } from 'node:util'
import type { AuditEvent } from '../../../src/vault/audit.ts'
import { expectationOf } from './expectation.ts'
import type { Operation } from './operations.ts'
import { type Answer, type At, type Model, withSecret } from './secrets.ts'

/** An operation that was performed: by whom, between which two ticks of a counter, and what came of it. */
export interface Asked {
  readonly id: string
  readonly operation: Operation
  readonly actor: string
  readonly began: number
  readonly ended: number
  readonly answer: Answer
  /** Of the events that it left, or may have left. */
  readonly eventIds: readonly string[]
}

/** What a run is held to. Whoever checks one property alone names it. */
export type Held = 'answers' | 'trail'

export interface Judging {
  readonly model: Model
  readonly asked: readonly Asked[]
  /** What the log gained by them, from `from` on. */
  readonly events: readonly AuditEvent[]
  readonly from: number
  readonly now: number
  /** What the context of each event holds besides its call's own. */
  readonly context: object
  /** The store failed meanwhile: who heard `FAILED` left nothing; who heard `UNCERTAIN`, nothing or all. */
  readonly interrupted: boolean
  readonly held: readonly Held[]
}

/** An operation with the events that it left. */
interface Landed extends Asked {
  readonly events: readonly AuditEvent[]
  readonly position: number
}

/**
 * Finds the order in which operations side by side took effect, and judges each by the model in that order. The log
 * tells it: each event bears its operation's id. What left no event must have been answered as the model answers at
 * some point of that order, after all that had been answered when it was asked and before all that was asked later.
 */
export function judge(judging: Judging): { model: Model; order: readonly Operation[] } {
  const { asked, events } = judging
  const landed = asked
    .map((one) => landedOf(one, events))
    .filter((one) => one !== undefined)
    .sort((a, b) => a.position - b.position)
  expectOwned(judging)
  expectRealTime(landed)

  let { model, from: position } = judging
  let quiet = asked.filter(({ id }) => !landed.some((one) => one.id === id))
  for (let point = 0; point <= landed.length; point++) {
    quiet = quiet.filter(
      (one) => !isAllowed(one, landed, point) || !isAnswered(one, model, { judging, position }),
    )
    const next = landed[point]
    if (next === undefined) break
    deepStrictEqual(next.position, position, 'the events of an operation stand together')
    model = effectOf(next, model, judging)
    position += next.events.length
  }
  for (const one of quiet) expectFailed(one, model, { judging, position })
  return { model, order: landed.map(({ operation }) => operation) }
}

function landedOf(asked: Asked, events: readonly AuditEvent[]): Landed | undefined {
  const own = events.filter(({ context }) => context.correlationId === asked.id)
  const [first] = own
  return first === undefined ? undefined : { ...asked, events: own, position: first.position }
}

function expectOwned({ asked, events }: Judging): void {
  const ids = new Set<string | undefined>(asked.map(({ id }) => id))
  const foreign = events.filter(({ context }) => !ids.has(context.correlationId))
  deepStrictEqual(foreign, [], 'no event but those of the operations')
}

/** Whatever was answered before another was asked stands before it. */
function expectRealTime(landed: readonly Landed[]): void {
  for (const [i, later] of landed.entries()) {
    const overtaken = landed.slice(0, i).filter(({ began }) => later.ended < began)
    deepStrictEqual(overtaken, [], `what was asked after ${later.id} was answered stands behind it`)
  }
}

function isAllowed(one: Asked, landed: readonly Landed[], point: number): boolean {
  return landed.every((other, i) =>
    i < point ? other.began <= one.ended : other.ended >= one.began,
  )
}

function isAnswered(
  { operation, actor, answer }: Asked,
  model: Model,
  { judging: { now, held }, position }: { judging: Judging; position: number },
): boolean {
  const expected = expectationOf(model, operation, { now, position, actor })
  if (expected.facts.length > 0) return false
  return !held.includes('answers') || isDeepStrictEqual(answer, expected.answer)
}

/** Nothing was appended for this one, and nowhere would the model have answered so. */
function expectFailed(
  { operation, actor, answer }: Asked,
  model: Model,
  { judging: { now, interrupted }, position }: { judging: Judging; position: number },
): void {
  if (interrupted && 'throws' in answer && failures.includes(answer.throws)) return
  const expected = expectationOf(model, operation, { now, position, actor })
  const found = { answer, facts: [] }
  const { answer: said, facts } = expected
  deepStrictEqual(found, { answer: said, facts }, `${operation.verb}, which left no event`)
}

const failures: readonly string[] = ['FAILED', 'UNCERTAIN']

/** `UNCERTAIN` says that the events may have landed; whatever else is thrown instead of an answer says that none did. */
function isUncertain(answer: Answer): boolean {
  return 'throws' in answer && answer.throws === 'UNCERTAIN'
}

function effectOf(one: Landed, model: Model, judging: Judging): Model {
  const { operation, actor, answer, events, position } = one
  const { held, interrupted, now, context } = judging
  const at: At = { now, position, actor }
  const expected = expectationOf(model, operation, at)
  if (held.includes('trail')) {
    const { reason } = operation.options
    const envelope = {
      time: now,
      actor,
      context: { ...context, correlationId: one.id, ...(reason !== undefined && { reason }) },
    }
    deepStrictEqual(
      events.map(factOf),
      expected.facts.map((fact) => ({ ...fact, ...envelope })),
      `the events of ${operation.verb}`,
    )
  }
  if (held.includes('answers') && !(interrupted && isUncertain(answer))) {
    deepStrictEqual(answer, expected.answer, `the answer of ${operation.verb}`)
  }
  if (expected.next === undefined || !('path' in operation)) return model
  const next = expected.next && withKey(expected.next, position, events)
  return withSecret(model, operation.path, next)
}

/** An event as the model tells it: the id of a value's key is random, so what is written only has one. */
function factOf({ type, subject, data, time, actor, context }: AuditEvent) {
  const { keyId: _, ...rest } = data as { readonly keyId?: string }
  return { type, subject, data: rest, time, actor, context }
}

/** The newest version with the key that its event tells. */
function withKey(
  secret: NonNullable<ReturnType<Model['get']>>,
  position: number,
  events: readonly AuditEvent[],
) {
  const keyId = events.flatMap(({ data }) => ('keyId' in data ? [data.keyId as string] : []))[0]
  if (keyId === undefined) return secret
  const versions = secret.versions.map((row) =>
    row.position === position ? { ...row, keyId } : row,
  )
  return { ...secret, versions }
}
