import type { TSchema } from 'typebox'
import { version } from '../../../index.ts'
import type { Answers, AnyOperation, Group } from '../operation.ts'
import { apiRoot } from '../serve-operation.ts'
import { besidePaths, besideTag } from './beside.ts'
import { exampleOf, type ShownMembers } from './example.ts'
import { schemasAt, schemaWriter, type WriteSchema } from './json-schema.ts'
import { namedSchemas } from './named-schemas.ts'
import type {
  JsonSchema,
  MediaTypeObject,
  OpenApiDocument,
  OperationObject,
  ParameterObject,
  Reference,
  ResponseObject,
} from './openapi-types.ts'
import { answerHeaders, idempotencyKey, parameterWords, universalParameters } from './parameters.ts'
import { refusalsOf, sharedRefusals } from './refusals.ts'

interface Writing {
  readonly write: WriteSchema
  readonly example: (schema: JsonSchema, members: ShownMembers) => unknown
}

/**
 * The OpenAPI 3.1 document of these groups: tags are groups, and everything stands in their order. It says nothing of a
 * vault, and is the same for the same version of the program.
 */
export function openApiDocument(groups: readonly Group[]): OpenApiDocument {
  const { write, components } = schemaWriter(namedSchemas(groups))
  const resolve = ($ref: string) => components[$ref.slice(schemasAt.length)] ?? {}
  const writing: Writing = {
    write,
    example: (schema, members) => exampleOf(schema, { resolve, members }),
  }
  return {
    openapi: '3.1.1',
    info,
    servers: [{ url: '/', description: 'The server that this document comes from' }],
    tags: [...groups.map(({ name, description }) => ({ name, description })), besideTag],
    paths: { ...pathsOf(groups, writing), ...besidePaths },
    components: {
      schemas: components,
      parameters: { ...universalParameters, IdempotencyKey: idempotencyKey },
      responses: sharedRefusals,
      headers: answerHeaders,
      securitySchemes: {
        bearer: {
          type: 'http',
          scheme: 'bearer',
          description: 'a token of the vault. In the header `X-Vault-Token` it is taken as well.',
        },
      },
    },
  }
}

const info: OpenApiDocument['info'] = {
  title: 'Muniment',
  version,
  summary: 'An event-sourced, append-only secrets vault whose record can be proved',
  description:
    'Everything that the vault knows, for services that cannot embed it. Each request is put on record before it is answered; each answer says in `Muniment-Position` what it is true at.',
  license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
}

function pathsOf(groups: readonly Group[], writing: Writing): OpenApiDocument['paths'] {
  const paths: Record<string, Record<string, OperationObject>> = {}
  for (const { name, operations } of groups) {
    for (const operation of operations) {
      const path = `${apiRoot}${operation.path}`
      const methods = paths[path] ?? {}
      methods[operation.method.toLowerCase()] = operationObject(operation, name, writing)
      paths[path] = methods
    }
  }
  return paths
}

function operationObject(operation: AnyOperation, tag: string, writing: Writing): OperationObject {
  const { id, summary, description, right } = operation
  return {
    tags: [tag],
    operationId: id,
    summary,
    ...(description !== undefined && { description }),
    parameters: parametersOf(operation, writing),
    ...bodyOf(operation, writing),
    responses: { ...answerOf(operation, writing), ...refusalsOf(operation) },
    security: operation.open ? [] : [{ bearer: [] }],
    ...(right !== undefined && { 'x-right': right }),
  }
}

function parametersOf(
  { params, query, idempotent, open }: AnyOperation,
  writing: Writing,
): readonly (ParameterObject | Reference)[] {
  const shared = [
    // There is nobody whose look could wait for anything.
    ...Object.keys(universalParameters).filter((name) => name !== 'MinPosition' || open !== true),
    ...(idempotent ? ['IdempotencyKey'] : []),
  ]
  return [
    ...ownParameters('path', params, writing),
    ...ownParameters('query', query, writing),
    ...shared.map((name) => ({ $ref: `#/components/parameters/${name}` })),
  ]
}

function ownParameters(
  place: 'path' | 'query',
  schema: AnyOperation['query'],
  { write }: Writing,
): readonly ParameterObject[] {
  const required = schema?.required as readonly string[] | undefined
  return Object.entries(schema?.properties ?? {}).map(([name, property]) => {
    const { description = parameterWords[name], ...said } = write(property)
    return {
      name,
      in: place,
      required: required?.includes(name) ?? false,
      ...(description !== undefined && { description }),
      schema: said,
    }
  })
}

function bodyOf(
  { body }: AnyOperation,
  writing: Writing,
): Pick<OperationObject, 'requestBody'> | undefined {
  if (body === undefined) return undefined
  const required = body.required as readonly string[] | undefined
  return {
    requestBody: {
      required: (required?.length ?? 0) > 0,
      content: { 'application/json': mediaType(body, 'few', writing) },
    },
  }
}

function mediaType(
  schema: TSchema,
  members: ShownMembers,
  { write, example }: Writing,
): MediaTypeObject {
  const written = write(schema)
  return { schema: written, example: example(written, members) }
}

function answerOf(operation: AnyOperation, writing: Writing): Record<string, ResponseObject> {
  const { answer, status = 200, open } = operation
  const headers = open
    ? {}
    : { headers: { 'Muniment-Position': { $ref: '#/components/headers/Position' } } }
  if (answer === undefined)
    return { 204: { description: 'Done: there is nothing to say.', ...headers } }
  const content = Object.entries(answersOf(answer)).map(([type, schema]) => [
    // Its parameters are told by the answer itself.
    type.replace(/;.*/, ''),
    mediaType(schema, 'all', writing),
  ])
  return {
    [status]: { description: words[status], ...headers, content: Object.fromEntries(content) },
  }
}

const words = { 200: 'What was asked for.', 201: 'It is made.', 202: 'It has begun.' } as const

/** A schema alone is that of JSON; it has no media type for a member. */
function answersOf(answer: NonNullable<AnyOperation['answer']>): Answers {
  const isByType = Object.keys(answer).some((name) => name.includes('/'))
  return isByType ? (answer as Answers) : { 'application/json': answer }
}
