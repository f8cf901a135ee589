import { describe, expect, it } from 'vitest'
import { prefers } from '../../src/http/api/accept.ts'
import { VaultError } from '../../src/index.ts'

const json = 'application/json'
const lines = 'application/x-ndjson'
const types = [json, lines, 'text/event-stream']

function preferred(accept: string | undefined): string {
  return prefers({ headers: accept === undefined ? {} : { accept } }, types)
}

describe('content negotiation', () => {
  it.each([
    ['nothing', undefined, json],
    ['an empty header', ' ', json],
    ['anything', '*/*', json],
    ['one of them', lines, lines],
    ['one of them in capitals', 'Application/X-NDJSON', lines],
    ['several alike: the first that the server has', `${lines}, ${json}`, json],
    ['one of them rather', `${json};q=0.5, ${lines};q=0.8`, lines],
    ['a kind', 'text/*, application/json;q=0.9', 'text/event-stream'],
    [
      'the narrower range over the wider',
      `*/*, ${json};q=0.1, ${lines};q=0.2`,
      'text/event-stream',
    ],
    ['not one of them', `${json};q=0, */*;q=0.1`, lines],
    [
      'what a browser says',
      'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
      json,
    ],
    ['a parameter that is not its weight', `${lines};version="1,2";q=0.7, text/plain`, lines],
    ['a range that is none beside one that is', `nonsense, /, ${lines};q=2, ${json};q=0.3`, json],
  ])('takes %s', (_, accept, type) => {
    expect(preferred(accept)).toBe(type)
  })

  it.each([
    ['another type', 'text/csv'],
    ['none of them', '*/*;q=0'],
    ['nothing that is a type', 'nonsense'],
  ])('refuses %s', (_, accept) => {
    expect(() => preferred(accept)).toThrow(
      new VaultError('INVALID', `header accept: this operation answers with ${types.join(', ')}`),
    )
    expect(() => preferred(accept)).toThrow(expect.objectContaining({ code: 'INVALID' }))
  })

  it('reads a long header in one pass', () => {
    const accept = `${'a/b;x="'.repeat(2_000)}, ${lines}`
    expect(preferred(`${lines}, ${accept}`)).toBe(lines)
  })
})
