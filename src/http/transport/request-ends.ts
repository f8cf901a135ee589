import type { IncomingMessage } from 'node:http'

const lineFeed = 0x0a
const carriageReturn = 0x0d

/**
 * Where requests begin and end in the bytes of one connection, as the parser that reads them says.
 *
 * This is no second parser of HTTP, which could be brought to disagree with the first. The bytes are cut into
 * pieces, and the parser consumes them one by one; a piece ends wherever a request *could* end: after an empty
 * line, which ends every head and every chunked body (RFC 9112 §2.1, §7.1), and after the last byte of a body whose
 * length the parser has announced. A cut too many changes nothing, since a parser of a stream does not see
 * pieces. Whether a request did end at a cut is the parser's word alone: `IncomingMessage.complete`.
 */
export class RequestEnds {
  /** The request whose head has been read, and whose body is still to come or to end. */
  #underWay: IncomingMessage | undefined
  /** Whether the parser has bytes of a head that it has not yet announced. */
  #inHead = false
  /** Bytes still to come of a body whose length is known. */
  #bodyLeft = 0
  /** Whether nothing stands on the current line so far, but for carriage returns. */
  #emptyLine = false

  /** Whether the next byte begins a request, or is a line end between two, which parsers skip (RFC 9112 §2.2). */
  get between(): boolean {
    return !this.#inHead && this.#underWay === undefined
  }

  /** How many of `bytes`, of which there is at least one, are the next piece. */
  pieceOf(bytes: Buffer): number {
    if (this.between) {
      const lineEnds = lineEndsAt(bytes, 0)
      if (lineEnds > 0) return lineEnds
      this.#inHead = true
    }
    if (this.#inHead) return this.#throughEmptyLine(bytes)
    if (this.#bodyLeft > 0) {
      const size = Math.min(this.#bodyLeft, bytes.length)
      this.#bodyLeft -= size
      return size
    }
    // Line ends after an empty line are a chunk's or the parser's to skip; a body of them is not cut at every byte.
    const size = this.#throughEmptyLine(bytes)
    return size + lineEndsAt(bytes, size)
  }

  /**
   * The parser has consumed the piece, and announced the request whose head ended with it, if one did.
   *
   * @returns whether it is known where the request that is under way will end.
   */
  consumed(announced: IncomingMessage | undefined): boolean {
    const request = announced ?? this.#underWay
    if (request === undefined) return true
    const { complete, headers } = request
    this.#inHead = false
    this.#underWay = complete ? undefined : request
    if (request === announced && !complete) this.#bodyLeft = Number(headers['content-length'] ?? 0)
    // The parser refuses a request that gives its length and is chunked as well (RFC 9112 §6.1).
    if (complete) return this.#bodyLeft === 0
    return this.#bodyLeft > 0 || headers['transfer-encoding'] !== undefined
  }

  #throughEmptyLine(bytes: Buffer): number {
    for (let at = 0; at < bytes.length; at += 1) {
      const byte = bytes[at]
      if (byte === lineFeed && this.#emptyLine) return at + 1
      if (byte === lineFeed) this.#emptyLine = true
      else if (byte !== carriageReturn) this.#emptyLine = false
    }
    return bytes.length
  }
}

/** How many line ends, or parts of them, stand at `from`. */
function lineEndsAt(bytes: Buffer, from: number): number {
  let at = from
  while (bytes[at] === lineFeed || bytes[at] === carriageReturn) at += 1
  return at - from
}
