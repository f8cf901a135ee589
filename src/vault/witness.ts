import { VaultError } from '../errors.ts'
import { formatSignatures, type NoteSignature, parseNote, verifyNote } from '../proofs/note.ts'
import type { Vkey } from '../proofs/vkey.ts'
import {
  formatAddCheckpoint,
  parseWitnessResponse,
  type WitnessAnswer,
} from '../proofs/witness-message.ts'
import type { SignedCheckpoint } from './checkpoints.ts'

/** A C2SP tlog-witness: it cosigns a checkpoint that continues the last one that it has seen of the log. */
export interface Witness {
  /** Prefix of its `add-checkpoint`. */
  readonly url: string
  readonly vkey: Vkey
}

interface Cosigning {
  readonly seen: number
  readonly prove: (from: number) => Promise<readonly Buffer[]>
  readonly signal: AbortSignal
}

const timeoutMs = 10_000
const answerBytesMax = 64 * 1024

/**
 * Has a witness cosign a checkpoint: gives the note with its cosignature behind the vault's own.
 *
 * @param how `seen` is the size that the witness cosigned last, as far as is known: it says so itself if it was another;
 *   `prove` gives the consistency proof from a size to the checkpoint's
 * @throws VaultError `FAILED`, `TIMEOUT` where it cannot be reached; `INTEGRITY` where it has seen another log, or its
 *   signature does not hold; `DENIED`, `NOT_FOUND` where it does not know this log
 */
export async function cosign(
  { url, vkey }: Witness,
  checkpoint: SignedCheckpoint,
  { seen, prove, signal }: Cosigning,
): Promise<Buffer> {
  const ask = async (oldSize: number) => {
    const proof = oldSize === 0 ? [] : await prove(oldSize)
    return post(url, formatAddCheckpoint({ oldSize, proof, checkpoint: checkpoint.note }), signal)
  }
  let answer = await ask(seen)
  // It knows best what it has signed; asked twice, it has to agree.
  if (answer.kind === 'stale') answer = await ask(expectBehind(answer.size, checkpoint.size))
  if (answer.kind === 'stale') {
    throw new VaultError('FAILED', 'the witness does not agree with itself on what it has seen')
  }
  return withCosignature(checkpoint, answer.signatures, vkey)
}

/** A witness that has seen more than there is tells of a log that was rolled back. */
function expectBehind(seen: number, size: number): number {
  if (seen <= size) return seen
  throw new VaultError(
    'INTEGRITY',
    `the witness has seen a log of ${seen} events, and this one holds ${size}: it was rolled back`,
    { expected: seen, found: size },
  )
}

function withCosignature(
  { note }: SignedCheckpoint,
  signatures: readonly NoteSignature[],
  vkey: Vkey,
): Buffer {
  const { text } = parseNote(note)
  const [verified] = verifyNote({ text, signatures }, [vkey])
  if (verified === undefined) throw new VaultError('INTEGRITY', 'the witness has not signed')
  return Buffer.concat([note, Buffer.from(formatSignatures([verified.signature]))])
}

async function post(url: string, body: Buffer, ended: AbortSignal): Promise<WitnessAnswer> {
  const target = `${url.replace(/\/$/, '')}/add-checkpoint`
  try {
    const response = await fetch(target, {
      method: 'POST',
      body: Uint8Array.from(body),
      redirect: 'error',
      signal: AbortSignal.any([AbortSignal.timeout(timeoutMs), ended]),
    })
    return parseWitnessResponse({
      status: response.status,
      contentType: response.headers.get('content-type') ?? undefined,
      body: await readBounded(response),
    })
  } catch (cause) {
    if (cause instanceof VaultError) throw cause
    const late = cause instanceof Error && cause.name === 'TimeoutError'
    const what = late ? `did not answer within ${timeoutMs} ms` : 'cannot be reached'
    throw new VaultError(late ? 'TIMEOUT' : 'FAILED', `the witness at ${url} ${what}`, {
      cause,
      retry: 'now',
    })
  }
}

async function readBounded({ body }: Response): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of body ?? []) {
    length += chunk.length
    if (length > answerBytesMax) {
      throw new VaultError('TOO_LARGE', `the witness answers more than ${answerBytesMax} bytes`)
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
