import { begun } from '../begun.ts'
import { type Give, handed, progressBy } from '../handed.ts'
import type { ApiAsked, Streamed } from '../operation.ts'
import { jsonLines } from '../streams.ts'

/** How far value keys are wrapped anew. */
interface Rewrapped {
  readonly keys: number
  readonly of: number
}

/** What a long change of keys is given: whom to tell, and when nobody listens any more. */
export interface Telling {
  readonly give: Give<object>
  readonly signal: AbortSignal
  readonly onProgress: (progress: Rewrapped) => void
}

/** Lines of what a long change of keys tells on its way, and at the end `{"result":…}`. */
export async function toldLines(
  { request, call }: Pick<ApiAsked<unknown, unknown, unknown>, 'request' | 'call'>,
  work: (telling: Telling) => Promise<unknown>,
): Promise<Streamed> {
  const told = handed<object, unknown>((give, signal) => {
    const tell = progressBy(give)
    return work({ give, signal, onProgress: (progress) => tell({ progress }) })
  }, call.signal ?? AbortSignal.abort())
  return jsonLines(await begun(withResult(told)), request.id)
}

async function* withResult(
  told: AsyncGenerator<object, unknown, void>,
): AsyncGenerator<object, void, void> {
  const result = yield* told
  yield { result }
}
