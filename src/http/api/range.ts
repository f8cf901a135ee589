import { Type } from 'typebox'
import { type Moment, VaultError } from '../../index.ts'
import { givenDate, position, strict } from './shapes/common.ts'

/** A moment in a body: by position, or by time. */
export const momentShape = Type.Union([
  strict({ position: position('With the event at this position.') }),
  strict({ time: givenDate('With the event of this time.') }),
])

/** Two moments in a query. */
export const rangeQuery = {
  'from-position': Type.Optional(position('It begins with the event at this position.')),
  'from-time': Type.Optional(
    givenDate('It begins with this time. Not together with `from-position`.'),
  ),
  'to-position': Type.Optional(position('It ends with the event at this position.')),
  'to-time': Type.Optional(
    givenDate('It ends with the last event at or before this time. Not with `to-position`.'),
  ),
}

interface Said {
  readonly 'from-position'?: number | undefined
  readonly 'from-time'?: string | undefined
  readonly 'to-position'?: number | undefined
  readonly 'to-time'?: string | undefined
}

/** The moments that a query names. Throws `INVALID` where one of them is named twice. */
export function rangeOf(said: Said): { readonly from?: Moment; readonly to?: Moment } {
  const from = endOf(said, 'from')
  const to = endOf(said, 'to')
  return { ...(from && { from }), ...(to && { to }) }
}

function endOf(said: Said, end: 'from' | 'to'): Moment | undefined {
  const position = said[`${end}-position`]
  const time = said[`${end}-time`]
  if (position !== undefined && time !== undefined) {
    throw new VaultError('INVALID', `query: give either ${end}-position or ${end}-time`)
  }
  if (position !== undefined) return { position }
  return time === undefined ? undefined : { time }
}
