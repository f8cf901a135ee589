import { VaultError } from '../../index.ts'
import { Streamed } from './operation.ts'
import { problemOf } from './problem.ts'

/** Lines of JSON, and what they are of. */
export const jsonLinesType = 'application/x-ndjson'

/**
 * One line of JSON an item. Once the answer has begun there is no other place to say that it failed: its last line is
 * then `{"problem":…}`.
 *
 * @param id of the request
 */
export function jsonLines(items: AsyncIterable<unknown>, id: string): Streamed {
  return jsonLineBatches(oneByOne(items), id)
}

/** The same of items that come several at a time: they are sent as they come. */
export function jsonLineBatches(batches: AsyncIterable<readonly unknown[]>, id: string): Streamed {
  return new Streamed(jsonLinesType, linesOf(batches, id))
}

async function* oneByOne(
  items: AsyncIterable<unknown>,
): AsyncGenerator<readonly unknown[], void, void> {
  for await (const item of items) yield [item]
}

async function* linesOf(
  batches: AsyncIterable<readonly unknown[]>,
  id: string,
): AsyncGenerator<string, void, void> {
  try {
    for await (const items of batches) {
      const text = items.map((item) => `${JSON.stringify(item)}\n`).join('')
      if (text !== '') yield text
    }
  } catch (error) {
    // Nobody is there to read it.
    if (error instanceof VaultError && error.code === 'ABORTED') return
    yield `${JSON.stringify({ problem: problemOf(error, id) })}\n`
  }
}
