import { isUtf8 } from 'node:buffer'
import type { SecretInput } from '../secret/value.ts'
import type { SkippedRow, TransferEntry } from './entry.ts'

/** Names that a shell keeps for itself or reads back otherwise, and the one that dotenv's object cannot hold. */
const keptNames: ReadonlySet<string> = new Set(
  '_ __proto__ BASHOPTS EUID FUNCNAME GROUPS LINENO OPTIND PPID RANDOM SECONDS SHELLOPTS UID'.split(
    ' ',
  ),
)

/**
 * The newest values of secrets as rows of `NAME='value'` that `dotenv` and a POSIX shell (`set -a; . file`) read back
 * as they are. A name is the path below `prefix`, with `_` for each character that no name may hold and before a
 * leading digit. What cannot be said so is skipped: fields, bytes that are not UTF-8, two paths of one name, and
 * values that need an escape, since the two readers have none in common.
 *
 * @example
 * formatDotenv(entries, { prefix: 'prod/app' }).text // "DB_PASSWORD='…'\n"
 */
export function formatDotenv(
  entries: readonly TransferEntry[],
  options: { prefix: string },
): { text: string; skipped: readonly SkippedRow[] } {
  const pathsByName = new Map<string, string[]>()
  const named = entries.map((entry) => ({ ...entry, name: nameOf(entry.path, options.prefix) }))
  for (const { name, path } of named) {
    const paths = pathsByName.get(name)
    if (paths === undefined) pathsByName.set(name, [path])
    else paths.push(path)
  }
  const lines: string[] = []
  const skipped: SkippedRow[] = []
  for (const { name, path, versions } of named) {
    const others = (pathsByName.get(name) ?? []).filter((other) => other !== path)
    const row = nameFault(name, others) ?? assignment(name, versions.at(-1)?.value)
    if (typeof row === 'string') lines.push(row)
    else skipped.push({ row: path, ...row })
  }
  return { text: lines.join(''), skipped }
}

interface Fault {
  readonly reason: string
}

/** How many of the paths of a name its refusal names. */
const namedMax = 3

function nameFault(name: string, others: readonly string[]): Fault | undefined {
  if (keptNames.has(name)) return { reason: `its name, ${name}, is not free for a variable` }
  if (others.length === 0) return undefined
  const more = others.length > namedMax ? ` and ${others.length - namedMax} more` : ''
  const paths = others.slice(0, namedMax).join(', ')
  return { reason: `its name, ${name}, is also that of ${paths}${more}` }
}

function nameOf(path: string, prefix: string): string {
  return below(path, prefix)
    .replace(/[^A-Za-z0-9_]/gu, '_')
    .replace(/^(?=\d)/, '_')
}

/** The rest of a path after a prefix, from the beginning of a segment; of the prefix itself, its last one. */
function below(path: string, prefix: string): string {
  const folder = prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}/`
  if (path.startsWith(folder)) return path.slice(folder.length)
  return path.slice(path.lastIndexOf('/', prefix.length) + 1)
}

function assignment(name: string, value: SecretInput | undefined): string | Fault {
  const text = textOf(value)
  if (typeof text !== 'string') return text
  const quote = quoteFor(text)
  if (quote !== undefined) return `${name}=${quote}${text}${quote}\n`
  return { reason: 'no quotes make dotenv and a shell both read its value back' }
}

function textOf(value: SecretInput | undefined): string | Fault {
  if (typeof value === 'string') return value
  if (!(value instanceof Uint8Array)) return { reason: 'it holds fields' }
  if (isUtf8(value)) return new TextDecoder('utf-8', { ignoreBOM: true }).decode(value)
  return { reason: 'it holds bytes that are not UTF-8' }
}

/**
 * Single quotes hold all but themselves (POSIX.1-2024, Shell Command Language, 2.2.2), but dotenv takes a backslash at
 * the end for an escape of the closing one. Double quotes hold what no shell expands (2.2.3). No shell holds NUL, and
 * dotenv reads CR as LF.
 */
function quoteFor(text: string): string | undefined {
  if (/[\0\r]/.test(text)) return undefined
  if (!text.includes("'")) return text.endsWith('\\') ? undefined : "'"
  return /["$`\\]/.test(text) ? undefined : '"'
}
