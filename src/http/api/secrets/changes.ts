import { Type } from 'typebox'
import { type Capability, rotationTriggers } from '../../../index.ts'
import { type AnyOperation, operation } from '../operation.ts'
import { oneOf, path, position, strict } from '../shapes/common.ts'
import { ifVersion, meta, versionsChanged, written } from './shapes.ts'
import { inputOf, value } from './value.ts'

const atPath = strict({ path })
const versions = Type.Array(Type.Integer({ minimum: 1 }), {
  minItems: 1,
  description: 'The newest unless said.',
})
const named = strict({ versions: Type.Optional(versions) })

/** What all changes of versions have. */
function versionsAbout(verb: string) {
  return {
    method: 'POST',
    path: `/secrets/{path}/${verb}`,
    idempotent: true,
    params: atPath,
    answer: versionsChanged,
  } as const
}

/** One that can be taken back. */
function versionsOperation(
  verb: 'delete' | 'restore',
  about: { readonly id: string; readonly summary: string; readonly right: Capability },
): AnyOperation {
  return operation({
    ...about,
    ...versionsAbout(verb),
    body: named,
    refusals: ['NOT_FOUND', 'DESTROYED'],
    run: ({ scope, params, body, call }) => scope[verb](params.path, { ...body, ...call }),
  })
}

/** What changes secrets. Each takes an `Idempotency-Key`. */
export const changes: readonly AnyOperation[] = [
  operation({
    id: 'writeSecret',
    method: 'PUT',
    path: '/secrets/{path}',
    summary: 'A first version of a secret, or the next',
    right: 'write',
    idempotent: true,
    params: atPath,
    body: strict({ value, ifVersion, ...meta }),
    answer: written,
    refusals: ['CONFLICT'],
    run: ({ scope, params, body: { value, ...options }, call }) =>
      scope.write(params.path, inputOf(value), { ...options, ...call }),
  }),
  operation({
    id: 'rotateSecret',
    method: 'POST',
    path: '/secrets/{path}/rotate',
    summary: 'A new value for a secret that is there',
    right: 'rotate',
    idempotent: true,
    params: atPath,
    body: strict({
      value,
      trigger: Type.Optional(oneOf(rotationTriggers, { description: '`manual` unless said.' })),
      ifVersion,
      ...meta,
    }),
    answer: strict({ ...written.properties, rotationCount: Type.Integer() }),
    refusals: ['NOT_FOUND', 'DELETED', 'DESTROYED', 'CONFLICT'],
    run: ({ scope, params, body: { value, ...options }, call }) =>
      scope.rotate(params.path, inputOf(value), { ...options, ...call }),
  }),
  operation({
    id: 'annotateSecret',
    method: 'PATCH',
    path: '/secrets/{path}',
    summary: 'Changes what is known of a secret and not its value',
    right: 'annotate',
    idempotent: true,
    params: atPath,
    body: strict({ ifVersion, ...meta }),
    answer: strict({
      path: Type.String(),
      version: Type.Integer(),
      position: position('Of its event.'),
    }),
    refusals: ['NOT_FOUND', 'CONFLICT'],
    run: ({ scope, params, body, call }) => scope.annotate(params.path, { ...body, ...call }),
  }),
  versionsOperation('delete', {
    id: 'deleteVersions',
    summary: 'Withdraws versions until they are restored',
    right: 'delete',
  }),
  versionsOperation('restore', {
    id: 'restoreVersions',
    summary: 'Brings deleted versions back',
    right: 'delete',
  }),
  operation({
    id: 'destroyVersions',
    ...versionsAbout('destroy'),
    summary: 'Destroys the keys of versions, for good',
    right: 'destroy',
    body: strict({ versions }),
    refusals: ['NOT_FOUND'],
    run: ({ scope, params, body, call }) => scope.destroy(params.path, { ...body, ...call }),
  }),
  operation({
    id: 'purgeSecret',
    ...versionsAbout('purge'),
    summary: 'Destroys all versions of a secret and frees its path; the record of what was stays',
    right: 'purge',
    refusals: ['NOT_FOUND'],
    run: ({ scope, params, call }) => scope.purge(params.path, call),
  }),
]
