import type { JsonSchema } from './openapi-types.ts'

/** What members of these names hold in examples, where their schemas say nothing. */
const byName: Readonly<Record<string, unknown>> = {
  path: 'prod/db/password',
  prefix: 'prod/',
  text: 'hunter2',
  bytes: 'aHVudGVyMg==',
  version: 3,
  id: '019afc1e-8a70-7c3d-9b1e-2f4a6c8e0d12',
  origin: 'written',
  description: 'Of the payments database',
  owner: 'team/pay',
  rotationCount: 2,
  accessCount: 17,
  createdBy: 'user/ana',
}

const byFormat: Readonly<Record<string, string>> = {
  uuid: '019afc1e-8a70-7c3d-9b1e-2f4a6c8e0d12',
  'date-time': '2026-04-01T00:00:00.000Z',
}

const byPattern: Readonly<Record<string, string>> = { '^[0-9a-f]{8}$': '5f0c1a2b' }

/** Of what is asked, little is shown: what must be there, or the first of what may. */
export type ShownMembers = 'all' | 'few'

interface Showing {
  readonly resolve: (reference: string) => JsonSchema
  readonly members: ShownMembers
}

/** Something that a schema admits, the same each time, to show what such a thing looks like. */
export function exampleOf(schema: JsonSchema, showing: Showing, name = ''): unknown {
  const { $ref, examples, enum: words, anyOf, items, minItems = 0 } = schema
  if ($ref !== undefined) return exampleOf(showing.resolve($ref), showing, name)
  if (examples !== undefined) return examples[0]
  if (schema.const !== undefined) return schema.const
  if (words !== undefined) return words[0]
  if (anyOf?.[0] !== undefined) return exampleOf(anyOf[0], showing, name)
  const type = typeof schema.type === 'string' ? schema.type : schema.type?.[0]
  if (type === 'object' || schema.properties !== undefined) return objectOf(schema, showing)
  if (type === 'array')
    return items === undefined || minItems > 1 ? [] : [exampleOf(items, showing)]
  const known = byName[name]
  if (known !== undefined && isOf(type, known)) return known
  return plain(schema, type)
}

function objectOf(schema: JsonSchema, showing: Showing): object {
  const { properties, additionalProperties, required = [] } = schema
  if (properties === undefined) {
    const isMap =
      typeof additionalProperties === 'object' && additionalProperties.type !== undefined
    return isMap ? { name: exampleOf(additionalProperties, showing, 'name') } : {}
  }
  const all = Object.entries(properties)
  const needed = all.filter(([name]) => required.includes(name))
  const shown =
    showing.members === 'all' ? all : needed.length > 0 ? needed : all.slice(0, fewMembers)
  return Object.fromEntries(shown.map(([name, member]) => [name, exampleOf(member, showing, name)]))
}

const fewMembers = 2

function isOf(type: string | undefined, value: unknown): boolean {
  return (
    type === undefined || type === typeof value || (type === 'integer' && Number.isInteger(value))
  )
}

function plain(schema: JsonSchema, type: string | undefined): unknown {
  const { minimum = 1, format = '', contentEncoding, minLength = 0, pattern = '' } = schema
  switch (type) {
    case 'integer':
    case 'number':
      return Math.max(1, minimum)
    case 'boolean':
      return true
    case 'null':
      return null
    default:
      if (contentEncoding === 'base64') return 'AAAA'.repeat(Math.ceil(Math.max(minLength, 1) / 4))
      return byFormat[format] ?? byPattern[pattern] ?? 'text'
  }
}
