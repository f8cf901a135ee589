import type { TObject, TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import { VaultError } from '../../index.ts'

type Where = 'path' | 'query' | 'body'

/** Reads what a request says, by a schema. Throws `INVALID`, which tells the place and what was expected there. */
export type ReadArguments = (said: unknown) => Record<string, unknown>

/** The reader of one part of a request. */
export function argumentsReader(where: Where, schema: TObject): ReadArguments {
  const compiled = Compile(schema)
  const properties = schema.properties as Readonly<Record<string, TSchema>>
  return (said) => {
    const given = where === 'body' ? said : typed(said as Texts, properties)
    if (compiled.Check(given)) return given as Record<string, unknown>
    const [found] = compiled.Errors(given)
    throw new VaultError('INVALID', refusalOf(where, schema, found))
  }
}

type Texts = Readonly<Record<string, string | readonly string[]>>

/** A query and a path are texts: what a schema says is a number, a boolean or a list is read as one. */
function typed(said: Texts, properties: Readonly<Record<string, TSchema>>): object {
  // Of no prototype, which would take a member of its name for itself.
  const given: Record<string, unknown> = Object.create(null)
  for (const [name, value] of Object.entries(said)) given[name] = typedOf(value, properties[name])
  return given
}

/** What cannot be read stays a text, which the schema then refuses. */
function typedOf(value: string | readonly string[], schema: TSchema | undefined): unknown {
  const { type, items } = (schema ?? {}) as { readonly type?: string; readonly items?: TSchema }
  if (type === 'array') {
    const list = typeof value === 'string' ? [value] : value
    return list.map((item) => typedOf(item, items))
  }
  if (typeof value !== 'string') return value
  if (type === 'integer' || type === 'number')
    return /^-?\d{1,15}$/.test(value) ? Number(value) : value
  if (type === 'boolean') return value === 'true' ? true : value === 'false' ? false : value
  return value
}

interface Found {
  readonly keyword: string
  readonly schemaPath: string
  readonly instancePath: string
  readonly message: string
  readonly params: unknown
}

/** Where, and what was expected; never what stands there, which may be a value. */
function refusalOf(where: Where, schema: TSchema, found: Found | undefined): string {
  const place = [where, ...(found?.instancePath ?? '').split('/').slice(1)].join('.')
  // The name of a member is a caller's own word: the schema knows none of it.
  if (
    found === undefined ||
    found.keyword === 'boolean' ||
    found.keyword === 'additionalProperties'
  ) {
    return `${parentOf(place, where)} has a member that is not known`
  }
  if (found.keyword === 'const') {
    const choices = constantsAt(schema, found.schemaPath)
    return `${place} must be ${choices.length > 1 ? 'one of ' : ''}${choices.join(', ')}`
  }
  return `${place} ${found.message}`
}

/** What may stand where a constant was expected: any of the union that it is of. */
function constantsAt(schema: TSchema, schemaPath: string): readonly unknown[] {
  const steps = schemaPath.split('/').slice(1)
  const isOfUnion = steps.at(-2) === 'anyOf'
  const at = (isOfUnion ? steps.slice(0, -2) : steps).reduce<unknown>(
    (found, step) => Object(found)[step],
    schema,
  ) as { readonly const?: unknown; readonly anyOf?: readonly { readonly const?: unknown }[] }
  return (at.anyOf ?? [at]).map((each) => each.const).filter((value) => value !== undefined)
}

function parentOf(place: string, where: Where): string {
  const cut = place.lastIndexOf('.')
  return cut === -1 ? where : place.slice(0, cut)
}
