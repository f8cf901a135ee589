import type { ReportOptions } from '../../../index.ts'
import { rangeOf } from '../range.ts'

type Query = Parameters<typeof rangeOf>[0] & {
  readonly subject?: string | undefined
  readonly actor?: string | undefined
  readonly dueWithin?: number | undefined
}

/** What a query asks of a report. */
export function askedByQuery({ subject, actor, dueWithin, ...range }: Query): ReportOptions {
  const { from, to } = rangeOf(range)
  return {
    ...(from && { from }),
    ...(to && { asOf: to }),
    ...(subject !== undefined && { subject }),
    ...(actor !== undefined && { actor }),
    ...(dueWithin !== undefined && { dueWithin }),
  }
}
