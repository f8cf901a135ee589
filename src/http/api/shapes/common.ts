import {
  type TLiteral,
  type TObject,
  type TProperties,
  type TSchemaOptions,
  type TUnion,
  Type,
} from 'typebox'
import { actorBytesMax, pathBytesMax } from '../../../index.ts'

/** An object whose members are all known: what else stands in it is refused. */
export function strict<P extends TProperties>(
  properties: P,
  about: TSchemaOptions = {},
): TObject<P> {
  return Type.Object(properties, { additionalProperties: false, ...about })
}

/** One of these words. */
export function oneOf<const T extends readonly string[]>(
  words: T,
  about: TSchemaOptions = {},
): TUnion<{ -readonly [K in keyof T]: TLiteral<T[K] & string> }> {
  const literals = words.map((word) => Type.Literal(word))
  return Type.Union(literals, about) as unknown as TUnion<{
    -readonly [K in keyof T]: TLiteral<T[K] & string>
  }>
}

/** A date in an answer. */
export const date = (description: string) =>
  Type.String({ format: 'date-time', description, examples: ['2026-04-01T00:00:00.000Z'] })

/** A date in a request; or null, where that takes it away. */
export const givenDate = (description: string) =>
  Type.String({ maxLength: 64, description, examples: ['2026-04-01T00:00:00Z'] })

/** Of the log: an event's index. */
export const position = (description: string) =>
  Type.Integer({ minimum: 0, description, examples: [41_007] })

export const milliseconds = (description: string) =>
  Type.Integer({ minimum: 1, description: `${description}, in milliseconds` })

export const path = Type.String({
  minLength: 1,
  maxLength: pathBytesMax,
  description: 'Path of a secret. In the URL it is one segment: its slashes are percent-encoded.',
  examples: ['prod/db/password'],
})

export const actor = Type.String({
  minLength: 1,
  maxLength: actorBytesMax,
  description: 'Who does something.',
  examples: ['svc/billing'],
})

export const version = Type.Integer({ minimum: 1, description: 'Of a secret, from 1.' })

/** What every pass over a list takes. */
export const limit = Type.Optional(
  Type.Integer({ minimum: 1, maximum: 1000, description: 'At most so many; 100 unless said.' }),
)

/** Which moment of the log an answer is to be about; the newest unless said. */
export const moment = {
  position: Type.Optional(
    position('As it was with the event at this position. Not together with `time`.'),
  ),
  time: Type.Optional(givenDate('As it was then: with the last event at or before this time.')),
}
