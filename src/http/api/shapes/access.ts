import { Type } from 'typebox'
import { nameBytesMax } from '../../../index.ts'
import { actor, date, position, strict } from './common.ts'

/** Of a policy, a role or an application. */
export const name = Type.String({
  minLength: 1,
  maxLength: nameBytesMax,
  examples: ['payments-read'],
})

export const names = Type.Array(name)

/** What became of a change of who may do what. */
export const accessChange = strict({
  position: Type.Optional(
    position('Of its event. Absent where it was so already, and nothing was appended.'),
  ),
})

/** Since when something is as it is, and by whom. */
export const writing = {
  position: position('Of the event that wrote it as it is.'),
  writtenAt: date('When it was written.'),
  writtenBy: actor,
}
