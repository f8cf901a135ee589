import { Type } from 'typebox'
import { prefers } from '../accept.ts'
import { type AnyOperation, operation } from '../operation.ts'
import { oneOf, strict } from '../shapes/common.ts'
import { jsonLinesType } from '../streams.ts'
import { toldLines } from '../told-lines.ts'
import { Conversation, conversing, giveKey } from './conversations.ts'
import { givenKey, kdf } from './credential.ts'
import { progress, signerRotated } from './shapes.ts'

const kinds = Type.Array(oneOf(['argon2id', 'pbkdf2', 'recovery', 'shares'] as const), {
  description: 'The kinds of keyslot that the credential can make a key for.',
})

const ask = strict({
  ask: strict({
    conversation: Type.String({ format: 'uuid' }),
    ask: Type.Integer({ minimum: 0 }),
    credential: Type.Integer({ minimum: 0, description: 'Which of `keep`, from 0.' }),
    kdf,
  }),
})

const rotated = strict({
  ...signerRotated.properties,
  removed: Type.Array(Type.String({ format: 'uuid' }), {
    description: 'Ids of the keyslots that are gone.',
  }),
})

/** The change of everything, for which the server asks back. */
export const rootOperations: readonly AnyOperation[] = [
  operation({
    id: 'rotateRoot',
    method: 'POST',
    path: '/keys/rotate-root',
    summary: 'New keys of every kind, and only the keyslots that the named credentials open',
    description:
      'The answer is lines of JSON. Each `ask` wants the key that a credential makes for a keyslot: it is given with ' +
      '`giveKey`, within a minute, while the answer goes on. What a key is made of stays with the caller; keys themselves ' +
      'are to be sent over TLS or to a loopback address only. The last line is the result.',
    right: 'keys',
    body: strict({ keep: Type.Array(strict({ kinds }), { minItems: 1, maxItems: 16 }) }),
    answer: { [jsonLinesType]: Type.Union([ask, progress, strict({ result: rotated })]) },
    refusals: ['CONFLICT'],
    run: async ({ scope, served, request, body, call }) => {
      prefers(request, [jsonLinesType])
      const { accessor } = scope.token
      return toldLines(request, (telling, give) => {
        const { signal } = telling
        const conversation = new Conversation({ accessor, signal, give })
        const keep = body.keep.map(({ kinds }, index) => conversation.unlock(index, kinds))
        return conversing(served, conversation, () =>
          scope.keys.rotateRoot({ ...call, ...telling, keep }),
        )
      })
    },
  }),
  operation({
    id: 'giveKey',
    method: 'POST',
    path: '/keys/rotate-root/{conversation}/{ask}',
    summary: 'A key that the rotation of the root asked for',
    right: 'keys',
    params: strict({
      conversation: Type.String({ minLength: 1 }),
      ask: Type.Integer({ minimum: 0 }),
    }),
    body: givenKey,
    refusals: ['NOT_FOUND'],
    run: async ({ served, scope, params, body }) =>
      giveKey({ served, scope }, { ...params, key: body.key }),
  }),
]
