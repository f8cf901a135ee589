/**
 * The members that say something, each of them read once.
 *
 * @example
 * defined({ ttl: 5, uses: undefined }) // { ttl: 5 }
 */
export function defined<T extends object>(
  members: T,
): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const said: { [K in keyof T]?: T[K] } = {}
  for (const name of Object.keys(members) as (keyof T)[]) {
    const value = members[name]
    if (value !== undefined) said[name] = value
  }
  return said as { [K in keyof T]?: Exclude<T[K], undefined> }
}
