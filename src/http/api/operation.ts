import type { FastifyRequest } from 'fastify'
import type { Static, TObject, TSchema } from 'typebox'
import type { CallOptions, Capability, TokenScope, Vault, VaultErrorCode } from '../../index.ts'
import type { Served } from '../served.ts'

/** A request as an operation has it: its arguments checked, and its caller known. */
export interface ApiAsked<P, Q, B> {
  readonly request: FastifyRequest
  readonly served: Served
  /** The verbs as the caller has them. */
  readonly scope: TokenScope
  /** The segments of the path that stand for something, decoded. */
  readonly params: P
  readonly query: Q
  readonly body: B
  /** What the headers say of the call, and the signal that aborts when the client goes away. */
  readonly call: CallOptions
  /** The position that the answer was to wait for, if there is one: the log holds it by now. */
  readonly atLeast: number | undefined
}

/** The same of one that takes no token. */
export interface OpenAsked<P, Q, B> extends Omit<ApiAsked<P, Q, B>, 'scope'> {
  /** Throws where the vault is sealed. */
  vault(): Vault
}

/** An answer that is given piece by piece, as fast as it is read. */
export class Streamed {
  readonly type: string
  readonly pieces: AsyncIterable<string | Uint8Array>
  readonly headers: Readonly<Record<string, string>>

  /** @param type of the medium, such as `application/x-ndjson` */
  constructor(
    type: string,
    pieces: AsyncIterable<string | Uint8Array>,
    headers: Readonly<Record<string, string>> = {},
  ) {
    this.type = type
    this.pieces = pieces
    this.headers = headers
  }
}

/** An answer with another status than 200. */
export class Answered {
  readonly status: number
  readonly content: unknown
  readonly headers: Readonly<Record<string, string>>

  constructor(status: number, content: unknown, headers: Readonly<Record<string, string>> = {}) {
    this.status = status
    this.content = content
    this.headers = headers
  }
}

/** What an operation answers, by the type of its medium. */
export type Answers = Readonly<Record<string, TSchema>>

interface About<P extends TObject, Q extends TObject, B extends TObject> {
  /** Its `operationId`: `readSecret`. */
  readonly id: string
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Below `/api/v1`, as OpenAPI writes it: `/secrets/{path}/value`. */
  readonly path: string
  /** One line, without a full stop. */
  readonly summary: string
  /** What a reader needs besides: Markdown. */
  readonly description?: string
  readonly params?: P
  readonly query?: Q
  readonly body?: B
  /** Of status 200, unless said; a schema alone is that of JSON. Absent: 204, with nothing. */
  readonly answer?: TSchema | Answers
  readonly status?: 200 | 201 | 202
  /** What it can refuse beyond what every operation can. */
  readonly refusals?: readonly VaultErrorCode[]
  /** Whether `Idempotency-Key` names the event that it appends: the same call again is then answered as the first was. */
  readonly idempotent?: true
}

/** One for callers with a token. */
export interface Operation<
  P extends TObject = TObject,
  Q extends TObject = TObject,
  B extends TObject = TObject,
> extends About<P, Q, B> {
  /** What right it takes, for whoever reads of it: the vault itself judges. `self`: that of every token. */
  readonly right: Capability | 'self'
  readonly open?: never
  run(asked: ApiAsked<Static<P>, Static<Q>, Static<B>>): Promise<unknown>
}

/** One for everybody. */
export interface OpenOperation<
  P extends TObject = TObject,
  Q extends TObject = TObject,
  B extends TObject = TObject,
> extends About<P, Q, B> {
  readonly right?: never
  readonly open: true
  run(asked: OpenAsked<Static<P>, Static<Q>, Static<B>>): Promise<unknown>
}

/** Any of them, as the catalogue has them: each checks its own arguments before it runs. */
export type AnyOperation = Operation | OpenOperation

/** Types an operation by its schemas. */
export function operation<P extends TObject, Q extends TObject, B extends TObject>(
  about: Operation<P, Q, B>,
): AnyOperation {
  return about as unknown as Operation
}

/** The same for one that takes no token. */
export function openOperation<P extends TObject, Q extends TObject, B extends TObject>(
  about: OpenOperation<P, Q, B>,
): AnyOperation {
  return about as unknown as OpenOperation
}

/** Operations that a reader finds together: a tag of the OpenAPI document. */
export interface Group {
  readonly name: string
  readonly description: string
  readonly operations: readonly AnyOperation[]
}
