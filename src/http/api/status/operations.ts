import { Type } from 'typebox'
import { anchorState } from '../keys/anchors.ts'
import { type Group, operation } from '../operation.ts'
import { oneOf, position, strict } from '../shapes/common.ts'

const optional = Type.Optional
const count = (description?: string) =>
  Type.Integer({ minimum: 0, ...(description !== undefined && { description }) })

const health = strict({
  status: oneOf(['ok', 'failed', 'closed'] as const),
  location: Type.String({ description: 'Of the vault, on the server.' }),
  size: count('How many events the log holds.'),
  secrets: count(),
  waiting: count('Callers that wait for their turn.'),
  keptTo: position('Up to where projections are kept: what comes after is replayed after a crash.'),
  keepFailure: optional(Type.String({ description: 'Why they could not be kept.' })),
  headFailure: optional(
    Type.String({ description: 'Why the head beside the log could not be written.' }),
  ),
  projections: Type.Array(
    strict({ name: Type.String(), state: Type.String(), position: count() }),
    {
      description: "Those of the server's own program.",
    },
  ),
  rejected: strict({ invalid: count(), conflict: count() }),
  failedUnlocks: count(),
  signedTo: count('Size of the log that the newest checkpoint covers.'),
  checkpointFailure: optional(
    Type.String({ description: 'Why the newest checkpoint could not be signed.' }),
  ),
  clockFailure: optional(Type.String({ description: 'Why the clock cannot be right.' })),
  anchors: Type.Array(anchorState),
  freeBytes: optional(count('That can still be written, where the store can tell.')),
})

export const statusOperations: Group = {
  name: 'Status',
  description: 'Which vault it is, and how it is.',
  operations: [
    operation({
      id: 'getIdentity',
      method: 'GET',
      path: '/identity',
      summary: 'Which vault it is, and the key that its checkpoints are signed with',
      right: 'self',
      answer: strict({
        id: Type.String({ description: '32 hexadecimal digits.' }),
        origin: Type.String({ description: 'The name under which its checkpoints are signed.' }),
        verifier: Type.String({ description: 'The C2SP verifier key of that name.' }),
      }),
      run: async ({ served }) => served.vault().identity(),
    }),
    operation({
      id: 'getHealth',
      method: 'GET',
      path: '/health',
      summary: 'What an operator looks at first',
      description: 'It takes the right to `audit` everything.',
      right: 'audit',
      answer: health,
      run: ({ scope, call }) => scope.health(call),
    }),
  ],
}
