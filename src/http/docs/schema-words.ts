import { schemasAt } from '../api/openapi/json-schema.ts'
import type { JsonSchema } from '../api/openapi/openapi-types.ts'
import type { TableRow } from './blocks.ts'

/** Where the reference tells of a schema that has a name. */
export function schemaAnchor(name: string): string {
  return `schema-${name}`
}

/** What a schema admits, in words. */
export function typeWords(schema: JsonSchema): string {
  const { $ref, enum: words, anyOf, type } = schema
  if ($ref !== undefined) {
    const name = $ref.slice(schemasAt.length)
    return `[${name}](#${schemaAnchor(name)})`
  }
  if (words !== undefined) return alternatives(words.map((word) => code(word)))
  if (schema.const !== undefined) return code(schema.const)
  if (anyOf !== undefined) return alternatives([...new Set(anyOf.map(typeWords))])
  if (type === undefined) return 'anything'
  const types = typeof type === 'string' ? [type] : type
  return alternatives(types.map((each) => plainWords(each, schema)))
}

function code(value: unknown): string {
  return `\`${String(value)}\``
}

function alternatives(words: readonly string[]): string {
  const last = words.at(-1) ?? ''
  return words.length < 2 ? last : `${words.slice(0, -1).join(', ')} or ${last}`
}

function plainWords(type: string, schema: JsonSchema): string {
  switch (type) {
    case 'array':
      return `list of ${listed(schema.items)}${countWords(schema)}`
    case 'object':
      return objectWords(schema)
    case 'integer':
    case 'number':
      return `${type}${rangeWords(schema)}`
    case 'string':
      return stringWords(schema)
    default:
      return type
  }
}

function listed(items: JsonSchema | undefined): string {
  if (items === undefined) return 'anything'
  const isNested = items.enum !== undefined || items.anyOf !== undefined
  return isNested ? `(${typeWords(items)})` : typeWords(items)
}

function objectWords({ properties, additionalProperties }: JsonSchema): string {
  if (properties !== undefined || typeof additionalProperties !== 'object') return 'object'
  return `object of any names, each ${typeWords(additionalProperties)}`
}

const formats: Readonly<Record<string, string>> = { 'date-time': 'date', uuid: 'UUID', uri: 'URL' }

function stringWords({ format = '', contentEncoding, maxLength }: JsonSchema): string {
  if (contentEncoding !== undefined) return `string, ${contentEncoding}`
  const known = formats[format]
  if (known !== undefined) return known
  return maxLength === undefined ? 'string' : `string, at most ${grouped(maxLength)} characters`
}

function rangeWords({ minimum, maximum }: JsonSchema): string {
  if (minimum !== undefined && maximum !== undefined) {
    return `, ${grouped(minimum)} to ${grouped(maximum)}`
  }
  if (minimum !== undefined) return ` from ${grouped(minimum)}`
  return maximum === undefined ? '' : `, at most ${grouped(maximum)}`
}

function countWords({ minItems = 0, maxItems }: JsonSchema): string {
  if (maxItems !== undefined) return `, at most ${grouped(maxItems)}`
  return minItems === 1 ? ', not empty' : ''
}

/** Digits by three: `60,000`. */
function grouped(number: number): string {
  return String(number).replaceAll(/\B(?=(\d{3})+$)/g, ',')
}

/** Deeper than that nothing is told member by member. */
const depthMax = 4

/** The members of an object, a row each: `name`, with a `?` where it may be absent; its type; what is said of it. */
export function memberRows(schema: JsonSchema, within = '', depth = 0): readonly TableRow[] {
  const { anyOf, properties, required = [] } = schema
  if (anyOf !== undefined) return alternativeRows(anyOf, within, depth)
  return Object.entries(properties ?? {}).flatMap(([name, member]) => {
    const path = `${within}${name}`
    const mark = required.includes(name) ? '' : '?'
    const row = { cells: [`\`${path}${mark}\``, typeWords(member), member.description ?? ''] }
    return [row, ...nestedRows(member, path, depth)]
  })
}

function alternativeRows(
  anyOf: readonly JsonSchema[],
  within: string,
  depth: number,
): readonly TableRow[] {
  return anyOf.flatMap((alternative, at) =>
    memberRows(alternative, within, depth).map((row, i) => {
      const [name = '', ...others] = row.cells
      return at === 0 || i > 0 ? row : { ...row, cells: [`or ${name}`, ...others] }
    }),
  )
}

function nestedRows(member: JsonSchema, path: string, depth: number): readonly TableRow[] {
  if (depth === depthMax) return []
  if (member.items !== undefined) return nestedRows(member.items, `${path}[]`, depth + 1)
  if (member.properties !== undefined || member.anyOf !== undefined) {
    return memberRows(member, `${path}.`, depth + 1)
  }
  const { additionalProperties } = member
  return typeof additionalProperties === 'object'
    ? nestedRows(additionalProperties, `${path}.*`, depth + 1)
    : []
}
