import { decodeText, malformed, parseBase64, parseDecimal, parseHash } from './bytes.js'

/** @import { Bytes } from './bytes.js' */
/** @typedef {{ index: number, extra: Bytes, proof: readonly Bytes[], checkpoint: Bytes }} ProofFile */
/** @typedef {{ oldSize: number, proof: readonly Bytes[], checkpoint: Bytes }} ConsistencyFile */

const hashesMax = 63
const proofHeadBytesMax = Math.ceil((4 * 1024 * 1024 + 16) / 3) * 4 + 4096
const consistencyHeadBytesMax = 4096

/**
 * C2SP tlog-proof:
 *
 * file := "c2sp.org/tlog-proof@v1\n" ‖ "extra " base64 "\n" ‖ "index " decimal "\n" ‖ (hash "\n")* ‖ "\n" ‖ checkpoint
 *
 * @param {Bytes} bytes
 * @returns {ProofFile}
 */
export function parseProofFile(bytes) {
  const what = 'proof file'
  const { lines, rest } = parseHead(bytes, what, proofHeadBytesMax)
  if (lines.shift() !== 'c2sp.org/tlog-proof@v1') {
    throw malformed(what, '"c2sp.org/tlog-proof@v1" as its first line')
  }
  const extra = lines.shift()
  if (!extra?.startsWith('extra ')) {
    throw malformed(what, 'the leaf data in a line "extra <base64>"')
  }
  const index = lines.shift()
  if (!index?.startsWith('index ')) throw malformed(what, 'a line "index <number>"')
  return {
    extra: parseBase64(extra.slice('extra '.length), `${what}: extra`),
    index: parseDecimal(index.slice('index '.length), `${what}: index`),
    proof: parseProof(lines, what),
    checkpoint: rest,
  }
}

/**
 * A consistency proof, as C2SP tlog-witness sends it to a witness:
 *
 * file := "old " decimal "\n" ‖ (hash "\n")* ‖ "\n" ‖ checkpoint
 *
 * @param {Bytes} bytes
 * @returns {ConsistencyFile}
 */
export function parseConsistencyFile(bytes) {
  const what = 'consistency proof'
  const { lines, rest } = parseHead(bytes, what, consistencyHeadBytesMax)
  const old = lines.shift()
  if (!old?.startsWith('old ')) throw malformed(what, 'a line "old <size>"')
  return {
    oldSize: parseDecimal(old.slice('old '.length), `${what}: old size`),
    proof: parseProof(lines, what),
    checkpoint: rest,
  }
}

/**
 * What stands in front of a note: lines, a blank one, and the bytes behind it.
 *
 * @param {Bytes} bytes
 * @param {string} what
 * @param {number} headBytesMax
 */
function parseHead(bytes, what, headBytesMax) {
  const end = bytes.findIndex((byte, i) => byte === 0x0a && bytes[i + 1] === 0x0a)
  if (end < 0) throw malformed(what, 'a blank line')
  const lines = decodeText(bytes.subarray(0, end), what, headBytesMax).split('\n')
  return { lines, rest: bytes.slice(end + 2) }
}

/**
 * @param {readonly string[]} lines
 * @param {string} what
 */
function parseProof(lines, what) {
  if (lines.length > hashesMax) throw malformed(what, `at most ${hashesMax} hashes`)
  return lines.map((line, i) => parseHash(line, `${what}: hash ${i + 1}`))
}
