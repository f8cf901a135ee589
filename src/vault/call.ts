import type { Asked, Wanted } from '../access/asked.ts'
import { defined } from '../defined.ts'
import { VaultError } from '../errors.ts'
import type { EventContext, Fact, VaultEvent } from '../events/catalogue.ts'
import { checkActor } from '../events/path.ts'
import { contextBytesMax, reasonBytesMax } from '../limits.ts'
import type { CallLimits, Command } from '../log/queue.ts'
import { type Permit, underPolicy } from './permit.ts'

/** Why it is asked, from where, and as part of what: on record beside who asks. */
export interface CallContext {
  readonly reason?: string
  /** Address the request came from. */
  readonly source?: string
  readonly correlationId?: string
  readonly causationId?: string
  readonly traceId?: string
}

/** Who asks, why and for how long: taken by every operation. */
export interface CallOptions extends CallContext {
  /** Who did it, instead of the vault's own actor. It is recorded as *claimed*: the host vouches for it. */
  readonly actor?: string
  /**
   * Of a change to a secret: the id that its first event is to have, a UUID of version 7 and of this hour. The same call
   * again then appends nothing and answers as the first did.
   */
  readonly id?: string
  /** Milliseconds until the call gives up, instead of the vault's own. */
  readonly timeout?: number
  readonly signal?: AbortSignal
}

/** What is recorded of a call, and what bounds it. */
export interface Call {
  readonly actor: string
  readonly context: EventContext
  readonly limits: CallLimits
  /** What the caller may do; absent for the host, who may do everything. */
  readonly permit?: Permit
}

/** What is left of a call for what its caller may always do, with itself and what it did: it is held to nothing. */
export function withItself({ actor, context, limits }: Call): Call {
  return { actor, context, limits }
}

/** What a call's events are appended by. */
export interface Appender {
  append(command: Command, limits?: CallLimits): Promise<readonly VaultEvent[]>
}

/** Appends one fact of a call that is decided against nothing but policy. */
export async function recordFact(by: Appender, call: Call, fact: Fact): Promise<void> {
  await recordAsked(by, call, { fact, asked: askedBy(fact) })
}

/** The same for what takes another right than the fact itself tells. */
export async function recordAsked(
  by: Appender,
  call: Call,
  { fact, asked }: { readonly fact: Fact; readonly asked: Asked },
): Promise<void> {
  const { actor, context, limits } = call
  await by.append(
    underPolicy(call, asked, { actor, context, decide: () => ({ facts: [fact] }) }),
    limits,
  )
}

/** The operation that a fact is the record of. */
function askedBy({ type, subject, data }: Fact): Asked {
  if (type === 'secret.inspected' || type === 'secret.denied') {
    return { operation: data.operation, subject }
  }
  return { operation: type === 'report.generated' ? 'report' : 'audit', subject }
}

/**
 * The call, if policy lets it do what is asked; its context then tells which rule does. What is refused is recorded
 * and thrown: `DENIED`. For work that is not one command, and for what is done before one: the decision is that of this
 * moment. The host's own calls come back as they are.
 */
export async function permitted(by: Appender, call: Call, asked: Wanted): Promise<Call> {
  const { permit, actor, context, limits } = call
  if (permit === undefined) return call
  let decision: EventContext['decision']
  const command = underPolicy(call, asked, {
    actor,
    context,
    decide: ({ now }) => {
      decision = permit.judge(asked, now).decision
      return { facts: [] }
    },
  })
  await by.append(command, limits)
  return { ...call, context: { ...context, ...(decision && { decision }) } }
}

export interface CallDefaults {
  readonly actor: string
  readonly timeout: number
  /** Id of the keyslot that opened the vault. */
  readonly slot: string
  /** How the actor was established, where nobody merely claims it. */
  readonly auth?: EventContext['auth']
  /** What the host knows of the request at hand, such as `() => asyncLocalStorage.getStore()`. */
  readonly ambient: (() => CallOptions | undefined) | undefined
}

const texts = [
  'reason',
  'source',
  'correlationId',
  'causationId',
  'traceId',
] as const satisfies readonly (keyof CallContext)[]
/** Node clamps longer timers to 1 ms. */
export const timeoutMsMax = 2 ** 31 - 1

/** What was said of why, apart from whatever else was said with it. */
export function contextIn(said: CallContext): CallContext {
  return Object.fromEntries(
    texts.filter((name) => said[name] !== undefined).map((name) => [name, said[name]]),
  )
}

/** Reads a call's options, over the ambient ones, over the vault's own. Throws `INVALID` or `TOO_LARGE`. */
export function readCall(defaults: CallDefaults, options: CallOptions = {}): Call {
  const ambient = defaults.ambient?.()
  const given = ambient === undefined ? options : { ...ambient, ...defined(options) }
  const timeout = checkTimeout(given.timeout ?? defaults.timeout)
  const context: Record<string, unknown> = {}
  for (const name of texts) {
    const text = given[name]
    if (text !== undefined) context[name] = checkText(name, text)
  }
  context.auth = defaults.auth ?? { method: 'claimed', id: defaults.slot }
  return {
    actor: given.actor === undefined ? defaults.actor : checkActor(given.actor),
    context,
    limits: given.signal === undefined ? { timeout } : { timeout, signal: given.signal },
  }
}

export function checkTimeout(timeout: number): number {
  if (Number.isSafeInteger(timeout) && timeout > 0 && timeout <= timeoutMsMax) return timeout
  throw new VaultError(
    'INVALID',
    `timeout must be an integer from 1 to ${timeoutMsMax} milliseconds`,
  )
}

function checkText(name: (typeof texts)[number], text: string): string {
  const most = name === 'reason' ? reasonBytesMax : contextBytesMax
  if (typeof text !== 'string' || text.length === 0 || !text.isWellFormed()) {
    throw new VaultError('INVALID', `${name} must be a string of well-formed text, not empty`)
  }
  const bytes = Buffer.byteLength(text)
  if (bytes > most) {
    throw new VaultError('TOO_LARGE', `${name} takes at most ${most} bytes, not ${bytes}`, {
      expected: most,
      found: bytes,
    })
  }
  return text
}
