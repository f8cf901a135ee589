import { Type } from 'typebox'
import {
  type CallOptions,
  type SignedCheckpoint,
  type TokenScope,
  VaultError,
} from '../../../index.ts'
import { prefers } from '../accept.ts'
import { begun } from '../begun.ts'
import { type AnyOperation, operation, Streamed } from '../operation.ts'
import { strict } from '../shapes/common.ts'
import { slicedJson } from '../sliced-json.ts'
import { jsonLines, jsonLinesType } from '../streams.ts'
import { checkpoint, shownCheckpoint } from './shapes.ts'

/** Of a signed note, and of a proof. */
export const noteType = 'text/plain; charset=utf-8'

const note = Type.String({ description: 'The signed note itself.' })

export const checkpointOperations: readonly AnyOperation[] = [
  operation({
    id: 'listCheckpoints',
    method: 'GET',
    path: '/checkpoints',
    summary: 'Every checkpoint that is kept for good, oldest first, and the newest',
    description: 'As `application/x-ndjson`, one a line.',
    right: 'audit',
    answer: {
      'application/json': strict({ checkpoints: Type.Array(checkpoint) }),
      [jsonLinesType]: checkpoint,
    },
    run: async ({ request, scope, call }) => {
      const type = prefers(request, ['application/json', jsonLinesType] as const)
      const items = await begun(shownOnes(scope, call))
      if (type === jsonLinesType) return jsonLines(items, request.id)
      return new Streamed(type, slicedJson({}, { checkpoints: items }))
    },
  }),
  operation({
    id: 'latestCheckpoint',
    method: 'GET',
    path: '/checkpoints/latest',
    summary: 'The newest checkpoint that is signed',
    description: 'As `text/plain`, the signed note itself: what a witness and an auditor take.',
    right: 'audit',
    answer: { 'application/json': checkpoint, [noteType]: note },
    refusals: ['NOT_FOUND'],
    run: async ({ request, scope, call }) => {
      const type = prefers(request, ['application/json', noteType] as const)
      const latest = await latestOf(scope, call)
      if (type === 'application/json') return shownCheckpoint(latest)
      return new Streamed(noteType, once(latest.note))
    },
  }),
  operation({
    id: 'signCheckpoint',
    method: 'POST',
    path: '/checkpoints',
    summary: 'Signs the log as it is, and keeps that',
    right: 'audit',
    status: 201,
    answer: { 'application/json': checkpoint, [noteType]: note },
    run: async ({ request, scope, call }) => {
      const type = prefers(request, ['application/json', noteType] as const)
      const signed = await scope.proofs.checkpoint(call)
      if (type === 'application/json') return shownCheckpoint(signed)
      return new Streamed(noteType, once(signed.note))
    },
  }),
]

/** Bytes that are there at once, as an answer of another type than JSON has them. */
export async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, void> {
  yield bytes
}

async function* shownOnes(
  scope: TokenScope,
  call: CallOptions,
): AsyncGenerator<object, void, void> {
  for await (const each of scope.proofs.checkpoints(call)) yield shownCheckpoint(each)
}

async function latestOf(scope: TokenScope, call: CallOptions): Promise<SignedCheckpoint> {
  let latest: SignedCheckpoint | undefined
  for await (const each of scope.proofs.checkpoints(call)) latest = each
  if (latest !== undefined) return latest
  throw new VaultError('NOT_FOUND', 'nothing of the log is signed yet: sign it with POST')
}
