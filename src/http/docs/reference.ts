import { codes } from '../api/openapi/codes.ts'
import type { OpenApiDocument } from '../api/openapi/openapi-types.ts'
import { type Block, blocksIn, type ReferencePage, type TableRow } from './blocks.ts'
import { memberColumns, operationBlocks, parameterRow } from './operation-blocks.ts'
import { operationsOf } from './placed-operation.ts'
import { memberRows, schemaAnchor, typeWords } from './schema-words.ts'

/** What the reference tells, made of the OpenAPI document and of nothing else. */
export function referenceOf(document: OpenApiDocument): ReferencePage {
  const { info } = document
  return {
    title: 'The HTTP API',
    version: info.version,
    question: info.summary,
    blocks: [
      ...blocksIn(info.description),
      {
        kind: 'text',
        text: 'The same as a program reads it: [`/openapi.json`](#getOpenApi), OpenAPI 3.1.',
      },
      ...requestBlocks(document),
      ...groupBlocks(document),
      ...schemaBlocks(document),
      ...refusalBlocks(document),
    ],
  }
}

/** Where a group begins. */
function groupAnchor(name: string): string {
  return `group-${name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')}`
}

function requestBlocks({ components }: OpenApiDocument): readonly Block[] {
  const { parameters, headers, securitySchemes } = components
  const answered: readonly TableRow[] = [
    ['Muniment-Position', headers.Position],
    ['Retry-After', headers.RetryAfter],
    ['WWW-Authenticate', headers.Authenticate],
  ].flatMap(([name, header]) => {
    if (header === undefined || typeof header === 'string') return []
    return [{ cells: [`\`${String(name)}\``, typeWords(header.schema), header.description] }]
  })
  return [
    { kind: 'heading', level: 2, id: 'requests', text: 'Every request' },
    {
      kind: 'text',
      text: `Shows a token as \`Authorization: Bearer TOKEN\`, unless an operation is open: ${securitySchemes.bearer?.description ?? ''}`,
    },
    {
      kind: 'text',
      text: 'A name in the path, such as that of a secret, is **one** segment: `prod/db/password` is `prod%2Fdb%2Fpassword`. Bodies are JSON; a member or a parameter that is not known is refused, and a `?` behind a name says that it may be absent. Dates are ISO 8601 in UTC, durations are milliseconds, positions count the events of the log from 0.',
    },
    {
      kind: 'table',
      caption: 'What each takes besides its own',
      columns: memberColumns,
      rows: Object.values(parameters).map(parameterRow),
    },
    {
      kind: 'table',
      caption: 'Headers of answers',
      columns: memberColumns,
      rows: answered,
    },
  ]
}

function groupBlocks(document: OpenApiDocument): readonly Block[] {
  const operations = operationsOf(document)
  return document.tags.flatMap(({ name, description }) => [
    { kind: 'heading', level: 2, id: groupAnchor(name), text: name } as const,
    ...blocksIn(description),
    ...operations
      .filter(({ operation }) => operation.tags.includes(name))
      .flatMap((placed) => operationBlocks(placed, document)),
  ])
}

function schemaBlocks({ components }: OpenApiDocument): readonly Block[] {
  const schemas = Object.entries(components.schemas).flatMap(([name, schema]): readonly Block[] => [
    { kind: 'heading', level: 3, id: schemaAnchor(name), text: name },
    ...blocksIn(schema.description ?? ''),
    { kind: 'table', columns: memberColumns, rows: memberRows(schema) },
  ])
  return [{ kind: 'heading', level: 2, id: 'schemas', text: 'What several have' }, ...schemas]
}

function refusalBlocks({ components }: OpenApiDocument): readonly Block[] {
  const ofAll = Object.values(components.responses).flatMap(({ 'x-codes': said = [] }) => said)
  const links = [...new Set(ofAll)].map((code) => `[\`${code}\`](#${code})`)
  return [
    { kind: 'heading', level: 2, id: 'refusals', text: 'Refusals' },
    {
      kind: 'text',
      text: `A refusal is [a problem](#${schemaAnchor('Problem')}), \`application/problem+json\`. Decide by its \`code\`, which is one of a closed set; \`retry\` says whether the same request can succeed. Every operation can refuse with ${links.join(', ')}.`,
    },
    {
      kind: 'text',
      text: 'In an answer of lines that has begun already, the last line is `{"problem": …}` instead; of server-sent events, the last is an `end` whose data hold it.',
    },
    {
      kind: 'table',
      columns: ['Code', 'Status', 'Retry', 'What it means', 'What to do'],
      rows: codes.map(({ code, statuses, retry, means, advice }) => ({
        id: code,
        cells: [`\`${code}\``, statuses.join(', '), retry, means, advice],
      })),
    },
  ]
}
