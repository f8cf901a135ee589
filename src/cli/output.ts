import { VaultError } from '../index.ts'
import { printable, style } from './text.ts'

/** Where a command's words go: the result to stdout, everything else to stderr. */
export interface Output {
  /** Results are JSON. */
  readonly json: boolean
  /** The result: a value as one JSON document, or words. */
  result(value: unknown, words: () => string): Promise<void>
  /** One of many results: a line of JSON, or of words. */
  row(value: unknown, words: () => string): Promise<void>
  /** Exactly these bytes on stdout. */
  bytes(content: string | Uint8Array): Promise<void>
  /** What was done, and the next command worth knowing: for people, so never with `--json` or `--quiet`. */
  note(text: string): void
  /** What must not be overlooked: for people, `--quiet` or not. */
  warn(text: string): void
  /** Lines that are written over each other on a terminal's stderr; none elsewhere. */
  progress(what: string): Progress
}

export interface Progress {
  at(done: number, of?: number): void
  end(): void
}

const progressEveryMs = 100

export function createOutput({ json, quiet }: { json: boolean; quiet: boolean }): Output {
  const say = (text: string) => process.stderr.write(`${text}\n`)
  return {
    json,
    result: (value, words) => write(json ? `${JSON.stringify(value)}\n` : lines(words())),
    row: (value, words) => write(json ? `${JSON.stringify(value)}\n` : lines(words())),
    bytes: write,
    note: (text) => {
      if (!json && !quiet) say(style('dim', printable(text), process.stderr))
    },
    warn: (text) => {
      if (!json) say(`${style('yellow', 'warning:', process.stderr)} ${printable(text)}`)
    },
    progress: (what) => (json || quiet || !process.stderr.isTTY ? silent : bar(what)),
  }
}

const silent: Progress = { at: () => undefined, end: () => undefined }

function bar(what: string): Progress {
  let shownAt = 0
  return {
    at: (done, of) => {
      const now = performance.now()
      if (now - shownAt < progressEveryMs && done !== of) return
      shownAt = now
      const part =
        of === undefined || of === 0
          ? ''
          : ` of ${of.toLocaleString('en')} (${Math.floor((100 * done) / of)} %)`
      process.stderr.write(`\r\u001b[K${what}: ${done.toLocaleString('en')}${part}`)
    },
    end: () => {
      if (shownAt > 0) process.stderr.write('\r\u001b[K')
    },
  }
}

function lines(text: string): string {
  return text === '' ? '' : `${text}\n`
}

/** Waits until stdout has taken all that was written; fails where it could not, as of a full disk. */
export function flushed(): Promise<void> {
  return write('')
}

/** Waits where the reader is slow. A reader that went away is no failure: `main.ts` ends the command then. */
function write(content: string | Uint8Array): Promise<void> {
  const { stdout } = process
  return new Promise((resolve, reject) => {
    stdout.write(content, (error?: NodeJS.ErrnoException | null) => {
      // Whatever follows the first failure fails for another reason: that the stream is destroyed.
      const cause: NodeJS.ErrnoException | null | undefined = stdout.errored ?? error
      if (!cause || cause.code === 'EPIPE') resolve()
      else reject(new VaultError('FAILED', `stdout cannot be written: ${cause.code}`, { cause }))
    })
  })
}
