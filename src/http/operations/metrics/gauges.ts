import { Counter, Gauge, type Registry } from 'prom-client'

/** A value, and the labels that it stands under. */
export interface Labelled {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

type Values = number | readonly Labelled[] | undefined

/** A metric whose values are read when it is asked for. */
export interface Read<S> {
  readonly name: string
  readonly help: string
  /** Counters are read off what counts for itself. */
  readonly kind?: 'counter'
  readonly labels?: readonly string[]
  /** Nothing where there is nothing to tell. */
  readonly of: (seen: S) => Values
}

/**
 * Registers metrics that are read together: whatever number of them is asked for at once, `look` is called once.
 *
 * @param look gives undefined where there is nothing to read: then none of them has a value
 */
export function registerRead<S>(
  registry: Registry,
  reads: readonly Read<S>[],
  look: () => Promise<S | undefined>,
): void {
  let looking: Promise<S | undefined> | undefined
  const seen = () => {
    looking ??= look().finally(() => {
      looking = undefined
    })
    return looking
  }
  for (const { name, help, kind, labels = [], of } of reads) {
    const about = { name, help, labelNames: labels, registers: [registry] }
    const read = async () => {
      const values = await seen().then((found) => (found === undefined ? undefined : of(found)))
      metric.reset()
      // A metric without labels stands at 0 once it is reset, which is not what nothing means.
      if (values === undefined && labels.length === 0) metric.remove()
      for (const { labels: under, value } of listed(values)) metric.inc(under, value)
    }
    const metric: Counter | Gauge =
      kind === 'counter'
        ? new Counter({ ...about, collect: read })
        : new Gauge({ ...about, collect: read })
  }
}

function listed(values: Values): readonly Labelled[] {
  if (values === undefined) return []
  return typeof values === 'number' ? [{ labels: {}, value: values }] : values
}
