import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { AuditEvent } from '../../src/index.ts'
import { type Answer, type AskOptions, rootToken, type ServedApp, serve } from '../fixtures/http.ts'

/*
 * The KV v2 wire row by row and bullet by bullet: exact statuses, bodies, texts, names and types. Bodies are compared as
 * a whole, so that nothing of what the vault keeps beyond the wire can be in them.
 */

const born = '2026-01-01T00:00:00Z'
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const hour = 3_600_000

let served: ServedApp

beforeEach(async () => {
  served = await serve()
})

afterEach(async () => {
  await served.close()
})

/** Asks for what is below the mount. */
function ask(method: string, path: string, options?: AskOptions): Promise<Answer> {
  return served.ask(method, `/v1/secret/${path}`, options)
}

function patch(path: string, body: unknown, token?: string): Promise<Answer> {
  const headers = { 'content-type': 'application/merge-patch+json' }
  return ask('PATCH', path, { body, headers, ...(token !== undefined && { token }) })
}

async function put(path: string, data: object, options?: object): Promise<void> {
  const { status } = await ask('POST', `data/${path}`, { body: { data, options } })
  expect(status).toBe(200)
}

async function did(method: string, path: string, body?: unknown): Promise<void> {
  expectAnswer(await ask(method, path, { body }), 204)
}

function expectAnswer({ status, body, headers }: Answer, wanted: number, whole?: unknown): void {
  expect(body).toEqual(whole)
  expect(status).toBe(wanted)
  if (whole !== undefined) expect(headers['content-type']).toBe('application/json')
  expect(headers['cache-control']).toBe('no-store')
}

/** The whole of an answer with this data. */
function around(data: unknown) {
  return {
    request_id: expect.stringMatching(uuid),
    lease_id: '',
    renewable: false,
    lease_duration: 0,
    data,
    wrap_info: null,
    warnings: null,
    auth: null,
    mount_type: 'kv',
  }
}

/** All that is said of a version, but for what a test says otherwise. */
function version(number: number, other: object = {}) {
  return {
    created_time: born,
    custom_metadata: null,
    deletion_time: '',
    destroyed: false,
    version: number,
    ...other,
  }
}

/** All that is said of a version among those of its secret. */
function listed(other: object = {}) {
  const { version: _, custom_metadata: __, ...short } = version(0, other)
  return { ...short, created_by: { actor: 'root' } }
}

/** All that is said of a secret, but for what a test says otherwise. */
function metadata(versions: object, other: object = {}) {
  return {
    cas_required: false,
    created_time: born,
    current_version: Object.keys(versions).length,
    custom_metadata: null,
    delete_version_after: '0s',
    last_updated_by: { actor: 'root' },
    max_versions: 0,
    oldest_version: 0,
    updated_time: born,
    versions,
    ...other,
  }
}

const unknown = { errors: [] }
const refused = (...errors: readonly string[]) => ({ errors })
const unconverted = (field: string, expected: string) =>
  refused(
    `Field validation failed: error converting input for field "${field}": expected ${expected}`,
  )
const duration = 'a duration such as "3h25m19s", or seconds, and nothing negative'

const casRequired = refused('check-and-set parameter required for this call')
const casMismatch = refused('check-and-set parameter did not match the current version')

/** What is on record since a position. */
async function since(position: number): Promise<AuditEvent[]> {
  const found: AuditEvent[] = []
  for await (const { events } of served.vault.audit.query({ after: position }))
    found.push(...events)
  return found
}

/** A token of an actor with these rules. */
async function tokenWith(...rules: readonly object[]): Promise<string> {
  await served.vault.policies.write('tested', { rules: rules as [] })
  const { token } = await served.vault.tokens.issue({ actor: 'svc/web', policies: ['tested'] })
  return token.text()
}

const allow = (capability: string, ...paths: readonly string[]) => ({
  effect: 'allow',
  capabilities: [capability],
  paths,
})

describe('GET config', () => {
  it('says of a mount without settings that there are none', async () => {
    const settings = { cas_required: false, delete_version_after: '0s', max_versions: 0 }
    expectAnswer(await ask('GET', 'config'), 200, around(settings))
  })

  it('says what was set, the duration as Go prints it', async () => {
    const body = { max_versions: 5, cas_required: true, delete_version_after: '3h25m19s' }
    await did('POST', 'config', body)
    expectAnswer(await ask('GET', 'config'), 200, around(body))
  })
})

describe('POST config', () => {
  const settings = async () => (await ask('GET', 'config')).body.data

  it('is 204 without a body, by PUT too', async () => {
    await did('POST', 'config', { max_versions: 5 })
    await did('PUT', 'config', { max_versions: 6 })
    expect(await settings()).toMatchObject({ max_versions: 6 })
  })

  it('leaves what it does not name, and passes over what it does not know', async () => {
    await did('POST', 'config', { max_versions: 5, cas_required: true, delete_version_after: '1h' })
    await did('POST', 'config', { mount_point: 'secret', metadata_cas_required: true })
    await did('POST', 'config', {})
    expect(await settings()).toEqual({
      cas_required: true,
      delete_version_after: '1h0m0s',
      max_versions: 5,
    })
    await did('POST', 'config', { max_versions: 0, cas_required: false, delete_version_after: 0 })
    expect(await settings()).toEqual({
      cas_required: false,
      delete_version_after: '0s',
      max_versions: 0,
    })
  })

  it('takes numbers and booleans as texts, and seconds', async () => {
    await did('POST', 'config', {
      max_versions: '7',
      cas_required: 'True',
      delete_version_after: 90,
    })
    expect(await settings()).toEqual({
      cas_required: true,
      delete_version_after: '1m30s',
      max_versions: 7,
    })
    await did('POST', 'config', { delete_version_after: '90' })
    expect(await settings()).toMatchObject({ delete_version_after: '1m30s' })
  })

  it.each([
    [{ max_versions: 'many' }, 'max_versions', 'an integer from 0'],
    [{ max_versions: -1 }, 'max_versions', 'an integer from 0'],
    [{ cas_required: 'maybe' }, 'cas_required', 'true or false'],
    [{ delete_version_after: 'soon' }, 'delete_version_after', duration],
    [{ delete_version_after: '-1s' }, 'delete_version_after', duration],
  ])('refuses %j, and changes nothing', async (body, field, expected) => {
    expectAnswer(await ask('POST', 'config', { body }), 400, unconverted(field, expected))
    expect(await settings()).toMatchObject({ max_versions: 0, cas_required: false })
  })
})

describe('GET data/p', () => {
  it('gives the value and the metadata of its version, and nothing besides', async () => {
    const value = { user: 'ana', port: 5432, tls: { on: true, list: [1, 'a', null] }, none: null }
    await put('prod/db', value)
    const data = { data: value, metadata: version(1) }
    expectAnswer(await ask('GET', 'data/prod/db'), 200, around(data))
  })

  it('is an audited read of who asks, from where, by the id that the client is given', async () => {
    await put('prod/db', { a: '1' })
    const { size } = await served.vault.health()
    const { body } = await ask('GET', 'data/prod/db')
    const events = await since(size - 1)
    expect(events).toHaveLength(1)
    expect(events[0]).toMatchObject({
      type: 'secret.accessed',
      actor: 'root',
      subject: 'prod/db',
      data: { operation: 'read', version: 1 },
      context: { source: '127.0.0.1', correlationId: body.request_id },
    })
  })

  it('gives an earlier version, and the latest for N of 0 and below', async () => {
    await put('a', { n: 1 })
    served.clock.advance(1500)
    await put('a', { n: 2 })
    const first = { data: { n: 1 }, metadata: version(1) }
    const latest = {
      data: { n: 2 },
      metadata: version(2, { created_time: '2026-01-01T00:00:01.5Z' }),
    }
    expectAnswer(await ask('GET', 'data/a?version=1'), 200, around(first))
    for (const asked of ['', '?version=2', '?version=0', '?version=-3', '?version=']) {
      expectAnswer(await ask('GET', `data/a${asked}`), 200, around(latest))
    }
  })

  it.each(['x', '1.5', '1e0', '1&version=2'])('refuses version=%s', async (asked) => {
    await put('a', { n: 1 })
    const answer = await ask('GET', `data/a?version=${asked}`)
    expectAnswer(answer, 400, unconverted('version', 'an integer'))
  })

  it('reads custom metadata beside the value', async () => {
    await put('a', { n: 1 })
    await did('POST', 'metadata/a', { custom_metadata: { team: 'pay' } })
    const data = { data: { n: 1 }, metadata: version(1, { custom_metadata: { team: 'pay' } }) }
    expectAnswer(await ask('GET', 'data/a'), 200, around(data))
  })

  it('reads what was not written as fields: a text as value, bytes as value_base64', async () => {
    await served.vault.write('text', 'hunter2')
    await served.vault.write('bytes', Buffer.from([0, 255, 16]))
    expect((await ask('GET', 'data/text')).body.data.data).toEqual({ value: 'hunter2' })
    expect((await ask('GET', 'data/bytes')).body.data.data).toEqual({ value_base64: 'AP8Q' })
  })

  it('decodes the path once', async () => {
    await served.vault.write('a/b c', { n: 1 })
    await served.vault.write('é%2F', { n: 2 })
    expect((await ask('GET', 'data/a%2Fb%20c')).body.data.data).toEqual({ n: 1 })
    expect((await ask('GET', 'data/%C3%A9%252F')).body.data.data).toEqual({ n: 2 })
  })
})

describe('GET data/p of a version that is gone', () => {
  it('is 404 with the whole envelope where it was deleted', async () => {
    await put('a', { n: 1 })
    await did('POST', 'metadata/a', { custom_metadata: { team: 'pay' } })
    served.clock.advance(1000)
    await did('DELETE', 'data/a')
    const gone = { deletion_time: '2026-01-01T00:00:01Z', custom_metadata: { team: 'pay' } }
    const whole = around({ data: null, metadata: version(1, gone) })
    expectAnswer(await ask('GET', 'data/a'), 404, whole)
    expectAnswer(await ask('GET', 'data/a?version=1'), 404, whole)
  })

  it('is 404 with the whole envelope where it was destroyed', async () => {
    await put('a', { n: 1 })
    await did('PUT', 'destroy/a', { versions: [1] })
    const whole = around({ data: null, metadata: version(1, { destroyed: true }) })
    expectAnswer(await ask('GET', 'data/a'), 404, whole)
  })

  it('is 404 with the whole envelope where its time has come', async () => {
    await did('POST', 'metadata/a', { delete_version_after: '1h' })
    await put('a', { n: 1 })
    served.clock.advance(hour)
    const metadata = version(1, { deletion_time: '2026-01-01T01:00:00Z' })
    expectAnswer(await ask('GET', 'data/a'), 404, around({ data: null, metadata }))
  })

  it('leaves the other versions to be read', async () => {
    await put('a', { n: 1 })
    await put('a', { n: 2 })
    await did('DELETE', 'data/a')
    expect((await ask('GET', 'data/a')).status).toBe(404)
    expect((await ask('GET', 'data/a?version=1')).body.data.data).toEqual({ n: 1 })
  })
})

describe('GET data/p of what is not there', () => {
  it('is 404 without a word for an unknown key', async () => {
    expectAnswer(await ask('GET', 'data/nowhere'), 404, unknown)
    expectAnswer(await ask('GET', 'data/'), 404, unknown)
    expectAnswer(await ask('GET', 'data/prod/'), 404, unknown)
  })

  it('is the same for an unknown version', async () => {
    await put('a', { n: 1 })
    expectAnswer(await ask('GET', 'data/a?version=2'), 404, unknown)
    expectAnswer(await ask('GET', 'data/a?version=999999999'), 404, unknown)
  })

  it('is the same for a version that max_versions took', async () => {
    await did('POST', 'metadata/a', { max_versions: 1 })
    await put('a', { n: 1 })
    await put('a', { n: 2 })
    expectAnswer(await ask('GET', 'data/a?version=1'), 404, unknown)
  })

  it('is the same where there is only metadata', async () => {
    await did('POST', 'metadata/a', { max_versions: 3 })
    expectAnswer(await ask('GET', 'data/a'), 404, unknown)
  })

  it('is 405 as a list', async () => {
    const whole = refused('unsupported operation')
    expectAnswer(await ask('LIST', 'data/a'), 405, whole)
    expectAnswer(await ask('GET', 'data/a?list=true'), 405, whole)
  })
})

describe('POST data/p', () => {
  it('answers with the metadata of the new version, by PUT too', async () => {
    const body = { data: { n: 1 } }
    expectAnswer(await ask('POST', 'data/a', { body }), 200, around(version(1)))
    served.clock.advance(2)
    const next = around(version(2, { created_time: '2026-01-01T00:00:00.002Z' }))
    expectAnswer(await ask('PUT', 'data/a', { body }), 200, next)
  })

  it('answers with custom metadata and with when the version will be deleted', async () => {
    await did('POST', 'metadata/a', {
      custom_metadata: { team: 'pay' },
      delete_version_after: '1h',
    })
    const more = { custom_metadata: { team: 'pay' }, deletion_time: '2026-01-01T01:00:00Z' }
    const body = { data: { n: 1 } }
    expectAnswer(await ask('POST', 'data/a', { body }), 200, around(version(1, more)))
  })

  it('is a rotation where the value of a live version changes, and a write otherwise', async () => {
    const { size } = await served.vault.health()
    await put('a', { n: 1 })
    await put('a', { n: 1 })
    await put('a', { n: 2 })
    await did('DELETE', 'data/a')
    await put('a', { n: 3 })
    const events = (await since(size - 1)).filter(({ subject }) => subject === 'a')
    expect(events.map(({ type }) => type)).toEqual([
      'secret.written',
      'secret.written',
      'secret.rotated',
      'secret.deleted',
      'secret.written',
    ])
    expect(events[2]).toMatchObject({ actor: 'root', data: { trigger: 'wire', version: 3 } })
  })

  it('takes an empty object, and whatever JSON holds', async () => {
    await put('empty', {})
    expect((await ask('GET', 'data/empty')).body.data.data).toEqual({})
    const text = '{"data":{"big":9007199254740991,"small":-0.1,"e":1e300,"u":"\\u00e9\\n\\u0000"}}'
    expect((await ask('POST', 'data/json', { body: text })).status).toBe(200)
    expect((await ask('GET', 'data/json')).text).toContain(
      '"data":{"big":9007199254740991,"small":-0.1,"e":1e+300,"u":"é\\n\\u0000"}',
    )
  })

  it('passes over what else a body has: clients repeat arguments of the path', async () => {
    const body = { data: { n: 1 }, path: 'other', mount_point: 'kv', lease: 3 }
    expectAnswer(await ask('POST', 'data/a', { body }), 200, around(version(1)))
    expectAnswer(await ask('GET', 'data/other'), 404, unknown)
  })

  it.each([undefined, '', {}, { data: null }, { n: 1 }, { options: { cas: 0 } }])(
    'refuses %j: no data provided',
    async (body) => {
      const answer = await ask('POST', 'data/a', { body })
      expectAnswer(answer, 400, refused('no data provided'))
      expectAnswer(await ask('GET', 'metadata/a'), 404, unknown)
    },
  )

  it.each(['hunter2', 7, true, [], [{ n: 1 }]])(
    'refuses %j for data, and does not repeat it',
    async (data) => {
      const answer = await ask('POST', 'data/a', { body: { data } })
      expectAnswer(answer, 400, unconverted('data', 'an object'))
    },
  )

  it('refuses a number that would be stored as another one', async () => {
    const answer = await ask('POST', 'data/a', { body: '{"data":{"n":9007199254740993}}' })
    expect(answer.status).toBe(400)
    expect(answer.body.errors[0]).toContain('a number has more digits than are kept')
    expectAnswer(await ask('GET', 'metadata/a'), 404, unknown)
  })

  it('refuses a value beyond 1 MiB', async () => {
    const answer = await ask('POST', 'data/a', { body: { data: { n: 'x'.repeat(1 << 20) } } })
    const message = `value: expected at most 1048576 bytes, found ${(1 << 20) + 8}`
    expectAnswer(answer, 400, refused(message))
  })

  it('refuses a path that no secret has', async () => {
    const body = { data: { n: 1 } }
    expectAnswer(await ask('POST', 'data/', { body }), 400, refused('missing path'))
    const message = 'path "a//b": expected no empty segment'
    expectAnswer(await ask('POST', 'data/a//b', { body }), 400, refused(message))
  })
})

describe('PATCH data/p', () => {
  it('merges into the newest version, by RFC 7396', async () => {
    await put('a', { keep: 1, gone: 2, deep: { keep: 3, gone: 4 }, list: [1, 2] })
    served.clock.advance(1000)
    const body = { data: { gone: null, deep: { gone: null, made: 5 }, list: [3], made: 'x' } }
    const next = version(2, { created_time: '2026-01-01T00:00:01Z' })
    expectAnswer(await patch('data/a', body), 200, around(next))
    expect((await ask('GET', 'data/a')).body.data.data).toEqual({
      keep: 1,
      deep: { keep: 3, made: 5 },
      list: [3],
      made: 'x',
    })
  })

  it('takes a media type with parameters, in any case', async () => {
    await put('a', { n: 1 })
    const headers = { 'content-type': 'Application/Merge-Patch+JSON; charset=utf-8' }
    const body = { data: { n: 2 } }
    expect((await ask('PATCH', 'data/a', { body, headers })).status).toBe(200)
  })

  it('is 415 of another type', async () => {
    await put('a', { n: 1 })
    const headers = { 'content-type': 'application/json' }
    const answer = await ask('PATCH', 'data/a', { body: { data: { n: 2 } }, headers })
    const message = 'PATCH requires Content-Type of application/merge-patch+json'
    expectAnswer(answer, 415, refused(message))
    expect((await ask('GET', 'data/a')).body.data.data).toEqual({ n: 1 })
  })

  it('is 404 without a body for a missing key, and where there is only metadata', async () => {
    for (const path of ['data/nowhere', 'data/declared']) {
      await did('POST', 'metadata/declared', { max_versions: 3 })
      const answer = await patch(path, { data: { n: 1 } })
      expectAnswer(answer, 404)
      expect(answer.text).toBe('')
    }
  })

  it('is 404 with the envelope around the metadata where the latest is gone', async () => {
    await put('a', { n: 1 })
    await put('b', { n: 1 })
    served.clock.advance(1000)
    await did('DELETE', 'data/a')
    await did('POST', 'destroy/b', { versions: [1] })
    const deleted = version(1, { deletion_time: '2026-01-01T00:00:01Z' })
    expectAnswer(await patch('data/a', { data: { n: 2 } }), 404, around(deleted))
    const destroyed = version(1, { destroyed: true })
    expectAnswer(await patch('data/b', { data: { n: 2 } }), 404, around(destroyed))
  })

  it('is the same where its time has come', async () => {
    await did('POST', 'metadata/a', { delete_version_after: '1h' })
    await put('a', { n: 1 })
    served.clock.advance(hour)
    const expired = version(1, { deletion_time: '2026-01-01T01:00:00Z' })
    expectAnswer(await patch('data/a', { data: { n: 2 } }), 404, around(expired))
  })

  it('says no more than 404 to who may write and not describe', async () => {
    await put('a', { n: 1 })
    await did('DELETE', 'data/a')
    const token = await tokenWith(allow('write', '**'), allow('read', '**'))
    expectAnswer(await patch('data/a', { data: { n: 2 } }, token), 404, unknown)
  })

  it('heeds options.cas', async () => {
    await put('a', { n: 1 })
    const body = (cas: unknown) => ({ data: { n: 2 }, options: { cas } })
    expectAnswer(await patch('data/a', body(0)), 400, casMismatch)
    expectAnswer(await patch('data/a', body('1')), 200, around(version(2)))
    await did('POST', 'metadata/a', { cas_required: true })
    expectAnswer(await patch('data/a', { data: { n: 3 } }), 400, casRequired)
  })

  it.each([{}, { data: null }])('refuses %j: no data provided', async (body) => {
    await put('a', { n: 1 })
    expectAnswer(await patch('data/a', body), 400, refused('no data provided'))
  })

  it('refuses to patch what was not written as fields', async () => {
    await served.vault.write('text', 'hunter2')
    const answer = await patch('data/text', { data: { n: 1 } })
    expect(answer.status).toBe(400)
    expect(answer.text).not.toContain('hunter2')
  })
})

describe('DELETE data/p', () => {
  it('is 204 and withdraws the latest version, which can be brought back', async () => {
    await put('a', { n: 1 })
    await put('a', { n: 2 })
    await did('DELETE', 'data/a')
    expect((await ask('GET', 'data/a')).body.data.metadata).toMatchObject({
      version: 2,
      deletion_time: born,
    })
    expect((await ask('GET', 'data/a?version=1')).status).toBe(200)
    await did('POST', 'undelete/a', { versions: [2] })
    expect((await ask('GET', 'data/a')).body.data.data).toEqual({ n: 2 })
  })

  it('is 204 always: twice, of a destroyed version, of what is not there, of metadata', async () => {
    await put('a', { n: 1 })
    await did('DELETE', 'data/a')
    await did('DELETE', 'data/a')
    await did('POST', 'destroy/a', { versions: [1] })
    await did('DELETE', 'data/a')
    await did('DELETE', 'data/nowhere')
    await did('POST', 'metadata/declared', { max_versions: 3 })
    await did('DELETE', 'data/declared')
  })
})

describe('POST delete/p, undelete/p, destroy/p', () => {
  const routes = ['delete', 'undelete', 'destroy']
  const state = async (number: number) => {
    const { deletion_time, destroyed } = (await ask('GET', 'metadata/a')).body.data.versions[number]
    if (destroyed) return 'destroyed'
    return deletion_time === '' ? 'live' : 'deleted'
  }
  const states = async () => [await state(1), await state(2), await state(3)]

  beforeEach(async () => {
    for (const n of [1, 2, 3]) await put('a', { n })
  })

  it('change the versions that are named, by PUT too', async () => {
    await did('POST', 'delete/a', { versions: [1, 2] })
    expect(await states()).toEqual(['deleted', 'deleted', 'live'])
    await did('POST', 'undelete/a', { versions: [2] })
    expect(await states()).toEqual(['deleted', 'live', 'live'])
    await did('PUT', 'destroy/a', { versions: [1, 3] })
    expect(await states()).toEqual(['destroyed', 'live', 'destroyed'])
    expect((await ask('GET', 'data/a?version=2')).body.data.data).toEqual({ n: 2 })
  })

  it('take numbers as texts, one alone, and several in a text', async () => {
    await did('POST', 'delete/a', { versions: ['1'] })
    await did('POST', 'delete/a', { versions: 2 })
    expect(await states()).toEqual(['deleted', 'deleted', 'live'])
    await did('POST', 'undelete/a', { versions: '1,2' })
    expect(await states()).toEqual(['live', 'live', 'live'])
  })

  it.each(routes)('%s is 204 of versions and keys that are not there', async (route) => {
    await did('POST', `${route}/nowhere`, { versions: [1] })
    await did('POST', `${route}/a`, { versions: [9, 0, -1, 999_999_999] })
    await did('POST', `${route}/a`, { versions: [0] })
    expect(await states()).toEqual(['live', 'live', 'live'])
  })

  it.each(routes)('%s is 204 again, and of one version twice', async (route) => {
    await did('POST', `${route}/a`, { versions: [1, 1] })
    const before = await states()
    await did('POST', `${route}/a`, { versions: [1] })
    expect(await states()).toEqual(before)
  })

  it.each(routes)('%s refuses an empty list, and none', async (route) => {
    const whole = refused('No version number provided')
    for (const body of [{ versions: [] }, {}, { versions: null }, { versions: '' }]) {
      expectAnswer(await ask('POST', `${route}/a`, { body }), 400, whole)
    }
  })

  it.each(routes)('%s refuses what is no version', async (route) => {
    const whole = unconverted('versions', 'a list of integers')
    for (const versions of ['one', ['1', 'x'], [1.5], { a: 1 }]) {
      expectAnswer(await ask('POST', `${route}/a`, { body: { versions } }), 400, whole)
    }
    expect(await states()).toEqual(['live', 'live', 'live'])
  })

  it('undelete leaves a destroyed version destroyed', async () => {
    await did('POST', 'destroy/a', { versions: [2] })
    await did('POST', 'undelete/a', { versions: [2] })
    await did('POST', 'delete/a', { versions: [2] })
    expect(await states()).toEqual(['live', 'destroyed', 'live'])
  })
})

describe('GET metadata/p', () => {
  it('says all of a secret and of its versions', async () => {
    await put('a', { n: 1 })
    served.clock.advance(1000)
    await put('a', { n: 2 })
    await did('POST', 'metadata/a', {
      max_versions: 3,
      cas_required: true,
      delete_version_after: '3h25m19s',
      custom_metadata: { team: 'pay', tier: 'gold' },
    })
    await did('POST', 'delete/a', { versions: [1] })
    const second = '2026-01-01T00:00:01Z'
    const versions = {
      1: { ...listed({ deletion_time: second }), deleted_by: { actor: 'root' } },
      2: listed({ created_time: second }),
    }
    const whole = metadata(versions, {
      cas_required: true,
      custom_metadata: { team: 'pay', tier: 'gold' },
      delete_version_after: '3h25m19s',
      max_versions: 3,
      updated_time: second,
    })
    expectAnswer(await ask('GET', 'metadata/a'), 200, around(whole))
  })

  it('says who wrote each version, and who deleted it', async () => {
    await served.vault.write('a', { n: 1 }, { actor: 'user/ana' })
    await served.vault.write('a', { n: 2 }, { actor: 'user/bob' })
    await served.vault.delete('a', { actor: 'user/eve' })
    const { versions, last_updated_by } = (await ask('GET', 'metadata/a')).body.data
    expect(versions[1].created_by).toEqual({ actor: 'user/ana' })
    expect(versions[2].created_by).toEqual({ actor: 'user/bob' })
    expect(versions[2].deleted_by).toEqual({ actor: 'user/eve' })
    expect(last_updated_by).toEqual({ actor: 'user/bob' })
  })

  it('is 404 of what is not there', async () => {
    expectAnswer(await ask('GET', 'metadata/nowhere'), 404, unknown)
    expectAnswer(await ask('GET', 'metadata/'), 404, unknown)
    expectAnswer(await ask('GET', 'metadata'), 404, unknown)
    expectAnswer(await ask('GET', 'metadata/a/'), 404, unknown)
  })
})

describe('POST metadata/p', () => {
  it('creates the key with no version', async () => {
    await did('POST', 'metadata/a', { max_versions: 3, custom_metadata: { team: 'pay' } })
    const { last_updated_by: _, ...declared } = metadata(
      {},
      { max_versions: 3, custom_metadata: { team: 'pay' } },
    )
    expectAnswer(await ask('GET', 'metadata/a'), 200, around(declared))
    expectAnswer(
      await ask('POST', 'data/a', { body: { data: { n: 1 }, options: { cas: 0 } } }),
      200,
      around(version(1, { custom_metadata: { team: 'pay' } })),
    )
    expect((await ask('GET', 'metadata/a')).body.data).toMatchObject({ max_versions: 3 })
  })

  it('leaves what it does not name, and takes the whole of custom metadata', async () => {
    await put('a', { n: 1 })
    await did('POST', 'metadata/a', {
      max_versions: 3,
      cas_required: true,
      delete_version_after: '1h',
      custom_metadata: { a: '1', b: '2' },
    })
    await did('PUT', 'metadata/a', { custom_metadata: { b: '3' } })
    expect((await ask('GET', 'metadata/a')).body.data).toMatchObject({
      max_versions: 3,
      cas_required: true,
      delete_version_after: '1h0m0s',
      custom_metadata: { b: '3' },
    })
    await did('POST', 'metadata/a', {
      max_versions: 0,
      cas_required: false,
      delete_version_after: '0s',
      custom_metadata: {},
    })
    const versions = { 1: listed() }
    expectAnswer(await ask('GET', 'metadata/a'), 200, around(metadata(versions)))
  })

  it('creates nothing where it names nothing', async () => {
    await did('POST', 'metadata/a', {})
    await did('POST', 'metadata/a', { path: 'a' })
    expectAnswer(await ask('GET', 'metadata/a'), 404, unknown)
  })

  it.each([
    [{ max_versions: 'x' }, 'max_versions', 'an integer from 0'],
    [{ cas_required: 'x' }, 'cas_required', 'true or false'],
    [{ delete_version_after: -5 }, 'delete_version_after', duration],
    [{ custom_metadata: 'x' }, 'custom_metadata', 'an object'],
  ])('refuses %j, and creates nothing', async (body, field, expected) => {
    expectAnswer(await ask('POST', 'metadata/a', { body }), 400, unconverted(field, expected))
    expectAnswer(await ask('GET', 'metadata/a'), 404, unknown)
  })

  it('refuses one without a path', async () => {
    const answer = await ask('POST', 'metadata/', { body: { max_versions: 1 } })
    expectAnswer(answer, 400, refused('missing path'))
  })
})

describe('PATCH metadata/p', () => {
  beforeEach(async () => {
    await put('a', { n: 1 })
    await did('POST', 'metadata/a', { max_versions: 3, custom_metadata: { a: '1', b: '2' } })
  })

  it('is 204, changes what it names, and null removes custom metadata', async () => {
    expectAnswer(await patch('metadata/a', { custom_metadata: { a: null, c: '3' } }), 204)
    expectAnswer(await patch('metadata/a', { cas_required: true }), 204)
    expect((await ask('GET', 'metadata/a')).body.data).toMatchObject({
      max_versions: 3,
      cas_required: true,
      custom_metadata: { b: '2', c: '3' },
    })
    expectAnswer(await patch('metadata/a', {}), 204)
  })

  it('takes a setting, or all of custom metadata, away with null', async () => {
    expectAnswer(await patch('metadata/a', { max_versions: null, custom_metadata: null }), 204)
    const versions = { 1: listed() }
    expectAnswer(await ask('GET', 'metadata/a'), 200, around(metadata(versions)))
  })

  it('is 404 without a body of what is not there', async () => {
    const answer = await patch('metadata/nowhere', { max_versions: 3 })
    expectAnswer(answer, 404)
    expect(answer.text).toBe('')
    expectAnswer(await ask('GET', 'metadata/nowhere'), 404, unknown)
  })

  it('is 415 of another type', async () => {
    const headers = { 'content-type': 'application/json' }
    const answer = await ask('PATCH', 'metadata/a', { body: { max_versions: 9 }, headers })
    const message = 'PATCH requires Content-Type of application/merge-patch+json'
    expectAnswer(answer, 415, refused(message))
  })

  it('refuses an entry too many over those that are there', async () => {
    const more = Object.fromEntries(Array.from({ length: 63 }, (_, at) => [`key${at}`, 'v']))
    const message = 'tags takes at most 64 entries, not 65'
    expectAnswer(await patch('metadata/a', { custom_metadata: more }), 400, refused(message))
  })
})

describe('DELETE metadata/p', () => {
  it('is 204, and all versions are gone', async () => {
    await put('a', { n: 1 })
    await put('a', { n: 2 })
    await did('DELETE', 'metadata/a')
    expectAnswer(await ask('GET', 'metadata/a'), 404, unknown)
    expectAnswer(await ask('GET', 'data/a?version=1'), 404, unknown)
    expectAnswer(await ask('LIST', 'metadata/'), 404, unknown)
    const body = { data: { n: 3 }, options: { cas: 0 } }
    expectAnswer(await ask('POST', 'data/a', { body }), 200, around(version(1)))
  })

  it('is 204 of a key without a version, and of what is not there', async () => {
    await did('POST', 'metadata/a', { max_versions: 3 })
    await did('DELETE', 'metadata/a')
    expectAnswer(await ask('GET', 'metadata/a'), 404, unknown)
    await did('DELETE', 'metadata/a')
    await did('DELETE', 'metadata/nowhere')
  })
})

describe('LIST metadata/p', () => {
  beforeEach(async () => {
    for (const path of ['b', 'b-1', 'b/c/d', 'b/c/e', 'b/z', 'a', 'deep/er/still']) {
      await put(path, { n: 1 })
    }
    await did('POST', 'metadata/declared/only', { max_versions: 3 })
    await did('POST', 'metadata/told', { max_versions: 3 })
  })

  const top = ['a', 'b', 'b-1', 'b/', 'declared/', 'deep/', 'told']

  it.each(['metadata/', 'metadata'])(
    '%s gives the names at the top, with a slash or without',
    async (path) => {
      expectAnswer(await ask('LIST', path), 200, around({ keys: top }))
    },
  )

  it.each(['metadata/b', 'metadata/b/'])('%s gives those in a folder', async (path) => {
    expectAnswer(await ask('LIST', path), 200, around({ keys: ['c/', 'z'] }))
  })

  it.each(['true', '1', 't', 'T', 'TRUE', 'True'])('is GET ?list=%s as well', async (yes) => {
    expectAnswer(await ask('GET', `metadata?list=${yes}`), 200, around({ keys: top }))
    const below = around({ keys: ['c/', 'z'] })
    expectAnswer(await ask('GET', `metadata/b?list=${yes}`), 200, below)
    expectAnswer(await ask('GET', `metadata/b/?list=${yes}`), 200, below)
  })

  it('reads with ?list=false, and is 400 for what Go cannot read', async () => {
    expect((await ask('GET', 'metadata/b?list=false')).body.data.current_version).toBe(1)
    expectAnswer(await ask('GET', 'metadata/b?list=yes'), 400, unknown)
    expectAnswer(await ask('GET', 'metadata/b?list=1&scan=1'), 400, unknown)
  })

  it('is 404 of what is empty or not there, or a secret and no folder', async () => {
    expectAnswer(await ask('LIST', 'metadata/nowhere'), 404, unknown)
    expectAnswer(await ask('LIST', 'metadata/a'), 404, unknown)
  })

  it('gives so many, behind one that need not be there', async () => {
    const keys = async (query: string) => (await ask('LIST', `metadata/?${query}`)).body.data.keys
    expect(await keys('limit=2')).toEqual(['a', 'b'])
    expect(await keys('limit=2&after=b')).toEqual(['b-1', 'b/'])
    expect(await keys('after=b-')).toEqual(['b-1', 'b/', 'declared/', 'deep/', 'told'])
    expect(await keys('after=b/')).toEqual(['declared/', 'deep/', 'told'])
    expect(await keys('limit=0')).toEqual(top)
    expect(await keys('limit=-1&after=')).toEqual(top)
    expectAnswer(await ask('LIST', 'metadata/?after=zzz'), 404, unknown)
    const whole = unconverted('limit', 'an integer')
    expectAnswer(await ask('LIST', 'metadata/?limit=x'), 400, whole)
    const twice = unconverted('after', 'a text')
    expectAnswer(await ask('LIST', 'metadata/?after=a&after=b'), 400, twice)
  })

  it('goes through all there is in pages', async () => {
    const found: string[] = []
    for (let after = ''; ; after = found.at(-1) ?? '') {
      const page = await ask('LIST', `metadata/?limit=3&after=${encodeURIComponent(after)}`)
      if (page.status === 404) break
      found.push(...page.body.data.keys)
    }
    expect(found).toEqual(top)
  })

  it('gives thousands of keys in one body', async () => {
    const names = Array.from({ length: 4500 }, (_, at) => `key"${String(at).padStart(4, '0')}`)
    await Promise.all(names.map((name) => served.vault.write(`many/${name}`, 'x')))
    expectAnswer(await ask('LIST', 'metadata/many'), 200, around({ keys: names }))
  })
})

describe('SCAN metadata/p', () => {
  const paths = ['a', 'b', 'b-1', 'b/c/d', 'b/c/e', 'b/z', 'b0', 'deep/er/still']

  beforeEach(async () => {
    for (const path of [...paths].reverse()) await put(path, { n: 1 })
  })

  const scan = async (path: string) => (await ask('SCAN', path)).body.data.keys

  it('gives all paths below, as seen from there', async () => {
    expectAnswer(await ask('SCAN', 'metadata/'), 200, around({ keys: paths }))
    expectAnswer(await ask('SCAN', 'metadata'), 200, around({ keys: paths }))
    expect(await scan('metadata/b')).toEqual(['c/d', 'c/e', 'z'])
    expectAnswer(await ask('GET', 'metadata?scan=true'), 200, around({ keys: paths }))
    expectAnswer(await ask('SCAN', 'metadata/nowhere'), 404, unknown)
  })

  it('has keys without a version among them', async () => {
    await did('POST', 'metadata/b/c/declared', { max_versions: 3 })
    expect(await scan('metadata/b/c')).toEqual(['d', 'declared', 'e'])
  })

  it('begins behind any text, and ends at the limit', async () => {
    const texts = [
      '',
      'A',
      'a',
      'b',
      'b-',
      'b/',
      'b/c',
      'b/c/',
      'b/c/d',
      'b/c/d/',
      'b/zz',
      'c',
      'z',
    ]
    for (const after of texts) {
      const wanted = paths.filter((path) => path > after)
      const query = `after=${encodeURIComponent(after)}`
      const answer = await ask('SCAN', `metadata/?${query}`)
      expect(answer.body.data?.keys ?? []).toEqual(wanted)
      const [one] = wanted
      if (one !== undefined) expect(await scan(`metadata/?limit=1&${query}`)).toEqual([one])
    }
    expectAnswer(await ask('SCAN', 'metadata/?scan=1&list=1'), 200, around({ keys: paths }))
  })

  it('goes through all there is in pages', async () => {
    const found: string[] = []
    for (let after = ''; ; after = found.at(-1) ?? '') {
      const page = await ask('SCAN', `metadata/?limit=3&after=${encodeURIComponent(after)}`)
      if (page.status === 404) break
      expect(page.body.data.keys.length).toBeLessThanOrEqual(3)
      found.push(...page.body.data.keys)
    }
    expect(found).toEqual(paths)
  })
})

describe('GET subkeys/p', () => {
  const value = { user: 'ana', tls: { key: 'k', ca: { pem: 'p' } }, list: [1], empty: {} }

  beforeEach(async () => {
    await put('a', value)
  })

  it('gives the fields with null for every value', async () => {
    const subkeys = { user: null, tls: { key: null, ca: { pem: null } }, list: null, empty: null }
    const answer = await ask('GET', 'subkeys/a')
    expectAnswer(answer, 200, around({ metadata: version(1), subkeys }))
    expect(answer.text).not.toContain('ana')
  })

  it('goes so deep, and to the bottom for 0', async () => {
    const subkeys = async (query: string) =>
      (await ask('GET', `subkeys/a?${query}`)).body.data.subkeys
    expect((await subkeys('depth=1')).tls).toBeNull()
    expect((await subkeys('depth=2')).tls).toEqual({ key: null, ca: null })
    expect((await subkeys('depth=0')).tls).toEqual({ key: null, ca: { pem: null } })
    expectAnswer(await ask('GET', 'subkeys/a?depth=x'), 400, unconverted('depth', 'an integer'))
  })

  it('gives those of an earlier version', async () => {
    await put('a', { other: 1 })
    const data = { metadata: version(1), subkeys: expect.objectContaining({ user: null }) }
    expectAnswer(await ask('GET', 'subkeys/a?version=1'), 200, around(data))
  })

  it('is 404 with the envelope of a version that is gone, and without of none', async () => {
    await did('DELETE', 'data/a')
    const data = { metadata: version(1, { deletion_time: born }), subkeys: null }
    expectAnswer(await ask('GET', 'subkeys/a'), 404, around(data))
    expectAnswer(await ask('GET', 'subkeys/a?version=7'), 404, unknown)
    expectAnswer(await ask('GET', 'subkeys/nowhere'), 404, unknown)
  })

  it('takes the right to read, and is on record as a read', async () => {
    const { size } = await served.vault.health()
    await ask('GET', 'subkeys/a')
    expect(await since(size - 1)).toMatchObject([{ type: 'secret.accessed', subject: 'a' }])
    const token = await tokenWith(allow('describe', '**'))
    const answer = await ask('GET', 'subkeys/a', { token })
    expectAnswer(answer, 403, refused('permission denied'))
  })
})

describe('check-and-set', () => {
  const write = (options?: unknown) => ask('POST', 'data/a', { body: { data: { n: 1 }, options } })

  it('is unchecked where it is absent', async () => {
    for (const options of [undefined, null, {}, { other: 1 }]) {
      expect((await write(options)).status).toBe(200)
    }
  })

  it('is required where the mount says so', async () => {
    await did('POST', 'config', { cas_required: true })
    expectAnswer(await write(), 400, casRequired)
    expectAnswer(await write({ cas: 0 }), 200, around(version(1)))
    expectAnswer(await write({}), 400, casRequired)
  })

  it('is required where the key says so, before its first version too', async () => {
    await did('POST', 'metadata/a', { cas_required: true })
    expectAnswer(await write(), 400, casRequired)
    expectAnswer(await write({ cas: 0 }), 200, around(version(1)))
    expectAnswer(await write(), 400, casRequired)
  })

  it.each([0, 2, -1, 1_000_001, 9e15])('is 400 for %d where version 1 is there', async (cas) => {
    await put('a', { n: 0 })
    expectAnswer(await write({ cas }), 400, casMismatch)
    expect((await ask('GET', 'data/a')).body.data.data).toEqual({ n: 0 })
  })

  it('of 0 holds only where there is no version', async () => {
    expectAnswer(await write({ cas: 1 }), 400, casMismatch)
    expectAnswer(await write({ cas: 0 }), 200, around(version(1)))
    expectAnswer(await write({ cas: 0 }), 400, casMismatch)
  })

  it('of a key that was deleted is the number that it keeps', async () => {
    await put('a', { n: 1 })
    await put('a', { n: 2 })
    await did('DELETE', 'data/a')
    expectAnswer(await write({ cas: 0 }), 400, casMismatch)
    expectAnswer(await write({ cas: 2 }), 200, around(version(3)))
  })

  it('may be a text', async () => {
    expectAnswer(await write({ cas: '0' }), 200, around(version(1)))
    expectAnswer(await write({ cas: '1' }), 200, around(version(2)))
    expectAnswer(await write({ cas: '1' }), 400, casMismatch)
  })

  it.each(['one', 1.5, [], {}])('is 400 for %j, which is no number', async (cas) => {
    expectAnswer(await write({ cas }), 400, refused('error parsing check-and-set parameter'))
  })

  it('that lost changes nothing, and is on record as the look that it was', async () => {
    const { size } = await served.vault.health()
    await write({ cas: 7 })
    expect(await since(size - 1)).toMatchObject([
      { type: 'secret.inspected', subject: 'a', actor: 'root', data: { operation: 'write' } },
    ])
  })
})

describe('max_versions', () => {
  const kept = async () =>
    Object.keys((await ask('GET', 'metadata/a')).body.data.versions).map(Number)
  const fill = async (count: number) => {
    for (let n = 1; n <= count; n += 1) await put('a', { n })
  }

  it('is 10 where neither the key nor the mount says a number', async () => {
    await fill(12)
    expect(await kept()).toEqual([3, 4, 5, 6, 7, 8, 9, 10, 11, 12])
    expect((await ask('GET', 'metadata/a')).body.data).toMatchObject({
      current_version: 12,
      oldest_version: 3,
      max_versions: 0,
    })
  })

  it('is the greater of the two', async () => {
    await did('POST', 'config', { max_versions: 2 })
    await did('POST', 'metadata/a', { max_versions: 3 })
    await fill(5)
    expect(await kept()).toEqual([3, 4, 5])
    await did('POST', 'config', { max_versions: 4 })
    await put('a', { n: 6 })
    await put('a', { n: 7 })
    expect(await kept()).toEqual([4, 5, 6, 7])
  })

  it('is the one that is said', async () => {
    await did('POST', 'config', { max_versions: 2 })
    await fill(4)
    expect(await kept()).toEqual([3, 4])
  })
})

describe('delete_version_after', () => {
  const deletionTime = async () => {
    const { body } = await ask('POST', 'data/a', { body: { data: { n: 1 } } })
    return body.data.deletion_time
  }

  it('is none where nobody says one', async () => {
    expect(await deletionTime()).toBe('')
  })

  it('is the smaller of those that are said', async () => {
    await did('POST', 'config', { delete_version_after: '2h' })
    expect(await deletionTime()).toBe('2026-01-01T02:00:00Z')
    await did('POST', 'metadata/a', { delete_version_after: '1h' })
    expect(await deletionTime()).toBe('2026-01-01T01:00:00Z')
    await did('POST', 'metadata/a', { delete_version_after: '3h' })
    expect(await deletionTime()).toBe('2026-01-01T02:00:00Z')
    await did('POST', 'config', { delete_version_after: '0s' })
    expect(await deletionTime()).toBe('2026-01-01T03:00:00Z')
  })

  it('stands in the metadata of the version until then and after', async () => {
    await did('POST', 'metadata/a', { delete_version_after: '1h' })
    await put('a', { n: 1 })
    const metadata = version(1, { deletion_time: '2026-01-01T01:00:00Z' })
    const read = around({ data: { n: 1 }, metadata })
    expectAnswer(await ask('GET', 'data/a'), 200, read)
    served.clock.advance(2 * hour)
    expectAnswer(await ask('GET', 'data/a'), 404, around({ data: null, metadata }))
    expect((await ask('GET', 'metadata/a')).body.data.versions[1]).toEqual(
      listed({ deletion_time: '2026-01-01T01:00:00Z' }),
    )
  })
})

describe('updated_time', () => {
  it('changes with a new version, and with nothing else', async () => {
    const updated = async () => (await ask('GET', 'metadata/a')).body.data.updated_time
    await put('a', { n: 1 })
    served.clock.advance(1000)
    await did('POST', 'metadata/a', { max_versions: 3 })
    await did('DELETE', 'data/a')
    await did('POST', 'undelete/a', { versions: [1] })
    expect(await updated()).toBe(born)
    await put('a', { n: 2 })
    expect(await updated()).toBe('2026-01-01T00:00:01Z')
  })
})

describe('destroying', () => {
  it('sets no deletion_time, and leaves one that is there', async () => {
    await put('a', { n: 1 })
    await put('a', { n: 2 })
    await did('POST', 'delete/a', { versions: [1] })
    served.clock.advance(1000)
    await did('POST', 'destroy/a', { versions: [1, 2] })
    expect((await ask('GET', 'metadata/a')).body.data.versions).toEqual({
      1: { ...listed({ destroyed: true, deletion_time: born }), deleted_by: { actor: 'root' } },
      2: listed({ destroyed: true }),
    })
  })
})

describe('deleted keys', () => {
  it('stay listed', async () => {
    await put('a', { n: 1 })
    await put('b', { n: 1 })
    await did('DELETE', 'data/a')
    await did('POST', 'destroy/b', { versions: [1] })
    expectAnswer(await ask('LIST', 'metadata/'), 200, around({ keys: ['a', 'b'] }))
  })
})

describe('custom_metadata', () => {
  const failure = (fault: string) =>
    refused(`1 error occurred:\n\t* custom_metadata validation failed: ${fault}\n\n`)
  const full = {
    ...Object.fromEntries(Array.from({ length: 63 }, (_, at) => [`key${at}`, 'v'])),
    ['k'.repeat(128)]: 'v'.repeat(512),
  }

  it('is up to 64 entries, keys of 128 bytes, values of 512', async () => {
    await did('POST', 'metadata/a', { custom_metadata: full })
    expect((await ask('GET', 'metadata/a')).body.data.custom_metadata).toEqual(full)
  })

  it.each([
    [{ ...full, more: 'v' }, 'payload must contain at most 64 keys, provided 65'],
    [{ '': 'v' }, 'length of key "" is 0 but must be 0 < len(key) <= 128'],
    [
      { ['k'.repeat(129)]: 'v' },
      `length of key "${'k'.repeat(128)}\\u2026" is 129 but must be 0 < len(key) <= 128`,
    ],
    [{ a: '' }, 'length of value for key "a" is 0 but must be 0 < len(value) <= 512'],
    [
      { a: 'v'.repeat(513) },
      'length of value for key "a" is 513 but must be 0 < len(value) <= 512',
    ],
  ])('is no more: case %#', async (custom_metadata, fault) => {
    const answer = await ask('POST', 'metadata/a', { body: { custom_metadata } })
    expectAnswer(answer, 400, failure(fault))
    expectAnswer(await ask('GET', 'metadata/a'), 404, unknown)
  })

  it('is the same in a patch', async () => {
    await put('a', { n: 1 })
    const fault = 'length of value for key "a" is 0 but must be 0 < len(value) <= 512'
    expectAnswer(await patch('metadata/a', { custom_metadata: { a: '' } }), 400, failure(fault))
  })
})

describe('times', () => {
  it('are RFC 3339 in UTC, without zeros at the end of a fraction', async () => {
    const created = async () => {
      const { body } = await ask('POST', 'data/a', { body: { data: { n: 1 } } })
      return body.data.created_time
    }
    expect(await created()).toBe('2026-01-01T00:00:00Z')
    served.clock.advance(120)
    expect(await created()).toBe('2026-01-01T00:00:00.12Z')
    served.clock.advance(3)
    expect(await created()).toBe('2026-01-01T00:00:00.123Z')
  })
})

describe('who may do what', () => {
  const denied = refused('permission denied')
  const put1 = { body: { data: { n: 1 } } }
  const named = { body: { versions: [1] } }
  const routes: [string, string, string, AskOptions?][] = [
    ['read', 'GET', 'data/a'],
    ['read', 'GET', 'subkeys/a'],
    ['write', 'POST', 'data/a', put1],
    ['write', 'PUT', 'data/a', put1],
    [
      'write',
      'PATCH',
      'data/a',
      { ...put1, headers: { 'content-type': 'application/merge-patch+json' } },
    ],
    ['delete', 'DELETE', 'data/a'],
    ['delete', 'POST', 'delete/a', named],
    ['delete', 'POST', 'undelete/a', named],
    ['destroy', 'POST', 'destroy/a', named],
    ['describe', 'GET', 'metadata/a'],
    ['annotate', 'POST', 'metadata/a', { body: { custom_metadata: { a: '1' } } }],
    ['annotate', 'POST', 'metadata/a', { body: {} }],
    [
      'annotate',
      'PATCH',
      'metadata/a',
      { body: {}, headers: { 'content-type': 'application/merge-patch+json' } },
    ],
    ['purge', 'DELETE', 'metadata/a'],
    ['list', 'LIST', 'metadata/'],
    ['list', 'SCAN', 'metadata/'],
    ['policy', 'GET', 'config'],
    ['policy', 'POST', 'config', { body: { max_versions: 1 } }],
  ]

  it.each(routes)(
    'the right to %s lets %s %s through',
    async (capability, method, path, options) => {
      await put('a', { n: 0 })
      const rules = [allow(capability, '**'), ...(method === 'PATCH' ? [allow('read', '**')] : [])]
      const token = await tokenWith(...rules)
      const { status } = await ask(method, path, { ...options, token })
      expect([200, 204]).toContain(status)
    },
  )

  it.each(routes)(
    'without the right to %s, %s %s is 403, on record, and changes nothing',
    async (capability, method, path, options) => {
      await put('a', { n: 0 })
      const all = ['read', 'list', 'describe', 'write', 'annotate', 'delete', 'destroy', 'purge']
      const others = [...all, 'policy'].filter((other) => other !== capability)
      const token = await tokenWith({ effect: 'allow', capabilities: others, paths: ['**'] })
      const before = (await ask('GET', 'metadata/a')).body.data
      const { size } = await served.vault.health()
      expectAnswer(await ask(method, path, { ...options, token }), 403, denied)
      const events = await since(size - 1)
      expect(events).toHaveLength(1)
      expect(events[0]).toMatchObject({
        type: 'secret.denied',
        actor: 'svc/web',
        data: { cause: 'policy' },
      })
      expect((await ask('GET', 'metadata/a')).body.data).toEqual(before)
      expect((await ask('GET', 'config')).body.data).toMatchObject({ max_versions: 0 })
    },
  )

  it.each(routes)(
    'without the right to %s, %s %s is 403 where nothing is there, too',
    async (...route) => {
      const [, method, path, options] = route
      const token = await tokenWith(allow('report', '**'))
      expectAnswer(await ask(method, path, { ...options, token }), 403, denied)
    },
  )

  it('lists show what may be seen', async () => {
    for (const path of ['prod/a', 'prod/sub/b', 'test/c', 'top']) await put(path, { n: 1 })
    const token = await tokenWith(allow('list', 'prod/**'))
    const keys = async (method: string, path: string) =>
      (await ask(method, path, { token })).body.data?.keys
    expect(await keys('LIST', 'metadata/')).toEqual(['prod/'])
    expect(await keys('LIST', 'metadata/prod')).toEqual(['a', 'sub/'])
    expect(await keys('SCAN', 'metadata/')).toEqual(['prod/a', 'prod/sub/b'])
  })

  it('nobody without a token gets further than 403', async () => {
    for (const [, method, path, options] of routes) {
      for (const token of [null, `${rootToken}x`]) {
        expectAnswer(await ask(method, path, { ...options, token }), 403, denied)
      }
    }
  })
})

describe('another mount', () => {
  it('serves the same secrets under its own name, with settings of its own', async () => {
    const other = await serve({ a: { n: 1 } }, { mount: 'kv/team' })
    const { body, status } = await other.ask('GET', '/v1/kv/team/data/a')
    expect([status, body.data.data]).toEqual([200, { n: 1 }])
    const unknownRoute = await other.ask('GET', '/v1/secret/data/a')
    expect(unknownRoute.status).toBe(404)
    await other.close()
  })
})
