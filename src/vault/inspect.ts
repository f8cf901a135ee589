import { VaultError } from '../errors.ts'
import type { EventData, Fact } from '../events/catalogue.ts'
import { checkPath, checkPrefix } from '../events/path.ts'
import type { Operation } from '../events/words.ts'
import { type Appender, type Call, type CallOptions, recordFact } from './call.ts'
import type { FoldedLog } from './folded-log.ts'
import { versionsDownTo } from './history.ts'
import { type SecretInfo, type VersionInfo, versionInfoOf } from './info.ts'
import { type Known, knownNow } from './known.ts'

export interface ListOptions extends CallOptions {
  /** Secrets a page, 1 to 1,000; 100 unless said. */
  readonly limit?: number
  /** Paths behind this one: the `next` of a page goes on from there. */
  readonly after?: string
}

export interface SecretPage {
  readonly items: readonly SecretInfo[]
  /** Of the newest event that the page knows of. */
  readonly position: number
  /** Where to go on with `after`; absent on the last page. */
  readonly next?: string
}

export interface HistoryOptions extends CallOptions {
  /** The newest so many versions, 1 to 1,000; 100 unless said. */
  readonly limit?: number
}

const pageMax = 1000
const pageDefault = 100

/** Looks at what is known, without a value. */
export interface Inspector {
  readonly log: FoldedLog
  /** Puts the look on record: there where the vault records inspections, and nothing is appended elsewhere. */
  readonly record?: (fact: Fact) => Promise<void>
  /** What was known at an earlier position, where that is looked at instead of what is known by now. */
  readonly earlier?: Known
}

/** The inspector of one call, on what is open at that time. */
export function inspectorOf(
  engine: FoldedLog & Appender,
  call: Call,
  { recorded }: { readonly recorded: boolean },
): Inspector {
  return { log: engine, ...(recorded && { record: (fact) => recordFact(engine, call, fact) }) }
}

export async function listSecrets(
  inspector: Inspector,
  prefix: string,
  { limit = pageDefault, after }: ListOptions,
): Promise<SecretPage> {
  if (prefix !== '') checkPrefix(prefix)
  checkLimit(limit)
  if (after !== undefined) checkPath(after, 'after')
  const known = knownTo(inspector)
  const { position } = known
  const paths = known.page({ prefix, after, limit: limit + 1 })
  const shown = paths.slice(0, limit)
  const items = shown.map((path) => known.info(path)).filter((info) => info !== undefined)
  await inspected(inspector, prefix, { operation: 'list', count: items.length })
  const next = paths.length > limit ? shown.at(-1) : undefined
  return next === undefined ? { items, position } : { items, position, next }
}

export async function describeSecret(inspector: Inspector, path: string): Promise<SecretInfo> {
  checkPath(path)
  // Before anything is awaited: a commit that lands meanwhile may take the secret away.
  const info = knownTo(inspector).info(path)
  if (info === undefined) throw await absent(inspector, path, 'describe')
  await inspected(inspector, path, { operation: 'describe' })
  return info
}

/** Whether the path has a newest version that is neither deleted nor destroyed; its dates are not judged. */
export async function existsSecret(inspector: Inspector, path: string): Promise<boolean> {
  checkPath(path)
  const exists = knownTo(inspector).row(path)?.state === 'live'
  await inspected(inspector, path, { operation: 'exists' })
  return exists
}

export async function historyOf(
  inspector: Inspector,
  path: string,
  { limit = pageDefault }: HistoryOptions,
): Promise<readonly VersionInfo[]> {
  checkPath(path)
  checkLimit(limit)
  const row = knownTo(inspector).row(path)
  if (row === undefined) throw await absent(inspector, path, 'history')
  const down = Math.max(1, row.version - limit + 1)
  const versions = await versionsDownTo(inspector.log, { path, row, down })
  await inspected(inspector, path, { operation: 'history', count: versions.length })
  return versions.map(versionInfoOf).reverse()
}

function knownTo({ log, earlier }: Inspector): Known {
  return earlier ?? knownNow(log)
}

/** The refusal of a path that is not there, once it is on record where the vault keeps one. */
async function absent(
  { record, earlier }: Inspector,
  path: string,
  operation: Operation,
): Promise<VaultError> {
  await record?.({ type: 'secret.denied', subject: path, data: { operation, cause: 'absent' } })
  const words = earlier ? `did not exist at position ${earlier.position}` : 'does not exist'
  return new VaultError('NOT_FOUND', `${path} ${words}`, { path })
}

async function inspected(
  { record, earlier }: Inspector,
  subject: string,
  what: EventData['secret.inspected'],
): Promise<void> {
  const data = { ...what, ...(earlier && { asOf: earlier.position }) }
  // A prefix ends in a slash, a subject does not.
  const path = subject.replace(/\/$/, '')
  await record?.({ type: 'secret.inspected', subject: path, data })
}

function checkLimit(limit: number): void {
  if (Number.isSafeInteger(limit) && limit >= 1 && limit <= pageMax) return
  throw new VaultError('INVALID', `limit must be an integer from 1 to ${pageMax}`)
}
