import { eventBytesMax } from '../limits.ts'
import { type Cosigner, openCheckpoint, type Trust } from './checkpoint.ts'
import { verifyInclusion } from './inclusion.ts'
import {
  formatProof,
  malformed,
  parseBase64,
  parseDecimal,
  parseHead,
  parseProof,
} from './lines.ts'
import { leafHash } from './tree.ts'

/**
 * C2SP tlog-proof: that an entry stands in a log, verified without either.
 *
 * file  := "c2sp.org/tlog-proof@v1\n" ‖ ["extra " base64 "\n"] ‖ "index " decimal "\n" ‖ (hash "\n")* ‖ "\n" ‖ checkpoint
 * extra := salt(16) ‖ event bytes          in ours: the leaf data, so that the file alone says what was logged
 *
 * 63 hashes at the most, from the leaf's sibling to the root's child; the checkpoint is the signed note, verbatim.
 */
export interface ProofFile {
  readonly index: number
  readonly extra: Buffer | undefined
  readonly proof: readonly Buffer[]
  readonly checkpoint: Buffer
}

/** What a proof file proves. */
export interface ProvedEntry {
  readonly origin: string
  readonly index: number
  /** Size and root of the log that the entry stands in. */
  readonly size: number
  readonly root: Buffer
  /** The leaf data. */
  readonly extra: Buffer
  readonly cosigners: readonly Cosigner[]
}

const magic = 'c2sp.org/tlog-proof@v1'
const what = 'proof file'
/** The largest leaf in base64, and room for the lines around it. */
const headBytesMax = Math.ceil((eventBytesMax + 16) / 3) * 4 + 4096

/** The bytes of a proof file, which `parseProofFile` takes. Throws `INVALID` or `TOO_LARGE` where it would not. */
export function formatProofFile({ index, extra, proof, checkpoint }: ProofFile): Buffer {
  const extraLine = extra === undefined ? '' : `extra ${extra.toString('base64')}\n`
  const head = `${magic}\n${extraLine}index ${index}\n${formatProof(proof)}\n`
  const bytes = Buffer.concat([Buffer.from(head), checkpoint])
  parseProofFile(bytes)
  return bytes
}

/** Reads a proof file; nothing is verified yet. Throws `INVALID`, saying what was expected, or `TOO_LARGE`. */
export function parseProofFile(bytes: Uint8Array): ProofFile {
  const { lines, rest } = parseHead(bytes, what, headBytesMax)
  if (lines.shift() !== magic) throw malformed(what, `"${magic}" as its first line`)
  const extra = lines[0]?.startsWith('extra ') ? lines.shift()?.slice('extra '.length) : undefined
  const index = lines.shift()
  if (!index?.startsWith('index ')) throw malformed(what, 'a line "index <number>"')
  return {
    index: parseDecimal(index.slice('index '.length), `${what}: index`),
    extra: extra === undefined ? undefined : parseBase64(extra, `${what}: extra`),
    proof: parseProof(lines, what),
    checkpoint: rest,
  }
}

/**
 * Verifies a proof file of ours: the checkpoint under the log's key, the cosignatures of the witnesses that are
 * trusted, and that the leaf data in `extra` stands at `index` in that log. Needs neither the vault nor its keys.
 *
 * @throws VaultError `INVALID` or `TOO_LARGE` for a file that cannot be read; `INTEGRITY` for one that proves nothing
 * @example
 * const { index, cosigners } = verifyProofFile(await readFile(file), { log: parseVkey(pinned) })
 */
export function verifyProofFile(bytes: Uint8Array, trust: Trust): ProvedEntry {
  const { index, extra, proof, checkpoint } = parseProofFile(bytes)
  if (extra === undefined) throw malformed(what, 'the leaf data in a line "extra <base64>"')
  const { origin, size, root, cosigners } = openCheckpoint(checkpoint, trust)
  verifyInclusion({ index, size, leaf: leafHash(extra), proof, root })
  return { origin, index, size, root, extra, cosigners }
}
