import { VaultError } from '../errors.ts'
import type { CallOptions, Scope, Verification, VerifyOptions } from '../index.ts'
import { at } from './at.ts'
import { base64Of } from './base64.ts'
import { callAnd } from './call.ts'
import { expectObject } from './expected.ts'
import { refusedBy } from './failure.ts'
import type { Server } from './server.ts'

/** Milliseconds that a server is let wait for the end: to hear how far it has come, it must answer before. */
const waitMs = 20_000
const progressMs = 500

interface Job {
  readonly id: string
  readonly state: 'running' | 'done' | 'failed' | 'cancelled'
  readonly progress: { readonly position: number; readonly size: number }
  readonly result?: Verification
  readonly problem?: unknown
  /** Whether somebody else had begun it. */
  readonly joined?: boolean
}

/** The log, held against itself by the server. */
export function verifying(server: Server): Pick<Scope, 'verify'> {
  return {
    verify: async ({ onProgress, against, ...options }: VerifyOptions & CallOptions = {}) => {
      const { call } = callAnd(options)
      const asking = {
        method: 'POST',
        path: '/verifications',
        body: { ...(against && { against: saidAgainst(against) }) },
        call,
        // What is begun twice is one.
        repeatable: true,
      } as const
      const begun = await server.json(asking, jobOf)
      try {
        const job = await ended(server, begun, { ...(onProgress && { onProgress }), call })
        if (job.result !== undefined) {
          const { size } = job.result
          onProgress?.({ position: size, size })
          return job.result
        }
        if (job.state === 'cancelled') throw new VaultError('ABORTED', 'somebody cancelled it')
        throw refusedBy(job.problem)
      } catch (error) {
        if (call.signal?.aborted === true && begun.joined !== true) await cancel(server, begun)
        throw error
      }
    },
  }
}

async function ended(
  server: Server,
  begun: Job,
  { onProgress, call }: Pick<VerifyOptions, 'onProgress'> & { readonly call: CallOptions },
): Promise<Job> {
  const wait = onProgress === undefined ? waitMs : progressMs
  // That of the call is for its beginning: it goes on for as long as it takes.
  const { timeout: _, ...lasting } = call
  let told = -1
  for (let job = begun; ; ) {
    const { position } = job.progress
    if (position > told && job.state === 'running' && position > 0) {
      told = position
      onProgress?.(job.progress)
    }
    if (job.state !== 'running') return job
    const path = at`/verifications/${begun.id}`
    job = await server.json({ path, query: { wait }, waitMs: wait, call: lasting }, jobOf)
  }
}

function jobOf(said: Job): Job {
  return { ...said, progress: expectObject(said.progress) }
}

/** Whoever gave up does not wait for it, and hears of nothing more. */
async function cancel(server: Server, { id }: Job): Promise<void> {
  const asking = { method: 'DELETE', path: at`/verifications/${id}`, repeatable: true } as const
  await server.json(asking).catch(() => undefined)
}

function saidAgainst({ checkpoint, trust }: NonNullable<VerifyOptions['against']>): object {
  return {
    checkpoint: base64Of(checkpoint),
    ...(trust && {
      trust: {
        log: saidKey(trust.log),
        ...(trust.witnesses && { witnesses: trust.witnesses.map(saidKey) }),
      },
    }),
  }
}

function saidKey({ publicKey, ...key }: { readonly publicKey: Uint8Array }): object {
  return { ...key, publicKey: base64Of(publicKey) }
}
