import { VaultError, type VaultErrorCode } from '../errors.ts'
import { decodeText, formatProof, malformed, parseDecimal, parseHead, parseProof } from './lines.ts'
import { type NoteSignature, parseSignatures } from './note.ts'

/**
 * C2SP tlog-witness, `POST <prefix>/add-checkpoint`:
 *
 * request := "old " decimal "\n" ‖ (hash "\n")* ‖ "\n" ‖ checkpoint      63 hashes at the most
 * answer  := 200, signature lines | 409, text/x.tlog.size, decimal "\n" | another status, which refuses
 */
export interface AddCheckpoint {
  /** The size that the witness signed last, 0 if none. */
  readonly oldSize: number
  /** The consistency proof from there; empty from 0. */
  readonly proof: readonly Buffer[]
  /** The signed note, verbatim. */
  readonly checkpoint: Buffer
}

/** An HTTP response, read whole by whoever bounds it. */
export interface WitnessResponse {
  readonly status: number
  readonly contentType: string | undefined
  readonly body: Uint8Array
}

/** `cosigned` with lines that are still to be verified; `stale` with the size from which the witness asks for a proof. */
export type WitnessAnswer =
  | { readonly kind: 'cosigned'; readonly signatures: readonly NoteSignature[] }
  | { readonly kind: 'stale'; readonly size: number }

const request = 'add-checkpoint request'
const headBytesMax = 4096
const sizeBytesMax = 32
const sizeType = 'text/x.tlog.size'

/** What a witness says by a status that is no answer. A 409 that names no size is one. */
const refusals: Readonly<Record<number, readonly [VaultErrorCode, string]>> = {
  400: ['INVALID', 'cannot read the request'],
  403: ['DENIED', 'trusts none of the keys that signed the checkpoint'],
  404: ['NOT_FOUND', 'knows no log of this origin'],
  409: ['INTEGRITY', 'has seen another root for a log of this size'],
  422: ['INTEGRITY', 'finds that the log does not continue the one that it has seen'],
}

/** The body of a request, which `parseAddCheckpoint` takes. Throws `INVALID` or `TOO_LARGE` where it would not. */
export function formatAddCheckpoint({ oldSize, proof, checkpoint }: AddCheckpoint): Buffer {
  const head = `old ${oldSize}\n${formatProof(proof)}\n`
  const bytes = Buffer.concat([Buffer.from(head), checkpoint])
  parseAddCheckpoint(bytes)
  return bytes
}

/** Reads a request, as a witness does; neither the proof nor the checkpoint is verified yet. */
export function parseAddCheckpoint(bytes: Uint8Array): AddCheckpoint {
  const { lines, rest } = parseHead(bytes, request, headBytesMax)
  const old = lines.shift()
  if (!old?.startsWith('old ')) throw malformed(request, 'a line "old <size>"')
  return {
    oldSize: parseDecimal(old.slice('old '.length), `${request}: old size`),
    proof: parseProof(lines, request),
    checkpoint: rest,
  }
}

/**
 * Reads a witness's response. The cosignatures are verified by `verifyNote` with the text of the checkpoint, under the
 * witness's key alone.
 *
 * @throws VaultError `INVALID` or `TOO_LARGE` for a body that is not what the status says. For a status that refuses:
 *   `INTEGRITY` where the witness has seen another log (409, 422), `DENIED` (403), `NOT_FOUND` (404), `INVALID` (400), and
 *   `FAILED`, which may pass, for any other
 */
export function parseWitnessResponse({
  status,
  contentType,
  body,
}: WitnessResponse): WitnessAnswer {
  if (status === 200) return { kind: 'cosigned', signatures: parseSignatures(body) }
  if (status === 409 && mediaType(contentType) === sizeType) {
    const text = decodeText(body, 'witness', sizeBytesMax)
    if (!text.endsWith('\n')) throw malformed('witness', 'a size and a newline')
    return { kind: 'stale', size: parseDecimal(text.slice(0, -1), 'witness: size') }
  }
  const [code, reason] = refusals[status] ?? ['FAILED', 'gives no answer']
  const retry = code === 'FAILED' ? 'now' : 'never'
  throw new VaultError(code, `the witness ${reason} (HTTP ${status})`, { found: status, retry })
}

/** RFC 9110 §8.3.1: without parameters, in lower case. */
function mediaType(contentType: string | undefined): string | undefined {
  return contentType?.split(';')[0]?.trim().toLowerCase()
}
