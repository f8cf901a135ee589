import type { Moment } from '../index.ts'
import type { Cli } from './cli.ts'
import { UsageError } from './failure.ts'
import { moment } from './when.ts'

export interface RangeFlags {
  readonly from?: string
  readonly to?: string
  readonly asOf?: string
}

/** A part of the log: from an event to an event, both taken. */
export interface Range {
  readonly from?: Moment
  readonly asOf?: Moment
}

/** `--from` and `--to`, of which `--as-of` is another name: the last event that is taken. */
export function rangeOf({ globals: { tz }, now }: Cli, { from, to, asOf }: RangeFlags): Range {
  if (to !== undefined && asOf !== undefined) {
    throw new UsageError('give one of --to and --as-of: both are the last event that is taken')
  }
  const end = to ?? asOf
  return {
    ...(from !== undefined && { from: moment(from, { tz, now }, 'start') }),
    ...(end !== undefined && { asOf: moment(end, { tz, now }) }),
  }
}
