import type { Wanted } from '../access/asked.ts'
import { sha256 } from '../crypto/hash.ts'
import { randomBytes } from '../crypto/random.ts'
import { VaultError } from '../errors.ts'
import type { Fact, GivenRequest, VaultEvent } from '../events/catalogue.ts'
import { knownUuidTime, uuidv7 } from '../events/uuid.ts'
import type { Operation } from '../events/words.ts'
import { decodeValue, sameValue } from '../keys/value.ts'
import { givenIdMsMax } from '../limits.ts'
import type { CallLimits, Command } from '../log/queue.ts'
import { commitAt, type OpenedCommit } from '../log/reader.ts'
import { expectOngoing } from '../ongoing.ts'
import { mayBeLetGo, positionOfGiven } from '../projections/given-ids.ts'
import { canonicalJson } from '../reports/canonical.ts'
import { type Call, type CallOptions, timeoutMsMax } from './call.ts'
import type { Engine } from './engine.ts'
import { eventOfOwn } from './event-of-id.ts'
import { underPolicy } from './permit.ts'
import { within } from './within.ts'

/** Taken by every operation that changes a secret. */
export interface ChangeOptions extends CallOptions {
  /**
   * The id of the change's event, made by the caller: a UUID of version 7 whose time lies within an hour of the vault's.
   * Who asks for the same once more under it, because no answer came, is given the first answer, and nothing is done twice.
   * The value, and all options but `ifVersion` and what is said of the call itself, have to be the same: else `CONFLICT`.
   */
  readonly id?: string
}

/**
 * An id for a change, of this moment: to be kept for as long as its answer is waited for.
 *
 * @param time milliseconds since the epoch; what the clock reads unless said
 * @example
 * const id = eventId()
 * await vault.write('prod/db/password', 'hunter2', { id })
 */
export function eventId(time: number = Date.now()): string {
  return uuidv7(time, randomBytes(10))
}

const idForm = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

/** Whether it is a UUID of version 7 in canonical text. */
export function isUuidv7Text(id: unknown): id is string {
  return typeof id === 'string' && idForm.test(id)
}

/** Throws `INVALID` for what is no id of a caller's making. */
export function checkId(id: string | undefined): string | undefined {
  if (id === undefined || isUuidv7Text(id)) return id
  throw new VaultError('INVALID', 'id must be a UUID of version 7 in lower case canonical text')
}

/** What is asked for under an id of the caller's. */
export interface Once {
  /** Absent: it is done as often as it is asked for. */
  readonly id: string | undefined
  readonly verb: Operation
  readonly path: string
  /** What is said of it that has to be the same. */
  readonly options: object
  /** The value, where the caller gave one. */
  readonly plain?: Buffer
  /** What its answer says that its event does not. */
  readonly answered?: (facts: readonly Fact[]) => Omit<GivenRequest, 'request'>
}

/**
 * Appends what a command decides, as its caller may have it done: once under one id. Resolves with its events; with those
 * of the first time where it was done before. Throws `INVALID` for an id that is too far from the vault's time, and
 * `CONFLICT` where it was used for anything else, or for a value that is destroyed by now.
 */
export async function appendOnce(
  engine: Engine,
  call: Call,
  { wanted, command, once }: { wanted: Wanted; command: Command; once: Once },
): Promise<readonly VaultEvent[]> {
  const { id } = once
  if (id === undefined) return engine.append(underPolicy(call, wanted, command), call.limits)
  const request = requestOf(once)
  const asked = { ...once, id, request, actor: call.actor }
  let found: Found | undefined
  const guarded: Command = {
    ...command,
    id,
    prepare: async () => {
      found = await findDone(engine, asked)
      if (found === undefined) await command.prepare?.()
    },
    decide: (at) => {
      expectAdmitted(id, at.now)
      if (found instanceof VaultError) throw found
      if (found !== undefined) return { facts: [] }
      expectKnown(engine, id)
      const decision = command.decide(at)
      // What comes to nothing, or is refused, may be asked for again.
      if (decision.facts.length === 0 || decision.refused !== undefined) return decision
      const said = { request, ...once.answered?.(decision.facts) }
      return { ...decision, given: { id, said } }
    },
  }
  const events = await engine.append(underPolicy(call, wanted, guarded), call.limits)
  return found === undefined || found instanceof VaultError ? events : found
}

/**
 * Whether something was done under an id already, before any is made for it. Throws `INVALID` where it can be used no more.
 */
export function isDone(engine: Engine, id: string): boolean {
  expectAdmitted(id, engine.time.judged())
  if (positionOfGiven(engine.state.givenIds.fold.state, id) !== undefined) return true
  expectKnown(engine, id)
  return false
}

/** What is under way under ids, of each vault that is open. */
const underWay = new WeakMap<Engine, Map<string, Promise<unknown>>>()

/** Does a work for an id once an earlier one for it has ended. Throws `TIMEOUT`, `ABORTED`. */
export async function oneByOne<T>(
  engine: Engine,
  { limits }: Call,
  { id, work }: { readonly id: string; readonly work: () => Promise<T> },
): Promise<T> {
  const works = underWay.get(engine) ?? new Map<string, Promise<unknown>>()
  underWay.set(engine, works)
  for (let earlier = works.get(id); earlier !== undefined; earlier = works.get(id)) {
    await ended(earlier, limits, `an earlier call with the id ${id}`)
  }
  const own = work().finally(() => works.delete(id))
  works.set(id, own)
  return own
}

/** Waits for a work to end, however it does, for as long as its caller wants. */
async function ended(
  work: Promise<unknown>,
  { timeout = timeoutMsMax, signal }: CallLimits,
  what: string,
): Promise<void> {
  expectOngoing(signal)
  let stop = () => {}
  const end = new Promise<void>((resolve) => {
    stop = resolve
    work.then(stop, stop)
    signal?.addEventListener('abort', stop, { once: true })
  })
  try {
    await within(timeout, end, what)
  } finally {
    signal?.removeEventListener('abort', stop)
  }
  expectOngoing(signal)
}

/** The id's own time and the vault's are an hour apart at the most. */
function expectAdmitted(id: string, now: number): void {
  const time = knownUuidTime(id)
  if (Math.abs(time - now) <= givenIdMsMax) return
  const [expected, found] = [now, time].map((each) =>
    new Date(Math.min(each, 8.64e15)).toISOString(),
  )
  throw new VaultError(
    'INVALID',
    `id must be of a time within an hour of ${expected}, and is of ${found}`,
    { expected: `within an hour of ${expected}`, ...(found !== undefined && { found }) },
  )
}

/** Of ids that were let go nobody knows any more what they were used for. */
function expectKnown(engine: Engine, id: string): void {
  if (!mayBeLetGo(engine.state.givenIds.fold.state, id)) return
  throw new VaultError(
    'INVALID',
    'id is too old: what ids of its time were used for is not known any more',
  )
}

/** The hash of a request without its value, which enters no hash that the log holds (`docs/format.md`). */
function requestOf({ verb, path, options }: Once): string {
  return sha256(Buffer.from(canonicalJson([verb, path, options])))
    .toString('hex')
    .slice(0, 32)
}

/** The events of the first time, or why this is none. */
type Found = readonly VaultEvent[] | VaultError

interface Asked extends Pick<Once, 'path' | 'plain'> {
  readonly id: string
  readonly request: string
  readonly actor: string
}

async function findDone(engine: Engine, asked: Asked): Promise<Found | undefined> {
  const { id, path, actor, request, plain } = asked
  const position = positionOfGiven(engine.state.givenIds.fold.state, id)
  if (position === undefined) {
    return (await eventOfOwn(engine, id)) === undefined ? undefined : usedForAnother(asked)
  }
  const commit = await commitAt(engine, position)
  const event = commit.event(position)
  const isSame = event.actor === actor && event.context.given?.request === request
  if (!isSame || event.subject !== path) return usedForAnother(asked)
  const refusal =
    plain && (await refusedValue(engine, { asked, plain, event, first: commit.first }))
  return refusal ?? eventsOf(commit, event)
}

/** Whether the value is the one of the first time, found out by opening that one's box. */
async function refusedValue(
  engine: Engine,
  about: { asked: Asked; plain: Buffer; event: VaultEvent; first: number },
): Promise<VaultError | undefined> {
  const { asked, plain, event, first } = about
  if (event.type !== 'secret.written' && event.type !== 'secret.rotated')
    return usedForAnother(asked)
  const { subject: path, position, data } = event
  const { keyId, version } = data
  if ((await engine.keyRows.get({ keyId, first })) === undefined) {
    return conflict(
      asked,
      'was used for a value that is destroyed: whether this is the same cannot be told',
    )
  }
  const before = await engine.values.open({ path, version, position, keyId })
  return sameValue(decodeValue(before), decodeValue(plain)) ? undefined : usedForAnother(asked)
}

/** The events of one command; of those that follow the first, what its answer tells of. */
function eventsOf(commit: OpenedCommit, first: VaultEvent): readonly VaultEvent[] {
  const events = [first]
  const isPurge = first.type === 'secret.destroyed' && first.data.cause === 'purge'
  for (let at = first.position + 1; isPurge && at < commit.end; at++) {
    const event = commit.event(at)
    events.push(event)
    if (event.type === 'secret.purged') break
  }
  return events
}

function usedForAnother(asked: Asked): VaultError {
  return conflict(asked, 'was used for another request')
}

function conflict({ id, path }: Asked, words: string): VaultError {
  return new VaultError('CONFLICT', `id ${id} ${words}`, { path, retry: 'never' })
}
