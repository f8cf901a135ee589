import type { FastifyReply, FastifyRequest } from 'fastify'
import { VaultError, version } from '../../index.ts'
import { goBool } from '../listing-query.ts'
import type { Served } from '../served.ts'
import { WireError } from '../wire-error.ts'
import { clusterOf } from './cluster.ts'
import { wireVersion } from './wire-version.ts'

/** The statuses that a caller would rather have: for load balancers that know no others than 200. */
const chosenStatuses = {
  activecode: 200,
  sealedcode: 503,
  uninitcode: 501,
  standbycode: 429,
} as const

type Query = Readonly<Record<string, string | readonly string[] | undefined>>

/**
 * `GET` and `HEAD sys/health`. There is no standby, so the codes for one are checked and not used. A vault that failed
 * serves nothing until it is opened again, which the wire has no word for: it answers 500, with what it is otherwise.
 */
export async function health(
  served: Served,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const query = request.query as Query
  if (goBool(first(query.standbyok)) === undefined) throw new WireError(400)
  const codes = {
    open: codeOf(query, 'activecode'),
    sealed: codeOf(query, 'sealedcode'),
    uninitialised: codeOf(query, 'uninitcode'),
    standby: codeOf(query, 'standbycode'),
  }
  // Another process may have made the vault meanwhile; who asks every second does not wait for the disk otherwise.
  const { state } = served.state === 'uninitialised' ? await served.status() : served
  reply.code(state === 'open' && hasFailed(served) ? 500 : codes[state])
  if (request.method === 'HEAD') return reply.send()
  return reply.send({
    initialized: state !== 'uninitialised',
    sealed: state !== 'open',
    standby: false,
    performance_standby: false,
    replication_performance_mode: 'disabled',
    replication_dr_mode: 'disabled',
    server_time_utc: Math.floor(Date.now() / 1000),
    version: wireVersion,
    muniment_version: version,
    ...clusterOf(served),
  })
}

function first(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : value?.[0]
}

/** Throws WireError 400 for what is no status of an answer with a body. */
function codeOf(query: Query, name: keyof typeof chosenStatuses): number {
  const text = first(query[name])
  if (text === undefined) return chosenStatuses[name]
  if (!/^[2-5]\d\d$/.test(text)) throw new WireError(400)
  return Number(text)
}

function hasFailed(served: Served): boolean {
  try {
    served.vault().identity()
    return false
  } catch (error) {
    return error instanceof VaultError && error.code === 'FAILED'
  }
}
