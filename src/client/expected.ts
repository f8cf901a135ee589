import { noVault } from './failure.ts'

/** A list of an answer. Throws `UNSUPPORTED` where it is none. */
export function expectList<T>(said: readonly T[]): readonly T[] {
  if (Array.isArray(said)) return said
  throw noVault('it answered with no list')
}

/** A text of an answer, which is not quoted. Throws `UNSUPPORTED` where it is none. */
export function expectText(said: string): string {
  if (typeof said === 'string') return said
  throw noVault('it answered with no text')
}

/** An object of an answer. Throws `UNSUPPORTED` where it is none. */
export function expectObject<T extends object>(said: T): T {
  if (typeof said === 'object' && said !== null && !Array.isArray(said)) return said
  throw noVault('it answered with no object')
}
