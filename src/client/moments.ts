import { VaultError } from '../errors.ts'
import type { Moment } from '../index.ts'

/** A moment as a query names it. */
export function momentQuery(moment: Moment): {
  readonly position?: number
  readonly time?: string
} {
  if (typeof moment !== 'object' || moment === null) {
    throw new VaultError('INVALID', 'a moment must be its position or its time')
  }
  if ('position' in moment) return { position: moment.position }
  return { time: wiredDate(moment.time) }
}

/** A date as JSON has it; a text stays as it is, and is judged where it arrives. */
export function wiredDate(date: Date | string): string {
  if (!(date instanceof Date)) return date
  if (!Number.isNaN(date.getTime())) return date.toISOString()
  throw new VaultError('INVALID', 'a date must be a valid one')
}

/** Two moments as a query names them. */
export function rangeQuery(ends: {
  readonly from?: Moment
  readonly to?: Moment
}): Readonly<Record<string, string | number>> {
  const said: Record<string, string | number> = {}
  for (const [end, moment] of Object.entries(ends)) {
    if (moment === undefined) continue
    for (const [name, value] of Object.entries(momentQuery(moment))) said[`${end}-${name}`] = value
  }
  return said
}

/** What a body says of two moments. */
export function rangeBody({ from, asOf }: { readonly from?: Moment; readonly asOf?: Moment }) {
  return {
    ...(from !== undefined && { from: momentQuery(from) }),
    ...(asOf !== undefined && { asOf: momentQuery(asOf) }),
  }
}
