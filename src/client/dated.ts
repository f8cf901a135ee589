/** An answer in which the members of these names are dates, as JSON has no such thing; those that are absent stay so. */
export function dated<T extends object>(said: object, names: readonly (keyof T & string)[]): T {
  const given: Record<string, unknown> = { ...said }
  for (const name of names) {
    const text = given[name]
    if (typeof text === 'string') given[name] = new Date(text)
  }
  return given as T
}
