import { Type } from 'typebox'
import type { Moment } from '../../index.ts'
import { momentOf } from './moment.ts'
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
  const from = momentOf({ position: said['from-position'], time: said['from-time'] }, 'from-')
  const to = momentOf({ position: said['to-position'], time: said['to-time'] }, 'to-')
  return { ...(from && { from }), ...(to && { to }) }
}
