import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { Registry } from 'prom-client'
import type { Vault } from '../../index.ts'
import { abandon } from '../caller.ts'
import type { Served } from '../served.ts'
import { FailureLimit, type FailureLimitOptions } from './failure-limit.ts'
import { healthRoutes } from './health-routes.ts'
import { LiveStreams } from './live-streams.ts'
import { type HttpMetrics, httpMetrics } from './metrics/http-metrics.ts'
import { metricsRoute } from './metrics/metrics-route.ts'
import { metricsOf } from './metrics/vault-metrics.ts'
import { isEventStream, type Observer, observe, routeOf } from './observed.ts'
import { requestLog, type ServerLog } from './request-log.ts'
import { type Thrown, thrownOf } from './thrown.ts'
import { RequestTraces } from './traces.ts'

/** What whoever runs an app has of it. */
export interface OperationsOptions {
  /** Takes a line a request, and each error that nothing foresees: pino's logger, or what is like it. None unless said. */
  readonly log?: ServerLog
  /** Serves `/metrics`. Absent: nothing is counted. */
  readonly metrics?: {
    /** The host's own registry, which has no metrics of a vault yet; one of its own unless said. */
    readonly registry?: Registry
    /** Lets everybody read them who reaches the app. Unless said they take a token with the right to `audit` the vault. */
    readonly open?: boolean
  }
  /** How often callers of one address may fail to be let in before they are told to come later; `false` for no bound. */
  readonly failures?: FailureLimitOptions | false
}

export interface Operations {
  readonly observers: readonly Observer[]
  readonly limit: FailureLimit | undefined
  readonly metrics: HttpMetrics | undefined
  /** An error that nothing foresees. */
  unforeseen(error: unknown, request: FastifyRequest): void
}

/** The streams of events of an app, which `listen` ends when it closes. */
export const liveStreams = 'liveStreams'

/** Has an app observed as its options say. Comes before its routes and its other hooks. */
export function operate(
  app: FastifyInstance,
  served: Served,
  { log, metrics: asked, failures }: OperationsOptions,
): Operations {
  const streams = new LiveStreams()
  app.decorate(liveStreams, streams)
  const traces = new RequestTraces()
  const metrics = asked && startMetrics(app, asked, { served, streams })
  const observers = [traces, metrics, log && requestLog(log)].filter((each) => each !== undefined)
  observe(app, observers)
  traces.install(app)
  app.addHook('onSend', async (request, reply) => track(streams, request, reply))
  healthRoutes(app, served)
  return {
    observers,
    limit: failures === false ? undefined : new FailureLimit(failures),
    metrics,
    unforeseen: (error, request) => {
      log?.error(unforeseenFields(error, request), 'unexpected error')
    },
  }
}

function startMetrics(
  app: FastifyInstance,
  { registry = new Registry(), open = false }: NonNullable<OperationsOptions['metrics']>,
  { served, streams }: { readonly served: Served; readonly streams: LiveStreams },
): HttpMetrics {
  const ofVault = metricsOf(() => vaultOf(served), { registry })
  app.addHook('onClose', async () => ofVault.close())
  metricsRoute(app, registry, open)
  return httpMetrics(registry, { served, streams })
}

/** Asked once a commit: whether it is open is not looked at, which takes longer. */
function vaultOf(served: Served): Vault | undefined {
  try {
    return served.vault()
  } catch {
    return undefined
  }
}

function track(streams: LiveStreams, request: FastifyRequest, reply: FastifyReply): void {
  if (isEventStream(reply.getHeader('content-type'))) {
    streams.begun(reply, () => abandon(request))
  }
}

function unforeseenFields(
  error: unknown,
  request: FastifyRequest,
): { readonly requestId: string; readonly route: string; readonly error: Thrown } {
  return { requestId: request.id, route: routeOf(request), error: thrownOf(error) }
}
