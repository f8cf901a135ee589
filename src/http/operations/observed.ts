import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { methodOf } from '../list-method.ts'

/** What may be told of a request once it is over: nothing here names a secret, or quotes its client. */
export interface Answered {
  readonly request: FastifyRequest
  /** As the client sent it. */
  readonly method: string
  /** The pattern of the path, `/v1/secret/data/*`; `none` where there is no such path. */
  readonly route: string
  /** Of HTTP; undefined where the client went away before its answer was there. */
  readonly status: number | undefined
  /** Milliseconds since its head was read. */
  readonly ms: number
  /** Of the answer's body, where that is known. */
  readonly bytes: number | undefined
  /** Whether it was a stream of events, which lasts for as long as its reader stays. */
  readonly isLive: boolean
}

/** Who is told of requests. */
export interface Observer {
  begun?(request: FastifyRequest): void
  answered(about: Answered): void
}

/** The pattern that a request's path has. */
export function routeOf({ is404, routeOptions }: FastifyRequest): string {
  return is404 ? 'none' : (routeOptions.url ?? 'none')
}

/** Tells observers of each request: when it begins, and once when it is over, whichever way. */
export function observe(app: FastifyInstance, observers: readonly Observer[]): void {
  if (observers.length === 0) return
  app.addHook('onRequest', (request, reply, done) => {
    watch(request, reply, observers)
    done()
  })
}

/** The same for a request that the framework refuses before any hook. */
export function watch(
  request: FastifyRequest,
  reply: FastifyReply,
  observers: readonly Observer[],
): void {
  const began = performance.now()
  const method = methodOf(request.raw)
  const { raw } = reply
  for (const observer of observers) observer.begun?.(request)
  let isOver = false
  const over = (isAnswered: boolean) => {
    if (isOver) return
    isOver = true
    const length = raw.getHeader('content-length')
    const about: Answered = {
      request,
      method,
      route: routeOf(request),
      status: isAnswered ? raw.statusCode : undefined,
      ms: performance.now() - began,
      bytes: length === undefined ? undefined : Number(length),
      isLive: isEventStream(raw.getHeader('content-type')),
    }
    for (const observer of observers) observer.answered(about)
  }
  raw.once('finish', () => over(true))
  // Whoever goes away before the end is gone without a finish.
  raw.once('close', () => over(raw.writableFinished))
}

export function isEventStream(type: unknown): boolean {
  return typeof type === 'string' && type.startsWith('text/event-stream')
}
