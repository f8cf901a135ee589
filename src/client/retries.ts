import { VaultError } from '../errors.ts'
import type { Asking } from './asking.ts'
import { didNothing, isLook, Refused } from './failure.ts'

const delayMs = 100
/** The longest that is waited before something is sent again. */
export const delayMsMax = 5_000

/** Milliseconds until a request may be sent again; undefined where it must not be, or would be answered as it was. */
export function retryDelay(
  error: unknown,
  { asking, tries }: { readonly asking: Asking; readonly tries: number },
): number | undefined {
  const isNamed = !isLook(asking) && asking.call?.id !== undefined
  if (error instanceof VaultError) {
    // A page for an answer says of a change only that nobody knows; of a look, that there is none to be had.
    return isNamed && error.code === 'UNSUPPORTED' ? backOff(tries) : undefined
  }
  const isSafe = isNamed || isLook(asking)
  if (!(error instanceof Refused)) return isSafe || didNothing(error) ? backOff(tries) : undefined
  const { code } = error.error
  if (code === 'TIMEOUT' && isWaitOfItsOwn(asking)) return undefined
  if (!didNothing(error) && !(isSafe && code === 'UNCERTAIN')) return undefined
  return Math.min(Math.max(error.retryAfter ?? 0, backOff(tries)), delayMsMax)
}

/** Whether it waits for something, as long as the server says: that it did not come is its answer. */
function isWaitOfItsOwn({ query, call }: Asking): boolean {
  return query?.['min-position'] !== undefined && call?.timeout === undefined
}

/** Longer each time, and never for all at one time. */
export function backOff(tries: number): number {
  return Math.min(delayMs * 2 ** tries, delayMsMax) * (0.5 + Math.random() / 2)
}

/** Resolves after so many milliseconds. Throws `ABORTED`. */
export function wait(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      clearTimeout(timer)
      reject(new VaultError('ABORTED', 'the caller aborted', { cause: signal?.reason }))
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    }, ms)
    if (signal?.aborted === true) onAbort()
    else signal?.addEventListener('abort', onAbort, { once: true })
  })
}
