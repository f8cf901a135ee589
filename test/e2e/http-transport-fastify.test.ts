import { once } from 'node:events'
import { request } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { json, text } from 'node:stream/consumers'
import { type FastifyInstance, fastify } from 'fastify'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { methodOf } from '../../src/http/list-method.ts'
import { createWireServer } from '../../src/http/transport/server.ts'

let app: FastifyInstance
let port: number
const stored: unknown[] = []

beforeAll(async () => {
  app = fastify({ serverFactory: (handler) => createWireServer(handler) })
  app.addHttpMethod('LINK')
  app.addHttpMethod('BIND', { hasBody: true })
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(
    '*',
    { parseAs: 'string' },
    async (_request: unknown, body: string) => body,
  )
  app.route({
    method: ['GET', 'LINK', 'BIND'],
    url: '/v1/*',
    handler: async (asked) => ({ method: methodOf(asked.raw), url: asked.url }),
  })
  app.post('/v1/*', async ({ body }) => {
    stored.push(body)
    return { stored: stored.length }
  })
  await app.listen({ port: 0, host: '127.0.0.1' })
  port = (app.server.address() as AddressInfo).port
})
afterAll(() => app.close())

async function raw(chunks: readonly string[]): Promise<string> {
  const socket = connect(port, '127.0.0.1').setNoDelay(true)
  await once(socket, 'connect')
  for (const chunk of chunks) {
    socket.write(chunk)
    await new Promise(setImmediate)
  }
  return text(socket)
}

const head = (line: string, ...fields: string[]) =>
  `${[`${line} HTTP/1.1`, 'Host: vault', ...fields].join('\r\n')}\r\n\r\n`

describe('a fastify app on a wire server', () => {
  it.each(['LIST', 'SCAN', 'GET'])("gets %s from Node's own client", async (method) => {
    const asked = request({ port, method, path: '/v1/secret/metadata/', agent: false })
    // As node-vault sends it.
    asked.setHeader('Content-Length', 0)
    asked.end()
    const [response] = await once(asked, 'response')
    expect(response.statusCode).toBe(200)
    expect(await json(response)).toEqual({ method, url: '/v1/secret/metadata/' })
  })

  it('stores a body that begins with LIST in a chunk of its own, between two that are requests', async () => {
    const body = 'LIST /v1/decoy HTTP/1.1\r\nHost: vault\r\n\r\n'
    const answers = await raw([
      head('LIST /v1/a'),
      head('POST /v1/b', 'Content-Type: text/plain', `Content-Length: ${body.length}`),
      body,
      head('SCAN /v1/c', 'Connection: close'),
    ])
    expect(stored).toEqual([body])
    expect(answers).toMatch(/"LIST","url":"\/v1\/a".*"stored":1.*"SCAN","url":"\/v1\/c"/s)
    expect(answers).not.toContain('decoy')
  })

  it('never sees a LINK that a client sends', async () => {
    const answers = await raw([head('LINK /v1/a')])
    expect(answers).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/)
    expect(answers).not.toContain('/v1/a')
  })

  it('answers what it is asked while it closes, and then nobody', async () => {
    const closing = fastify({ serverFactory: (handler) => createWireServer(handler) })
    closing.addHttpMethod('LINK')
    let answer = (_late: string) => {}
    let asked = () => {}
    const arrived = new Promise<void>((resolve) => {
      asked = resolve
    })
    closing.route({
      method: 'LINK',
      url: '/',
      handler: () => {
        asked()
        return new Promise<string>((resolve) => {
          answer = resolve
        })
      },
    })
    await closing.listen({ port: 0, host: '127.0.0.1' })
    const socket = connect((closing.server.address() as AddressInfo).port, '127.0.0.1')
    socket.write(head('LIST /', 'Connection: close'))
    await arrived
    const closed = closing.close()
    answer('late')
    expect(await text(socket)).toMatch(/200 OK.*late$/s)
    await closed
    expect(closing.server.listening).toBe(false)
  })
})
