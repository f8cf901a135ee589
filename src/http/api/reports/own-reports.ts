import type { FastifyRequest } from 'fastify'
import { builtInReports, type Report, VaultError } from '../../../index.ts'

/** Reports of the host's own, by their names. */
export type OwnReports = ReadonlyMap<string, Report<unknown>>

/** Under which name the app has them. */
export const ownReports = 'ownReports'

/** What the API has of its own under `/reports`. */
const taken = 'verify'

/** Throws `INVALID` for two of one name, and for one that the API has something else under. */
export function ownReportsOf(reports: readonly Report<unknown>[]): OwnReports {
  const named = new Map(reports.map((report) => [report.name, report]))
  if (named.size === reports.length && !named.has(taken)) return named
  throw new VaultError('INVALID', `reports need names of their own, and none may be ${taken}`)
}

/** What a name means to this server. What it does not know is the vault's to refuse. */
export function reportOf(request: FastifyRequest, name: string): string | Report<unknown> {
  return ownReportsAt(request).get(name) ?? name
}

/** The definition that a manifest needs to be made again; undefined for one of the vault's own, and for what is none. */
export function ownReportFor(
  request: FastifyRequest,
  manifest: Uint8Array,
): Report<unknown> | undefined {
  const own = ownReportsAt(request)
  if (own.size === 0) return undefined
  // The vault reads it with all care, and refuses what is none: here it is asked for one name.
  const [, json = ''] = new TextDecoder().decode(manifest).split('\n', 2)
  try {
    return own.get(Object(JSON.parse(json)).report)
  } catch {
    return undefined
  }
}

/** All that can be made: the vault's own in the order of their numbers, then the host's. */
export async function offeredReports(request: FastifyRequest): Promise<
  readonly {
    readonly number?: string
    readonly controls: readonly string[]
    readonly definition: Report<unknown>
  }[]
> {
  const own = [...ownReportsAt(request).values()]
  return [...(await builtInReports()), ...own.map((definition) => ({ controls: [], definition }))]
}

function ownReportsAt({ server }: FastifyRequest): OwnReports {
  return server.getDecorator<OwnReports>(ownReports)
}
