import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Jobs } from '../../src/http/api/verifications/jobs.ts'
import {
  type TokenScope,
  VaultError,
  type Verification,
  type VerifyOptions,
} from '../../src/index.ts'
import { type ServedApp, serve } from '../fixtures/http.ts'

const root = '/api/v1'
const sound = { ok: true, size: 4, problems: [] } as unknown as Verification

/** A vault that verifies for as long as a test wants, and can be closed. */
function slowVault() {
  const begun: { options: VerifyOptions; end: (found: Verification | Error) => void }[] = []
  let close = (): void => undefined
  const scope = {
    now: new Date('2026-04-01T00:00:00Z'),
    position: 3,
    verify: (options: VerifyOptions) =>
      new Promise<Verification>((resolve, reject) => {
        const end = (found: Verification | Error) =>
          found instanceof Error ? reject(found) : resolve(found)
        begun.push({ options, end })
        options.signal?.addEventListener('abort', () => end(new VaultError('ABORTED', 'aborted')))
      }),
    reached: (_: number, { signal }: { signal: AbortSignal }) =>
      new Promise<void>((_, reject) => {
        close = () => reject(new VaultError('CLOSED', 'the vault is closed'))
        signal.addEventListener('abort', close)
      }),
  } as unknown as TokenScope
  return { scope, begun, close: () => close() }
}

describe('the verifications of a vault', () => {
  it('are one at a time: who asks for the same joins it', async () => {
    const { scope, begun } = slowVault()
    const jobs = new Jobs()
    const asked = { scope, call: {}, against: undefined }
    const { job } = jobs.start(asked)
    expect(jobs.start(asked)).toEqual({ job, isJoined: true })
    const against = { checkpoint: Buffer.from('note') }
    expect(() => jobs.start({ ...asked, against })).toThrow(
      expect.objectContaining({
        code: 'CONFLICT',
        found: job.id,
        message: `a verification against another checkpoint is running: wait for ${job.id}, or cancel it`,
      }),
    )
    begun[0]?.options.onProgress?.({ position: 2, size: 4 })
    expect(job).toMatchObject({ state: 'running', progress: { position: 2, size: 4 } })
    begun[0]?.end(sound)
    await job.ended
    expect(job).toMatchObject({ state: 'done', result: sound })
    expect(jobs.start({ ...asked, against }).isJoined).toBe(false)
    expect(begun).toHaveLength(2)
  })

  it('end with the vault', async () => {
    const { scope, begun, close } = slowVault()
    const { job } = new Jobs().start({ scope, call: {}, against: undefined })
    close()
    await job.ended
    expect(begun[0]?.options.signal?.aborted).toBe(true)
    expect(job.state).toBe('cancelled')
  })

  it('do not wait for whoever began them', async () => {
    const { scope, begun } = slowVault()
    const gone = new AbortController()
    const call = { signal: gone.signal, reason: 'audit 12' }
    const { job } = new Jobs().start({ scope, call, against: undefined })
    gone.abort()
    expect(begun[0]?.options).toMatchObject({ reason: 'audit 12', signal: { aborted: false } })
    begun[0]?.end(sound)
    await job.ended
    expect(job.state).toBe('done')
  })

  it('are kept, the newest sixteen of them', async () => {
    const { scope, begun } = slowVault()
    const jobs = new Jobs()
    const ids: string[] = []
    for (let i = 0; i < 17; i++) {
      const { job } = jobs.start({ scope, call: {}, against: undefined })
      ids.push(job.id)
      begun[i]?.end(sound)
      await job.ended
    }
    expect(() => jobs.get(ids[0] ?? '')).toThrow(expect.objectContaining({ code: 'NOT_FOUND' }))
    expect(ids.slice(1).map((id) => jobs.get(id).state)).toEqual(Array(16).fill('done'))
  })
})

describe('verifications over HTTP', () => {
  let served: ServedApp
  beforeEach(async () => {
    served = await serve({ a: 'x' })
  })
  afterEach(() => served.close())

  it('begin, are waited for, and say what they found', async () => {
    const begun = await served.ask('POST', `${root}/verifications`)
    expect(begun.status).toBe(202)
    const location = `${root}/verifications/${begun.body.id}`
    expect(begun.headers.location).toBe(location)
    expect(begun.body).toMatchObject({ joined: false, progress: { position: expect.any(Number) } })
    const { status, body } = await served.ask('GET', `${location}?wait=30000`)
    expect([status, body.state, body.problem]).toEqual([200, 'done', undefined])
    expect(body.result).toMatchObject({ ok: true, problems: [], macs: 'checked' })
    // What has ended stays as it is.
    const ended = await served.ask('DELETE', location)
    expect(ended.body).toEqual(body)
  })

  it('say why they could not be done', async () => {
    const body = { against: { checkpoint: Buffer.from('no note').toString('base64') } }
    const begun = await served.ask('POST', `${root}/verifications`, { body })
    const { body: said } = await served.ask(
      'GET',
      `${root}/verifications/${begun.body.id}?wait=30000`,
    )
    expect(said).toMatchObject({
      state: 'failed',
      problem: { code: 'INVALID', detail: 'what was given to compare with is no checkpoint' },
    })
  })

  it.each([
    ['no base64', { checkpoint: 'a?' }, 'body.against.checkpoint must be base64'],
    [
      'a key of another length',
      {
        checkpoint: '',
        trust: { log: { name: 'a', type: 'ed25519', keyId: '00', publicKey: 'AAAA' } },
      },
      'body.against.trust: a public key has 32 bytes',
    ],
  ])('refuse %s', async (_, against, detail) => {
    const { status, body } = await served.ask('POST', `${root}/verifications`, {
      body: { against },
    })
    expect([status, body.code]).toEqual([400, 'INVALID'])
    expect(body.detail).toContain(detail)
  })

  it('refuse an id that there is not', async () => {
    const { status, body } = await served.ask('GET', `${root}/verifications/none`)
    expect([status, body.code]).toEqual([404, 'NOT_FOUND'])
  })

  it('are for whoever may audit everything, which is on record', async () => {
    const { body: begun } = await served.ask('POST', `${root}/verifications`)
    const rules = [{ effect: 'allow', capabilities: ['audit'], paths: ['prod/**'] }] as const
    await served.vault.policies.write('some', { rules })
    const { token } = await served.vault.tokens.issue({ actor: 'svc/x', policies: ['some'] })
    const shown = { token: token.text() }
    const asked = [
      await served.ask('POST', `${root}/verifications`, shown),
      await served.ask('GET', `${root}/verifications/${begun.id}`, shown),
      await served.ask('DELETE', `${root}/verifications/${begun.id}`, shown),
      await served.ask('GET', `${root}/verifications/none`, shown),
    ]
    expect(asked.map(({ status }) => status)).toEqual([403, 403, 403, 403])
    for await (const { events } of served.vault.audit.query({ type: 'secret.denied' })) {
      expect(events.map(({ actor, data }) => [actor, Object(data).operation])).toEqual(
        asked.map(() => ['svc/x', 'audit']),
      )
    }
  })
})
