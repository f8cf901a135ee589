import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { EventStreamReader, type ReceivedBlock } from '../../src/client/event-source.ts'

/** As a connection brings it: bytes, cut anywhere. */
function received(pieces: readonly Uint8Array[]): {
  readonly blocks: ReceivedBlock[]
  readonly reader: EventStreamReader
} {
  const decoder = new TextDecoder()
  const reader = new EventStreamReader()
  const texts = pieces.map((piece) => decoder.decode(piece, { stream: true }))
  return { blocks: texts.flatMap((text) => [...reader.read(text)]), reader }
}

const blocksOf = (...texts: string[]) => received(texts.map((text) => Buffer.from(text))).blocks

describe('an event stream', () => {
  it.each<[string, string[], ReceivedBlock[]]>([
    ['an event', ['id: 7\nevent: a\ndata: x\n\n'], [{ id: '7', event: 'a', data: 'x' }]],
    ['one without a name', ['data: x\n\n'], [{ event: 'message', data: 'x' }]],
    [
      'data of several lines',
      ['data: x\ndata:\ndata: y\n\n'],
      [{ event: 'message', data: 'x\n\ny' }],
    ],
    ['data that are empty', ['data\n\n'], [{ event: 'message', data: '' }]],
    [
      'one space behind the colon, and no more',
      ['data:  x \n\n'],
      [{ event: 'message', data: ' x ' }],
    ],
    ['a colon within', ['data:a:b\n\n'], [{ event: 'message', data: 'a:b' }]],
    ['comments', [':\n: x\ndata: y\n: z\n\n'], [{ event: 'message', data: 'y' }]],
    ['fields that it does not know', ['what: x\nDATA: y\nid\n\n'], [{ id: '', event: 'message' }]],
    ['an id alone, which is no event', [':\nid: 9\n\n'], [{ id: '9', event: 'message' }]],
    [
      'an id that holds NUL, which is ignored',
      ['id: 1\0\ndata: x\n\n'],
      [{ event: 'message', data: 'x' }],
    ],
    [
      'a name that is of its own event alone',
      ['event: a\n\ndata: x\n\n'],
      [{ event: 'a' }, { event: 'message', data: 'x' }],
    ],
    [
      'a byte order mark, once',
      ['\uFEFF', '\uFEFFdata: x\n\ndata: \uFEFFy\n\n'],
      [{ event: 'message' }, { event: 'message', data: '\uFEFFy' }],
    ],
    [
      'carriage returns',
      ['data: x\r\rdata: y\r\r'],
      [
        { event: 'message', data: 'x' },
        { event: 'message', data: 'y' },
      ],
    ],
    ['both line ends', ['data: x\r\n\r\n'], [{ event: 'message', data: 'x' }]],
    [
      'both, cut between',
      ['data: x\r', '\ndata: y\r', '\n\r', '\n'],
      [{ event: 'message', data: 'x\ny' }],
    ],
    [
      'a return at the end of a piece that no line feed follows',
      ['data: x\r', 'data: y\r', '\r'],
      [{ event: 'message', data: 'x\ny' }],
    ],
    ['a character cut in two', ['data: é\n\n'], [{ event: 'message', data: 'é' }]],
    ['what is not ended, which is none', ['data: x\n'], []],
  ])('has %s', (_, texts, blocks) => {
    expect(blocksOf(...texts)).toEqual(blocks)
  })

  it('tells how long to wait before coming again, in digits and nothing else', () => {
    const { reader } = received(
      ['retry: 2500\n', 'retry: -1\nretry: 1e3\nretry:\n'].map((text) => Buffer.from(text)),
    )
    expect(reader.retry).toBe(2500)
  })

  const line = fc.string({
    unit: fc.constantFrom('a', ' ', ':', 'é', '\u{1F600}', 'id', 'data', '\0'),
  })
  const stream = fc
    .array(fc.tuple(line, fc.constantFrom('\n', '\r', '\r\n')), { maxLength: 30 })
    .map((lines) => `\uFEFF${lines.map(([text, end]) => text + end).join('')}`)

  test.prop([stream, fc.array(fc.nat(200), { maxLength: 12 })])(
    'says the same however it is cut',
    (text, cuts) => {
      const bytes = Buffer.from(text)
      const ends = [...new Set(cuts.map((cut) => Math.min(cut, bytes.length)))].sort(
        (a, b) => a - b,
      )
      const pieces = [...ends, bytes.length].map((end, i) => bytes.subarray(ends[i - 1] ?? 0, end))
      expect(received(pieces).blocks).toEqual(received([bytes]).blocks)
    },
  )
})
