import { Type } from 'typebox'
import { type AnyOperation, operation } from '../operation.ts'
import { date, oneOf, strict } from '../shapes/common.ts'
import { credential, credentialOf } from './credential.ts'

const roles = ['owner', 'auditor'] as const

/** One way to open the vault. */
const keyslot = strict({
  id: Type.String({ format: 'uuid' }),
  kind: oneOf(['argon2id', 'pbkdf2', 'recovery', 'shares', 'none'] as const),
  role: oneOf(roles),
  label: Type.String(),
  createdAt: date('When it was made.'),
  current: Type.Boolean({
    description: 'Whether it is the one that the server opened the vault by.',
  }),
})

const label = Type.Optional(
  Type.String({ description: 'For people, at most 128 bytes; the kind unless said.' }),
)
const role = Type.Optional(
  oneOf(roles, { description: '`auditor`: all of the history of a backup, and no value.' }),
)
const ofId = strict({ id: Type.String({ minLength: 1, description: 'Of a keyslot.' }) })

/** The ways to open the vault. */
export const keyslotOperations: readonly AnyOperation[] = [
  operation({
    id: 'listKeyslots',
    method: 'GET',
    path: '/keyslots',
    summary: 'The ways to open the vault',
    right: 'keys',
    answer: strict({ keyslots: Type.Array(keyslot) }),
    run: async ({ scope, call }) => ({ keyslots: await scope.keyslots.list(call) }),
  }),
  operation({
    id: 'addKeyslot',
    method: 'POST',
    path: '/keyslots',
    summary: 'Another way to open the vault',
    description:
      'The key is made by the caller of what the new credential is, which the server never sees. Whoever has the key and ' +
      'the keyring file has the vault: send it over TLS or a loopback address only.',
    right: 'keys',
    body: strict({ credential, label, role }),
    status: 201,
    answer: keyslot,
    run: ({ scope, body: { credential, ...options }, call }) =>
      scope.keyslots.add(credentialOf(credential), { ...call, ...options }),
  }),
  operation({
    id: 'addRecoveryKey',
    method: 'POST',
    path: '/keyslots/recovery',
    summary:
      'A recovery key, which the vault makes: 256 random bits as text to print and lock away',
    right: 'keys',
    body: strict({ label, role }),
    status: 201,
    answer: strict({
      ...keyslot.properties,
      text: Type.String({ description: 'The recovery key, this once: it is kept nowhere.' }),
    }),
    run: ({ scope, body, call }) => scope.keyslots.addRecovery({ ...call, ...body }),
  }),
  operation({
    id: 'replaceKeyslot',
    method: 'PUT',
    path: '/keyslots/{id}',
    summary: "Puts a new credential in the place of a keyslot's, whose role stays",
    right: 'keys',
    params: ofId,
    body: strict({ credential, label }),
    answer: keyslot,
    refusals: ['NOT_FOUND'],
    run: ({ scope, params, body: { credential, ...options }, call }) =>
      scope.keyslots.replace(params.id, credentialOf(credential), { ...call, ...options }),
  }),
  operation({
    id: 'removeKeyslot',
    method: 'DELETE',
    path: '/keyslots/{id}',
    summary: 'Ends a way to open the vault; what its holder has copied it does not take back',
    right: 'keys',
    params: ofId,
    refusals: ['NOT_FOUND'],
    run: ({ scope, params, call }) => scope.keyslots.remove(params.id, call),
  }),
]
