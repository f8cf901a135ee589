import { Readable } from 'node:stream'
import { ZipFile } from 'yazl'

/** A file that goes into an archive. */
export interface ZipEntry {
  readonly name: string
  /** Its length, which has to be right. */
  readonly bytes: number
  /** Reads it when its turn comes. */
  readonly read: () => AsyncIterable<Uint8Array>
}

/** A day past what a date of the format begins with, so that it is one in every zone; the end likewise. */
const dosFirst = Date.UTC(1980, 0, 2)
const dosLast = Date.UTC(2107, 11, 30)

/**
 * A date whose local parts are those of UTC: an archive's dates have no zone, and its bytes must not depend on the one
 * that they are made in.
 */
class ZonelessDate extends Date {
  override getFullYear() {
    return this.getUTCFullYear()
  }
  override getMonth() {
    return this.getUTCMonth()
  }
  override getDate() {
    return this.getUTCDate()
  }
  override getHours() {
    return this.getUTCHours()
  }
  override getMinutes() {
    return this.getUTCMinutes()
  }
  override getSeconds() {
    return this.getUTCSeconds()
  }
}

/**
 * A zip archive of these files in this order, all of one date: the same files give the same bytes, with the same zlib.
 * Throws what reading a file throws.
 *
 * @param time in milliseconds since the epoch
 */
export async function* zipBytes(
  entries: readonly ZipEntry[],
  time: number,
): AsyncGenerator<Uint8Array, void, void> {
  const zip = new ZipFile()
  const mtime = new ZonelessDate(Math.min(Math.max(time, dosFirst), dosLast))
  const opened: Readable[] = []
  const bytes = zip.outputStream as Readable
  const fail = (error: Error) => bytes.destroy(error)
  zip.on('error', fail)
  for (const { name, bytes: size, read } of entries) {
    zip.addReadStreamLazy(name, { mtime, size, mode: 0o100644 }, (give) => {
      const stream = Readable.from(read(), { objectMode: false })
      stream.on('error', fail)
      opened.push(stream)
      give(null, stream)
    })
  }
  zip.end()
  try {
    for await (const piece of bytes) yield piece as Uint8Array
  } finally {
    for (const stream of opened) stream.destroy()
  }
}
