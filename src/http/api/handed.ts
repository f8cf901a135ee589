import { VaultError } from '../../index.ts'

/** Hands one item out. Resolves once the next one is asked for, or throws `ABORTED` once nobody will. */
export type Give<T> = (item: T) => Promise<void>

interface Offer<T> {
  readonly item: T
  taken(): void
  lost(): void
}

/**
 * What a work hands out while it runs, as an iteration whose last value is what the work comes to. The work begins when
 * the first item is asked for and waits with each of them until it is taken, so that whoever reads slowly slows it down.
 * Who stops before the end ends the work, as `signal` does, and is kept until that has let go of what it holds.
 *
 * @param signal aborts once nobody reads any more
 */
export async function* handed<T, R>(
  work: (give: Give<T>, signal: AbortSignal) => Promise<R>,
  signal: AbortSignal,
): AsyncGenerator<T, R, void> {
  const left = new AbortController()
  const ends = AbortSignal.any([signal, left.signal])
  const offers: Offer<T>[] = []
  let wake = (): void => undefined
  const give: Give<T> = (item) =>
    new Promise((taken, reject) => {
      const lost = () => reject(new VaultError('ABORTED', 'the caller aborted'))
      if (ends.aborted) return lost()
      offers.push({ item, taken, lost })
      wake()
    })
  const onEnd = () => {
    for (const { lost } of offers.splice(0)) lost()
  }
  ends.addEventListener('abort', onEnd, { once: true })
  const run = outcomeOf(work(give, ends))
  const over: { outcome?: Outcome<R> } = {}
  void run.then((outcome) => {
    over.outcome = outcome
    wake()
  })
  try {
    for (;;) {
      const offer = offers[0]
      if (offer !== undefined) {
        yield offer.item
        // It may have been lost meanwhile.
        if (offers[0] === offer) offers.shift()
        offer.taken()
        continue
      }
      const { outcome } = over
      if (outcome?.failed === true) throw outcome.error
      if (outcome !== undefined) return outcome.value
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
  } finally {
    left.abort()
    await run
  }
}

type Outcome<R> =
  | { readonly failed: false; readonly value: R }
  | { readonly failed: true; readonly error: unknown }

function outcomeOf<R>(work: Promise<R>): Promise<Outcome<R>> {
  return work.then(
    (value) => ({ failed: false, value }),
    (error: unknown) => ({ failed: true, error }),
  )
}

/**
 * Tells how far a work has come. Who reads slowly hears of a later moment instead, and the work waits for nobody.
 *
 * @param give hands one out
 */
export function progressBy<T>(give: Give<T>): (at: T) => void {
  let isTelling = false
  return (at) => {
    if (isTelling) return
    isTelling = true
    const told = () => {
      isTelling = false
    }
    // Where nobody reads any more, the work itself hears of it.
    void give(at).then(told, told)
  }
}
