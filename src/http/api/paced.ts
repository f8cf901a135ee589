import { breather } from '../../breather.ts'

/**
 * The same pieces, between which other work of the process gets its turn: a socket that takes what it is given keeps
 * nobody waiting for it.
 */
export function paced<T>(pieces: AsyncIterable<T>): AsyncIterable<T> {
  const breathe = breather()
  // No generator: one that nobody began would not pass on that it is given up.
  return {
    [Symbol.asyncIterator]: () => {
      const each = pieces[Symbol.asyncIterator]()
      return {
        next: async () => {
          const next = await each.next()
          await breathe()
          return next
        },
        return: async () => (await each.return?.()) ?? { done: true, value: undefined },
      }
    },
  }
}
