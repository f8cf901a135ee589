import type { FastifyRequest } from 'fastify'
import { originOf } from '../caller.ts'
import { begun } from './begun.ts'
import { type Give, handed, progressBy } from './handed.ts'
import type { Streamed } from './operation.ts'
import { jsonLines } from './streams.ts'

/** What long work is given: whom to tell how far it has come, and when nobody listens any more. */
export interface Telling {
  readonly signal: AbortSignal
  readonly onProgress: (progress: object) => void
}

/**
 * Lines of what long work tells on its way, and at the end `{"result":…}`: without that it is not whole.
 *
 * @param work is given what hands out lines of its own, too
 */
export async function toldLines(
  request: FastifyRequest,
  work: (telling: Telling, give: Give<object>) => Promise<unknown>,
): Promise<Streamed> {
  const told = handed<object, unknown>((give, signal) => {
    const tell = progressBy(give)
    return work({ signal, onProgress: (progress) => tell({ progress }) }, give)
  }, originOf(request).signal)
  return jsonLines(await begun(withResult(told)), request.id)
}

async function* withResult(
  told: AsyncGenerator<object, unknown, void>,
): AsyncGenerator<object, void, void> {
  yield { result: yield* told }
}
