import { VaultError } from '../errors.ts'
import { decodeEvent } from '../events/decode.ts'
import type { Trust } from './checkpoint.ts'
import { type ProvedEntry, verifyProofFile } from './proof-file.ts'

/** An event as JSON has it: bytes in base64, the time in milliseconds since the epoch. */
export interface EventJson {
  readonly position: number
  readonly schema: number
  readonly id: string
  readonly type: string
  readonly time: number
  readonly actor: string
  readonly subject: string
  readonly context: Readonly<Record<string, unknown>>
  readonly data: Readonly<Record<string, unknown>>
}

export interface ProvedEvent extends ProvedEntry {
  /** Undefined where the leaf data holds no event that this release can read; what was proved is `extra` all the same. */
  readonly event: EventJson | undefined
}

/** leaf data := salt(16) ‖ event bytes; the salt only keeps neighbours from being guessed. */
const saltBytes = 16

/**
 * Verifies a proof file as `verifyProofFile` does, and reads the event that it proves. Needs neither the vault nor its
 * keys; a value in the event stays the sealed box that it is.
 *
 * @throws VaultError `INVALID` or `TOO_LARGE` for a file that cannot be read; `INTEGRITY` for one that proves nothing
 * @example
 * const { event, cosigners } = verifyEventProof(await readFile('disclosure.tlog-proof'), { log: parseVkey(pinned) })
 */
export function verifyEventProof(bytes: Uint8Array, trust: Trust): ProvedEvent {
  const entry = verifyProofFile(bytes, trust)
  return { ...entry, event: eventIn(entry) }
}

function eventIn({ extra, index }: ProvedEntry): EventJson | undefined {
  try {
    const place = { start: Math.min(saltBytes, extra.length), end: extra.length, position: index }
    // `toJSON` decodes all of it, and gives bytes as text.
    return JSON.parse(JSON.stringify(decodeEvent(extra, place)))
  } catch (error) {
    if (error instanceof VaultError) return undefined
    throw error
  }
}
