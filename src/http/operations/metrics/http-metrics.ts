import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { Served } from '../../served.ts'
import type { LiveStreams } from '../live-streams.ts'
import type { Observer } from '../observed.ts'

/** What a caller shows to be let in. */
export type AuthWay = 'token' | 'login'

/** What is counted of an app, beside its vault. */
export interface HttpMetrics extends Observer {
  /** Somebody was not let in. */
  failed(way: AuthWay): void
  /** Somebody was told to come again later. */
  limited(way: AuthWay): void
}

/** Seconds. */
const durationBuckets = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60]

/** Counts requests by the pattern of their path, of which there are as many as the app has routes. */
export function httpMetrics(
  registry: Registry,
  { served, streams }: { readonly served: Served; readonly streams: LiveStreams },
): HttpMetrics {
  const registers = [registry]
  const requests = new Counter({
    name: 'muniment_http_requests_total',
    help: 'Requests that are over, by the pattern of their path; status "gone" where the client went away.',
    labelNames: ['method', 'route', 'status'],
    registers,
  })
  const duration = new Histogram({
    name: 'muniment_http_request_duration_seconds',
    help: 'From the head of a request to the end of its answer. Streams of events are not in it.',
    labelNames: ['method', 'route'],
    buckets: durationBuckets,
    registers,
  })
  const inFlight = new Gauge({
    name: 'muniment_http_requests_in_flight',
    help: 'Requests that are not answered yet, streams of events with them.',
    registers,
  })
  const failures = new Counter({
    name: 'muniment_authentication_failures_total',
    help: 'Tokens and logins that let nobody in.',
    labelNames: ['way'],
    registers,
  })
  const limited = new Counter({
    name: 'muniment_authentication_limited_total',
    help: 'Of those, the ones that were told to come again later: too many from their address had failed.',
    labelNames: ['way'],
    registers,
  })
  for (const way of ['token', 'login'] satisfies readonly AuthWay[]) {
    failures.inc({ way }, 0)
    limited.inc({ way }, 0)
  }
  gaugesOf(registry, { served, streams })
  return {
    begun: () => inFlight.inc(),
    answered: ({ method, route, status, ms, isLive }) => {
      inFlight.dec()
      requests.inc({ method, route, status: status === undefined ? 'gone' : String(status) })
      if (!isLive) duration.observe({ method, route }, ms / 1000)
    },
    failed: (way) => failures.inc({ way }),
    limited: (way) => limited.inc({ way }),
  }
}

function gaugesOf(
  registry: Registry,
  { served, streams }: { readonly served: Served; readonly streams: LiveStreams },
): void {
  const registers = [registry]
  const began = performance.now()
  const read = (name: string, help: string, value: () => number) =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(value())
      },
    })
  read('muniment_http_event_streams', 'Streams of events that are being read.', () => streams.size)
  read(
    'muniment_vault_open',
    '1 where the vault is open, 0 where it is sealed or not made yet.',
    () => Number(served.state === 'open'),
  )
  read(
    'muniment_uptime_seconds',
    'Since the server began.',
    () => (performance.now() - began) / 1000,
  )
  read(
    'muniment_reopening_given_up',
    '1 where the vault could not be opened again after a failure, and is not tried any more.',
    () => Number(served.reopening?.hasGivenUp === true),
  )
  new Counter({
    name: 'muniment_reopen_attempts_total',
    help: 'Attempts to open the vault again after a failure, by what came of them.',
    labelNames: ['outcome'],
    registers,
    collect() {
      const { opened = 0, failed = 0 } = served.reopening ?? {}
      this.reset()
      this.inc({ outcome: 'opened' }, opened)
      this.inc({ outcome: 'failed' }, failed)
    },
  })
}
