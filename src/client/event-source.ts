/** A block of an event stream, up to its empty line. */
export interface ReceivedBlock {
  /** That of its own; absent where it gives none. */
  readonly id?: string
  readonly event: string
  /** Absent where it is no event, but only moves the id on or shows that somebody is there. */
  readonly data?: string
}

/**
 * Reads an event stream (WHATWG HTML, §9.2.5 and §9.2.6) from its text, in whatever pieces it comes. What is not ended by
 * an empty line is no event.
 */
export class EventStreamReader {
  /** Milliseconds that the server would have a reader wait before he comes again. */
  retry: number | undefined
  /** A line may come in many pieces: they are put together once. */
  #begun: string[] = []
  /** Whether the text so far ends with a carriage return, which a line feed may go with. */
  #afterReturn = false
  #id: string | undefined
  #event = ''
  #data: string[] = [];

  /** @param text without a byte order mark, as `TextDecoder` gives it */
  *read(text: string): Generator<ReceivedBlock, void, void> {
    for (const line of this.#lines(text)) {
      if (line === '') yield this.#block()
      else if (!line.startsWith(':')) this.#field(line)
    }
  }

  *#lines(text: string): Generator<string, void, void> {
    let from = this.#afterReturn && text.startsWith('\n') ? 1 : 0
    if (text !== '') this.#afterReturn = text.endsWith('\r')
    const ends = /\r\n|\r|\n/g
    ends.lastIndex = from
    for (let end = ends.exec(text); end !== null; end = ends.exec(text)) {
      this.#begun.push(text.slice(from, end.index))
      const line = this.#begun.join('')
      this.#begun = []
      from = ends.lastIndex
      yield line
    }
    this.#begun.push(text.slice(from))
  }

  #field(line: string): void {
    const [, name = '', value = ''] = /^([^:]*)(?:: ?)?(.*)$/s.exec(line) ?? []
    if (name === 'event') this.#event = value
    else if (name === 'data') this.#data.push(value)
    else if (name === 'id') {
      if (!value.includes('\0')) this.#id = value
    } else if (name === 'retry' && /^[0-9]+$/.test(value)) this.retry = Number(value)
  }

  #block(): ReceivedBlock {
    const data = this.#data.join('\n')
    // Of one line without a character the data buffer holds a line feed: it is an event.
    const isEvent = this.#data.length > 0
    const block = {
      event: this.#event === '' ? 'message' : this.#event,
      ...(this.#id !== undefined && { id: this.#id }),
      ...(isEvent && { data }),
    }
    this.#id = undefined
    this.#event = ''
    this.#data = []
    return block
  }
}
