import { Type } from 'typebox'
import type { SecretChange } from '../../../index.ts'
import { actor, date, oneOf, position, strict } from '../shapes/common.ts'

const changeWords = [
  'transient',
  'added',
  'purged',
  'replaced',
  'rotated',
  'written',
  'deleted',
  'restored',
  'destroyed',
  'annotated',
] as const satisfies readonly SecretChange[]

const count = (description: string) => Type.Integer({ minimum: 0, description })
const optional = Type.Optional

const diffEnd = strict({ position: position('Of its last event.'), time: date('Of that event.') })

const secretEnd = strict({
  version: Type.Integer({ description: 'The newest at that end.' }),
  state: oneOf(['live', 'deleted', 'destroyed'] as const),
})

const secretStep = strict({
  position: position('Of the event.'),
  time: date('Of the event.'),
  type: Type.String({ description: 'Of the event.', examples: ['secret.rotated'] }),
  by: actor,
  reason: optional(Type.String({ description: 'As whoever did it said.' })),
})

const fieldValue = Type.Union([
  Type.String(),
  Type.Number(),
  Type.Boolean(),
  Type.Record(Type.String(), Type.String()),
])

const fieldDiff = strict({
  field: Type.String({ description: 'Of what is known of the secret.', examples: ['owner'] }),
  before: optional(fieldValue),
  after: optional(fieldValue),
})

/** What became of one secret. */
export const secretDiff = strict({
  path: Type.String(),
  change: oneOf(changeWords, { description: 'What became of it in the end.' }),
  before: optional(secretEnd),
  after: optional(secretEnd),
  by: Type.Array(actor, { description: 'Who changed it, each once.' }),
  events: Type.Array(secretStep, { description: 'Every event that changed it.' }),
  fields: Type.Array(fieldDiff, { description: 'What differs of it besides its value.' }),
})

/** A change of what the vault is held to, or opened by. */
export const notedChange = strict({
  position: position('Of the event, which says all of it.'),
  time: date('Of the event.'),
  type: Type.String({ description: 'Of the event.', examples: ['policy.written'] }),
  name: Type.String({ description: 'What it is called.' }),
  by: actor,
  holder: optional(actor),
})

const counts = strict({
  events: count('Of the log, whatever they say.'),
  changes: count('Events that changed a secret.'),
  secrets: count('Secrets that changed.'),
  bySecretChange: strict(
    Object.fromEntries(changeWords.map((word) => [word, optional(count('Secrets.'))])),
  ),
  access: count('Changes of policies, roles, tokens and applications.'),
  rotationPolicies: count('Changes of rotation policies.'),
  mounts: count('Changes of mounts.'),
  keys: count('Changes of keyslots, keys and anchors.'),
})

/** Both ends, and how much there is between them. */
export const diffHead = { from: diffEnd, to: diffEnd, counts }

/** The lists of a difference, in the order in which they are told. */
export const diffLists = {
  secrets: Type.Array(secretDiff),
  access: Type.Array(notedChange),
  rotationPolicies: Type.Array(notedChange),
  mounts: Type.Array(notedChange),
  keys: Type.Array(notedChange),
}
