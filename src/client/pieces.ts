import type { Calling } from './calling.ts'

/** The body of an answer, piece by piece. What is not read to its end is given up. Throws what ends the call. */
export async function* bytesOf(
  { body }: Response,
  calling: Calling,
): AsyncGenerator<Uint8Array, void, void> {
  if (body === null) return
  const reader = body.getReader()
  let ended = false
  try {
    for (;;) {
      const { done, value } = await calling.within(reader.read())
      ended = done
      if (done) return
      yield value
    }
  } finally {
    // Of one that fails, or stalls, that is nothing to wait for.
    if (!ended) reader.cancel().catch(() => undefined)
  }
}

/** The lines of a text in UTF-8 that are not empty. */
export async function* linesIn(
  bytes: AsyncIterable<Uint8Array>,
): AsyncGenerator<string, void, void> {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  // A line may come in many pieces: they are put together once.
  let begun: string[] = []
  for await (const piece of bytes) {
    const [first = '', ...rest] = decoder.decode(piece, { stream: true }).split('\n')
    begun.push(first)
    for (const next of rest) {
      const line = begun.join('')
      begun = [next]
      if (line !== '') yield line
    }
  }
  const line = begun.join('') + decoder.decode()
  if (line !== '') yield line
}
