/** The first so many of what there is, and how many more there are. */
export interface BoundedList<T> {
  readonly kept: T[]
  more: number
}

export function boundedList<T>(): BoundedList<T> {
  return { kept: [], more: 0 }
}

export function addBounded<T>(list: BoundedList<T>, item: T, most: number): void {
  if (list.kept.length < most) list.kept.push(item)
  else list.more++
}
