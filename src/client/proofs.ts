import { VaultError } from '../errors.ts'
import type { CallOptions, ControlledVault, SignedCheckpoint } from '../index.ts'
import { ownBuffer } from '../secret/own-buffer.ts'
import { at } from './at.ts'
import { bytesFrom } from './base64.ts'
import { expectText } from './expected.ts'
import { hexOf } from './hex.ts'
import type { Server } from './server.ts'

interface SaidCheckpoint {
  readonly origin: string
  readonly size: number
  /** Base64. */
  readonly root: string
  readonly note: string
}

interface SaidProof {
  readonly position: number
  readonly size: number
  /** Base64. */
  readonly file: string
}

interface SaidConsistency {
  readonly to: SaidCheckpoint
  /** Base64 each. */
  readonly proof: readonly string[]
}

/** What the vault says of its log to others. */
export function proofs(server: Server): ControlledVault['proofs'] {
  return {
    checkpoint: async (call: CallOptions = {}) =>
      server.json(
        // A second one says no more than the first.
        { method: 'POST', path: '/checkpoints', call, repeatable: true },
        checkpointOf,
      ),
    checkpoints: (call: CallOptions = {}) =>
      server.lines({ path: '/checkpoints', call }, checkpointOf),
    event: async (position, call = {}) =>
      server.json(
        { path: at`/proofs/${positionText(position)}`, call },
        ({ file, ...proved }: SaidProof) => ({ ...proved, file: bytesFrom(file) }),
      ),
    consistency: async (from, to, call = {}) => {
      const query = {
        from: from.size,
        fromRoot: hexOf(from.root),
        ...(to && { to: to.size, toRoot: hexOf(to.root) }),
      }
      return server.json({ path: '/consistency', query, call }, (said: SaidConsistency) => ({
        from,
        to: to ?? checkpointOf(said.to),
        proof: said.proof.map(bytesFrom),
      }))
    },
  }
}

function positionText(position: number): string {
  if (Number.isSafeInteger(position) && position >= 0) return String(position)
  throw new VaultError('INVALID', 'position must be an integer from 0')
}

function checkpointOf({ root, note, ...about }: SaidCheckpoint): SignedCheckpoint {
  return {
    ...about,
    root: bytesFrom(root),
    note: ownBuffer(new TextEncoder().encode(expectText(note))),
  }
}
