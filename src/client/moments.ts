import type { Moment } from '../index.ts'
import { momentQuery } from './secrets.ts'

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
