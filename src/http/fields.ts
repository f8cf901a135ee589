import type { FastifyRequest } from 'fastify'
import { parseDuration } from './durations.ts'
import { weakBoolean, weakInteger, weakIntegers } from './weak.ts'
import { WireError } from './wire-error.ts'

/** What a request says: a JSON object, or the parameters of its query. Members that nobody asks for are passed over. */
export interface Said {
  readonly [name: string]: unknown
}

/** The members of a request's body, which its parser found to be an object. */
export function bodyOf({ body }: FastifyRequest): Said {
  return (body ?? {}) as Said
}

/** The parameters of a request's query. */
export function queryOf({ query }: FastifyRequest): Said {
  return query as Said
}

/** An integer, if the field is there. Throws WireError 400 for what is none, as the other fields do. */
export function integerField(said: Said, name: string): number | undefined {
  return read(said, name, { as: weakInteger, expected: 'an integer' })
}

/** An integer from 0 on, if the field is there. */
export function countField(said: Said, name: string): number | undefined {
  return read(said, name, { as: countOf, expected: 'an integer from 0' })
}

export function booleanField(said: Said, name: string): boolean | undefined {
  return read(said, name, { as: weakBoolean, expected: 'true or false' })
}

/** Integers: none for an empty list, undefined where there is no list. */
export function integersField(said: Said, name: string): readonly number[] | undefined {
  return read(said, name, { as: weakIntegers, expected: 'a list of integers' })
}

/** Milliseconds of a duration that is not negative; null says nothing. */
export function durationField(said: Said, name: string): number | undefined {
  if (said[name] === null) return undefined
  const expected = 'a duration such as "3h25m19s", or seconds, and nothing negative'
  return read(said, name, { as: durationOf, expected })
}

/** An object, if the field is there; null is an empty one. */
export function objectField(said: Said, name: string): Said | undefined {
  return read(said, name, { as: objectOf, expected: 'an object' })
}

export function textField(said: Said, name: string): string | undefined {
  const as = (value: unknown) => (typeof value === 'string' ? value : undefined)
  return read(said, name, { as, expected: 'a text' })
}

/** How a field is read, and what it is where it cannot be. */
interface Reading<T> {
  readonly as: (value: unknown) => T | undefined
  readonly expected: string
}

function read<T>(said: Said, name: string, { as, expected }: Reading<T>): T | undefined {
  const value = said[name]
  if (value === undefined) return undefined
  const field = as(value)
  if (field !== undefined) return field
  throw invalidField(name, expected)
}

/** The refusal of a field. What is found is not said: it may be a value. */
export function invalidField(name: string, expected: string): WireError {
  const message = `error converting input for field "${name}": expected ${expected}`
  return new WireError(400, [`Field validation failed: ${message}`])
}

function countOf(value: unknown): number | undefined {
  const integer = weakInteger(value)
  return integer !== undefined && integer >= 0 ? integer : undefined
}

function durationOf(value: unknown): number | undefined {
  const duration = parseDuration(value)
  return duration !== undefined && duration >= 0 ? duration : undefined
}

function objectOf(value: unknown): Said | undefined {
  if (value === null) return {}
  return isSaid(value) ? value : undefined
}

function isSaid(value: unknown): value is Said {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
