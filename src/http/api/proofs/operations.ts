import { Type } from 'typebox'
import {
  type CallOptions,
  type ConsistencyProof,
  type SignedCheckpoint,
  type TokenScope,
  VaultError,
} from '../../../index.ts'
import { prefers } from '../accept.ts'
import { Answered, type AnyOperation, type Group, operation, Streamed } from '../operation.ts'
import { problemOf } from '../problem.ts'
import { position, strict } from '../shapes/common.ts'
import { checkpointOperations, noteType, once } from './checkpoints.ts'
import { consistency, eventProof, shownCheckpoint } from './shapes.ts'

const proofFile = Type.String({ description: 'The proof itself (C2SP `tlog-proof`).' })
const size = (description: string) => Type.Integer({ minimum: 0, description })
const root = (description: string) => Type.String({ pattern: '^[0-9a-f]{64}$', description })

const proofTypes = ['application/json', noteType, 'application/octet-stream'] as const

const proofs: readonly AnyOperation[] = [
  operation({
    id: 'proveEvent',
    method: 'GET',
    path: '/proofs/{position}',
    summary: 'A proof that an event stands in the log, which shows that one event',
    description:
      '`muniment verify-proof` and `muniment/verify` check it without a vault, and without a network.',
    right: 'audit',
    params: strict({ position: position('Of the event.') }),
    answer: {
      'application/json': eventProof,
      [noteType]: proofFile,
      'application/octet-stream': proofFile,
    },
    run: async ({ request, scope, params, call }) => {
      const type = prefers(request, proofTypes)
      const { file, ...proved } = await scope.proofs.event(params.position, call)
      if (type === 'application/json') return { ...proved, file: file.toString('base64') }
      const name = `${proved.position}.tlog-proof`
      return new Streamed(type, once(file), {
        'content-disposition': `attachment; filename="${name}"`,
      })
    },
  }),
  operation({
    id: 'proveConsistency',
    method: 'GET',
    path: '/consistency',
    summary: 'A proof that the log of one checkpoint continues that of an earlier one',
    description:
      'A checkpoint that the vault keeps is named by its size alone; any other with its root as well. Without `to` the log is signed as it is.',
    right: 'audit',
    query: strict({
      from: size('Of the earlier log.'),
      fromRoot: Type.Optional(root('Of the earlier log, in hex.')),
      to: Type.Optional(size('Of the later log.')),
      toRoot: Type.Optional(root('Of the later log, in hex.')),
    }),
    answer: consistency,
    refusals: ['NOT_FOUND', 'INTEGRITY'],
    run: async ({ request, scope, query, call }) => {
      const { from, fromRoot, to, toRoot } = query
      if (to === undefined && toRoot !== undefined) {
        throw new VaultError('INVALID', 'query.toRoot is of nothing: give to as well')
      }
      const earlier = await found(scope, { size: from, root: fromRoot }, call)
      const later = to === undefined ? to : await found(scope, { size: to, root: toRoot }, call)
      try {
        const proved = await scope.proofs.consistency(earlier, later, call)
        return shownConsistency(proved)
      } catch (error) {
        const isSaid = fromRoot !== undefined || toRoot !== undefined
        if (!isSaid || !(error instanceof VaultError) || error.code !== 'INTEGRITY') throw error
        return notOfThisLog(error, request.id)
      }
    },
  }),
]

function shownConsistency({ from, to, proof }: ConsistencyProof): object {
  return {
    from: { size: from.size, root: from.root.toString('base64') },
    to: shownCheckpoint(to),
    proof: proof.map((hash) => hash.toString('base64')),
  }
}

/** A root that the caller gave, and the log never had: whichever of both is wrong, the server itself is not at fault. */
function notOfThisLog(error: VaultError, id: string): Answered {
  const problem = { ...problemOf(error, id), status: 409, title: 'Conflict', detail: error.message }
  return new Answered(409, problem, { 'content-type': 'application/problem+json' })
}

/**
 * What a proof is to begin or end with: by its root, which is what the proof is held to, or as the vault keeps it. Nobody
 * asks who signed it: the proof shows that the log has passed through it.
 */
async function found(
  scope: TokenScope,
  { size, root }: { readonly size: number; readonly root: string | undefined },
  call: CallOptions,
): Promise<SignedCheckpoint> {
  if (root !== undefined) {
    return { origin: '', size, root: Buffer.from(root, 'hex'), note: Buffer.alloc(0) }
  }
  for await (const kept of scope.proofs.checkpoints(call)) if (kept.size === size) return kept
  throw new VaultError('NOT_FOUND', `no checkpoint of ${size} events is kept: give its root`, {
    found: size,
  })
}

export const proofOperations: Group = {
  name: 'Proofs',
  description: 'What the vault says of its log to somebody who trusts neither host nor disk.',
  operations: [...checkpointOperations, ...proofs],
}
