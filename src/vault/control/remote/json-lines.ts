import type { IncomingMessage } from 'node:http'
import { VaultError } from '../../../errors.ts'
import type { Word } from '../words.ts'

/** The first member of each line, which has no other: what it is, and what it says. */
export async function* jsonLines(
  answer: IncomingMessage,
): AsyncGenerator<readonly [kind: string, word: Word], void, void> {
  for await (const line of textLines(answer)) yield parsed(line)
}

function parsed(line: string): readonly [string, Word] {
  const [first] = Object.entries(JSON.parse(line) as Readonly<Record<string, Word>>)
  if (first !== undefined) return first
  throw new VaultError('UNSUPPORTED', 'the other end of the socket is of another release')
}

/** The lines of an answer. One that has only begun is no line. */
async function* textLines(answer: IncomingMessage): AsyncGenerator<string, void, void> {
  let begun: string[] = []
  answer.setEncoding('utf8')
  for await (const piece of answer as AsyncIterable<string>) {
    let at = 0
    for (;;) {
      const end = piece.indexOf('\n', at)
      if (end === -1) break
      yield begun.join('') + piece.slice(at, end)
      begun = []
      at = end + 1
    }
    if (at < piece.length) begun.push(piece.slice(at))
  }
}
