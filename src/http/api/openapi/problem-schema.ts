import { Type } from 'typebox'
import { oneOf, strict } from '../shapes/common.ts'
import { codes } from './codes.ts'

const optional = Type.Optional
const textOrNumber = Type.Union([Type.String(), Type.Number()])

/** A refusal (RFC 9457), as `sendProblem` writes it. */
export const problem = strict(
  {
    type: Type.String({ description: 'Where this reference tells of the code.' }),
    title: Type.String({ description: 'The name of the status.' }),
    status: Type.Integer({ minimum: 400, maximum: 599 }),
    detail: Type.String({ description: 'For people. It never holds a value.' }),
    instance: Type.String({
      description: 'Names the request, in the log of the server and on record.',
      examples: ['urn:uuid:0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d'],
    }),
    code: oneOf(
      codes.map(({ code }) => code),
      { description: 'What to decide by.' },
    ),
    retry: oneOf(['never', 'now', 'reopen'] as const, {
      description:
        'Whether the same request can succeed: `never` as it stands, `now`, or once the vault was opened again.',
    }),
    path: optional(Type.String({ description: 'The secret that it is about.' })),
    expected: optional(textOrNumber),
    found: optional(textOrNumber),
    eventIds: optional(
      Type.Array(Type.String({ format: 'uuid' }), {
        description: 'Of events whose fate is not known.',
      }),
    ),
  },
  { description: 'A refusal: `application/problem+json` (RFC 9457).' },
)
