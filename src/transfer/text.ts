import { VaultError } from '../errors.ts'
import { transferBytesMax } from '../limits.ts'

/** The refusal of a whole file: `where` is empty, or begins with a comma (`, line 3`). */
export function refuseFile(format: string, where: string, what: string): VaultError {
  return new VaultError('INVALID', `${format} file${where}: ${what}`)
}

/**
 * The text of a file in UTF-8, without the mark that may stand before it. `TOO_LARGE` beyond 256 MiB, `INVALID` with
 * the offset of the first byte that is not UTF-8.
 */
export function decodeText(bytes: Uint8Array, format: string): string {
  if (bytes.length > transferBytesMax) {
    throw new VaultError(
      'TOO_LARGE',
      `${format} file: expected at most ${transferBytesMax} bytes, found ${bytes.length}`,
      { expected: transferBytesMax, found: bytes.length },
    )
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    const offset = firstStrayByte(bytes)
    const line = bytes.subarray(0, offset).reduce((lines, byte) => lines + Number(byte === 0x0a), 1)
    const where = `, line ${line}`
    throw refuseFile(format, where, `expected UTF-8, found another byte at offset ${offset}`)
  }
}

const replacement = '\ufffd'

/** Decoding without `fatal` puts U+FFFD for what is not UTF-8; where the file has it itself, its bytes stand there. */
function firstStrayByte(bytes: Uint8Array): number {
  const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes)
  let offset = 0
  let from = 0
  for (;;) {
    const at = text.indexOf(replacement, from)
    offset += Buffer.byteLength(text.slice(from, at))
    const own = bytes[offset] === 0xef && bytes[offset + 1] === 0xbf && bytes[offset + 2] === 0xbd
    if (!own) return offset
    offset += 3
    from = at + 1
  }
}
