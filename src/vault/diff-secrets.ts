import { setImmediate as turn } from 'node:timers/promises'
import { breather } from '../breather.ts'
import { VaultError } from '../errors.ts'
import type { EventOf, SecretMeta } from '../events/catalogue.ts'
import { matches, type Pattern } from '../events/pattern.ts'
import { readCommits } from '../log/reader.ts'
import { expectOngoing } from '../ongoing.ts'
import type { SecretRow } from '../projections/secrets.ts'
import { type ChangeType, isChange } from '../projections/versions.ts'
import type { FieldDiff, FieldValue, SecretChange, SecretDiff, SecretStep } from './diff-shape.ts'
import { eventsAt } from './events-at.ts'
import type { FoldedLog } from './folded-log.ts'
import type { KnownThen } from './known.ts'
import { knownThen } from './known-then.ts'
import { type PassOptions, teller } from './replay.ts'
import { SortedPaths } from './sorted-paths.ts'

/** Secrets one end of which is looked up before other work of the process gets its turn: a few milliseconds. */
const pathsAtOnce = 32

/** Differences that are put in order before other work of the process may get its turn. */
const orderedAtOnce = 256

/** The events at positions from `from` to `to - 1`. */
interface Range {
  readonly from: number
  readonly to: number
}

type Steps = ReadonlyMap<string, readonly SecretStep[]>

/** What became of the secrets that changed, in the order of their paths. Throws `ABORTED`, `INTEGRITY`. */
export async function secretsBetween(
  log: FoldedLog,
  { from, to, pattern }: Range & { readonly pattern: Pattern | undefined },
  { signal, onProgress }: PassOptions,
): Promise<readonly SecretDiff[]> {
  const tell = teller(to, onProgress)
  const steps = await stepsBetween(log, { from, to }, { tell, signal, pattern })
  if (steps.size === 0) return []
  const pass = signal === undefined ? {} : { signal }
  const before = await knownThen(log, { size: from, ...pass })
  const after = await knownThen(log, { size: to, ...pass })
  const found = await diffsOf(log, { steps, before, after }, signal)
  return inOrder(found, signal)
}

/**
 * They are looked up in the order in which the log has them, not in that of their paths: what changed one after another
 * is read from the same commits. Both ends are as of their positions, whatever is appended meanwhile.
 */
async function diffsOf(
  log: FoldedLog,
  { steps, ...ends }: { steps: Steps; before: KnownThen; after: KnownThen },
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<string, SecretDiff>> {
  const found = new Map<string, SecretDiff>()
  for (const some of inBatches(steps.keys())) {
    expectOngoing(signal)
    const before = await ends.before.secrets(log, some)
    await turn()
    const after = await ends.after.secrets(log, some)
    await turn()
    for (const path of some) {
      const rows = { before: before.get(path)?.row, after: after.get(path)?.row }
      found.set(path, secretDiffOf(path, steps.get(path) ?? [], rows))
    }
  }
  return found
}

function* inBatches(paths: Iterable<string>): Generator<readonly string[], void, void> {
  let batch: string[] = []
  for (const path of paths) {
    if (batch.push(path) < pathsAtOnce) continue
    yield batch
    batch = []
  }
  if (batch.length > 0) yield batch
}

async function inOrder(
  found: ReadonlyMap<string, SecretDiff>,
  signal: AbortSignal | undefined,
): Promise<readonly SecretDiff[]> {
  const paths = new SortedPaths(() => found.keys())
  await paths.ready()
  const breathe = breather()
  const diffs: SecretDiff[] = []
  while (diffs.length < found.size) {
    expectOngoing(signal)
    const after = diffs.at(-1)?.path
    for (const path of paths.page({ prefix: '', after, limit: orderedAtOnce })) {
      diffs.push(found.get(path) as SecretDiff)
    }
    await breathe()
  }
  return diffs
}

interface StepsHow {
  readonly tell: (position: number) => void
  readonly signal: AbortSignal | undefined
  /** Of the paths asked about; all of them where there is none. */
  readonly pattern: Pattern | undefined
}

async function stepsBetween(
  log: FoldedLog,
  range: Range,
  { tell, signal, pattern }: StepsHow,
): Promise<Steps> {
  const steps = new Map<string, SecretStep[]>()
  const breathe = breather()
  for await (const event of changesBetween(log, range, signal)) {
    const { position, time, type, actor: by, subject, context } = event
    tell(position)
    await breathe()
    if (pattern !== undefined && !matches(pattern, subject)) continue
    const { reason } = context
    const step = {
      position,
      time: new Date(time),
      type,
      by,
      ...(reason !== undefined && { reason }),
    }
    const known = steps.get(subject)
    if (known === undefined) steps.set(subject, [step])
    else known.push(step)
  }
  tell(range.to)
  return steps
}

/** Every event that changed a secret: where the columns say; from where those turn out damaged, among all events. */
async function* changesBetween(
  log: FoldedLog,
  { from, to }: Range,
  signal: AbortSignal | undefined,
): AsyncGenerator<EventOf<ChangeType>, void, void> {
  let next = from
  const batches = log.state.changes.fold.state.changed(from, to)[Symbol.asyncIterator]()
  for (;;) {
    const batch = await batches.next().catch((error: unknown) => doubtful(log, error))
    if (batch === undefined) break
    if (batch.done === true) return
    for await (const event of eventsAt(log, batch.value, signal)) {
      if (isChange(event)) yield event
      next = event.position + 1
    }
  }
  if (next === to) return
  const range = { from: next, to, ...(signal && { signal }) }
  for await (const commit of readCommits(log, range)) {
    for (const event of commit.events) {
      if (event.position >= next && event.position < to && isChange(event)) yield event
    }
  }
}

async function doubtful(log: FoldedLog, error: unknown): Promise<undefined> {
  if (!(error instanceof VaultError) || error.code !== 'INTEGRITY') throw error
  await log.snapshots.distrust(error)
  return undefined
}

interface Ends {
  readonly before: SecretRow | undefined
  readonly after: SecretRow | undefined
}

function secretDiffOf(path: string, events: readonly SecretStep[], ends: Ends): SecretDiff {
  const { before, after } = ends
  return {
    path,
    change: changeOf(events, ends),
    ...(before && { before: { version: before.version, state: before.state } }),
    ...(after && { after: { version: after.version, state: after.state } }),
    by: [...new Set(events.map(({ by }) => by))],
    events,
    fields: fieldsOf(before?.meta, after?.meta),
  }
}

function changeOf(events: readonly SecretStep[], { before, after }: Ends): SecretChange {
  if (before === undefined) return after === undefined ? 'transient' : 'added'
  if (after === undefined) return 'purged'
  if (events.some(({ type }) => type === 'secret.purged')) return 'replaced'
  const newest = events.find(({ position }) => position === after.position)
  if (newest !== undefined) return newest.type === 'secret.rotated' ? 'rotated' : 'written'
  return markedAs(events.findLast(({ type }) => type !== 'secret.annotated')) ?? 'annotated'
}

function markedAs(step: SecretStep | undefined): SecretChange | undefined {
  if (step?.type === 'secret.deleted') return 'deleted'
  if (step?.type === 'secret.restored') return 'restored'
  return step && 'destroyed'
}

const dates: ReadonlySet<string> = new Set([
  'expiresAt',
  'notBefore',
] satisfies (keyof SecretMeta)[])

function fieldsOf(before: Partial<SecretMeta> = {}, after: Partial<SecretMeta> = {}): FieldDiff[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]) as Set<keyof SecretMeta>
  return [...names].sort().flatMap((field) => {
    const [was, is] = [before[field], after[field]]
    if (plain(was) === plain(is)) return []
    return [
      {
        field,
        ...(was !== undefined && { before: shown(field, was) }),
        ...(is !== undefined && { after: shown(field, is) }),
      },
    ]
  })
}

function shown(field: string, value: Exclude<FieldValue, Date>): FieldValue {
  return dates.has(field) && typeof value === 'number' ? new Date(value) : value
}

/** Tags in another order are the same tags. */
function plain(value: SecretMeta[keyof SecretMeta]): string {
  if (typeof value !== 'object') return JSON.stringify(value) ?? ''
  return JSON.stringify(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
}
