import { randomUUID } from 'node:crypto'
import {
  type CallOptions,
  type TokenScope,
  type Vault,
  VaultError,
  type Verification,
  type VerifyOptions,
} from '../../../index.ts'
import { problemOf } from '../problem.ts'

/** Results that are kept, the newest of them. */
const keptMax = 16
/** As long as a vault lets anybody wait: no verification goes on for three weeks. */
const waitMsMax = 2 ** 31 - 1

type State = 'running' | 'done' | 'failed' | 'cancelled'

/** A verification under way, or what came of it. */
export interface Job {
  readonly id: string
  readonly startedAt: Date
  /** Tells equal ones from others. */
  readonly about: string
  readonly stop: AbortController
  /** Resolves once it has ended, however that came. */
  readonly ended: Promise<void>
  state: State
  progress: { readonly position: number; readonly size: number }
  endedAt?: Date
  result?: Verification
  error?: unknown
}

/** What a verification is asked to do. */
export interface JobAsked {
  readonly scope: TokenScope
  readonly call: CallOptions
  readonly against: VerifyOptions['against'] | undefined
}

/**
 * The verifications of one open vault: one runs at a time, since each reads all of the log, and what the newest found is
 * kept for as long as the vault is open.
 */
export class Jobs {
  readonly #jobs = new Map<string, Job>()

  /**
   * Begins one; or the one that is running, where that is to find out the same. Throws `CONFLICT` where it is to find out
   * something else.
   */
  start(asked: JobAsked): { readonly job: Job; readonly isJoined: boolean } {
    const about = JSON.stringify(asked.against ?? null)
    const running = [...this.#jobs.values()].find(({ state }) => state === 'running')
    if (running?.about === about) return { job: running, isJoined: true }
    if (running !== undefined) {
      throw new VaultError(
        'CONFLICT',
        `a verification against another checkpoint is running: wait for ${running.id}, or cancel it`,
        { found: running.id },
      )
    }
    const job = begin(asked, about)
    this.#jobs.set(job.id, job)
    const [oldest] = this.#jobs.keys()
    if (this.#jobs.size > keptMax && oldest !== undefined) this.#jobs.delete(oldest)
    return { job, isJoined: false }
  }

  /** Throws `NOT_FOUND`. */
  get(id: string): Job {
    const job = this.#jobs.get(id)
    if (job !== undefined) return job
    throw new VaultError(
      'NOT_FOUND',
      `there is no such verification: the ${keptMax} newest are kept until the vault is closed`,
    )
  }
}

const jobsOf = new WeakMap<Vault, Jobs>()

/** Those of a vault: they go with it. */
export function verificationsOf(vault: Vault): Jobs {
  const known = jobsOf.get(vault) ?? new Jobs()
  jobsOf.set(vault, known)
  return known
}

function begin({ scope, call, against }: JobAsked, about: string): Job {
  const stop = new AbortController()
  const done = new AbortController()
  // It goes on when whoever asked for it does not wait: by that caller's name, but not for as long as he is there.
  const { signal: _, ...said } = call
  const job: Omit<Job, 'ended'> = {
    id: randomUUID(),
    startedAt: scope.now,
    about,
    stop,
    state: 'running',
    progress: { position: 0, size: scope.position + 1 },
  }
  const work = scope.verify({
    ...said,
    ...(against !== undefined && { against }),
    signal: stop.signal,
    onProgress: (at) => {
      job.progress = at
    },
  })
  void closing(scope, done.signal).then(() => stop.abort())
  const ended = work
    .then(
      (result) => {
        job.result = result
        job.state = 'done'
      },
      (error: unknown) => {
        job.error = error
        job.state = stop.signal.aborted ? 'cancelled' : 'failed'
      },
    )
    .finally(() => {
      job.endedAt = scope.now
      done.abort()
    })
  return Object.assign(job, { ended })
}

/** Resolves once the vault is being closed, or `signal` aborts: the log never gets as long as it is waited for here. */
async function closing(scope: TokenScope, signal: AbortSignal): Promise<void> {
  await scope
    .reached(Number.MAX_SAFE_INTEGER, { signal, timeout: waitMsMax })
    .catch(() => undefined)
}

/** A job as its callers see it. */
export function shownJob({ id, state, startedAt, endedAt, progress, result, error }: Job): object {
  return {
    id,
    state,
    startedAt: startedAt.toISOString(),
    ...(endedAt !== undefined && { endedAt: endedAt.toISOString() }),
    progress,
    ...(result !== undefined && { result }),
    ...(state === 'failed' && { problem: { ...problemOf(error, id), ...amiss(error) } }),
  }
}

/** Who may verify the log may hear what is amiss with it, or with the checkpoint that it was held against. */
function amiss(error: unknown): { readonly detail?: string } {
  if (!(error instanceof VaultError) || error.code !== 'INTEGRITY') return {}
  return { detail: error.message }
}
