import { Type } from 'typebox'
import type { SignedCheckpoint } from '../../../index.ts'
import { strict } from '../shapes/common.ts'

const base64 = (description: string) => Type.String({ contentEncoding: 'base64', description })
const size = (description: string) => Type.Integer({ minimum: 0, description })

/** A checkpoint as JSON has it. */
export const checkpoint = strict({
  origin: Type.String({ description: 'Which log it is of.' }),
  size: size('How many events it covers.'),
  root: base64('Root hash of them (RFC 9162).'),
  note: Type.String({
    description: 'The signed note (C2SP `tlog-checkpoint`): what to keep elsewhere.',
  }),
})

export function shownCheckpoint({ origin, size, root, note }: SignedCheckpoint): object {
  return { origin, size, root: root.toString('base64'), note: note.toString() }
}

/** That an event stands in the log. */
export const eventProof = strict({
  position: size('Of the event.'),
  size: size('Of the log whose checkpoint is in it.'),
  file: base64('The proof itself (C2SP `tlog-proof`), with the event in it.'),
})

/** That one log continues an earlier one. */
export const consistency = strict({
  from: strict({ size: size('Of the earlier log.'), root: base64('Of the earlier log.') }),
  to: checkpoint,
  proof: Type.Array(base64('A hash of 32 bytes.'), { description: 'RFC 9162 §2.1.4.' }),
})
