import type { VersionState } from '../../projections/secrets.ts'
import { firstIndex } from './first-index.ts'

interface Moment {
  readonly position: number
  readonly time: number
}

/** A version that brought another value. */
export interface ValueChange extends Moment {
  readonly version: number
}

/** From an event on, the version by which an export hands out the value; absent where no version of it is live. */
interface Offer {
  readonly position: number
  readonly version?: number
}

/** The value that a secret has, and those that it had before: several versions have one where none changed it. */
export interface LivingValue {
  /** The newest version, and its state, which is the secret's. */
  version: number
  state: VersionState
  /** The first event of the secret's life, which a purge ends. */
  readonly born: number
  /** Oldest first; the last brought the present value. */
  readonly changes: ValueChange[]
  /** Versions of the present value that are deleted or destroyed; absent while there are none. */
  withdrawn?: Set<number> | undefined
  /** Oldest first: what exports handed out once it was not the version that brought the value. */
  offers?: Offer[] | undefined
  /** What destroyed the newest version. */
  destroyed?: Moment | undefined
}

/** The value after one more version, the first of a life where there is none before it. */
export function addVersion(
  before: LivingValue | undefined,
  { changed, ...added }: ValueChange & { readonly changed: boolean },
): LivingValue {
  const { version, position } = added
  if (before === undefined) return { version, state: 'live', born: position, changes: [added] }
  before.version = version
  before.state = 'live'
  before.destroyed = undefined
  if (changed) {
    before.changes.push(added)
    before.withdrawn = undefined
    before.offers = undefined
  } else {
    offer(before, position)
  }
  return before
}

/** Versions of older values are nothing to the present one. */
export function markVersions(
  value: LivingValue,
  {
    versions,
    to,
    position,
  }: { readonly versions: readonly number[]; readonly to: VersionState; readonly position: number },
): void {
  const since = present(value).version
  for (const version of versions) {
    if (version < since) continue
    if (to === 'live') value.withdrawn?.delete(version)
    else {
      value.withdrawn ??= new Set()
      value.withdrawn.add(version)
    }
    if (version === value.version) value.state = to
  }
  offer(value, position)
}

export function destroyVersions(
  value: LivingValue,
  { versions, position, time }: Moment & { readonly versions: readonly number[] },
): void {
  markVersions(value, { versions, to: 'destroyed', position })
  if (versions.includes(value.version)) value.destroyed = { position, time }
}

/** What brought the value after that of a version; undefined where it is the present one. */
export function replacedBy({ changes }: LivingValue, version: number): ValueChange | undefined {
  return changes[firstIndex(changes, (change) => change.version > version)]
}

/** By which version an export hands the present value out: from each of these events on, newest first. */
export function* offersOf(value: LivingValue): Generator<Offer, void, void> {
  const { offers = [] } = value
  for (let at = offers.length - 1; at >= 0; at--) yield offers[at] as Offer
  yield present(value)
}

function offer(value: LivingValue, position: number): void {
  const version = newestLive(value)
  const before = value.offers?.at(-1) ?? present(value)
  if (version === before.version) return
  value.offers ??= []
  value.offers.push({ position, ...(version !== undefined && { version }) })
}

function newestLive({ version, changes, withdrawn }: LivingValue): number | undefined {
  const since = changes.at(-1)?.version ?? version
  for (let number = version; number >= since; number--) {
    if (withdrawn?.has(number) !== true) return number
  }
  return undefined
}

function present({ changes }: LivingValue): ValueChange {
  const change = changes.at(-1)
  if (change === undefined) throw new RangeError('a first value is a change')
  return change
}
