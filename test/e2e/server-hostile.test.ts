import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { passphrase } from '../../src/index.ts'
import { long, random } from '../fault/vault-material.ts'
import { checkVault } from '../fixtures/check-vault.ts'
import { lightKdf, Shell, words } from '../fixtures/cli.ts'
import {
  type FolderServer,
  startFolderServer,
  withVault,
} from '../fixtures/server/folder-server.ts'
import { chanceOf, mutated, validRequests, withOddMembers } from '../fixtures/server/mutations.ts'
import {
  type Bytes,
  head,
  type RawAnswer,
  RawConnection,
  type RawOptions,
} from '../fixtures/server/raw-client.ts'
import { routeRows } from '../fixtures/server/route-rows.ts'

/*
 * A server process over a vault in a folder, and everything that can be sent to it which no client should send. It goes
 * on answering everybody else, says nothing that is not typed, never 500, and its log verifies in the end.
 */

vi.setConfig({ testTimeout: long ? 900_000 : 120_000, hookTimeout: 120_000 })

const rootToken = 'root-token-that-must-not-show'
const fuzzToken = 'fuzz-token-that-must-not-show'
const value = 'value-that-must-not-show'
const shown = `X-Vault-Token: ${rootToken}`
const at = '/v1/secret'

let shell: Shell
let server: FolderServer
/** Clients that begin, and then take their time. */
let slowHeads: readonly RawConnection[] = []
let slowBodies: readonly RawConnection[] = []

beforeAll(async () => {
  shell = await Shell.withVault()
  await withVault(shell, async (vault) => {
    await vault.tokens.issue({ actor: 'root', policies: ['root'], token: rootToken })
    // All versions are shown: what the trail says of those that are not is no part of this.
    await vault.kv.configure('secret', { maxVersions: 1_000_000 })
    const rules = [
      {
        effect: 'allow' as const,
        capabilities: [
          'read',
          'list',
          'describe',
          'write',
          'annotate',
          'delete',
          'destroy',
        ] as const,
        paths: ['fuzz/**'],
      },
    ]
    await vault.policies.write('fuzz', { rules })
    await vault.tokens.issue({ actor: 'svc/fuzz', policies: ['fuzz'], token: fuzzToken })
    await vault.kv.put('canary', { password: value }, { mount: 'secret' })
  })
  server = await startFolderServer(shell)
})

afterAll(async () => {
  for (const slow of [...slowHeads, ...slowBodies]) slow.drop()
  if (server.child.exitCode === null) await server.end('SIGKILL')
  await shell.remove()
})

/** Fails for an answer that is not one of the wire. */
function expectTyped(answer: RawAnswer): void {
  const { status, headers, body } = answer
  expect(status, body).not.toBe(500)
  expect(status, body).toBeLessThan(504)
  expect(headers['cache-control'], JSON.stringify(answer)).toBe('no-store')
  expect(headers['x-content-type-options']).toBe('nosniff')
  // The wire answers 204, and 404 to a patch of nothing, without a body.
  if (status === 204 || (status === 404 && body === '')) {
    expect(headers['content-type']).toBeUndefined()
    return
  }
  expect(headers['content-type'], JSON.stringify(answer)).toBe('application/json')
  const said = JSON.parse(body)
  expect(typeof said).toBe('object')
  if (status < 400 || 'data' in said) return
  const errors = { errors: expect.any(Array) }
  // Health says how the server is, whatever the status that it is asked to say it with.
  expect(said).toEqual('sealed' in said ? expect.any(Object) : errors)
}

/** What it comes to when these pieces are sent over one connection, and so many answers are waited for. */
async function sent(
  pieces: Bytes | readonly Bytes[],
  { answers = 1, ...options }: RawOptions & { readonly answers?: number } = {},
): Promise<readonly RawAnswer[]> {
  const connection = await RawConnection.to(server.url, options)
  const all = typeof pieces === 'string' || pieces instanceof Uint8Array ? [pieces] : pieces
  const sending = (async () => {
    for (const piece of all) await connection.send(piece)
  })()
  await connection.answered(answers)
  connection.drop()
  await sending
  connection.answers.forEach(expectTyped)
  return connection.answers
}

async function one(pieces: Bytes | readonly Bytes[], options?: RawOptions): Promise<RawAnswer> {
  const [answer] = await sent(pieces, options)
  if (answer === undefined) throw new Error('expected an answer, found a closed connection')
  return answer
}

const post = (path: string, body: Bytes, ...fields: readonly string[]): Buffer => {
  const bytes = typeof body === 'string' ? Buffer.from(body) : Buffer.from(body)
  const line = head(`POST ${path}`, shown, ...fields, `Content-Length: ${bytes.length}`)
  return Buffer.concat([Buffer.from(line, 'latin1'), bytes])
}

const get = (path: string, ...fields: readonly string[]) => head(`GET ${path}`, shown, ...fields)

async function readBack(path: string): Promise<unknown> {
  const { status, body } = await one(get(`${at}/data/${path}`))
  expect(status).toBe(200)
  return JSON.parse(body).data.data
}

const errorsOf = ({ status, body }: RawAnswer) => [status, JSON.parse(body).errors]

describe('slow clients', () => {
  it('keep nobody else waiting', async () => {
    const each = 250
    const open = (from: string) =>
      Promise.all(Array.from({ length: each }, () => RawConnection.to(server.url, { from })))
    slowHeads = await open('127.0.8.1')
    slowBodies = await open('127.0.8.2')
    const beginning = `GET ${at}/data/canary HTTP/1.1\r\nHost: vault\r\nX-Slow: `
    await Promise.all(slowHeads.map((slow) => slow.send(beginning)))
    const body = head(`POST ${at}/data/slow`, shown, 'Content-Length: 1000')
    await Promise.all(slowBodies.map((slow) => slow.send(`${body}{"data":`)))
    for (let round = 0; round < 10; round++) {
      await Promise.all([...slowHeads, ...slowBodies].map((slow) => slow.send('x')))
      expect(await readBack('canary')).toEqual({ password: value })
    }
    for (const slow of [...slowHeads, ...slowBodies]) expect(slow.isClosed).toBe(false)
  })
})

describe('a thousand guesses of one source', () => {
  it('are all refused, most of them till later, and keep nobody else waiting', async () => {
    const guess = (n: number) => head(`GET ${at}/data/canary`, `X-Vault-Token: guess-${n}`)
    const guessing = Array.from({ length: 20 }, (_, connection) => {
      const guesses = Array.from({ length: 50 }, (_unused, n) => guess(connection * 50 + n))
      return sent(guesses.join(''), { answers: 50, from: '127.0.9.9' })
    })
    expect(await readBack('canary')).toEqual({ password: value })
    const answers = (await Promise.all(guessing)).flat()
    expect(answers).toHaveLength(1000)
    const later = answers.filter(({ status }) => status === 429)
    const refused = answers.filter(({ status }) => status === 403)
    expect(later.length + refused.length).toBe(1000)
    expect(refused.length).toBeGreaterThanOrEqual(100)
    expect(later.length).toBeGreaterThan(500)
    for (const { headers } of later) expect(headers['retry-after']).toMatch(/^\d+$/)
  })
})

describe('a body', () => {
  it.each([
    ['of 40 MB, as its head says', head(`POST ${at}/data/big`, shown, 'Content-Length: 40000000')],
    [
      'that gets to 33 MiB in chunks',
      [
        head(`POST ${at}/data/big`, shown, 'Transfer-Encoding: chunked'),
        ...Array.from({ length: 33 }, () => `100000\r\n${'x'.repeat(0x100000)}\r\n`),
      ],
    ],
    ['of 9 MB', post(`${at}/data/big`, Buffer.alloc(9_000_000, 'x'))],
    ['of 100 kB, of a stranger', post('/v1/sys/unseal', `{"key":"${'x'.repeat(100_000)}"}`)],
  ])('%s is refused, and the connection closed or fit for use', async (_, pieces) => {
    const connection = await RawConnection.to(server.url)
    const sending = [pieces].flat().map((piece) => connection.send(piece))
    const [answer] = await connection.answered(1)
    expect(answer && errorsOf(answer)).toEqual([413, ['request body too large']])
    expectTyped(answer as RawAnswer)
    await connection.send(head('GET /v1/sys/leader'))
    await connection.answered(2)
    const [, next] = connection.answers
    if (next === undefined) expect(connection.isClosed).toBe(true)
    else expect(next.status).toBe(200)
    connection.drop()
    await Promise.all(sending)
  })

  const notJson = 'it is not JSON'
  const malformed: readonly (readonly [body: Bytes, why: string])[] = [
    ['{', notJson],
    ['}', notJson],
    ['{]', notJson],
    ['{"a"}', notJson],
    ['{"a":}', notJson],
    ['{"a":1,}', notJson],
    ['{,"a":1}', notJson],
    ['{"a" 1}', notJson],
    ['{a:1}', notJson],
    ["{'a':1}", notJson],
    ['{"a":1}{"b":2}', notJson],
    ['{"a":1} x', notJson],
    ['{"a":01}', notJson],
    ['{"a":+1}', notJson],
    ['{"a":.5}', notJson],
    ['{"a":1.}', notJson],
    ['{"a":NaN}', notJson],
    ['{"a":Infinity}', notJson],
    ['{"a":undefined}', notJson],
    ['{"a":"\n"}', notJson],
    ['{"a":"\\x"}', notJson],
    ['{"a":"\\u12"}', notJson],
    ['{/**/"a":1}', notJson],
    ['\ufeff{"a":1}', notJson],
    ['LIST /v1/secret/metadata HTTP/1.1\r\nHost: vault\r\n\r\n', notJson],
    ['{"a":"', 'a string does not end'],
    ['[]', 'expected an object'],
    ['[{"data":{}}]', 'expected an object'],
    ['"data"', 'expected an object'],
    ['null', 'expected an object'],
    ['{"data":{"a":1,"a":2}}', 'an object names one of its members twice'],
    ['{"data":{"a":1},"d\\u0061ta":{"a":2}}', 'an object names one of its members twice'],
    ['{"__proto__":{"data":{"a":1}}}', 'a member may not be named __proto__'],
    ['{"data":{"__proto__":{"polluted":1}}}', 'a member may not be named __proto__'],
    ['{"data":{"\\u005f_proto__":1}}', 'a member may not be named __proto__'],
    ['{"data":{"a":1e999}}', 'a number has more digits than are kept: give it as a string'],
    ['{"data":{"a":-1e999}}', 'a number has more digits than are kept: give it as a string'],
    [
      '{"data":{"a":9007199254740993}}',
      'a number has more digits than are kept: give it as a string',
    ],
    [
      `{"data":{"a":${'9'.repeat(5000)}}}`,
      'a number has more digits than are kept: give it as a string',
    ],
    [`{"data":${'['.repeat(64)}${']'.repeat(64)}}`, 'expected nesting at most 64 deep'],
    [`{"data":${'['.repeat(100_000)}`, 'expected nesting at most 64 deep'],
    [`{"data":${'{"a":'.repeat(100_000)}`, 'expected nesting at most 64 deep'],
    [Buffer.from('{"data":{"a":"\xff"}}', 'latin1'), 'it is not UTF-8'],
    [Buffer.from('{"data":{"a":"\xc0\xaf"}}', 'latin1'), 'it is not UTF-8'],
    [Buffer.from('{"data":{"a":"\xed\xa0\x80"}}', 'latin1'), 'it is not UTF-8'],
    [Buffer.from('\ufeff{"data":{"a":1}}', 'utf16le'), 'it is not UTF-8'],
    [Buffer.from('{"data":{"a":1}}', 'utf16le'), notJson],
    [gzipSync('{"data":{"a":1}}'), 'it is not UTF-8'],
  ]
  // Some of them are far too long to be the name of a test.
  const named = malformed.map(([body, why]) => {
    const text = Buffer.from(body).toString('latin1')
    return [JSON.stringify(text.slice(0, 40)), body, why] as const
  })

  it.each(named)('that begins with %s is refused', async (_, body, why) => {
    const answer = await one(post(`${at}/data/malformed`, body))
    expect(errorsOf(answer)).toEqual([400, [`error parsing JSON: ${why}`]])
  })

  it.each([
    ['a value with half a surrogate pair', `${at}/data/odd`, { data: { a: '\ud800' } }],
    ['a name with half a surrogate pair', `${at}/data/odd`, { data: { '\udc00': 1 } }],
    [
      'a tag with half a surrogate pair',
      `${at}/metadata/odd`,
      { custom_metadata: { a: '\ud800' } },
    ],
    ['a tag named __proto__ as data', `${at}/metadata/odd`, { custom_metadata: { '\0': 'a' } }],
    ['a policy with half a surrogate pair', '/v1/sys/policy/odd', { policy: '\ud800' }],
    ['a label with half a surrogate pair', '/v1/auth/token/create', { display_name: '\ud800' }],
    ['a token with a line in it', '/v1/auth/token/create', { id: 'a\nb\r\nc' }],
    ['a role id with half a surrogate pair', '/v1/auth/approle/role/odd', { role_id: '\ud800abc' }],
  ])('with %s is refused', async (_, path, body) => {
    expect((await one(post(path, JSON.stringify(body)))).status).toBe(400)
  })

  it('with names that objects have by themselves is kept as it was sent', async () => {
    const data = {
      constructor: { prototype: { polluted: 1 } },
      toString: 'text',
      hasOwnProperty: true,
      'a\u0000b': '\u2028\u{1f600}\u0000',
      '': 'LIST /v1/secret/metadata HTTP/1.1',
    }
    expect((await one(post(`${at}/data/odd-names`, JSON.stringify({ data })))).status).toBe(200)
    expect(await readBack('odd-names')).toEqual(data)
    expect(await readBack('canary')).toEqual({ password: value })
  })

  it('that says it is compressed is read as the bytes that it is', async () => {
    const zipped = gzipSync('{"data":{"a":"never inflated"}}')
    for (const field of ['Content-Encoding: gzip', 'Content-Encoding: br']) {
      const answer = await one(post(`${at}/data/zipped`, zipped, field))
      expect(errorsOf(answer)).toEqual([400, ['error parsing JSON: it is not UTF-8']])
    }
    // 1 GB of zeros, in a megabyte.
    const bomb = gzipSync(Buffer.alloc(8_000_000))
    expect((await one(post(`${at}/data/zipped`, bomb, 'Content-Encoding: gzip'))).status).toBe(400)
    const coded = head(`POST ${at}/data/zipped`, shown, 'Transfer-Encoding: gzip, chunked')
    const size = zipped.length.toString(16)
    const answer = await one([coded, `${size}\r\n`, zipped, '\r\n0\r\n\r\n'])
    expect(answer.status).toBe(400)
  })
})

describe('a path', () => {
  const astray: readonly (readonly [path: string, status: number])[] = [
    ['/v1/secret/data/../../sys/seal', 400],
    ['/v1/secret/data/..%2f..%2fsys%2fseal', 400],
    ['/v1/secret/data/%2e%2e/%2e%2e/sys/seal', 400],
    ['/v1/secret/data/%2E%2E%2F%2E%2E%2Fsys/seal', 400],
    ['/v1/secret/data/.%2e/sys/seal', 400],
    ['/v1/secret/data/..\\..\\sys\\seal', 400],
    ['/v1/secret/data/..%5c..%5csys%5cseal', 400],
    ['/v1/secret/../sys/seal', 404],
    ['/v1/secret/..%2fsys/seal', 404],
    ['/v1/./sys/seal', 404],
    ['/v1//sys/seal', 404],
    ['//v1/sys/seal', 404],
    ['/v1/sys%2fseal', 404],
    ['/v1/sys;/seal', 404],
    ['/V1/SYS/SEAL', 404],
    ['/%2e/v1/sys/seal', 404],
    ['http://vault.example/v1/sys/seal', 404],
    ['/v1/secret/data/a%00b', 400],
    ['/v1/secret/data/%00', 400],
    ['/v1/secret/data/a%0d%0aX-Evil:%201', 400],
    ['/v1/secret/data/a%7f', 400],
    ['/v1/secret/data/%', 400],
    ['/v1/secret/data/%zz', 400],
    ['/v1/secret/data/%c0%ae%c0%ae/sys', 400],
    ['/v1/secret/data/%ed%a0%80', 400],
    ['/v1/secret/data/%ff', 400],
    ['/v1/secret/data/a//b', 400],
    ['/v1/secret/data/a%2f%2fb', 400],
    [`/v1/secret/data/${'a/'.repeat(2000)}b`, 400],
    [`/v1/secret/data/${'a'.repeat(15_000)}`, 400],
    [`/v1/sys/policy/${'a'.repeat(5000)}`, 414],
    [`/v1/secret/data/${'a'.repeat(20_000)}`, 431],
  ]
  const named = astray.map(([path, status]) => [path.slice(0, 60), path, status] as const)

  it.each(named)('%s leads nowhere else', async (_, path, status) => {
    const body = JSON.stringify({ data: { a: 'b' }, policy: 'path "secret/*" {}' })
    const answer = await one(post(path, body))
    expect(answer.status).toBe(status)
    expect(answer.headers['x-evil']).toBeUndefined()
    const { body: state } = await one(head('GET /v1/sys/seal-status'))
    expect(JSON.parse(state).sealed).toBe(false)
  })

  it('is decoded once', async () => {
    for (const [path, name] of [
      ['once%2Fslash', 'once/slash'],
      ['twice%252Fslash', 'twice%2Fslash'],
      ['twice%252e%252e%252fup', 'twice%2e%2e%2fup'],
      ['space%20and%3Fhash%23', 'space and?hash#'],
    ] as const) {
      expect((await one(post(`${at}/data/decoded/${path}`, '{"data":{"a":1}}'))).status).toBe(200)
      const { body } = await one(head(`SCAN ${at}/metadata/decoded`, shown))
      expect(JSON.parse(body).data.keys).toContain(name)
    }
  })
})

describe('a head', () => {
  const flood = (count: number, size: number) =>
    Array.from({ length: count }, (_, n) => `X-${n}: ${'x'.repeat(size)}`)
  it.each([
    ['one field of 20 kB', get(`${at}/data/canary`, ...flood(1, 20_000)), 431],
    ['2,000 fields', get(`${at}/data/canary`, ...flood(2000, 20)), 431],
    ['a name of 20 kB', get(`${at}/data/canary`, `${'x'.repeat(20_000)}: 1`), 431],
    ['two tokens', get(`${at}/data/canary`, shown), 400],
    ['two tokens of other cases', get(`${at}/data/canary`, 'x-vault-TOKEN: another'), 400],
    ['two namespaces', get(`${at}/data/canary`, 'X-Vault-Namespace: a', 'X-Vault-Namespace:'), 400],
    ['a namespace', get(`${at}/data/canary`, 'X-Vault-Namespace: team'), 400],
    ['a folded field', get(`${at}/data/canary`, 'X: a\r\n b'), 400],
    ['a NUL', get(`${at}/data/canary`, 'X: a\0b'), 400],
    ['a carriage return', get(`${at}/data/canary`, 'X: a\rb'), 400],
    ['a space before the colon', get(`${at}/data/canary`, 'X : a'), 400],
    ['no colon', get(`${at}/data/canary`, 'X'), 400],
    ['a lower-case method', head('get /v1/sys/health'), 400],
    ['no path', head('GET ', shown), 400],
    ['no slash', head('GET v1/sys/health', shown), 400],
    ['bytes beyond ASCII in its path', head('GET /v1/secret/data/\xc3\xa9', shown), 400],
    ['line feeds alone', get(`${at}/data/canary`).replaceAll('\r\n', '\n'), 400],
    ['HTTP/1.2', get('/v1/sys/health').replace('HTTP/1.1', 'HTTP/1.2'), 400],
    ['HTTP/0.9', 'GET /v1/sys/health\r\n\r\n', 200],
    ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400],
    ['TLS', Buffer.from('16030100c8010000c40303', 'hex'), 400],
    ['bytes of no protocol', Buffer.from([0, 1, 2, 255, 254, 13, 10, 13, 10]), 400],
    ['no host', get('/v1/sys/health').replace('Host: vault\r\n', ''), 400],
    ['two hosts', get('/v1/sys/health', 'Host: vault'), 400],
    ['two hosts of other cases', get('/v1/sys/health', 'HOST: another'), 400],
    ['an expectation that nobody knows', get('/v1/sys/health', 'Expect: cake'), 417],
    ['an upgrade', head('GET /v1/sys/health', 'Connection: Upgrade', 'Upgrade: websocket'), 200],
    [
      'an upgrade to HTTP/2',
      head('GET /v1/sys/health', 'Connection: Upgrade', 'Upgrade: h2c'),
      200,
    ],
    ['a host that is none', head('GET /v1/sys/health').replace('vault', '../../etc'), 200],
    ['a token that is no text', head('GET /v1/sys/mounts', 'X-Vault-Token: \xff\xfe\t\xc0'), 403],
    ['a token of 15 kB', head('GET /v1/sys/mounts', `X-Vault-Token: ${'x'.repeat(15_000)}`), 403],
    ['a bearer that is none', head('GET /v1/sys/mounts', 'Authorization: Bearer'), 403],
    [
      'a type that is none',
      post(`${at}/data/typed`, '{"data":{"a":1}}', 'Content-Type: \xff;;'),
      200,
    ],
  ])('with %s gets a typed answer', async (_, bytes, status) => {
    expect((await one(bytes, { from: '127.0.10.1' })).status).toBe(status)
  })

  it.each([
    ...['LINK', 'BIND', 'OHAI', 'LISTS', 'list'].map((method) => [method, 400] as const),
    ...['TRACE', 'OPTIONS', 'PROPFIND', 'PURGE', 'QUERY', 'M-SEARCH', 'UNLINK', 'REBIND'].map(
      (method) => [method, 405] as const,
    ),
  ])('of method %s is refused', async (method, status) => {
    expect((await one(head(`${method} ${at}/metadata`, shown))).status).toBe(status)
  })

  it('of CONNECT makes no tunnel', async () => {
    const connection = await RawConnection.to(server.url)
    const inside = head(`DELETE ${at}/metadata/canary`, shown)
    await connection.send(head('CONNECT vault:443', shown) + inside)
    expect(await connection.closed()).toEqual([])
  })

  it('that waits to be told to go on is told so, and then answered', async () => {
    const body = '{"data":{"a":"waited"}}'
    const fields = [shown, 'Expect: 100-continue', `Content-Length: ${body.length}`]
    expect((await one([head(`POST ${at}/data/expected`, ...fields), body])).status).toBe(200)
    expect(await readBack('expected')).toEqual({ a: 'waited' })
  })
})

describe('a request within a request', () => {
  const destroy = head(`DELETE ${at}/metadata/canary`, shown)
  const list = `LIST ${at}/metadata HTTP/1.1\r\nHost: vault\r\n${shown}\r\n\r\n`
  const leader = head('GET /v1/sys/leader')
  const chunkedHead = (...fields: readonly string[]) => head(`POST ${at}/data/in`, shown, ...fields)
  const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`
  const chunked = 'Transfer-Encoding: chunked'

  it.each([
    ['a length and chunks', chunkedHead('Content-Length: 6', chunked)],
    ['chunks and a length', chunkedHead(chunked, 'Content-Length: 6')],
    ['two lengths', chunkedHead('Content-Length: 5', 'Content-Length: 60')],
    ['a list of lengths', chunkedHead('Content-Length: 5, 5')],
    ['a signed length', chunkedHead('Content-Length: +5')],
    ['a length in hexadecimal', chunkedHead('Content-Length: 0x5')],
    ['a length after a space', chunkedHead('Content-Length : 5')],
    ['a length with a letter in it', chunkedHead('Content-Length: 5x')],
    ['an unknown coding', chunkedHead('Transfer-Encoding: xchunked')],
    ['chunks before another coding', chunkedHead('Transfer-Encoding: chunked, gzip')],
    ['a coding after a vertical tab', chunkedHead('Transfer-Encoding:\x0bchunked')],
    ['a chunk of no size', `${chunkedHead(chunked)}\r\n`],
    ['a chunk of a negative size', `${chunkedHead(chunked)}-1\r\n`],
    ['a chunk beyond 64 bits', `${chunkedHead(chunked)}fffffffffffffffff\r\n`],
    ['a chunk whose size ends in a line feed', `${chunkedHead(chunked)}1\n{\r\n`],
    ['a chunk that is longer than it says', `${chunkedHead(chunked)}1\r\n{}}}\r\n0\r\n\r\n`],
  ])('behind %s is never heard', async (_, beginning) => {
    const answers = await sent(`${beginning}${destroy}`, { answers: 2 })
    expect(answers.map(({ status }) => status)).toEqual([400])
    expect(answers[0]?.headers.connection).toBe('close')
  })

  const withLength = (line: string, body: string, ...fields: readonly string[]) =>
    head(line, ...fields, `Content-Length: ${body.length}`) + body
  const json = `{\r\n\r\n"data":{"a":"${list.replaceAll('\r\n', ' ')}"}}`
  const stored = `POST ${at}/data/in/stored`
  const upgrade = 'Connection: Upgrade\r\nUpgrade: websocket'

  it.each([
    ['a body', withLength(stored, json, shown), 200],
    ['what follows an upgrade', get(`${at}/data/canary`, upgrade), 200],
    ['what follows an upgrade of LIST', head(`LIST ${at}/metadata`, shown, upgrade), 200],
    ['a body of an upgrade', withLength(stored, json, shown, upgrade), 200],
    ['a body of a GET', withLength(`GET ${at}/data/canary`, list, shown), 200],
    ['a body of a LIST', withLength(`LIST ${at}/metadata`, destroy, shown), 200],
    ['a body of a stranger', withLength(stored, destroy), 403],
    ['a body of what no route takes', withLength('POST /v1/nowhere', json, shown), 404],
    ['a body of what a path does not do', withLength('POST /v1/sys/mounts', json, shown), 405],
    [
      'chunks',
      head(stored, shown, chunked) + chunk(json.slice(0, 9)) + chunk(json.slice(9)) + chunk(''),
      200,
    ],
    ['a chunk extension', `${head(stored, shown, chunked)}2;x=LIST\r\n{}\r\n0\r\n\r\n`, 400],
    ['trailers', `${head(stored, chunked)}${chunk(json)}0\r\n${shown}\r\nLIST: ${at}\r\n\r\n`, 403],
  ])('in %s is a part of it', async (_, first, status) => {
    const answers = await sent(first + leader, { answers: 2, from: '127.0.10.2' })
    expect(answers.map((answer) => answer.status)).toEqual([status, 200])
    expect(answers[1]?.body).toContain('leader_address')
  })

  it.each([
    ['a body', withLength(stored, destroy, shown)],
    ['a body that begins with LIST', withLength(stored, list, shown)],
    ['chunks', head(stored, shown, chunked) + chunk(list) + chunk(destroy) + chunk('')],
  ])('in %s that is no JSON is the end of its connection', async (_, first) => {
    const answers = await sent(first + leader, { answers: 2 })
    expect(answers.map(({ status }) => status)).toEqual([400])
    expect(answers[0]?.headers.connection).toBe('close')
  })

  it('whose bytes come by themselves is stored as they are', async () => {
    const text = 'LIST /v1/secret/metadata HTTP/1.1'
    const pieces = ['{"data":{"a":"', text, '"}}']
    const length = pieces.join('').length
    const whole = [head(`POST ${at}/data/in/length`, shown, `Content-Length: ${length}`), ...pieces]
    const inChunks = [
      head(`POST ${at}/data/in/chunks`, shown, chunked),
      ...pieces.flatMap((piece) => [`${piece.length.toString(16)}\r\n`, piece, '\r\n']),
      '0\r\n\r\n',
    ]
    expect((await one(whole)).status).toBe(200)
    expect((await one(inChunks)).status).toBe(200)
    expect(await readBack('in/length')).toEqual({ a: text })
    expect(await readBack('in/chunks')).toEqual({ a: text })
  })

  it('is answered in its turn where it is none, however many come at once', async () => {
    const round = (n: number) => [
      list,
      Buffer.from(post(`${at}/data/turn/${n}`, `{"data":{"n":${n}}}`)).toString('latin1'),
      get(`${at}/data/turn/${n}`),
    ]
    const rounds = 40
    const bytes = Array.from({ length: rounds }, (_, n) => round(n).join('')).join('')
    const answers = await sent(bytes, { answers: 3 * rounds })
    expect(answers).toHaveLength(3 * rounds)
    for (const [turn, { status, body }] of answers.entries()) {
      const said = JSON.parse(body)
      if (turn % 3 === 0) expect([status, said.data.keys]).toEqual([200, expect.any(Array)])
      if (turn % 3 === 1) expect([status, said.data.version]).toEqual([200, 1])
      // All of them were under way at the same time: a read may have come before its write.
      if (turn % 3 === 2 && status === 200) expect(said.data.data).toEqual({ n: (turn - 2) / 3 })
    }
  })

  it('waits where its sender takes no answers', async () => {
    const count = 3000
    const deaf = await RawConnection.to(server.url)
    deaf.pause()
    const sending = deaf.send(leader.repeat(count))
    expect(await readBack('canary')).toEqual({ password: value })
    deaf.resume()
    const answers = await deaf.answered(count)
    expect(answers).toHaveLength(count)
    answers.forEach(expectTyped)
    await sending
    deaf.drop()
  })

  it('has left the secrets as they were', async () => {
    expect(await readBack('canary')).toEqual({ password: value })
    expect((await one(get(`${at}/data/in`))).status).toBe(404)
  })
})

describe('fuzz', () => {
  const chance = chanceOf(random(Number(process.env.FC_SEED ?? 11)))
  const source = (n: number) => `127.1.${(n >> 8) & 255}.${n & 255 || 1}`
  const inParallel = async (count: number, work: (n: number) => Promise<void>) => {
    let next = 0
    const worker = async () => {
      while (next < count) await work(next++)
    }
    await Promise.all(Array.from({ length: 16 }, worker))
  }

  it('of bytes gets typed answers, or none', async () => {
    const requests = validRequests(fuzzToken)
    for (const request of requests) {
      const { status } = await one(request)
      const wanted = request.includes('/approle/login') ? [400] : [200, 204, 403]
      expect(wanted, request).toContain(status)
    }
    const count = long ? 5000 : 1400
    const all = Array.from({ length: count }, () => mutated(chance.pick(requests), chance))
    await inParallel(count, async (n) => {
      const connection = await RawConnection.to(server.url, { from: source(n) })
      const text = all[n] ?? ''
      await connection.send(text)
      // One that is not whole is waited for by the server too, until its sender says that nothing more will come.
      const enough = setTimeout(() => connection.finish(), 500)
      await connection.answered(1)
      clearTimeout(enough)
      connection.drop()
      connection.answers.forEach(expectTyped)
    })
    expect(await readBack('canary')).toEqual({ password: value })
  })

  it('of what bodies hold gets typed answers', async () => {
    const nothingFound = { accessor: '0'.repeat(32), secretIdAccessor: '1'.repeat(32) }
    const endsIt = /sys\/seal$|revoke-self$|secret\/config$/
    const rows = routeRows(nothingFound).filter(({ route }) => !endsIt.test(route))
    const count = long ? 5000 : 600
    const all = Array.from({ length: count }, () => {
      const row = chance.pick(rows)
      const { url, body } = chance.pick([...row.there, ...row.absent])
      return { row, url, body: JSON.stringify(withOddMembers(body, chance)) }
    })
    await inParallel(count, async (n) => {
      const { row, url, body } = all[n] as (typeof all)[number]
      if (row.method === 'HEAD') return
      const fields = Object.entries(row.headers ?? {}).map((pair) => pair.join(': '))
      const length = `Content-Length: ${Buffer.byteLength(body)}`
      const line = head(`${row.method} ${url}`, shown, ...fields, length)
      await one([line, Buffer.from(body)])
    })
    expect(await readBack('canary')).toEqual({ password: value })
  })
})

describe('after all of it', () => {
  it('slow clients have been told, and are gone', async () => {
    for (const slow of slowHeads) {
      const answers = await slow.closed()
      answers.forEach(expectTyped)
      expect(answers.map(errorsOf)).toEqual([[408, ['the request did not arrive in time']]])
    }
    for (const slow of slowBodies) slow.drop()
  })

  it('the server ends in peace, and its log verifies', async () => {
    const { code, stderr } = await server.end()
    expect({ code, stderr }).toEqual({ code: 143, stderr: '' })
    const {
      events,
      size,
      head: closedAt,
    } = await checkVault(shell.vault, passphrase(words, lightKdf))
    expect(closedAt).toBe(size)
    const told = JSON.stringify(events.map(({ data, ...rest }) => [Object.entries(data), rest]))
    for (const secret of [rootToken, fuzzToken, value, 'guess-']) expect(told).not.toContain(secret)
    const guesses = events.filter(({ context }) => context.source === '127.0.9.9')
    const counts = guesses.map(({ data }) => ('count' in data ? Number(data.count) : 0))
    expect(guesses.length).toBeLessThanOrEqual(12)
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(1000)
    const verified = await withVault(shell, (vault) => vault.verify())
    expect(verified).toMatchObject({ ok: true, problems: [] })
  })
})
