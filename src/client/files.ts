import { VaultError } from '../errors.ts'
import type { OutputFile, OutputSink, PassOptions } from '../index.ts'
import { bytesFrom } from './base64.ts'

/** What stands on a line of a long answer. */
export interface ProgressLine {
  readonly progress?: { readonly position: number; readonly size: number }
}

/** One line about files that are made here. */
export interface FileLine<T> extends ProgressLine {
  /** The name of one that begins. */
  readonly file?: string
  /** The name of one, and the next piece of it. */
  readonly of?: string
  readonly bytes?: Uint8Array
  /** The name of one that is whole. */
  readonly end?: string
  readonly result?: T
}

/** The same line as it is sent: a piece in base64. */
export type SaidFileLine<T> = Omit<FileLine<T>, 'bytes'> & { readonly bytes?: string }

export function fileLineOf<T>({ bytes, ...line }: SaidFileLine<T>): FileLine<T> {
  return { ...line, ...(bytes !== undefined && { bytes: bytesFrom(bytes) }) }
}

/** An answer that ended without its last line: nothing that came of it is whole. */
export function cutOff(): VaultError {
  return new VaultError('CLOSED', 'the answer of the server ended before it was whole', {
    retry: 'now',
  })
}

/** What a long answer comes to. */
export async function resultOf<T>(
  lines: AsyncIterable<ProgressLine & { readonly result?: T }>,
  { onProgress }: Pick<PassOptions, 'onProgress'>,
): Promise<T> {
  let found: { readonly result: T } | undefined
  for await (const { progress, result } of lines) {
    if (progress !== undefined) onProgress?.(progress)
    if (result !== undefined) found = { result }
  }
  if (found === undefined) throw cutOff()
  return found.result
}

/**
 * Makes the files that an answer tells of, and gives what it comes to. Throws what the answer ends with, `CLOSED` where it
 * ends before it is whole, and what the sink throws; then every file is taken back.
 */
export async function madeFiles<T>(
  sink: OutputSink,
  lines: AsyncIterable<FileLine<T>>,
  pass: Pick<PassOptions, 'onProgress'>,
): Promise<T> {
  const files = new Map<string, OutputFile>()
  async function* others(): AsyncGenerator<FileLine<T>, void, void> {
    for await (const line of lines) {
      if (line.file !== undefined) files.set(line.file, await sink.open(line.file))
      else if (line.of !== undefined) await at(line.of).write(line.bytes ?? new Uint8Array(0))
      else if (line.end !== undefined) await at(line.end).end()
      else yield line
    }
  }
  const at = (name: string): OutputFile => {
    const file = files.get(name)
    if (file !== undefined) return file
    throw new VaultError('UNSUPPORTED', 'the server is of another release: it writes no such file')
  }
  try {
    return await resultOf(others(), pass)
  } catch (error) {
    for (const file of files.values()) await file.abort().catch(() => undefined)
    throw error
  }
}
