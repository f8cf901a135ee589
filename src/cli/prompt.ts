import { openSync } from 'node:fs'
import { ReadStream, WriteStream } from 'node:tty'
import { ending } from './ending.ts'
import { exitCodes } from './exit-codes.ts'
import { Exit, UsageError } from './failure.ts'

const columnsDefault = 80

/** Whether there is somebody to ask: a terminal, although stdin and stdout may be pipes. */
export function canAsk(): boolean {
  const terminal = openTerminal()
  terminal?.close()
  return terminal !== undefined
}

/** Asks for one line that is not shown as it is typed. Ends the command where the answer is Ctrl-C. */
export async function askHidden(message: string): Promise<string> {
  const terminal = openTerminal()
  if (terminal === undefined) throw new UsageError(`${message}: there is no terminal to ask on`)
  // Loaded when there is somebody to ask: most commands never do.
  const { isCancel, password } = await import('@clack/prompts')
  try {
    const { input, output } = terminal
    const { signal } = ending
    const answer = await password({ message, mask: '', input, output, signal })
    if (isCancel(answer)) throw new Exit(exitCodes.interrupted)
    return answer ?? ''
  } finally {
    terminal.close()
  }
}

/** Asks twice, for what cannot be looked up later. */
export async function askNewHidden(message: string): Promise<string> {
  const first = await askHidden(message)
  const second = await askHidden(`${message}, again`)
  if (first === second) return first
  throw new UsageError('the two did not agree; nothing was done')
}

interface Terminal {
  readonly input: ReadStream
  readonly output: WriteStream
  close(): void
}

/** The terminal itself, so that a value piped into stdin and a result piped out of stdout are left alone. */
function openTerminal(): Terminal | undefined {
  try {
    const input = new ReadStream(openSync('/dev/tty', 'r'))
    const output = new WriteStream(openSync('/dev/tty', 'w'))
    // A serial line, or a terminal of a script, says that it has none: each letter would get a line of its own.
    output.columns ||= columnsDefault
    const close = () => {
      input.destroy()
      output.destroy()
    }
    return { input, output, close }
  } catch {
    return undefined
  }
}
