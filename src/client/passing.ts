import type { CallOptions, PassOptions } from '../index.ts'

/** A call that ends when either of its signals says so: a pass has one of its own. */
export function callFor(call: CallOptions, { signal }: Pick<PassOptions, 'signal'>): CallOptions {
  if (signal === undefined) return call
  return { ...call, signal: call.signal ? AbortSignal.any([call.signal, signal]) : signal }
}
