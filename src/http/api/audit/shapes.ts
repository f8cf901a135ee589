import { Type } from 'typebox'
import { actorBytesMax, eventTypes, pathBytesMax } from '../../../index.ts'
import { oneOf, position, strict } from '../shapes/common.ts'

/** An event as the audit trail shows it. */
export const auditEvent = strict({
  position: position('Its index in the log.'),
  schema: Type.Integer({ description: 'The version of what `data` holds, for its type.' }),
  id: Type.String({ format: 'uuid' }),
  type: oneOf(eventTypes),
  time: Type.Integer({ description: 'Milliseconds since the epoch.' }),
  actor: Type.String({ description: 'Who did it.' }),
  subject: Type.String({ description: 'What it is about; empty for the vault itself.' }),
  context: Type.Record(Type.String(), Type.Unknown(), {
    description:
      'Why, from where, how the actor was established, and which rule of policy decided.',
  }),
  data: Type.Record(Type.String(), Type.Unknown(), {
    description: 'What its type says, without values; bytes are hexadecimal digits.',
  }),
})

/** Which events; what is absent does not restrict. */
export const auditFilter = {
  subject: Type.Optional(
    Type.String({
      maxLength: pathBytesMax,
      description: 'A path, or a pattern: `*` is one segment, `**` at the end one or more.',
      examples: ['prod/**'],
    }),
  ),
  actor: Type.Optional(Type.String({ maxLength: actorBytesMax, description: 'Likewise.' })),
  type: Type.Optional(
    Type.Array(oneOf(eventTypes), { minItems: 1, description: 'Once for each of several.' }),
  ),
  outcome: Type.Optional(
    oneOf(['allowed', 'denied'], {
      description: '`denied` are refusals, failed unlocks and failed rotations.',
    }),
  ),
}
