import { VaultError } from '../errors.ts'
import type { EventType } from '../events/catalogue.ts'
import type { Awaited } from '../log/awaited.ts'
import type { Tail } from '../log/tail.ts'
import type { SecretValue } from '../secret/value.ts'
import { checkPosition } from './audit.ts'
import type { Call, CallOptions } from './call.ts'
import { lookAgainMs, permitEvents, untilEnd } from './permit-events.ts'
import { type CheckedRead, checkRead, readSecret } from './read.ts'
import type { Session } from './session.ts'

export interface WatchOptions extends CallOptions {
  /** Position of the value that the caller has already, of which it is given none again: what is newer comes first. */
  readonly after?: number
  /** Told whenever the newest value was given, or is the one that the caller has, and a newer one is waited for. */
  readonly onCaughtUp?: () => void
}

/** Watches for as long as the consumer goes on, and lets go of everything once it stops. */
export async function* watchUntilEnd(
  session: Session,
  request: { path: string; options: WatchOptions; callOf: (options: CallOptions) => Call },
): AsyncGenerator<SecretValue, void, void> {
  const { path, callOf } = request
  const { signal: given, after, onCaughtUp, ...rest } = request.options
  checkPosition('after', after)
  const ended = new AbortController()
  const signal = given === undefined ? ended.signal : AbortSignal.any([given, ended.signal])
  const checked = checkRead(path, {})
  const call = callOf({ ...rest, signal })
  const onRest = onCaughtUp ?? (() => undefined)
  try {
    yield* watchSecret(session, { path, checked, call, signal, after: after ?? -1, onRest })
  } finally {
    ended.abort()
  }
}

interface Watching {
  readonly path: string
  readonly checked: CheckedRead
  readonly call: Call
  readonly signal: AbortSignal
  /** Position of the newest value that was delivered: a version's number comes again after a purge. */
  readonly after: number
  readonly onRest: () => void
}

/**
 * The current value, then each newest one. Deliveries are coalesced: a version that was replaced before the consumer
 * asked is passed over. Each is an audited read, so it also ends as a read does: `EXPIRED`, `DELETED`, `DESTROYED`,
 * `NOT_FOUND`, `DENIED`, each recorded; and with `CLOSED` or `ABORTED`. A reopen is waited for.
 */
async function* watchSecret(
  session: Session,
  { path, checked, call, signal, after, onRest }: Watching,
): AsyncGenerator<SecretValue, void, void> {
  const { permit } = call
  const about = awaitedOf(path, permit && permitEvents(session, permit))
  let delivered = after
  for (;;) {
    const opened = await session.whenOpen(signal)
    const size = opened.size
    const row = opened.state.secrets.fold.state.get(path)
    const now = opened.time.judged()
    const expired = row?.meta.expiresAt !== undefined && row.meta.expiresAt <= now
    const isAllowed = permit?.judge({ operation: 'watch', subject: path }).allowed ?? true
    if (row?.position === delivered && row.state === 'live' && !expired && isAllowed) {
      onRest()
      const left = (row.meta.expiresAt ?? Infinity) - now
      const ms = Math.min(left, (permit && untilEnd(session, permit)) ?? Infinity)
      await changed(session.followed.tail, size, { about, ms, signal })
      continue
    }
    try {
      const secret = await readSecret(opened, call, { path, checked, operation: 'watch' })
      delivered = secret.position
      yield secret
    } catch (error) {
      // What failed is the vault, not the secret: the next value comes after the reopen.
      if (opened.log.state === 'open' || !isOfVault(error)) throw error
    }
  }
}

/** What is recorded of a secret and changes nothing of it. */
const looks: readonly EventType[] = ['secret.accessed', 'secret.inspected', 'secret.denied']

/** What changes a secret, or who may read it. */
function awaitedOf(path: string, besides: Awaited | undefined): Awaited {
  return {
    traits: [{ kind: 'subject', text: path }, ...(besides?.traits ?? [])],
    isMeant: (event) =>
      (event.subject === path && !looks.includes(event.type)) || besides?.isMeant?.(event) === true,
  }
}

/** Resolves when something of it may have changed, or its value expires or a grant runs out: after `ms`, or `Infinity`. */
async function changed(
  tail: Tail,
  size: number,
  { about, ms, signal }: { about: Awaited; ms: number; signal: AbortSignal },
): Promise<void> {
  const most = ms === Infinity ? {} : { ms: Math.min(ms, lookAgainMs) }
  const woken = await tail.grown(size, { about, signal, ...most })
  if (woken === undefined) throw new VaultError('CLOSED', 'the vault is closed')
}

function isOfVault(error: unknown): boolean {
  return error instanceof VaultError && error.retry === 'reopen'
}
