import { breather } from '../breather.ts'
import { VaultError } from '../errors.ts'
import type { EventOf, VaultEvent } from '../events/catalogue.ts'
import { BoundedCache } from '../log/bounded-cache.ts'
import { commitAt, type LogSource, type OpenedCommit } from '../log/reader.ts'
import { foldChosen } from '../projections/projection.ts'
import type { SecretRow } from '../projections/secrets.ts'
import { type ChangeType, isChange, type VersionRow, versions } from '../projections/versions.ts'

/** A version with the first position of the commit that wrote it: where its key row is. */
export interface FoundVersion extends VersionRow {
  readonly first: number
}

/** Of which secret, as it stands by then, and down to which of its versions. */
interface Asked {
  readonly path: string
  readonly row: SecretRow
  readonly down: number
}

/**
 * The versions of a secret from its newest down to `down`, oldest first: its chain of changes is walked from the
 * newest event, each of which names the one before, to what an earlier look found. The cost is that of the changes
 * passed, whatever the length of the log.
 */
export async function versionsDownTo(
  source: LogSource,
  asked: Asked,
): Promise<readonly FoundVersion[]> {
  const { path, row, down } = asked
  const kept = keptOf(source)
  const before = kept.get(path)
  const known = before !== undefined && before.down <= down ? before : undefined
  const { chain, isKnown } = await changesSince(source, asked, known?.last)
  const base = isKnown && known !== undefined ? known : { down, versions: [] }
  const found = foldedOver(path, base.versions, chain)
  if (before === undefined || before.last <= row.last) {
    const least = Math.max(base.down, Math.min(row.oldest, down))
    const versions = found.filter(({ version }) => version >= least)
    kept.put(path, { last: row.last, down: least, versions: versions.map(ownKeyId) })
  }
  return found.filter(({ version }) => version >= down)
}

/** The changes back to the version asked for, newest first; or to a change that is known, with all before it. */
async function changesSince(source: LogSource, asked: Asked, knownLast: number | undefined) {
  const chain: FoundChange[] = []
  if (asked.row.last === knownLast) return { chain, isKnown: true }
  for await (const found of changesBack(source, asked)) {
    if (found.change.position === knownLast) return { chain, isKnown: true }
    chain.push(found)
    if (newVersionOf(found.change) <= asked.down) break
  }
  return { chain, isKnown: false }
}

function foldedOver(
  path: string,
  base: readonly FoundVersion[],
  chain: readonly FoundChange[],
): readonly FoundVersion[] {
  const firsts = new Map(base.map(({ position, first }) => [position, first]))
  for (const { change, first } of chain) firsts.set(change.position, first)
  const changes = chain.map(({ change }) => change).reverse()
  const rows = foldChosen(versions, changes, new Map([[path, base]])).get(path) ?? []
  return rows.map((version) => ({
    ...version,
    first: firsts.get(version.position) ?? version.position,
  }))
}

/** What was found of a secret last: it says the same ever after, and a later look goes on from there. */
interface KeptVersions {
  /** The newest change that it knows of. */
  readonly last: number
  readonly down: number
  readonly versions: readonly FoundVersion[]
}

const keptBytesMax = 4 * 1024 * 1024

/** Of each log that is open. */
const keptByLog = new WeakMap<LogSource['epochs'], BoundedCache<KeptVersions>>()

function keptOf({ epochs }: LogSource): BoundedCache<KeptVersions> {
  const kept = keptByLog.get(epochs) ?? new BoundedCache<KeptVersions>(keptBytesMax, bytesOf)
  keptByLog.set(epochs, kept)
  return kept
}

/** About as much memory as it takes. */
function bytesOf({ versions }: KeptVersions): number {
  return versions.reduce((sum, { reason = '' }) => sum + 512 + 2 * reason.length, 256)
}

/** Of an event's own, which holds the whole of its commit, a copy is kept. */
function ownKeyId(version: FoundVersion): FoundVersion {
  return { ...version, keyId: Buffer.from(version.keyId) }
}

/** A change of a secret, and the first position of its commit. */
interface FoundChange {
  readonly change: EventOf<ChangeType>
  readonly first: number
}

/** What changed a secret since its path was free, newest first. */
export async function* changesBack(
  source: LogSource,
  { path, row }: { path: string; row: SecretRow },
): AsyncGenerator<FoundChange, void, void> {
  const breathe = breather()
  let before: number | undefined
  let commit: OpenedCommit | undefined
  for (let at: number | undefined = row.last; at !== undefined; ) {
    // A version and what it pushes out stand in one commit.
    if (commit === undefined || at < commit.first) commit = await commitAt(source, at)
    const change = expectChange(commit.event(at), { path, before })
    yield { change, first: commit.first }
    await breathe()
    before = at
    at = change.data.previous
  }
}

/** The number of the version that a change wrote; `Infinity` of one that wrote none. */
export function newVersionOf({ type, data }: EventOf<ChangeType>): number {
  const isNew = type === 'secret.written' || type === 'secret.rotated'
  return isNew ? data.version : Number.POSITIVE_INFINITY
}

function expectChange(
  event: VaultEvent,
  { path, before }: { path: string; before: number | undefined },
): EventOf<ChangeType> {
  const isEarlier = before === undefined || event.position < before
  if (isChange(event) && event.subject === path && isEarlier) return event
  throw new VaultError(
    'INTEGRITY',
    `position ${event.position} is named as a change of ${path}, and is none`,
    {
      path,
    },
  )
}
