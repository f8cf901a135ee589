import { Type } from 'typebox'
import {
  type SecretInspector,
  type TokenScope,
  type VaultAsOf,
  VaultError,
} from '../../../index.ts'
import { momentOf } from '../moment.ts'
import { type AnyOperation, type ApiAsked, operation } from '../operation.ts'
import { date, limit, moment, path, position, strict, version } from '../shapes/common.ts'
import { secretInfo, versionInfo } from './shapes.ts'
import { shownSecret, shownSecretOf } from './value.ts'

const atPath = strict({ path })

/** Looks at secrets, and the reading of one: now or as of a moment. */
export const looks: readonly AnyOperation[] = [
  operation({
    id: 'listSecrets',
    method: 'GET',
    path: '/secrets',
    summary: 'What is known of the secrets whose paths begin alike, page by page',
    right: 'list',
    query: strict({
      prefix: Type.Optional(Type.String({ description: 'All of them unless said.' })),
      limit,
      after: Type.Optional(
        Type.String({ description: 'Paths behind this one: the `next` of the page before.' }),
      ),
      ...moment,
    }),
    answer: strict({
      items: Type.Array(secretInfo),
      position: position('Of the newest event that the page knows of.'),
      next: Type.Optional(Type.String({ description: 'Absent on the last page.' })),
    }),
    run: async (asked) => {
      const { prefix = '', limit, after } = asked.query
      const { call } = asked
      const at = await inspectorOf(asked)
      return at.list(prefix, {
        ...call,
        ...(limit !== undefined && { limit }),
        ...(after !== undefined && { after }),
      })
    },
  }),
  operation({
    id: 'describeSecret',
    method: 'GET',
    path: '/secrets/{path}',
    summary: 'What is known of a secret besides its value',
    right: 'describe',
    params: atPath,
    query: strict(moment),
    answer: secretInfo,
    refusals: ['NOT_FOUND'],
    run: async (asked) => (await inspectorOf(asked)).describe(asked.params.path, asked.call),
  }),
  operation({
    id: 'secretHistory',
    method: 'GET',
    path: '/secrets/{path}/history',
    summary: 'The versions of a secret, newest first',
    right: 'describe',
    params: atPath,
    query: strict({ limit, ...moment }),
    answer: strict({ versions: Type.Array(versionInfo) }),
    refusals: ['NOT_FOUND'],
    run: async (asked) => {
      const { limit } = asked.query
      const at = await inspectorOf(asked)
      const options = { ...asked.call, ...(limit !== undefined && { limit }) }
      return { versions: await at.history(asked.params.path, options) }
    },
  }),
  operation({
    id: 'secretExists',
    method: 'GET',
    path: '/secrets/{path}/exists',
    summary: 'Whether a secret has a newest version that can be read or has expired',
    right: 'list',
    params: atPath,
    query: strict(moment),
    answer: strict({ exists: Type.Boolean() }),
    run: async (asked) => ({
      exists: await (await inspectorOf(asked)).exists(asked.params.path, asked.call),
    }),
  }),
  operation({
    id: 'findMoment',
    method: 'GET',
    path: '/moment',
    summary: 'The position of the newest event at a moment, and its time',
    right: 'list',
    query: strict(moment),
    answer: strict({ position: position('Of the newest event of then.'), time: date('Its time.') }),
    run: async ({ scope, query, call }) => {
      const at = momentOf(query)
      if (at === undefined) throw new VaultError('INVALID', 'query: give position or time')
      const { position, time } = await scope.asOf(at, call)
      return { position, time }
    },
  }),
  operation({
    id: 'readSecret',
    method: 'GET',
    path: '/secrets/{path}/value',
    summary: 'The value of a secret, once the record of this access is on disk',
    right: 'read',
    params: atPath,
    query: strict({
      version: Type.Optional(version),
      allowExpired: Type.Optional(
        Type.Boolean({ description: 'Reads a value that has expired; takes `Muniment-Reason`.' }),
      ),
      ...moment,
    }),
    answer: shownSecret,
    refusals: ['NOT_FOUND', 'DELETED', 'DESTROYED', 'EXPIRED', 'NOT_YET_VALID'],
    run: async (asked) => {
      const { version, allowExpired } = asked.query
      const at = await inspectorOf(asked)
      const secret = await at.read(asked.params.path, {
        ...asked.call,
        ...(version !== undefined && { version }),
        ...(allowExpired !== undefined && { allowExpired }),
      })
      return shownSecretOf(secret)
    },
  }),
]

/** The vault as it is, or as it was at the moment that the query names. */
async function inspectorOf({
  scope,
  query,
  call,
}: ApiAsked<unknown, { position?: number; time?: string }, unknown>): Promise<
  SecretInspector & Pick<TokenScope | VaultAsOf, 'read'>
> {
  const at = momentOf(query)
  return at === undefined ? scope : scope.asOf(at, call)
}
