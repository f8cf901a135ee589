import type { EventOf } from '../../events/catalogue.ts'
import { BoundedCache } from '../../log/bounded-cache.ts'
import type { LogSource } from '../../log/reader.ts'
import type { SecretRow } from '../../projections/secrets.ts'
import type { ChangeType } from '../../projections/versions.ts'
import { changesBack, newVersionOf } from '../history.ts'
import type { KvVersion } from './kv-shape.ts'

/** A version as its events tell it. A deletion's date stays where the version is destroyed afterwards. */
export interface KvVersionRow {
  readonly version: number
  readonly isDestroyed: boolean
  readonly createdAt: number
  readonly createdBy: string
  readonly deletedAt?: number
  readonly deletedBy?: string
  readonly expiresAt?: number
}

export interface KvHistory {
  /** Oldest first; those that a bound on their number destroyed are no part of it. */
  readonly versions: readonly KvVersionRow[]
  /** The newest version that such a bound destroyed; 0 where it has destroyed none. */
  readonly pruned: number
}

/**
 * The versions of a secret from its newest down to `down`, or to those that were pruned. The cost is that of the changes
 * since, whatever the length of the log; what was walked last is kept, as it says the same ever after.
 */
export async function kvHistory(
  source: LogSource,
  about: { readonly path: string; readonly row: SecretRow; readonly down: number },
): Promise<KvHistory> {
  const kept = keptOf(source)
  const name = `${about.row.last}:${about.down}`
  const known = kept.get(name)
  if (known !== undefined) return known
  const found = await walked(source, about)
  kept.put(name, found)
  return found
}

/** The newest version, where the row alone tells all of it: nothing has happened to the secret since it was written. */
export function newestOfRow(row: SecretRow): KvVersionRow | undefined {
  if (row.last !== row.position) return undefined
  return {
    version: row.version,
    isDestroyed: false,
    createdAt: row.updatedAt,
    createdBy: row.updatedBy,
    ...dateOf(row.meta),
  }
}

/** A version as it is at a time, in milliseconds since the epoch. One that has expired counts as deleted. */
export function kvVersionOf(row: KvVersionRow, now: number): KvVersion {
  const { version, isDestroyed, createdAt, createdBy, deletedBy } = row
  const { deletedAt = Number.POSITIVE_INFINITY, expiresAt = Number.POSITIVE_INFINITY } = row
  const gone = Math.min(deletedAt, expiresAt)
  const isDeleted = row.deletedAt !== undefined || gone <= now
  return {
    version,
    state: isDestroyed ? 'destroyed' : isDeleted ? 'deleted' : 'live',
    createdAt: new Date(createdAt),
    createdBy,
    ...(gone < Number.POSITIVE_INFINITY && { deletedAt: new Date(gone) }),
    ...(deletedBy !== undefined && { deletedBy }),
  }
}

/** What the changes that were passed on the way back say of the versions that are yet to come. */
interface Walk {
  readonly versions: KvVersionRow[]
  readonly destroyed: Set<number>
  /** The last that happened to each: its deletion, or that it was brought back. */
  readonly deletions: Map<number, Pick<KvVersionRow, 'deletedAt' | 'deletedBy'>>
  pruned: number
  /** The date of the version that comes next, as it was annotated last. */
  dated: Pick<KvVersionRow, 'expiresAt'> | undefined
}

async function walked(
  source: LogSource,
  { path, row, down }: { readonly path: string; readonly row: SecretRow; readonly down: number },
): Promise<KvHistory> {
  const walk: Walk = {
    versions: [],
    destroyed: new Set(),
    deletions: new Map(),
    pruned: 0,
    dated: undefined,
  }
  for await (const { change } of changesBack(source, { path, row })) {
    step(walk, change)
    if (newVersionOf(change) <= Math.max(down, walk.pruned + 1)) break
  }
  const { pruned } = walk
  const versions = walk.versions.filter(({ version }) => version > pruned).reverse()
  return { versions, pruned }
}

function step(walk: Walk, change: EventOf<ChangeType>): void {
  // The steps are typed by event; the table is looked up by whatever type this one is of.
  const steps = stepsBack as Readonly<Record<ChangeType, (walk: Walk, event: unknown) => void>>
  steps[change.type](walk, change)
}

const stepsBack: {
  readonly [T in ChangeType]: (walk: Walk, event: EventOf<T>) => void
} = {
  'secret.written': begun,
  'secret.rotated': begun,
  'secret.annotated': (walk, { data }) => {
    walk.dated ??= dateOf(data.meta)
  },
  'secret.deleted': ({ deletions }, { data, time, actor }) => {
    for (const version of data.versions) {
      if (!deletions.has(version)) deletions.set(version, { deletedAt: time, deletedBy: actor })
    }
  },
  'secret.restored': ({ deletions }, { data }) => {
    for (const version of data.versions) if (!deletions.has(version)) deletions.set(version, {})
  },
  'secret.destroyed': (walk, { data }) => {
    const isPruning = data.cause === 'max_versions'
    for (const { version } of data.versions) {
      if (isPruning) walk.pruned = Math.max(walk.pruned, version)
      else walk.destroyed.add(version)
    }
  },
  'secret.purged': () => undefined,
}

function begun(walk: Walk, event: EventOf<'secret.written' | 'secret.rotated'>): void {
  const { data, time, actor } = event
  const { version } = data
  walk.versions.push({
    version,
    isDestroyed: walk.destroyed.has(version),
    createdAt: time,
    createdBy: actor,
    ...walk.deletions.get(version),
    ...(walk.dated ?? dateOf(data.meta)),
  })
  walk.dated = undefined
}

function dateOf({ expiresAt }: { readonly expiresAt?: number }): { readonly expiresAt?: number } {
  return expiresAt === undefined ? {} : { expiresAt }
}

const keptBytesMax = 1024 * 1024

/** Of each log that is open. */
const keptByLog = new WeakMap<LogSource['epochs'], BoundedCache<KvHistory>>()

function keptOf({ epochs }: LogSource): BoundedCache<KvHistory> {
  const kept = keptByLog.get(epochs) ?? new BoundedCache<KvHistory>(keptBytesMax, bytesOf)
  keptByLog.set(epochs, kept)
  return kept
}

/** About as much memory as it takes. */
function bytesOf({ versions }: KvHistory): number {
  return 256 + 256 * versions.length
}
