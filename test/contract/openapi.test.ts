import { readFileSync } from 'node:fs'
import { Validator } from '@seriousme/openapi-schema-validator'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { codes } from '../../src/http/api/openapi/codes.ts'
import type { JsonSchema } from '../../src/http/api/openapi/openapi-types.ts'
import { problemOf, problemStatuses } from '../../src/http/api/problem.ts'
import { htmlOf } from '../../src/http/docs/html.ts'
import { pagePolicy } from '../../src/http/docs/html-style.ts'
import { markdownOf } from '../../src/http/docs/markdown.ts'
import { referenceOf } from '../../src/http/docs/reference.ts'
import { surfaceOf } from '../../src/http/surface.ts'
import { capabilities, VaultError } from '../../src/index.ts'
import { type ServedApp, serve } from '../fixtures/http.ts'
import { describedOperations, givenDocument, schemaChecker } from '../fixtures/openapi.ts'
import { allRoutesOf } from '../fixtures/server/matrix-world.ts'

const document = givenDocument()
const operations = describedOperations(document)
const check = schemaChecker(document)
const page = htmlOf(referenceOf(document))

let served: ServedApp
beforeAll(async () => {
  served = await serve({}, { metrics: {} })
})
afterAll(() => served.close())

/** Every schema within one, itself first. */
function* within(schema: JsonSchema): Generator<JsonSchema> {
  yield schema
  const { properties = {}, items, anyOf = [], additionalProperties } = schema
  const rows = typeof additionalProperties === 'object' ? [additionalProperties] : []
  for (const each of [...Object.values(properties), ...anyOf, ...rows, ...(items ? [items] : [])]) {
    yield* within(each)
  }
}

/** What is said somewhere of the schema of a body or an answer, and an example of it. */
const media = operations.flatMap(({ id, operation, responses }) =>
  [operation.requestBody, ...Object.values(responses)].flatMap((part) =>
    Object.entries(part?.content ?? {}).map(([type, { schema, example }]) => ({
      id,
      type,
      schema,
      example,
    })),
  ),
)

describe('the OpenAPI document', () => {
  it('is one of version 3.1', async () => {
    const validator = new Validator()
    const found = await validator.validate({ ...structuredClone(document) })
    expect(found.errors ?? []).toEqual([])
    expect([found.valid, validator.version]).toEqual([true, '3.1'])
  })

  it('has every route of the server that is no part of the wire, and no other', async () => {
    const routes = await allRoutesOf(served)
    const ofApi = routes
      .map((route) => route.split(' ') as [string, string])
      .filter(([, path]) => surfaceOf(path) === 'api')
      .map(([method, path]) => `${method} ${path.replaceAll(/:(\w+)/g, '{$1}')}`)
    const told = operations.map(({ method, path }) => `${method} ${path}`)
    expect(ofApi.length).toBeGreaterThan(20)
    expect(told.toSorted()).toEqual(ofApi.toSorted())
  })

  it('names each operation once, and each right by its capability', () => {
    const ids = operations.map(({ id }) => id)
    expect(new Set(ids).size).toBe(ids.length)
    expect(ids.filter((id) => !/^[a-z][A-Za-z]+$/.test(id))).toEqual([])
    const rights = operations.map(({ operation }) => operation['x-right'])
    const known = [...capabilities, 'self', undefined]
    expect(rights.filter((right) => !known.includes(right as 'read'))).toEqual([])
  })

  it('takes a token for whatever takes a right, and tells of 401 then', () => {
    for (const { id, operation, responses } of operations) {
      const takesToken = operation['x-right'] !== undefined
      expect([id, operation.security.length > 0, '401' in responses]).toEqual([
        id,
        takesToken,
        takesToken,
      ])
    }
  })

  it('says of each parameter, each operation and each of its groups what it is for', () => {
    const silent = operations.flatMap(({ id, operation, parameters }) => [
      ...parameters.filter(({ description }) => !description).map(({ name }) => `${id} ${name}`),
      ...(operation.summary.endsWith('.') ? [`${id}: a full stop`] : []),
    ])
    expect(silent).toEqual([])
    expect(document.tags.filter(({ description }) => description === '')).toEqual([])
  })

  it('gives a name to what would stand in it twice', () => {
    const seen = new Map<string, number>()
    const whole = [
      ...Object.values(document.components.schemas),
      ...media.map((m) => m.schema ?? {}),
    ]
    for (const schema of whole.flatMap((each) => [...within(each)])) {
      if (Object.keys(schema.properties ?? {}).length < 4) continue
      const text = JSON.stringify(schema)
      seen.set(text, (seen.get(text) ?? 0) + 1)
    }
    expect([...seen].filter(([, count]) => count > 1).map(([text]) => text)).toEqual([])
  })

  it('has no schema of a name that nothing refers to', () => {
    const text = JSON.stringify(document)
    const names = Object.keys(document.components.schemas)
    expect(names.filter((name) => !text.includes(`"#/components/schemas/${name}"`))).toEqual([])
    expect(names).toEqual(names.toSorted())
  })

  it.each(media.filter(({ example }) => example !== undefined))(
    'shows an example that it admits: $id as $type',
    ({ schema = {}, example }) => {
      expect(check(schema, example)).toEqual([])
    },
  )

  it('would notice an example that it does not admit', () => {
    const { Written = {} } = document.components.schemas
    expect(check(Written, { path: 1 })).not.toEqual([])
  })

  it('knows every code, and describes problems as they are sent', () => {
    expect(codes.map(({ code }) => code).toSorted()).toEqual(
      Object.keys(problemStatuses).toSorted(),
    )
    const { Problem = {} } = document.components.schemas
    const id = '019afc1e-8a70-7c3d-9b1e-2f4a6c8e0d12'
    for (const { code } of codes) {
      const details = { path: 'a', expected: 1, found: 'x', eventIds: [id] }
      const problem = problemOf(new VaultError(code, 'expected this', details), id)
      expect(check(Problem, JSON.parse(JSON.stringify(problem)))).toEqual([])
      expect(codes.find((each) => each.code === code)?.statuses).toContain(problem.status)
    }
  })

  it('is open to everybody, sealed or not, and says nothing of the vault', async () => {
    const { status, headers, body } = await served.ask('GET', '/openapi.json', { token: null })
    expect([status, headers['content-type']]).toEqual([200, 'application/json; charset=utf-8'])
    expect(body).toEqual(document)
  })
})

describe('docs/http-api.md', () => {
  it('tells the status and the retry of each code', () => {
    const guide = readFileSync(new URL('../../docs/http-api.md', import.meta.url), 'utf8')
    const rows = [...guide.matchAll(/^\| `([A-Z_]+)` \| ([\d, ]+) \| (\w+) \|$/gm)]
    const told = rows.map(([, code, statuses, retry]) => ({ code, statuses, retry }))
    expect(told).toEqual(
      codes.map(({ code, statuses, retry }) => ({ code, statuses: statuses.join(', '), retry })),
    )
  })
})

describe('the reference page', () => {
  it('is styled by its own style, loads nothing, and may do nothing', async () => {
    const answer = await served.app.inject({ url: '/docs' })
    expect([answer.statusCode, answer.headers['content-type']]).toEqual([
      200,
      'text/html; charset=utf-8',
    ])
    expect(answer.headers['content-security-policy']).toBe(pagePolicy)
    expect(pagePolicy).toMatch(/^default-src 'none'; style-src 'sha256-[\w+/]{43}='; /)
    expect(answer.body).toBe(page)
    expect(page).not.toMatch(/<script|<link|<img|\sstyle=|\son\w+=|https?:/)
  })

  it('has a place for each operation, each code and each schema, and no link that leads nowhere', () => {
    const ids = [...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id)
    expect(new Set(ids).size).toBe(ids.length)
    const wanted = [
      ...operations.map(({ id }) => id),
      ...codes.map(({ code }) => code),
      ...Object.keys(document.components.schemas).map((name) => `schema-${name}`),
    ]
    expect(wanted.filter((id) => !ids.includes(id))).toEqual([])
    const links = [...page.matchAll(/ href="#([^"]+)"/g)].map(([, id]) => id)
    expect(links.length).toBeGreaterThan(100)
    expect(links.filter((id) => !ids.includes(id))).toEqual([])
  })

  it('escapes what a description holds', () => {
    const hostile = `<img src=x onerror=alert(1)> \`<b>\` [<i>](#"><script>)`
    const { info, ...rest } = document
    const shown = htmlOf(referenceOf({ info: { ...info, description: hostile }, ...rest }))
    expect(shown).not.toMatch(/<img|<script|<i>/)
    expect(shown).toContain('&#60;img src=x onerror=alert(1)&#62;')
  })

  it('is docs/http-reference.md as well: npm run reference', () => {
    const place = new URL('../../docs/http-reference.md', import.meta.url)
    expect(readFileSync(place, 'utf8')).toBe(markdownOf(referenceOf(document)))
  })
})
