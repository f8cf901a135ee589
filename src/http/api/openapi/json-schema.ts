import type { TSchema } from 'typebox'
import type { JsonSchema } from './openapi-types.ts'

/** Where the schemas that have a name stand in the document. */
export const schemasAt = '#/components/schemas/'

/** A schema as the document has it. */
export type WriteSchema = (schema: TSchema) => JsonSchema

/**
 * Writes schemas as a reader of the document wants them: what has a name is a reference, words to choose from are an
 * `enum`, and what may also be null has two types.
 *
 * @param named the schemas that have a name, by it
 */
export function schemaWriter(named: Readonly<Record<string, TSchema>>): {
  readonly write: WriteSchema
  readonly components: Readonly<Record<string, JsonSchema>>
} {
  // An optional member is a copy of its schema: the text is what both have in common.
  const names = new Map(
    Object.entries(named).map(([name, schema]) => [JSON.stringify(schema), name]),
  )
  const write: WriteSchema = (schema) => {
    const name = names.get(JSON.stringify(schema))
    return name === undefined ? whole(schema, write) : { $ref: `${schemasAt}${name}` }
  }
  const components = Object.entries(named).map(([name, schema]) => [name, whole(schema, write)])
  return { write, components: Object.fromEntries(components) }
}

interface Parts {
  readonly properties?: Readonly<Record<string, TSchema>>
  readonly patternProperties?: Readonly<Record<string, TSchema>>
  readonly items?: TSchema
  readonly anyOf?: readonly TSchema[]
}

function whole(schema: TSchema, write: WriteSchema): JsonSchema {
  const { properties, patternProperties, items, anyOf, ...rest } = JSON.parse(
    JSON.stringify(schema),
  ) as Parts & JsonSchema
  return {
    ...rest,
    ...(items !== undefined && { items: write(items) }),
    ...(properties !== undefined && { properties: each(properties, write) }),
    ...(patternProperties !== undefined && recordOf(patternProperties, write)),
    ...(anyOf !== undefined && choiceOf(anyOf, { write, about: rest })),
  }
}

function each(
  schemas: Readonly<Record<string, TSchema>>,
  write: WriteSchema,
): Record<string, JsonSchema> {
  return Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, write(schema)]))
}

/** Any names at all, or those of a pattern. */
function recordOf(patterns: Readonly<Record<string, TSchema>>, write: WriteSchema): JsonSchema {
  const [[pattern, schema] = ['', undefined]] = Object.entries(patterns)
  return {
    additionalProperties: schema === undefined ? true : write(schema),
    ...(pattern !== '^.*$' && { propertyNames: { pattern } }),
  }
}

function choiceOf(
  anyOf: readonly TSchema[],
  { write, about }: { readonly write: WriteSchema; readonly about: JsonSchema },
): JsonSchema {
  const choices = anyOf.map(write)
  if (choices.every(isWord)) {
    return { type: 'string', enum: choices.map((choice) => choice.const) }
  }
  const [first, second, third] = choices
  const isNullable = second?.type === 'null' && third === undefined
  if (isNullable && typeof first?.type === 'string' && first.enum === undefined) {
    return { ...first, ...about, type: [first.type, 'null'] }
  }
  return { anyOf: choices }
}

function isWord(schema: JsonSchema): boolean {
  return schema.type === 'string' && typeof schema.const === 'string'
}
