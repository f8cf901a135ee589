import { VaultError, type VaultErrorCode } from '../errors.ts'
import type { Asking } from './asking.ts'
import { isLook, isUnsent, Late, Refused } from './failure.ts'

const delayMs = 100
const delayMsMax = 5_000

/** Refused before anything was done. */
const nothingDone: readonly VaultErrorCode[] = ['CLOSED', 'IN_USE', 'TIMEOUT', 'FAILED']

/** Milliseconds until a request may be sent again; undefined where it must not be, or would be answered as it was. */
export function retryDelay(
  error: unknown,
  { asking, tries }: { readonly asking: Asking; readonly tries: number },
): number | undefined {
  const { call } = asking
  if (call?.signal?.aborted === true || error instanceof VaultError || error instanceof Late) {
    return undefined
  }
  const isSafe = isLook(asking) || call?.id !== undefined
  if (error instanceof Refused) {
    const { code, eventIds } = error.error
    const did = eventIds !== undefined || !nothingDone.includes(code)
    if (did && !(isSafe && code === 'UNCERTAIN')) return undefined
    return Math.min(error.retryAfter ?? backOff(tries), delayMsMax)
  }
  return isSafe || isUnsent(error) ? backOff(tries) : undefined
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
