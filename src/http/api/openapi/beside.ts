import { schemasAt } from './json-schema.ts'
import type { JsonSchema, OpenApiDocument, OperationObject } from './openapi-types.ts'

/** What stands beside `/api/v1`, for whoever runs the server and for whoever reads of it. */
export const besideTag = {
  name: 'Server',
  description:
    'What stands beside `/api/v1`: whether the server is up, what it counts, and what it says of itself. None of it leaves a record in the vault.',
}

type Beside = Omit<OperationObject, 'tags' | 'security'> & { readonly isOpen: boolean }

function beside({ isOpen, ...operation }: Beside): OperationObject {
  return { tags: [besideTag.name], ...operation, security: isOpen ? [] : [{ bearer: [] }] }
}

const shared = (name: string) => ({ $ref: `#/components/responses/${name}` })

const status = (word: string): JsonSchema => ({
  type: 'object',
  required: ['status'],
  additionalProperties: false,
  properties: { status: { type: 'string', const: word } },
})

const json = (schema: JsonSchema, example?: unknown) => ({
  'application/json': { schema, ...(example !== undefined && { example }) },
})

const live: Beside = {
  operationId: 'isLive',
  summary: 'Whether the process turns, whatever becomes of its vault',
  isOpen: true,
  responses: {
    200: { description: 'It does.', content: json(status('live'), { status: 'live' }) },
  },
}

const ready: Beside = {
  operationId: 'isReady',
  summary: 'Whether the vault is open and accepts',
  isOpen: true,
  responses: {
    200: { description: 'It is.', content: json(status('ready'), { status: 'ready' }) },
    503: {
      description: 'Service Unavailable: `CLOSED`, `FAILED`, `CLOCK`',
      headers: { 'Retry-After': { $ref: '#/components/headers/RetryAfter' } },
      content: { 'application/problem+json': { schema: { $ref: `${schemasAt}Problem` } } },
      'x-codes': ['CLOSED', 'FAILED', 'CLOCK'],
    },
  },
}

const metrics: Beside = {
  operationId: 'getMetrics',
  summary: 'What the server counts, as Prometheus reads it',
  description:
    'It takes the right to `audit` everything, unless the server is told to give it to everybody. Where its host asks for no metrics there is no such path.',
  isOpen: false,
  responses: {
    200: {
      description: 'The text format of Prometheus.',
      content: { 'text/plain': { schema: { type: 'string' } } },
    },
    401: shared('Unauthorized'),
    403: shared('Forbidden'),
    429: shared('TooManyRequests'),
    503: shared('ServiceUnavailable'),
  },
  'x-right': 'audit',
}

const document: Beside = {
  operationId: 'getOpenApi',
  summary: 'This reference as a program reads it',
  isOpen: true,
  responses: {
    200: { description: 'OpenAPI 3.1.', content: json({ type: 'object' }) },
  },
}

const page: Beside = {
  operationId: 'getReference',
  summary: 'This reference as a page',
  isOpen: true,
  responses: {
    200: { description: 'HTML.', content: { 'text/html': { schema: { type: 'string' } } } },
  },
}

const bare = ({ operationId, summary, responses, ...rest }: Beside): Beside => ({
  ...rest,
  operationId: `${operationId}ByHead`,
  summary: `${summary}: the head of the answer alone`,
  responses: Object.fromEntries(
    Object.entries(responses).map(([code, response]) => {
      if ('$ref' in response) return [code, response]
      return [code, { description: response.description }]
    }),
  ),
})

/** Where all of it stands. */
export const besidePaths: OpenApiDocument['paths'] = {
  '/health/live': { get: beside(live), head: beside(bare(live)) },
  '/health/ready': { get: beside(ready), head: beside(bare(ready)) },
  '/metrics': { get: beside(metrics) },
  '/openapi.json': { get: beside(document) },
  '/docs': { get: beside(page) },
}
