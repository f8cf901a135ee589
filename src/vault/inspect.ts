import type { Asked, Below } from '../access/asked.ts'
import { breather } from '../breather.ts'
import { VaultError } from '../errors.ts'
import type { EventData, Fact } from '../events/catalogue.ts'
import { checkPath, checkPrefix } from '../events/path.ts'
import type { Operation } from '../events/words.ts'
import { type Appender, type Call, type CallOptions, permitted, recordAsked } from './call.ts'
import type { FoldedLog } from './folded-log.ts'
import { versionsDownTo } from './history.ts'
import { type SecretInfo, type VersionInfo, versionInfoOf } from './info.ts'
import { type Known, type KnownThen, knownNow } from './known.ts'
import type { Permit } from './permit.ts'
import type { PathRange } from './sorted-paths.ts'

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
  readonly record?: (fact: Fact, below?: Below) => Promise<void>
  /** Of a scope, which sees what policy lets it; absent for the host, who sees all. */
  readonly sight?: Sight
  /** What was known at an earlier position, where that is looked at instead of what is known by now. */
  readonly earlier?: KnownThen
}

/** What policy lets a scope see. */
export interface Sight {
  /**
   * Resolves where it lets the look happen. Throws `DENIED`, once that is on record. It comes first: a scope learns
   * nothing of what it may not see, not even by how long the look takes.
   */
  begin(asked: Asked): Promise<unknown>
  /** Whether it lets the path be seen, by now. */
  sees(asked: Asked): boolean
}

/** The inspector of one call, on what is open at that time. */
export function inspectorOf(
  engine: FoldedLog & Appender,
  call: Call,
  { recorded }: { readonly recorded: boolean },
): Inspector {
  const { permit } = call
  return {
    log: engine,
    ...(recorded && { record: (fact, below) => recordLook(engine, call, { fact, below }) }),
    ...(permit && { sight: sightOf(engine, call, permit) }),
  }
}

function sightOf(engine: Appender, call: Call, permit: Permit): Sight {
  return {
    begin: (asked) => permitted(engine, call, asked),
    sees: (asked) => permit.judge(asked).allowed,
  }
}

async function recordLook(
  engine: Appender,
  call: Call,
  { fact, below }: { readonly fact: Fact; readonly below: Below | undefined },
): Promise<void> {
  const { subject, data } = fact
  const operation = 'operation' in data ? data.operation : 'audit'
  const asked = { operation, subject, ...(below && { below }) }
  await recordAsked(engine, call, { fact, asked })
}

export async function listSecrets(
  inspector: Inspector,
  prefix: string,
  { limit = pageDefault, after }: ListOptions,
): Promise<SecretPage> {
  if (prefix !== '') checkPrefix(prefix)
  checkLimit(limit)
  if (after !== undefined) checkPath(after, 'after')
  const known = inspector.earlier ?? knownNow(inspector.log)
  const { sight } = inspector
  const range = { prefix, after, limit: limit + 1 }
  const sorting = sight === undefined ? known.ready() : undefined
  if (sorting !== undefined) await sorting
  const paths = sight === undefined ? known.page(range) : await seenPage(known, sight, range)
  const { position } = known
  const shown = paths.slice(0, limit)
  const looked = foundOf(inspector, shown)
  const found = looked instanceof Promise ? await looked : looked
  const items = shown.map((path) => found.info(path)).filter((info) => info !== undefined)
  const what = { operation: 'list' as const, count: items.length }
  await inspected(inspector, prefix, { what, below: { prefix, reach: 'some' } })
  const next = paths.length > limit ? shown.at(-1) : undefined
  // Policy may have changed until the look was on record, and the record speaks of the policy of then.
  const given = sight === undefined ? items : items.filter(({ path }) => seesItem(sight, path))
  return next === undefined ? { items: given, position } : { items: given, position, next }
}

/** Paths that are looked up together, and that are judged before other work of the process may get its turn. */
const scannedAtOnce = 256
const judgedAtOnce = 16

/** A page of the paths that a scope sees: as full as one of all paths, and found by passing over the others. */
async function seenPage(
  known: Pick<Known, 'page' | 'ready'>,
  sight: Sight,
  range: PathRange,
): Promise<string[]> {
  const { prefix, limit } = range
  await sight.begin(askedBelow(prefix))
  await known.ready()
  const breathe = breather()
  const seen: string[] = []
  for (let { after } = range; ; ) {
    const paths = known.page({ prefix, after, limit: scannedAtOnce })
    for (const [i, path] of paths.entries()) {
      if (seesItem(sight, path)) seen.push(path)
      if (seen.length === limit) return seen
      if (i % judgedAtOnce === judgedAtOnce - 1) await breathe()
    }
    if (paths.length < scannedAtOnce) return seen
    after = paths.at(-1)
  }
}

function seesItem(sight: Sight, path: string): boolean {
  return sight.sees({ operation: 'list', subject: path })
}

function askedBelow(prefix: string): Asked {
  return { operation: 'list', subject: subjectOf(prefix), below: { prefix, reach: 'some' } }
}

/** A prefix ends in a slash, a subject does not. */
function subjectOf(prefix: string): string {
  return prefix.replace(/\/$/, '')
}

export async function describeSecret(inspector: Inspector, path: string): Promise<SecretInfo> {
  checkPath(path)
  if (inspector.sight) await inspector.sight.begin({ operation: 'describe', subject: path })
  const looked = foundOf(inspector, [path])
  const info = (looked instanceof Promise ? await looked : looked).info(path)
  if (info === undefined) throw await absent(inspector, path, 'describe')
  await inspected(inspector, path, { what: { operation: 'describe' } })
  return info
}

/** Whether the path has a newest version that is neither deleted nor destroyed; its dates are not judged. */
export async function existsSecret(inspector: Inspector, path: string): Promise<boolean> {
  checkPath(path)
  if (inspector.sight) await inspector.sight.begin({ operation: 'exists', subject: path })
  const looked = foundOf(inspector, [path])
  const row = (looked instanceof Promise ? await looked : looked).row(path)
  const exists = row?.state === 'live'
  await inspected(inspector, path, { what: { operation: 'exists' } })
  return exists
}

export async function historyOf(
  inspector: Inspector,
  path: string,
  { limit = pageDefault }: HistoryOptions,
): Promise<readonly VersionInfo[]> {
  checkPath(path)
  checkLimit(limit)
  if (inspector.sight) await inspector.sight.begin({ operation: 'history', subject: path })
  const looked = foundOf(inspector, [path])
  const row = (looked instanceof Promise ? await looked : looked).row(path)
  if (row === undefined) throw await absent(inspector, path, 'history')
  const down = Math.max(1, row.version - limit + 1)
  const versions = await versionsDownTo(inspector.log, { path, row, down })
  const what = { operation: 'history' as const, count: versions.length }
  await inspected(inspector, path, { what })
  return versions.map(versionInfoOf).reverse()
}

type Found = Pick<Known, 'row' | 'info'>

/**
 * What is known of these paths: of now at once, before anything is awaited, as a commit that lands meanwhile may take a
 * secret away; of an earlier moment as soon as it is read.
 */
function foundOf({ log, earlier }: Inspector, paths: readonly string[]): Found | Promise<Found> {
  if (earlier === undefined) return knownNow(log)
  return earlier.secrets(log, paths).then((secrets) => ({
    row: (path) => secrets.get(path)?.row,
    info: (path) => secrets.get(path)?.info,
  }))
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
  path: string,
  { what, below }: { readonly what: EventData['secret.inspected']; readonly below?: Below },
): Promise<void> {
  const data = { ...what, ...(earlier && { asOf: earlier.position }) }
  await record?.({ type: 'secret.inspected', subject: subjectOf(path), data }, below)
}

function checkLimit(limit: number): void {
  if (Number.isSafeInteger(limit) && limit >= 1 && limit <= pageMax) return
  throw new VaultError('INVALID', `limit must be an integer from 1 to ${pageMax}`)
}
