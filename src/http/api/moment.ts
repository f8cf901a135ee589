import { type Moment, VaultError } from '../../index.ts'

interface Named {
  readonly position?: number | undefined
  readonly time?: string | undefined
}

/**
 * The moment that a query names; undefined where it names none. Throws `INVALID` for two.
 *
 * @param before what stands before both names in the query
 */
export function momentOf({ position, time }: Named, before = ''): Moment | undefined {
  if (position !== undefined && time !== undefined) {
    throw new VaultError('INVALID', `query: give either ${before}position or ${before}time`)
  }
  if (position !== undefined) return { position }
  return time === undefined ? undefined : { time }
}
