import { Type } from 'typebox'
import { VaultError, type VerifyOptions } from '../../../index.ts'
import { originOf } from '../../caller.ts'
import { bytesAt } from '../base64.ts'
import { Answered, type Group, operation } from '../operation.ts'
import { apiRoot } from '../serve-operation.ts'
import { strict } from '../shapes/common.ts'
import { type Job, shownJob, verificationsOf } from './jobs.ts'
import { against, job } from './shapes.ts'

const waitMsMax = 30_000
/** Of Ed25519. */
const keyBytes = 32
/** What a look at a verification is recorded as. */
const look = 'verifications'

const atId = strict({ id: Type.String({ description: 'Of the verification.' }) })

export const verificationOperations: Group = {
  name: 'Verification',
  description:
    'Reads every byte of the log, and holds it to all that was signed of it. One runs at a time; the 16 newest results are kept until the vault is closed.',
  operations: [
    operation({
      id: 'startVerification',
      method: 'POST',
      path: '/verifications',
      summary: 'Begins a verification, or joins the one that is running',
      description:
        'Where one is running that is to find out the same, it is given with `joined: true`; one against another checkpoint is a `CONFLICT`.',
      right: 'audit',
      status: 202,
      body: strict({ against: Type.Optional(against) }),
      answer: strict({ ...job.properties, joined: Type.Boolean() }),
      refusals: ['CONFLICT'],
      run: async ({ served, scope, body, call }) => {
        await scope.expectAuditor(look, call)
        const asked = { scope, call, against: againstOf(body.against) }
        const { job, isJoined } = verificationsOf(served.vault()).start(asked)
        return new Answered(
          202,
          { ...shownJob(job), joined: isJoined },
          { location: `${apiRoot}/verifications/${job.id}` },
        )
      },
    }),
    operation({
      id: 'getVerification',
      method: 'GET',
      path: '/verifications/{id}',
      summary: 'How far a verification has come, and what it found',
      right: 'audit',
      params: atId,
      query: strict({
        wait: Type.Optional(
          Type.Integer({
            minimum: 0,
            maximum: waitMsMax,
            description: 'Milliseconds to wait for its end; 0 unless said.',
          }),
        ),
      }),
      answer: job,
      refusals: ['NOT_FOUND'],
      run: async ({ request, served, scope, params: { id }, query: { wait = 0 }, call }) => {
        await scope.expectAuditor(look, call)
        const job = verificationsOf(served.vault()).get(id)
        await waitFor(job, wait, originOf(request).signal)
        return shownJob(job)
      },
    }),
    operation({
      id: 'cancelVerification',
      method: 'DELETE',
      path: '/verifications/{id}',
      summary: 'Ends a verification that is running; what one has found stays',
      right: 'audit',
      params: atId,
      answer: job,
      refusals: ['NOT_FOUND'],
      run: async ({ served, scope, params: { id }, call }) => {
        await scope.expectAuditor(look, call)
        const job = verificationsOf(served.vault()).get(id)
        job.stop.abort()
        await job.ended
        return shownJob(job)
      },
    }),
  ],
}

/** Until it ends, the time is over or the caller is gone. */
async function waitFor({ state, ended }: Job, ms: number, gone: AbortSignal): Promise<void> {
  if (state !== 'running' || ms === 0 || gone.aborted) return
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms)
    const done = () => {
      clearTimeout(timer)
      resolve()
    }
    gone.addEventListener('abort', done, { once: true })
    void ended.then(done)
  })
}

interface SaidVkey {
  readonly name: string
  readonly type: 'ed25519' | 'cosignature/v1'
  readonly keyId: string
  readonly publicKey: string
}

function againstOf(
  said:
    | {
        readonly checkpoint: string
        readonly trust?: { readonly log: SaidVkey; readonly witnesses?: readonly SaidVkey[] }
      }
    | undefined,
): VerifyOptions['against'] | undefined {
  if (said === undefined) return undefined
  const { checkpoint, trust } = said
  return {
    checkpoint: bytesAt('body.against.checkpoint', checkpoint),
    ...(trust && {
      trust: {
        log: vkeyOf(trust.log),
        ...(trust.witnesses && { witnesses: trust.witnesses.map(vkeyOf) }),
      },
    }),
  }
}

function vkeyOf({ publicKey, ...vkey }: SaidVkey) {
  const key = bytesAt('body.against.trust', publicKey)
  if (key.length === keyBytes) return { ...vkey, publicKey: key }
  throw new VaultError('INVALID', `body.against.trust: a public key has ${keyBytes} bytes`)
}
