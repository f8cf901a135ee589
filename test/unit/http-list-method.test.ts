import { describe, expect, it } from 'vitest'
import { methodOf, showMethod } from '../../src/http/list-method.ts'

describe('methodOf', () => {
  it.each([
    ['LINK', 'LIST'],
    ['BIND', 'SCAN'],
    ['GET', 'GET'],
    ['POST', 'POST'],
    ['UNLINK', 'UNLINK'],
  ])('names the request that the parser saw as %s: %s', (method, sent) => {
    expect(methodOf({ method })).toBe(sent)
  })

  it('names nothing where a message has no method', () => {
    expect(methodOf({})).toBe('')
  })
})

describe('showMethod', () => {
  const show = (text: string) => {
    const bytes = Buffer.from(text)
    return [showMethod(bytes), bytes.toString()]
  }

  it.each([
    ['LIST /v1/a HTTP/1.1\r\n', 'LINK /v1/a HTTP/1.1\r\n'],
    ['SCAN /v1/a HTTP/1.1\r\n', 'BIND /v1/a HTTP/1.1\r\n'],
    ['LINK /v1/a HTTP/1.1\r\n', 'LIST /v1/a HTTP/1.1\r\n'],
    ['BIND /v1/a HTTP/1.1\r\n', 'SCAN /v1/a HTTP/1.1\r\n'],
    ['LIST ', 'LINK '],
  ])('shows %j as %j', (sent, shown) => {
    expect(show(sent)).toEqual([true, shown])
  })

  it.each(['GET LIST HTTP/1.1', 'LISTS /', 'LIST\t/', 'LINKS /', 'list /a', ' LIST /', 'LOCK /'])(
    'leaves %j as it is',
    (sent) => expect(show(sent)).toEqual([true, sent]),
  )

  it.each(['L', 'LI', 'LIS', 'LIST', 'LIN', 'LINK', 'S', 'SC', 'SCA', 'SCAN', 'B', 'BI', 'BIND'])(
    'waits for more of %j',
    (sent) => expect(show(sent)).toEqual([false, sent]),
  )

  it.each(['G', 'GET', 'LO', 'LISK', 'SE', '\r', '\n'])('waits for nothing after %j', (sent) => {
    expect(show(sent)).toEqual([true, sent])
  })
})
