/**
 * The same items once the first of them is there. What is refused before that has no answer yet, and so gets a status of
 * its own.
 */
export async function begun<T>(items: AsyncGenerator<T, unknown, void>): Promise<AsyncIterable<T>> {
  let first: IteratorResult<T, unknown> | undefined = await items.next()
  const next = async (): Promise<IteratorResult<T, unknown>> => {
    const held = first
    first = undefined
    return held ?? items.next()
  }
  // No generator: one that nobody began would not pass on that it is given up.
  return {
    [Symbol.asyncIterator]: () => ({ next, return: () => items.return(undefined) }),
  }
}
