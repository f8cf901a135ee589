/** Runs what it is given one at a time, in the order of the calls. */
export type InTurn = <T>(work: () => Promise<T>) => Promise<T>

/** A queue of its own. Work that fails does not stop what comes after it. */
export function oneAtATime(): InTurn {
  let last: Promise<unknown> = Promise.resolve()
  return (work) => {
    const mine = last.then(work)
    last = mine.catch(() => undefined)
    return mine
  }
}
