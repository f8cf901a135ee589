import { createHash } from 'node:crypto'
import { type ArchiveRecord, encodeEnd, encodePrologue, encodeRecord } from './format.ts'

const chunkBytes = 256 * 1024

/** The bytes of an archive of these records, in pieces of 256 KiB or one record, whichever is more. */
export async function* archiveBytes(
  records: AsyncIterable<ArchiveRecord>,
): AsyncGenerator<Uint8Array, void, void> {
  const digest = createHash('sha256')
  let pieces: Uint8Array[] = [encodePrologue()]
  let length = 0
  const chunk = (): Buffer => {
    const bytes = Buffer.concat(pieces)
    digest.update(bytes)
    pieces = []
    length = 0
    return bytes
  }
  for await (const record of records) {
    for (const piece of encodeRecord(record)) {
      pieces.push(piece)
      length += piece.length
    }
    if (length >= chunkBytes) yield chunk()
  }
  yield chunk()
  yield encodeEnd(digest.digest())
}
