import { type DestinationStream, destination, pino, stdTimeFunctions } from 'pino'
import type { ServerLog } from '../../server.ts'
import type { Output } from '../output.ts'
import { printable } from '../text.ts'

export const logFormats = ['json', 'words', 'none'] as const
export type LogFormat = (typeof logFormats)[number]

/** What a line may hold, whoever writes it. */
const allowed: ReadonlySet<string> = new Set([
  'requestId',
  'method',
  'route',
  'status',
  'ms',
  'bytes',
  'source',
  'actor',
  'accessor',
  'error',
  'code',
  'attempt',
  'againInMs',
])

/** Bytes that wait for whoever reads stderr: what comes beyond them is dropped, and holds nobody up. */
const waitingBytesMax = 4 * 1024 * 1024

/** A server's log. */
export interface ServeLog extends ServerLog {
  /** Writes what still waits. */
  close(): void
}

/** Where lines go; a place of one's own in tests. */
export type Lines = DestinationStream & { flushSync?(): void }

/**
 * The log on stderr, for stdout is the command's answer.
 *
 * json   a line of JSON a request, and a warning
 * words  the same, for people
 * none   nothing at all
 *
 * Where no format is asked for, warnings alone: as JSON where results are, and otherwise as every command warns.
 */
export function serveLog(format: LogFormat | undefined, out: Output, to?: Lines): ServeLog {
  if (format === 'none') return { info: nothing, warn: nothing, error: nothing, close: nothing }
  if (format === undefined && !out.json) return warnings(out)
  const lines =
    to ?? destination({ dest: process.stderr.fd, sync: false, maxLength: waitingBytesMax })
  const log = format === 'words' ? inWords(lines) : inJson(lines, format === undefined)
  return {
    info: log.info.bind(log),
    warn: log.warn.bind(log),
    error: log.error.bind(log),
    close: () => lines.flushSync?.(),
  }
}

const nothing = () => undefined

function inJson(lines: Lines, warningsOnly: boolean): ServerLog {
  return pino(
    {
      level: warningsOnly ? 'warn' : 'info',
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (level) => ({ level }), log: allowedOf },
    },
    lines,
  )
}

function inWords(lines: Lines): ServerLog {
  const write = (level: string) => (fields: object, message: string) => {
    const time = new Date().toISOString()
    lines.write(`${time} ${level} ${printable(message + wordsOf(fields))}\n`)
  }
  return { info: write('info'), warn: write('warn'), error: write('error') }
}

function warnings(out: Output): ServeLog {
  const warn = (fields: object, message: string) => out.warn(message + wordsOf(fields))
  return { info: nothing, warn, error: warn, close: nothing }
}

function allowedOf(fields: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => allowed.has(name)))
}

/** ` name=value` of each field. */
function wordsOf(fields: object): string {
  return Object.entries(allowedOf(fields))
    .map(([name, value]) => ` ${name}=${typeof value === 'object' ? JSON.stringify(value) : value}`)
    .join('')
}
