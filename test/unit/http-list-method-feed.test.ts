import http, { type RequestListener } from 'node:http'
import { Socket } from 'node:net'
import { describe, expect, it } from 'vitest'
import { Feed } from '../../src/http/transport/feed.ts'
import { RequestEnds } from '../../src/http/transport/request-ends.ts'
import { createWireServer } from '../../src/http/transport/server.ts'
import { cutAt, type ExchangeOptions, exchange } from '../fixtures/http-connection.ts'

const ask = (line: string, ...fields: string[]) =>
  `${[`${line} HTTP/1.1`, 'Host: vault', ...fields].join('\r\n')}\r\n\r\n`

const post = (body: string, ...fields: string[]) =>
  ask('POST /p', `Content-Length: ${body.length}`, ...fields) + body

const chunked = (...parts: string[]) =>
  ask('POST /c', 'Transfer-Encoding: chunked') +
  parts.map((part) => `${part.length.toString(16)}\r\n${part}\r\n`).join('')

/** Bytes that would be a request, were they not a body. */
const decoy = `LIST /decoy HTTP/1.1\r\nHost: vault\r\n\r\nSCAN /decoy HTTP/1.1\r\n\r\nLINK /\r\n\r\n`

const send = (chunks: string | readonly string[], options?: ExchangeOptions) =>
  exchange(createWireServer, [chunks].flat(), options)

/** What arrived, a line a request. */
async function arrived(chunks: string | readonly string[], options?: ExchangeOptions) {
  const { requests } = await send(chunks, options)
  return requests.map(({ method, url, body }) => `${method} ${url}${body && ` ${body}`}`)
}

/** The same bytes split in two at every offset, and byte by byte. */
const everySplit = (text: string) => [...Array.from(text, (_, at) => cutAt(text, [at])), [...text]]

describe('a method that the parser does not know', () => {
  it('is what a plain server refuses', async () => {
    const { requests, output } = await exchange(http.createServer, [ask('LIST /v1/a')])
    expect(requests).toEqual([])
    expect(output).toBe('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n')
  })

  it.each([
    ['LIST', 'LINK'],
    ['SCAN', 'BIND'],
  ])('%s arrives as %s, and is answered', async (sent, seen) => {
    const { requests, output } = await send(ask(`${sent} /v1/a?x=${sent}`))
    expect(requests).toMatchObject([{ method: seen, url: `/v1/a?x=${sent}`, complete: true }])
    expect(output).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
  })

  it.each(['LINK', 'BIND', 'OHAI', 'list', 'LISTS', 'LIST\t'])(
    'a client that really sends %j is refused',
    async (method) => {
      const { requests, output, ended } = await send(ask(`${method} /v1/a`))
      expect(requests).toEqual([])
      expect(output).toBe('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n')
      expect(ended).toBe(true)
    },
  )

  it('arrives whatever chunks it comes in', async () => {
    const text = `${ask('LIST /a')}${ask('SCAN /b')}`
    for (const chunks of everySplit(text)) {
      expect(await arrived(chunks)).toEqual(['LINK /a', 'BIND /b'])
    }
  })

  it('arrives after line ends between requests, in whatever chunks', async () => {
    const text = `\r\n\n${ask('LIST /a')}\r\n\r\n\r\n${ask('LIST /b')}\n\n${ask('GET /c')}\r\n`
    for (const chunks of everySplit(text)) {
      expect(await arrived(chunks)).toEqual(['LINK /a', 'LINK /b', 'GET /c'])
    }
  })

  it('is only where a request begins: a head that names it is received as it was sent', async () => {
    const text = `${ask('LIST /a')}${ask('LIST /LIST', 'X: LIST SCAN LINK /', 'LINK: BIND ')}`
    for (const chunks of everySplit(text)) {
      const { requests } = await send(chunks)
      expect(requests.at(1)).toMatchObject({
        method: 'LINK',
        url: '/LIST',
        headers: ['Host', 'vault', 'X', 'LIST SCAN LINK /', 'LINK', 'BIND'],
      })
    }
  })

  it('arrives when its bytes follow other requests in one chunk', async () => {
    const text = [ask('LIST /1'), post('LIST '), ask('LIST /2'), ask('GET /3'), ask('SCAN /4')]
    expect(await arrived(text.join(''))).toEqual([
      'LINK /1',
      'POST /p LIST ',
      'LINK /2',
      'GET /3',
      'BIND /4',
    ])
  })

  it('arrives with a body of its own', async () => {
    const withLength = `${ask('LIST /a', 'Content-Length: 5')}LIST `
    const withChunks = chunked('LIST ', '').replace('POST /c', 'SCAN /c')
    for (const chunks of everySplit(withLength + withChunks + ask('LIST /b'))) {
      expect(await arrived(chunks)).toEqual(['LINK /a LIST ', 'BIND /c LIST ', 'LINK /b'])
    }
  })

  it.each([1_000, 4_000])('arrives after a request of %i header fields and a body', async (n) => {
    const many = Array.from({ length: n }, () => 'a:')
    const text = post(decoy, ...many).replace(
      /(Content-Length: \d+)\r\n(.*?)\r\n\r\n/s,
      '$2\r\n$1\r\n\r\n',
    )
    expect(await arrived([text, ask('LIST /b')])).toEqual([`POST /p ${decoy}`, 'LINK /b'])
  })
})

describe('a body', () => {
  it('whose chunk begins with LIST is received as it was sent', async () => {
    const [head = '', body = ''] = post('LIST /v1 HTTP/1.1\r\n\r\n').split(
      /(?<=Length: \d+\r\n\r\n)/,
    )
    expect(body).toMatch(/^LIST /)
    expect(await arrived([head, body])).toEqual([`POST /p ${body}`])
  })

  it.each([
    ['of a known length', post(decoy) + ask('LIST /end')],
    ['in chunks', chunked(decoy, '\r\n\r\n', 'LIST ', '') + ask('LIST /end')],
    [
      'in chunks with extensions',
      chunked(decoy, '').replace(/\r\nLIST/, ';x=LIST\r\nLIST') + ask('LIST /end'),
    ],
    ['that was asked for', post(decoy, 'Expect: 100-continue') + ask('LIST /end')],
    ['of nothing', post('') + ask('LIST /end')],
  ])('%s is never taken for a request, however it is split', async (_what, text) => {
    const [whole] = await Promise.all([arrived(text)])
    expect(whole.at(-1)).toBe('LINK /end')
    expect(whole).toHaveLength(2)
    for (const chunks of everySplit(text)) expect(await arrived(chunks)).toEqual(whole)
  })

  it('in chunks may have trailers that look like requests', async () => {
    const text = `${chunked(decoy)}0\r\nLIST : x\r\n\r\n`
    const { requests, output } = await send(text + ask('LIST /b'))
    // A name does not end in a space (RFC 9112 §5.1): refused before its trailers could end it.
    expect(requests).toMatchObject([{ body: decoy, complete: false }])
    expect(output).not.toContain('LIST')
    const { requests: good } = await send(
      `${chunked(decoy)}0\r\nLIST: LIST /x\r\n\r\n${ask('LIST /b')}`,
    )
    expect(good).toMatchObject([
      { body: decoy, trailers: ['LIST', 'LIST /x'], complete: true },
      { method: 'LINK', url: '/b' },
    ])
  })

  it('is not taken for a request while nobody reads it', async () => {
    const pending: http.IncomingMessage[] = []
    const body = decoy.repeat(20)
    const text = post(body) + ask('LIST /b')
    const { requests } = await send(cutAt(text, [150, 400, 900]), {
      highWaterMark: 64,
      answer: (request, response) => {
        pending.push(request)
        setImmediate(() => request.resume())
        request.on('end', () => response.end())
      },
    })
    expect(requests).toMatchObject([
      { method: 'POST', body },
      { method: 'LINK', url: '/b' },
    ])
    expect(pending).toHaveLength(2)
  })

  it('is not taken for a request when its sender has been answered before it comes', async () => {
    const [head = '', body = ''] = [post(decoy).slice(0, -decoy.length), decoy]
    const { requests } = await send([head, body + ask('LIST /b')], {
      answer: (_request, response) => response.end(),
    })
    expect(requests).toMatchObject([
      { method: 'POST', body: '' },
      { method: 'LINK', url: '/b' },
    ])
  })

  it('ends the connection where its end cannot be told', async () => {
    const forgetful = (handler: RequestListener) => {
      const server = createWireServer(handler)
      server.maxHeadersCount = 1
      return server
    }
    const { requests, ended } = await exchange(forgetful, [post(decoy) + ask('LIST /b')])
    // From Node 22 on the parser itself refuses a head that it would have to forget a part of.
    expect(requests.filter(({ method, body }) => method !== 'POST' || body !== '')).toEqual([])
    expect(ended).toBe(true)
  })
})

describe('what the parser refuses', () => {
  const smuggled = ask('LIST /smuggled')
  it.each([
    [
      'a length and chunks',
      `${ask('POST /', 'Content-Length: 5', 'Transfer-Encoding: chunked')}0\r\n\r\n`,
    ],
    [
      'chunks and a length',
      `${ask('POST /', 'Transfer-Encoding: chunked', 'Content-Length: 5')}0\r\n\r\n`,
    ],
    ['two lengths', ask('POST /', 'Content-Length: 5', 'Content-Length: 0')],
    ['the same length twice', `${ask('POST /', 'Content-Length: 5', 'Content-Length: 5')}hello`],
    ['a list of lengths', ask('POST /', 'Content-Length: 5, 0')],
    ['a signed length', `${ask('POST /', 'Content-Length: +5')}hello`],
    ['a length in hexadecimal', `${ask('POST /', 'Content-Length: 0x5')}hello`],
    ['a length beyond 64 bits', ask('POST /', 'Content-Length: 99999999999999999999')],
    ['an unknown coding', ask('POST /', 'Transfer-Encoding: xchunked')],
    ['chunks that are not the last coding', ask('POST /', 'Transfer-Encoding: chunked, gzip')],
    ['a space before the colon', `${ask('POST /', 'Content-Length : 5')}hello`],
    ['a folded field', `${ask('POST /', 'X: a\r\n Content-Length: 5')}hello`],
    ['a bare line feed in the head', `${ask('POST /', 'X: a\nContent-Length: 5')}hello`],
    ['a bare carriage return in the head', `${ask('POST /', 'X: a\rContent-Length: 5')}hello`],
    ['a head that ends in bare line feeds', 'POST / HTTP/1.1\nHost: vault\n\n'],
    ['a null byte', ask('POST /', 'X: \0')],
    ['a chunk size that is none', `${chunked()}x\r\nhello\r\n`],
    ['a chunk longer than its size', `${chunked()}2\r\nhello\r\n`],
    ['a chunk size with a bare line feed', `${chunked()}5\nhello\r\n0\r\n\r\n`],
    ['a request after the last', ask('POST /', 'Connection: close')],
  ])('stays refused, and nothing after it arrives: %s', async (_what, text) => {
    const expected = await exchange(http.createServer, [text + smuggled.replace('LIST', 'GET')])
    for (const chunks of [[text + smuggled], [text, smuggled], [...(text + smuggled)]]) {
      const { requests, ended } = await send(chunks)
      expect(requests.map(({ url }) => url)).not.toContain('/smuggled')
      expect(requests.map(({ url }) => url)).toEqual(expected.requests.map(({ url }) => url))
      expect(ended).toBe(true)
    }
  })

  it('is a request without a host', async () => {
    const { requests, output } = await send('LIST /a HTTP/1.1\r\n\r\n')
    expect(requests).toEqual([])
    expect(output).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/)
  })

  it('is an expectation that nobody knows, whose body is no request either', async () => {
    const { requests, output } = await send(post(decoy, 'Expect: miracles') + ask('LIST /b'))
    expect(requests).toMatchObject([{ method: 'LINK', url: '/b' }])
    expect(output).toMatch(/^HTTP\/1\.1 417 /)
  })

  it('is an upgrade to another protocol: the request is one like any other', async () => {
    const upgrade = ['Connection: Upgrade', 'Upgrade: websocket']
    const text = ask('LIST /a', ...upgrade) + post(decoy, ...upgrade) + ask('LIST /b')
    for (const chunks of [[text], [...text]]) {
      expect(await arrived(chunks)).toEqual(['LINK /a', `POST /p ${decoy}`, 'LINK /b'])
    }
  })

  it.each(['CONNECT vault:80', 'PRI *'])('ends the connection: %s', async (line) => {
    const { requests, ended } = await send(ask(line) + smuggled)
    expect(requests).toEqual([])
    expect(ended).toBe(true)
  })
})

describe('RequestEnds', () => {
  it('knows no more where a request ends once the parser ends a body before its length', () => {
    const ends = new RequestEnds()
    const [head, body] = [ask('POST /', 'Content-Length: 10'), 'LIST ']
    expect(ends.pieceOf(Buffer.from(head + body))).toBe(head.length)
    const request = new http.IncomingMessage(new Socket())
    request.headers = { 'content-length': '10' }
    expect(ends.consumed(request)).toBe(true)
    expect(ends.between).toBe(false)
    expect(ends.pieceOf(Buffer.from(body))).toBe(body.length)
    expect(ends.consumed(undefined)).toBe(true)
    request.complete = true
    expect(ends.consumed(undefined)).toBe(false)
  })
})

describe('a connection', () => {
  it('is refused where Node reads it in a way that is not known', () => {
    expect(() => Feed.before(new Socket())).toThrow(
      expect.objectContaining({
        code: 'UNSUPPORTED',
        message: 'expected one reader of a connection, found 0',
      }),
    )
  })

  it('that ends in the middle of a method is asked for nothing', async () => {
    expect(await arrived([ask('LIST /a'), 'LIS'])).toEqual(['LINK /a'])
  })

  it('is not read on while its answers are not fetched', async () => {
    const text = ask('LIST /a').repeat(50)
    const answered: number[] = []
    const { requests, output } = await send([text], {
      highWaterMark: 256,
      slowClient: true,
      answer: (_request, response, index) => {
        setImmediate(() => answered.push(index))
        response.end('x'.repeat(200))
      },
    })
    expect(requests).toHaveLength(50)
    expect(requests.every(({ method }) => method === 'LINK')).toBe(true)
    expect(output.match(/HTTP\/1\.1 200 OK/g)).toHaveLength(50)
  })

  it('passes on as many requests as come in one chunk', async () => {
    const text = ask('LIST /a').repeat(2_000)
    const { requests } = await send([text])
    expect(requests).toHaveLength(2_000)
  })
})
