import { minPosition } from '../serve-operation.ts'
import type { HeaderObject, ParameterObject } from './openapi-types.ts'

const header = (name: string, about: Omit<ParameterObject, 'name' | 'in'>): ParameterObject => ({
  name,
  in: 'header',
  required: false,
  ...about,
})

/** What every operation takes besides its own. */
export const universalParameters = {
  MinPosition: {
    name: minPosition,
    in: 'query',
    required: false,
    description:
      'The answer waits until the log holds the event at this position: what a change answered with in `Muniment-Position`, so that a later look sees it. `TIMEOUT` if it does not come.',
    schema: { type: 'integer', minimum: 0, examples: [41_007] },
  },
  Reason: header('Muniment-Reason', {
    description: 'Why, for the record: percent-encoded UTF-8.',
    schema: { type: 'string', examples: ['incident%2012'] },
  }),
  CausationId: header('Muniment-Causation-Id', {
    description: 'As part of what, for the record: percent-encoded UTF-8.',
    schema: { type: 'string', examples: ['deploy-311'] },
  }),
  Traceparent: header('traceparent', {
    description: 'The trace that this is part of (W3C Trace Context). It stands in the record.',
    schema: {
      type: 'string',
      examples: ['00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'],
    },
  }),
  Timeout: header('Muniment-Timeout', {
    description: 'Milliseconds that the vault may take; then `TIMEOUT`, and nothing was done.',
    schema: { type: 'integer', minimum: 1, maximum: 60_000 },
  }),
} as const satisfies Record<string, ParameterObject>

/** What a change takes that can be sent again. */
export const idempotencyKey = header('Idempotency-Key', {
  description:
    'A UUID of version 7, made within the hour: the id of the event. The same request again is answered as the first was, and nothing is done twice; another request under it is `CONFLICT`.',
  schema: { type: 'string', format: 'uuid', examples: ['019afc1e-8a70-7c3d-9b1e-2f4a6c8e0d12'] },
})

/** What answers carry. */
export const answerHeaders = {
  Position: {
    description:
      'The position of the newest event that the answer can know of: what it is true at. Give it as `min-position` to read what you wrote.',
    schema: { type: 'integer', minimum: 0, examples: [41_007] },
  },
  RetryAfter: {
    description: 'Seconds after which to try again.',
    schema: { type: 'integer', minimum: 0 },
  },
  Authenticate: {
    description: 'How to say who asks.',
    schema: { type: 'string', const: 'Bearer' },
  },
} as const satisfies Record<string, HeaderObject>

/** What parameters of these names are, where their own schemas say nothing. */
export const parameterWords: Readonly<Record<string, string>> = {
  name: 'Which one, by its name.',
  role: 'Which role, by its name.',
  target: 'Which anchor: its path or URL, as the list of them has it.',
  conversation: 'Which change it is for, as its first line says.',
  ask: 'Which question of it this answers.',
}
