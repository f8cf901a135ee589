import type {
  MediaTypeObject,
  OpenApiDocument,
  OperationObject,
  ParameterObject,
  Reference,
  ResponseObject,
} from '../api/openapi/openapi-types.ts'
import { type Block, blocksIn, type TableRow } from './blocks.ts'
import { curlOf } from './curl.ts'
import type { PlacedOperation } from './placed-operation.ts'
import { memberRows, typeWords } from './schema-words.ts'

export const memberColumns = ['Name', 'Type', 'What it says']

/** All that the reference tells of an operation. */
export function operationBlocks(
  placed: PlacedOperation,
  document: OpenApiDocument,
): readonly Block[] {
  const { method, path, operation } = placed
  const { operationId: id, summary, description = '' } = operation
  return [
    { kind: 'operation', id, method, path, summary },
    { kind: 'text', text: rightWords(operation) },
    ...blocksIn(description),
    ...parameterTable(operation),
    ...bodyBlocks(operation),
    ...answerBlocks(operation, document),
    { kind: 'text', text: refusalWords(operation) },
    { kind: 'example', caption: 'Request', language: 'sh', text: curlOf(placed, document) },
    ...answerExample(operation),
  ]
}

function rightWords({ 'x-right': right, parameters = [] }: OperationObject): string {
  const takesKey = parameters.some(
    (parameter) => '$ref' in parameter && parameter.$ref.endsWith('/IdempotencyKey'),
  )
  const key = takesKey ? ' Takes an [`Idempotency-Key`](#requests).' : ''
  if (right === undefined) return `Open: it takes no token.${key}`
  if (right === 'self') return `Any token may.${key}`
  return `Takes the right to \`${right}\`.${key}`
}

function isOwn(parameter: ParameterObject | Reference): parameter is ParameterObject {
  return 'name' in parameter
}

function parameterTable({ parameters = [] }: OperationObject): readonly Block[] {
  const rows = parameters.filter(isOwn).map(parameterRow)
  if (rows.length === 0) return []
  return [{ kind: 'table', caption: 'Path and query', columns: memberColumns, rows }]
}

/** A parameter as a row: one of the path stands in braces, as there. */
export function parameterRow({
  name,
  in: place,
  required,
  schema,
  description,
}: ParameterObject): TableRow {
  const shown = place === 'path' ? `{${name}}` : required ? name : `${name}?`
  return { cells: [`\`${shown}\``, typeWords(schema), description ?? ''] }
}

function bodyBlocks({ requestBody }: OperationObject): readonly Block[] {
  const schema = requestBody?.content['application/json']?.schema
  if (schema === undefined) return []
  return [
    { kind: 'table', caption: 'Body, JSON', columns: memberColumns, rows: memberRows(schema) },
  ]
}

function successOf({ responses }: OperationObject): readonly [status: string, ResponseObject] {
  const found = Object.entries(responses).find(([status]) => status.startsWith('2'))
  const [status = '200', response] = found ?? []
  return [
    status,
    response !== undefined && 'description' in response ? response : { description: '' },
  ]
}

function answerBlocks(operation: OperationObject, document: OpenApiDocument): readonly Block[] {
  const [status, { content = {} }] = successOf(operation)
  const types = Object.entries(content)
  if (types.length === 0) return [{ kind: 'text', text: `Answers ${status}, with nothing.` }]
  return types.flatMap(([type, media]) => typeBlocks({ status, type, media }, document))
}

function typeBlocks(
  { status, type, media }: { status: string; type: string; media: MediaTypeObject },
  { components }: OpenApiDocument,
): readonly Block[] {
  const { schema = {} } = media
  const isLines = /ndjson|event-stream/.test(type)
  const said = isLines ? `\`${type}\`, each of its items` : `\`${type}\``
  const name = schema.$ref?.split('/').at(-1)
  const rows = name === undefined ? memberRows(schema) : []
  const isNamed = name !== undefined && components.schemas[name] !== undefined
  if (isNamed || rows.length === 0) {
    const about = schema.description === undefined ? '' : ` ${schema.description}`
    return [{ kind: 'text', text: `Answers ${status} with ${said}: ${typeWords(schema)}.${about}` }]
  }
  return [{ kind: 'table', caption: `Answer, ${status}, ${said}`, columns: memberColumns, rows }]
}

/** Those beyond what every operation can refuse. */
function refusalWords({ responses }: OperationObject): string {
  const own = Object.values(responses).flatMap((response) =>
    'x-codes' in response ? (response['x-codes'] ?? []) : [],
  )
  const codes = own.filter((code) => code !== 'INVALID' && code !== 'TOO_LARGE')
  if (codes.length === 0) return 'Refuses [what every operation refuses](#refusals).'
  const links = codes.map((code) => `[\`${code}\`](#${code})`)
  return `Refuses with ${links.join(', ')}, and [what every operation refuses](#refusals).`
}

function answerExample(operation: OperationObject): readonly Block[] {
  const [, { content = {} }] = successOf(operation)
  const [first] = Object.entries(content)
  if (first === undefined) return []
  const [type, { example }] = first
  if (!/json/.test(type) || typeof example !== 'object') return []
  const text = JSON.stringify(example, null, type === 'application/json' ? 2 : undefined)
  return [{ kind: 'example', caption: 'Answer', language: 'json', text }]
}
