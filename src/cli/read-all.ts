import { createReadStream } from 'node:fs'
import { addAbortSignal } from 'node:stream'
import type { Cli } from './cli.ts'
import { exitCodes } from './exit-codes.ts'
import { Exit, UsageError } from './failure.ts'

/** All of a file, or of stdin where it is `-`. */
export async function readAll({ signal }: Pick<Cli, 'signal'>, file: string): Promise<Buffer> {
  const stream = file === '-' ? process.stdin : createReadStream(file)
  const chunks: Buffer[] = []
  try {
    for await (const chunk of addAbortSignal(signal, stream)) chunks.push(chunk)
  } catch (cause) {
    if (signal.aborted) throw new Exit(exitCodes.interrupted)
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown'
    throw new UsageError(`${file} cannot be read: ${code}`)
  }
  return Buffer.concat(chunks)
}
