import { Type } from 'typebox'
import { prefers } from '../accept.ts'
import { type Group, operation } from '../operation.ts'
import { date, oneOf, position, strict } from '../shapes/common.ts'
import { jsonLinesType } from '../streams.ts'
import { toldLines } from '../told-lines.ts'
import { anchorOperations } from './anchors.ts'
import { keyslotOperations } from './keyslots.ts'
import { rootOperations } from './rotate-root.ts'
import { keysRotated, progress, signerRotated } from './shapes.ts'

const optional = Type.Optional

const key = strict({
  purpose: oneOf(['log', 'blinding', 'append', 'wrapping', 'signing', 'auditors'] as const),
  epoch: Type.Integer({ minimum: 1, description: 'Its number among those of its purpose.' }),
  from: optional(position('The first under it, of those that seal or mark the log.')),
  createdAt: optional(date('When it was made.')),
  state: oneOf(['current', 'retired', 'erased'] as const, {
    description: '`erased` where only the public key is left.',
  }),
  publicKey: optional(Type.String({ description: 'Of `signing`: the C2SP verifier key.' })),
})

const shredded = strict({
  ...keysRotated.properties,
  keys: Type.Integer({ minimum: 0, description: 'Value keys that survived.' }),
})

export const keyOperations: Group = {
  name: 'Keys',
  description: "The vault's own keys, the ways to open it, and where its checkpoints go.",
  operations: [
    ...keyslotOperations,
    operation({
      id: 'listKeys',
      method: 'GET',
      path: '/keys',
      summary: 'What keys there are, by purpose and age, without any of them',
      right: 'keys',
      answer: strict({ keys: Type.Array(key) }),
      run: async ({ scope, call }) => ({ keys: await scope.keys.list(call) }),
    }),
    operation({
      id: 'rotateKeys',
      method: 'POST',
      path: '/keys/rotate',
      summary: 'New keys for the log from here on',
      right: 'keys',
      answer: keysRotated,
      run: ({ scope, call }) => scope.keys.rotate(call),
    }),
    operation({
      id: 'rotateSigningKey',
      method: 'POST',
      path: '/keys/rotate-signing',
      summary: 'A new key that signs checkpoints, and with it a new verifier',
      right: 'keys',
      answer: signerRotated,
      run: ({ scope, call }) => scope.keys.rotateSigning(call),
    }),
    operation({
      id: 'shredKeys',
      method: 'POST',
      path: '/keys/shred',
      summary: 'Wraps every value key anew, so that what was destroyed opens no more',
      description: 'As lines of JSON it tells how far it has come; the last line is the result.',
      right: 'keys',
      answer: {
        'application/json': shredded,
        [jsonLinesType]: Type.Union([progress, strict({ result: shredded })]),
      },
      run: async ({ scope, request, call }) => {
        const type = prefers(request, ['application/json', jsonLinesType])
        if (type === 'application/json') return scope.keys.shred(call)
        return toldLines(request, (telling) => scope.keys.shred({ ...call, ...telling }))
      },
    }),
    ...rootOperations,
    ...anchorOperations,
  ],
}
