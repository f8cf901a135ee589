import { type Moment, VaultError } from '../../index.ts'

/** The moment that a query names; undefined for that of the answer. Throws `INVALID` for two. */
export function momentOf({
  position,
  time,
}: {
  readonly position?: number | undefined
  readonly time?: string | undefined
}): Moment | undefined {
  if (position !== undefined && time !== undefined) {
    throw new VaultError('INVALID', 'query: give either position or time')
  }
  if (position !== undefined) return { position }
  return time === undefined ? undefined : { time }
}
