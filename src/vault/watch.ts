import type { Observable } from 'rxjs'
import { VaultError } from '../errors.ts'
import { grown } from '../log/follow.ts'
import type { SecretValue } from '../secret/value.ts'
import type { Call, CallOptions } from './call.ts'
import type { Engine } from './engine.ts'
import { type CheckedRead, checkRead, readSecret } from './read.ts'
import type { Session } from './session.ts'

interface Watched {
  /** The vault's engine at this moment; waits for a reopen while it has failed. Throws `CLOSED` at the end. */
  readonly engine: (signal: AbortSignal) => Promise<Engine>
  readonly heads: Observable<number>
}

/** Watches for as long as the consumer goes on, and lets go of everything once it stops. */
export async function* watchUntilEnd(
  session: Session,
  request: { path: string; options: CallOptions; callOf: (options: CallOptions) => Call },
): AsyncGenerator<SecretValue, void, void> {
  const { path, callOf } = request
  const { signal: given, ...rest } = request.options
  const ended = new AbortController()
  const signal = given === undefined ? ended.signal : AbortSignal.any([given, ended.signal])
  const checked = checkRead(path, {})
  const watched = {
    engine: (waiting: AbortSignal) => session.whenOpen(waiting),
    heads: session.heads,
  }
  try {
    yield* watchSecret(watched, { path, checked, call: callOf({ ...rest, signal }), signal })
  } finally {
    ended.abort()
  }
}

/** Node clamps longer timers to 1 ms; a longer wait is taken in pieces. */
const timerMsMax = 2 ** 31 - 1

/**
 * The current value, then each newest one. Deliveries are coalesced: a version that was replaced before the consumer
 * asked is passed over. Each is an audited read, so it also ends as a read does: `EXPIRED`, `DELETED`, `DESTROYED`,
 * `NOT_FOUND`, `DENIED`, each recorded; and with `CLOSED` or `ABORTED`. A reopen is waited for.
 */
async function* watchSecret(
  { engine, heads }: Watched,
  {
    path,
    checked,
    call,
    signal,
  }: { path: string; checked: CheckedRead; call: Call; signal: AbortSignal },
): AsyncGenerator<SecretValue, void, void> {
  /** Position of the newest value that was delivered: a version's number comes again after a purge. */
  let delivered = -1
  for (;;) {
    const opened = await engine(signal)
    const size = opened.size
    const row = opened.state.secrets.fold.state.get(path)
    const now = opened.time.judged()
    const due = Math.min(row?.meta.expiresAt ?? Infinity, call.permit?.until() ?? Infinity)
    const expired = row?.meta.expiresAt !== undefined && row.meta.expiresAt <= now
    const isAllowed = call.permit?.judge({ operation: 'watch', subject: path }).allowed ?? true
    if (row?.position === delivered && row.state === 'live' && !expired && isAllowed) {
      await changed({ heads, size, due, now, signal })
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

/** Resolves when something was appended, or when the value expires or a grant runs out: at `due`, which may be `Infinity`. */
async function changed(about: {
  heads: Observable<number>
  size: number
  due: number
  now: number
  signal: AbortSignal
}): Promise<void> {
  const { heads, size, due, now, signal } = about
  const waiting = new AbortController()
  const expiry =
    due === Infinity
      ? undefined
      : setTimeout(() => waiting.abort(), Math.min(due - now, timerMsMax))
  try {
    const open = await grown(heads, size, AbortSignal.any([signal, waiting.signal]))
    if (!open) throw new VaultError('CLOSED', 'the vault is closed')
  } catch (error) {
    if (signal.aborted || !waiting.signal.aborted) throw error
  } finally {
    clearTimeout(expiry)
  }
}

function isOfVault(error: unknown): boolean {
  return error instanceof VaultError && error.retry === 'reopen'
}
