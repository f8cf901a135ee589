import { VaultError } from '../errors.ts'
import type { CallOptions, ControlledVault, SignedCheckpoint } from '../index.ts'
import { ownBuffer } from '../secret/own-buffer.ts'
import { at } from './at.ts'
import { bytesFrom } from './base64.ts'
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
      checkpointOf(
        // A second one says no more than the first.
        await server.json({ method: 'POST', path: '/checkpoints', call, repeatable: true }),
      ),
    checkpoints: async function* (call: CallOptions = {}) {
      const lines = server.lines<SaidCheckpoint>({ path: '/checkpoints', call })
      for await (const line of lines) yield checkpointOf(line)
    },
    event: async (position, call = {}) => {
      const { file, ...proved } = await server.json<SaidProof>({
        path: at`/proofs/${positionText(position)}`,
        call,
      })
      return { ...proved, file: bytesFrom(file) }
    },
    consistency: async (from, to, call = {}) => {
      const query = {
        from: from.size,
        fromRoot: hexOf(from.root),
        ...(to && { to: to.size, toRoot: hexOf(to.root) }),
      }
      const said = await server.json<SaidConsistency>({ path: '/consistency', query, call })
      return { from, to: to ?? checkpointOf(said.to), proof: said.proof.map(bytesFrom) }
    },
  }
}

function positionText(position: number): string {
  if (Number.isSafeInteger(position) && position >= 0) return String(position)
  throw new VaultError('INVALID', 'position must be an integer from 0')
}

function checkpointOf({ root, note, ...about }: SaidCheckpoint): SignedCheckpoint {
  return { ...about, root: bytesFrom(root), note: ownBuffer(new TextEncoder().encode(note)) }
}
