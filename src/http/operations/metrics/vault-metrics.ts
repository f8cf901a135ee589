import { createHash } from 'node:crypto'
import { Counter, Histogram, Registry } from 'prom-client'
import { type Health, type Vault, VaultError } from '../../../index.ts'
import { type Labelled, type Read, registerRead } from './gauges.ts'
import { SecretCounter, type SecretCounts } from './secret-counts.ts'
import { SizeTimes } from './size-times.ts'
import { watchVault } from './vault-watch.ts'

export interface VaultMetricsOptions {
  /** Where they stand; one of their own unless said. */
  readonly registry?: Registry
}

/** The metrics of a vault, for as long as somebody wants them. */
export interface VaultMetrics {
  readonly registry: Registry
  /** Counts no more. What is registered stays. */
  close(): void
}

/**
 * The metrics of a vault that a service has open, in its own registry of prom-client. Nothing in them names a secret, an
 * actor or a host. Throws `EXISTS` where the registry has those of a vault already: each takes one of its own.
 *
 * @example
 * import { register } from 'prom-client'
 * const metrics = vaultMetrics(vault, { registry: register })
 */
export function vaultMetrics(vault: Vault, options: VaultMetricsOptions = {}): VaultMetrics {
  return metricsOf(() => vault, options)
}

interface Seen {
  readonly health: Health
  readonly counts: SecretCounts | undefined
  readonly clockSkewMs: number
  /** Milliseconds since the epoch. */
  readonly now: number
  readonly times: SizeTimes
}

const logReads: readonly Read<Seen>[] = [
  {
    name: 'muniment_log_events',
    help: 'Events that the log holds: the position of the next one.',
    of: ({ health }) => health.size,
  },
  {
    name: 'muniment_store_failed',
    help: '1 after a write that failed, until the vault is opened again; nothing is accepted meanwhile.',
    of: ({ health }) => Number(health.status === 'failed'),
  },
  {
    name: 'muniment_store_free_bytes',
    help: 'Bytes that can still be written.',
    of: ({ health }) => health.freeBytes,
  },
  {
    name: 'muniment_waiting_callers',
    help: 'Callers that wait for their turn in the writer.',
    of: ({ health }) => health.waiting,
  },
  {
    name: 'muniment_clock_refused',
    help: '1 where the clock cannot be right, and nothing is accepted until it is or an owner accepts it.',
    of: ({ health }) => Number(health.clockFailure !== undefined),
  },
  {
    name: 'muniment_clock_skew_seconds',
    help: 'How far the clock read below the newest event when that was appended.',
    of: ({ clockSkewMs }) => clockSkewMs / 1000,
  },
  {
    name: 'muniment_upkeep_failed',
    help: '1 where the newest attempt to keep what stands beside the log failed; the log itself goes on.',
    labels: ['part'],
    of: ({ health }) => [
      { labels: { part: 'snapshots' }, value: Number(health.keepFailure !== undefined) },
      { labels: { part: 'head' }, value: Number(health.headFailure !== undefined) },
      { labels: { part: 'checkpoint' }, value: Number(health.checkpointFailure !== undefined) },
    ],
  },
  {
    name: 'muniment_snapshot_lag_events',
    help: 'Events that would be replayed after a crash.',
    of: ({ health }) => health.size - health.keptTo,
  },
  {
    name: 'muniment_projection_lag_events',
    help: "Events that a projection of the host's own has not seen yet.",
    labels: ['projection'],
    of: ({ health }) =>
      health.projections.map(({ name, position }) => ({
        labels: { projection: name },
        value: Math.max(0, health.size - position),
      })),
  },
  {
    name: 'muniment_projection_faulted',
    help: "1 where a projection of the host's own threw, and stands still.",
    labels: ['projection'],
    of: ({ health }) =>
      health.projections.map(({ name, state }) => ({
        labels: { projection: name },
        value: Number(state === 'faulted'),
      })),
  },
  {
    name: 'muniment_rejected_calls_total',
    help: 'Calls that appended nothing, by why: bad arguments, or a compare-and-set that was lost.',
    kind: 'counter',
    labels: ['kind'],
    of: ({ health: { rejected } }) => [
      { labels: { kind: 'invalid' }, value: rejected.invalid },
      { labels: { kind: 'conflict' }, value: rejected.conflict },
    ],
  },
  {
    name: 'muniment_failed_unlocks_total',
    help: 'Attempts to open the vault that no keyslot opened, in all of its life.',
    kind: 'counter',
    of: ({ health }) => health.failedUnlocks,
  },
]

const secretReads: readonly Read<Seen>[] = [
  { name: 'muniment_secrets', help: 'Secrets that there are.', of: ({ health }) => health.secrets },
  {
    name: 'muniment_secrets_overdue',
    help: 'Secrets whose value is as old as it may get, or older. Counted once a minute.',
    of: ({ counts }) => counts?.overdue,
  },
  {
    name: 'muniment_secrets_expired',
    help: 'Secrets whose value has expired. Counted once a minute.',
    of: ({ counts }) => counts?.expired,
  },
  {
    name: 'muniment_tokens',
    help: 'Tokens that let somebody in. Counted once a minute.',
    of: ({ counts }) => counts?.tokens,
  },
]

const proofReads: readonly Read<Seen>[] = [
  {
    name: 'muniment_checkpoint_events',
    help: 'Size of the log that the newest checkpoint covers.',
    of: ({ health }) => health.signedTo,
  },
  {
    name: 'muniment_checkpoint_age_seconds',
    help: 'Since the newest event that a checkpoint covers; no value where that was before the process began.',
    of: ({ health, ...seen }) => ageOf(health.signedTo, seen),
  },
  {
    name: 'muniment_unsigned_events',
    help: 'Events that no checkpoint covers yet.',
    of: ({ health }) => Math.max(0, health.size - health.signedTo),
  },
  {
    name: 'muniment_anchor_events',
    help: 'Size of the log that an anchor vouches for; 0 before the first time.',
    labels: ['kind', 'anchor'],
    of: ({ health }) => anchors(health, ({ size }) => size),
  },
  {
    name: 'muniment_anchor_age_seconds',
    help: 'Since the newest event that an anchor vouches for; no value where that was before the process began.',
    labels: ['kind', 'anchor'],
    of: ({ health, ...seen }) => anchors(health, ({ size }) => ageOf(size, seen)),
  },
  {
    name: 'muniment_anchor_failed',
    help: '1 where the newest checkpoint did not get to an anchor.',
    labels: ['kind', 'anchor'],
    of: ({ health }) => anchors(health, ({ failure }) => Number(failure !== undefined)),
  },
]

/** The first digits of the SHA-256 of its path or URL, which can say more than a metric should. */
function anchorLabel(target: string): string {
  return createHash('sha256').update(target).digest('hex').slice(0, 8)
}

function anchors(
  { anchors }: Health,
  value: (anchor: Health['anchors'][number]) => number | undefined,
): readonly Labelled[] {
  return anchors.flatMap((anchor) => {
    const found = value(anchor)
    const labels = { kind: anchor.kind, anchor: anchorLabel(anchor.target) }
    return found === undefined ? [] : [{ labels, value: found }]
  })
}

function ageOf(
  size: number,
  { now, times }: { readonly now: number; readonly times: SizeTimes },
): number | undefined {
  const time = times.at(size)
  return time === undefined ? undefined : Math.max(0, now - time) / 1000
}

/** Seconds: from a fifth of a millisecond, a fast disk, to what only a disk that fails takes. */
const latencyBuckets = [
  0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
]

export interface MetricsSource extends VaultMetricsOptions {
  /** Milliseconds since the epoch, to judge by what has expired; the system's clock unless said. */
  readonly now?: () => number
}

/** @param vault the vault as it is at the time; undefined while it is sealed */
export function metricsOf(
  vault: () => Vault | undefined,
  { registry = new Registry(), now = () => Date.now() }: MetricsSource = {},
): VaultMetrics {
  if (registry.getSingleMetric('muniment_log_events') !== undefined) {
    throw new VaultError('EXISTS', 'the registry has the metrics of a vault already')
  }
  const times = new SizeTimes()
  let clockSkewMs = 0
  const registers = [registry]
  const timed = (name: string, help: string) =>
    new Histogram({ name, help, buckets: latencyBuckets, registers })
  const append = timed(
    'muniment_append_duration_seconds',
    'From what waited being taken by the writer until it was durable.',
  )
  const store = timed(
    'muniment_store_commit_duration_seconds',
    'What the store took of that, its sync of the disk with it.',
  )
  const refused = new Counter({
    name: 'muniment_refused_operations_total',
    help: 'Operations that were refused and are on record as such, by why.',
    labelNames: ['cause'],
    registers,
  })
  const close = watchVault(vault, {
    appended: (message) => {
      append.observe(message.appendMs / 1000)
      store.observe(message.storeMs / 1000)
      times.note(message.size, message.time)
      clockSkewMs = message.clockSkewMs
    },
    refused: (cause) => refused.inc({ cause }),
  })
  const counters = new WeakMap<Vault, SecretCounter>()
  const look = async (): Promise<Seen | undefined> => {
    const open = vault()
    if (open === undefined) return undefined
    const counter = counters.get(open) ?? new SecretCounter(open, now)
    counters.set(open, counter)
    try {
      const [health, counts] = await Promise.all([open.health(), counter.counts()])
      if (health.status === 'closed') return undefined
      return { health, counts, clockSkewMs, now: now(), times }
    } catch (error) {
      // It was closed meanwhile.
      if (error instanceof VaultError) return undefined
      throw error
    }
  }
  registerRead(registry, [...logReads, ...secretReads, ...proofReads], look)
  return { registry, close }
}
