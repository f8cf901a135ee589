import { breather } from '../breather.ts'
import { VaultError } from '../errors.ts'
import { type Pattern, parsePattern } from '../events/pattern.ts'
import { placeOf } from './as-of.ts'
import type { CallOptions } from './call.ts'
import { type Noted, notedBetween } from './diff-noted.ts'
import { secretsBetween } from './diff-secrets.ts'
import type { DiffCounts, DiffEnd, SecretChange, SecretDiff, VaultDiff } from './diff-shape.ts'
import type { FoldedLog } from './folded-log.ts'
import type { Inspector } from './inspect.ts'
import type { Moment, PassOptions } from './replay.ts'
import { lookAtAll } from './whole-trail.ts'

export interface DiffOptions extends PassOptions, CallOptions {
  /** Of secrets only those whose paths this pattern matches: `prod/**`. */
  readonly subject?: string
}

/**
 * What changed from one moment to a later one: in the events behind `from`, up to and with that of `to`. Equal moments
 * have no difference. The cost follows the changes in between, whatever the length of the log.
 *
 * Throws `INVALID` for a moment outside the log, and where `to` is before `from`; `ABORTED`.
 *
 * @example
 * const { secrets } = await diffVault(log, { from: { time: '2026-04-01' }, to: { time: '2026-05-01' } })
 * for (const { path, change, by } of secrets) console.log(path, change, by.join(', '))
 */
export async function diffVault(
  log: FoldedLog,
  ends: Ends,
  options: DiffOptions = {},
): Promise<VaultDiff> {
  return diffBetween(log, await placesOf(log, ends, options), options)
}

/** The same, on record as `audit.read` where the vault records inspections, before anything is compared. */
export async function recordedDiff(
  inspector: Inspector,
  ends: Ends,
  options: DiffOptions = {},
): Promise<VaultDiff> {
  const { log } = inspector
  const places = await placesOf(log, ends, options)
  const { from, to } = places
  await lookAtAll(inspector, { diff: 'positions', from: from.size - 1, to: to.size - 1 })
  return diffBetween(log, places, options)
}

interface Ends {
  readonly from: Moment
  readonly to: Moment
}

/** Where both ends are, and which paths are asked about. */
interface Places {
  readonly from: { readonly size: number; readonly time: number }
  readonly to: { readonly size: number; readonly time: number }
  readonly pattern: Pattern | undefined
}

async function placesOf(log: FoldedLog, ends: Ends, { subject }: DiffOptions): Promise<Places> {
  const pattern = subject === undefined ? undefined : parsePattern(subject, 'subject')
  const from = await placeOf(log, ends.from, 'from')
  const to = await placeOf(log, ends.to, 'to')
  if (to.size >= from.size) return { from, to, pattern }
  throw new VaultError(
    'INVALID',
    `to is before from: position ${to.size - 1}, and from is position ${from.size - 1}`,
    { expected: from.size - 1, found: to.size - 1 },
  )
}

async function diffBetween(
  log: FoldedLog,
  { from, to, pattern }: Places,
  { signal, onProgress }: DiffOptions,
): Promise<VaultDiff> {
  const range = { from: from.size, to: to.size }
  const pass = { ...(signal && { signal }), ...(onProgress && { onProgress }) }
  const secrets = await secretsBetween(log, { ...range, pattern }, pass)
  const noted = await notedBetween(log, { ...range, time: to.time }, signal)
  return {
    from: endOf(from),
    to: endOf(to),
    secrets,
    ...noted,
    counts: await countsOf(to.size - from.size, secrets, noted),
  }
}

function endOf({ size, time }: { size: number; time: number }): DiffEnd {
  return { position: size - 1, time: new Date(time) }
}

/** Secrets that are counted before other work of the process may get its turn. */
const countedAtOnce = 256

async function countsOf(
  events: number,
  secrets: readonly SecretDiff[],
  noted: Noted,
): Promise<DiffCounts> {
  const breathe = breather()
  const bySecretChange: Partial<Record<SecretChange, number>> = {}
  let changes = 0
  for (const [n, secret] of secrets.entries()) {
    bySecretChange[secret.change] = (bySecretChange[secret.change] ?? 0) + 1
    changes += secret.events.length
    if (n % countedAtOnce === countedAtOnce - 1) await breathe()
  }
  return {
    events,
    changes,
    secrets: secrets.length,
    bySecretChange,
    access: noted.access.length,
    rotationPolicies: noted.rotationPolicies.length,
    mounts: noted.mounts.length,
    keys: noted.keys.length,
  }
}
