import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openCheckpoint, parseVkey, verifyEventProof } from '../../src/verify.ts'
import { rootToken, type ServedApp, serve } from '../fixtures/http.ts'

const root = '/api/v1'

describe('proofs and exports over HTTP', () => {
  let served: ServedApp
  let log: ReturnType<typeof parseVkey>
  beforeEach(async () => {
    served = await serve({ 'prod/db': 'hunter2' })
    log = parseVkey(served.vault.identity().verifier)
  })
  afterEach(() => served.close())

  const raw = (method: 'GET' | 'POST', url: string, accept: string) =>
    served.app.inject({
      method,
      url: `${root}${url}`,
      headers: { 'x-vault-token': rootToken, accept },
    })

  it('give the signed note itself to whoever takes text', async () => {
    const signed = await raw('POST', '/checkpoints', 'text/plain')
    expect([signed.statusCode, signed.headers['content-type']]).toEqual([
      201,
      'text/plain; charset=utf-8',
    ])
    const { size } = openCheckpoint(signed.rawPayload, { log })
    const latest = await raw('GET', '/checkpoints/latest', 'text/plain')
    expect(openCheckpoint(latest.rawPayload, { log }).size).toBeGreaterThanOrEqual(size)
    const { body } = await served.ask('GET', `${root}/checkpoints`)
    expect(body.checkpoints.map(({ note }: { note: string }) => note)).toContain(signed.body)
    const lines = await raw('GET', '/checkpoints', 'application/x-ndjson')
    expect(
      lines.body
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line).note),
    ).toContain(signed.body)
  })

  it.each(['text/plain', 'application/octet-stream'])(
    'give a proof as a file: %s',
    async (type) => {
      const { position } = await served.vault.write('a', 'x')
      const answer = await raw('GET', `/proofs/${position}`, type)
      expect(answer.headers).toMatchObject({
        'content-disposition': `attachment; filename="${position}.tlog-proof"`,
      })
      expect(answer.headers['content-type']).toContain(type)
      expect(verifyEventProof(answer.rawPayload, { log }).index).toBe(position)
    },
  )

  it('find what a proof begins with among those that are kept, or by its root', async () => {
    const { size, root: hash } = await served.vault.proofs.checkpoint()
    await served.vault.write('a', 'x')
    const kept = await served.ask('GET', `${root}/consistency?from=${size}`)
    expect(kept.body.from).toEqual({ size, root: hash.toString('base64') })
    const hex = hash.toString('hex')
    const given = await served.ask('GET', `${root}/consistency?from=${size}&fromRoot=${hex}`)
    expect([given.status, given.body.from]).toEqual([200, kept.body.from])
    const unknown = await served.ask('GET', `${root}/consistency?from=${size + 1}`)
    expect([unknown.status, unknown.body.code]).toEqual([404, 'NOT_FOUND'])
    const another = 'ab'.repeat(32)
    const wrong = await served.ask('GET', `${root}/consistency?from=${size}&fromRoot=${another}`)
    expect([wrong.status, wrong.body.code, wrong.headers['content-type']]).toEqual([
      409,
      'INTEGRITY',
      'application/problem+json',
    ])
    expect(wrong.body.detail).not.toContain('see what verify says')
  })

  it.each([
    ['a proof of nothing', '/proofs/none', 'path.position must be integer'],
    ['a root that is none', '/consistency?from=1&fromRoot=xx', 'query.fromRoot'],
    ['a root of nothing', `/consistency?from=1&toRoot=${'ab'.repeat(32)}`, 'query.toRoot is of'],
    ['no beginning of a difference', '/diff', 'give from-position or from-time'],
  ])('refuse %s', async (_, url, detail) => {
    const { status, body } = await served.ask('GET', `${root}${url}`)
    expect([status, body.code]).toEqual([400, 'INVALID'])
    expect(body.detail).toContain(detail)
  })

  it('give a difference as one JSON, to now unless said', async () => {
    const { status, body } = await served.ask('GET', `${root}/diff?from-position=0`)
    expect(status).toBe(200)
    expect(body).toMatchObject({ from: { position: 0 }, counts: { secrets: 1 }, mounts: [] })
    expect(body.secrets[0]).toMatchObject({ path: 'prod/db', change: 'added' })
  })

  it('end an export with how many there were', async () => {
    const answer = await raw('GET', '/export', '*/*')
    const said = answer.body
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(said[0]).toMatchObject({ export: { secrets: 1, versions: 1 } })
    expect(said[1]).toMatchObject({ entry: { path: 'prod/db' } })
    expect(said.at(-1)).toEqual({ end: { entries: 1 } })
  })

  it('refuse whoever may not, and have it on record', async () => {
    const rules = [{ effect: 'allow', capabilities: ['read'], paths: ['dev/**'] }] as const
    await served.vault.policies.write('some', { rules })
    const { token } = await served.vault.tokens.issue({ actor: 'svc/x', policies: ['some'] })
    const urls = [
      '/export',
      '/backup',
      '/checkpoints',
      '/checkpoints/latest',
      '/proofs/0',
      '/diff?from-position=0',
    ]
    const found: unknown[] = []
    for (const url of urls) {
      const { status, body } = await served.ask('GET', `${root}${url}`, { token: token.text() })
      found.push([status, body.code])
    }
    expect(found).toEqual(urls.map(() => [403, 'DENIED']))
    for await (const { events } of served.vault.audit.query({ type: 'secret.denied' })) {
      expect(events.map(({ data }) => Object(data).operation)).toEqual([
        'export',
        'backup',
        'audit',
        'audit',
        'audit',
        'audit',
      ])
    }
  })
})
