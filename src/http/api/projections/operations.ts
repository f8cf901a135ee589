import { Type } from 'typebox'
import { nameBytesMax } from '../../../index.ts'
import { momentOf } from '../moment.ts'
import { type Group, operation, Streamed } from '../operation.ts'
import { moment, oneOf, strict } from '../shapes/common.ts'
import { slicedJson } from '../sliced-json.ts'

const seen = Type.Integer({ minimum: 0, description: 'How many events it has seen.' })

const listProjections = operation({
  id: 'listProjections',
  method: 'GET',
  path: '/projections',
  summary: 'The projections that can be asked for by name',
  right: 'audit',
  answer: strict({
    projections: Type.Array(
      strict({
        name: Type.String(),
        version: Type.Integer({ description: 'Of its definition.' }),
        position: seen,
        state: oneOf(['current', 'behind', 'faulted', 'closed']),
        builtIn: Type.Boolean({
          description: "Whether it is the vault's own; others are its host's.",
        }),
      }),
    ),
  }),
  run: async ({ scope, call }) => ({ projections: await scope.projections.list(call) }),
})

const readProjection = operation({
  id: 'readProjection',
  method: 'GET',
  path: '/projections/{name}',
  summary: 'What a projection says, now or as of a moment',
  description:
    'As of a moment it is folded anew, from the first event on. `min-position` waits until the projection itself has seen that event.',
  right: 'audit',
  params: strict({
    name: Type.String({ minLength: 1, maxLength: nameBytesMax, examples: ['rotations'] }),
  }),
  query: strict(moment),
  answer: strict({
    name: Type.String(),
    position: seen,
    view: Type.Unknown({
      description:
        'Maps are objects, sets are lists, bytes are hexadecimal digits, dates are ISO 8601.',
    }),
  }),
  refusals: ['NOT_FOUND', 'FAILED'],
  run: async ({ scope, params, query, call, atLeast }) => {
    const at = momentOf(query)
    const { view, ...about } = await scope.projections.get(params.name, {
      ...call,
      ...(at !== undefined && { at }),
      ...(atLeast !== undefined && { minPosition: atLeast }),
    })
    return new Streamed('application/json', slicedJson(about, { view }))
  },
})

export const projectionOperations: Group = {
  name: 'Projections',
  description: 'What is folded from the log, by name.',
  operations: [listProjections, readProjection],
}
