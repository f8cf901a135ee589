import { isUtf8 } from 'node:buffer'
import { createReadStream } from 'node:fs'
import { addAbortSignal, type Readable } from 'node:stream'
import { type Generator, generate, type SecretInput } from '../index.ts'
import { ending } from './ending.ts'
import { exitCodes } from './exit-codes.ts'
import { Exit, UsageError } from './failure.ts'
import { integer } from './program.ts'
import { askNewHidden } from './prompt.ts'

/** A little above what a secret holds; whether it fits is the vault's to say. */
const valueBytesMax = 2 * 1024 * 1024

export interface ValueFlags {
  readonly fromFile?: string
  readonly jsonValue?: boolean
  readonly generate?: Generator
  readonly raw?: boolean
}

/**
 * A new value: from a generator, a file, a prompt that does not show it, or stdin. Never from the command line, which
 * every process of the machine can read.
 */
export async function readValue(flags: ValueFlags): Promise<SecretInput> {
  const { fromFile, jsonValue, generate: generator, raw } = flags
  const sources = [fromFile, generator].filter((source) => source !== undefined).length
  if (sources > 1) throw new UsageError('give one of --from-file and --generate')
  if (generator !== undefined) return generator.make()
  if (fromFile !== undefined) return inputOf(await readFile(fromFile), jsonValue)
  if (process.stdin.isTTY) return inputOf(Buffer.from(await askNewHidden('value')), jsonValue)
  const content = await readBounded(process.stdin, 'stdin')
  // Most often the program before the pipe failed; an empty value is written by who means it.
  if (content.length === 0) {
    throw new UsageError(
      'stdin is empty; nothing was written',
      'for an empty value: --from-file /dev/null',
    )
  }
  return inputOf(raw === true || jsonValue === true ? content : withoutNewline(content), jsonValue)
}

/** `password:32`, `hex:32`, `base64:32` (bytes), `ed25519`. */
export function generator(spec: string): Generator {
  const [name = '', size, ...more] = spec.split(':')
  const make = generators.get(name)
  if (make === undefined || more.length > 0) {
    throw new UsageError(
      `--generate: expected password:32, hex:32, base64:32 or ed25519, found ${JSON.stringify(spec)}`,
    )
  }
  return make(size === undefined ? undefined : integer(size))
}

const generators = new Map<string, (size: number | undefined) => Generator>([
  ['password', (length) => generate.password(length === undefined ? {} : { length })],
  ['hex', (bytes) => generate.hex(bytes === undefined ? {} : { bytes })],
  ['base64', (bytes) => generate.base64(bytes === undefined ? {} : { bytes })],
  ['ed25519', () => generate.ed25519()],
])

function inputOf(content: Buffer, isJson: boolean | undefined): SecretInput {
  if (isJson === true) return fieldsOf(content)
  return isUtf8(content) ? content.toString() : content
}

/** What is wrong with it is not said: a parser's message quotes what it read. */
function fieldsOf(content: Buffer): SecretInput {
  let value: unknown
  try {
    value = JSON.parse(content.toString())
  } catch {
    throw new UsageError('--json-value: the value is not JSON')
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as SecretInput
  }
  throw new UsageError('--json-value: expected a JSON object of fields')
}

function withoutNewline(content: Buffer): Buffer {
  return content.at(-1) === 0x0a ? content.subarray(0, -1) : content
}

function readFile(path: string): Promise<Buffer> {
  return readBounded(createReadStream(path), path)
}

async function readBounded(stream: Readable, name: string): Promise<Buffer> {
  const chunks: Buffer[] = []
  let length = 0
  try {
    for await (const chunk of addAbortSignal(ending.signal, stream)) {
      chunks.push(chunk)
      length += chunk.length
      if (length > valueBytesMax) break
    }
  } catch (cause) {
    if (ending.signal.aborted) throw new Exit(exitCodes.interrupted)
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown'
    throw new UsageError(`${name} cannot be read: ${code}`)
  }
  if (length <= valueBytesMax) return Buffer.concat(chunks)
  throw new UsageError(`${name} is larger than a secret can be (1 MiB)`)
}
