import { isAbsolute } from 'node:path'
import { Type } from 'typebox'
import { type AnchorPlace, VaultError } from '../../../index.ts'
import { type AnyOperation, operation } from '../operation.ts'
import { oneOf, strict } from '../shapes/common.ts'

/** What is known of an anchor. */
export const anchorState = strict({
  kind: oneOf(['file', 'witness'] as const),
  target: Type.String({ description: 'A path on the server, or a URL.' }),
  vkey: Type.Optional(Type.String({ description: 'Of a witness: its verifier key.' })),
  size: Type.Integer({ minimum: 0, description: 'Of the log, as far as it vouches for it.' }),
  failure: Type.Optional(
    Type.String({ description: 'Why the newest checkpoint did not get there.' }),
  ),
})

const anchors = strict({ anchors: Type.Array(anchorState) })

const place = Type.Union([
  strict({
    file: Type.String({
      minLength: 1,
      description: 'A whole path on the server.',
      examples: ['/mnt/worm/muniment.checkpoint'],
    }),
  }),
  strict({
    witness: Type.String({ minLength: 1, description: 'The URL of a C2SP witness.' }),
    vkey: Type.String({ minLength: 1, description: 'Its verifier key.' }),
  }),
])

/** Where the process of the server happens to stand is nothing that its callers know. Throws `INVALID`. */
function expectWhole(place: AnchorPlace): void {
  if (!('file' in place) || isAbsolute(place.file)) return
  throw new VaultError('INVALID', 'body.place.file must be a whole path: it is one of the server')
}

/** Where checkpoints go besides. */
export const anchorOperations: readonly AnyOperation[] = [
  operation({
    id: 'listAnchors',
    method: 'GET',
    path: '/anchors',
    summary:
      'Each anchor, how much of the log it vouches for, and why the newest checkpoint is not there',
    right: 'keys',
    answer: anchors,
    run: async ({ scope, call }) => ({ anchors: await scope.anchors.list(call) }),
  }),
  operation({
    id: 'addAnchor',
    method: 'POST',
    path: '/anchors',
    summary: 'Another anchor, which is sent a checkpoint of now',
    description: 'The server itself writes the file, or connects to the witness.',
    right: 'keys',
    body: strict({ place }),
    status: 201,
    answer: anchorState,
    refusals: ['EXISTS'],
    run: ({ scope, body, call }) => {
      const place = body.place as AnchorPlace
      expectWhole(place)
      return scope.anchors.add(place, call)
    },
  }),
  operation({
    id: 'anchorNow',
    method: 'POST',
    path: '/anchors/now',
    summary: 'Sends every anchor a checkpoint of now, and waits for what comes of it',
    right: 'keys',
    answer: anchors,
    run: async ({ scope, call }) => ({ anchors: await scope.anchors.now(call) }),
  }),
  operation({
    id: 'removeAnchor',
    method: 'DELETE',
    path: '/anchors/{target}',
    summary: 'Sends no more checkpoints there; what it holds stays',
    right: 'keys',
    params: strict({ target: Type.String({ minLength: 1 }) }),
    refusals: ['NOT_FOUND'],
    run: ({ scope, params, call }) => scope.anchors.remove(params.target, call),
  }),
]
