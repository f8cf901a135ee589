import { CommanderError } from 'commander'
import { VaultError } from '../index.ts'
import { exitCodeOf, exitCodes, hints } from './exit-codes.ts'
import { serverHint } from './remote/server-hint.ts'
import { printable, style } from './text.ts'

/** A mistake in how the command was called. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
  readonly hint: string | undefined

  constructor(message: string, hint?: string) {
    super(message)
    this.hint = hint
  }
}

const advices = new WeakMap<Error, string>()

/** Says of a failure what to try next, where more is known than its code says. What was said of it first stays. */
export function advise<E extends Error>(error: E, hint: string): E {
  if (!advices.has(error)) advices.set(error, hint)
  return error
}

/** What to try after a mistake in how a command was called. */
export function adviceOn(error: CommanderError): string {
  return advices.get(error) ?? 'muniment --help'
}

/** The command has said all there is to say; only its exit code is left. */
export class Exit extends Error {
  override readonly name = 'Exit'
  readonly exitCode: number

  constructor(exitCode: number) {
    super(`exit ${exitCode}`)
    this.exitCode = exitCode
  }
}

interface Failure {
  readonly code: string
  readonly message: string
  readonly exitCode: number
  readonly path?: string
  readonly hint?: string
}

/** Tells a failure on stderr, in words or as `{"error":{…}}`, and gives the exit code. */
export function tell(error: unknown, { json }: { json: boolean }): number {
  if (error instanceof Exit) return error.exitCode
  // Help and the version are no failures, and commander has printed them.
  if (error instanceof CommanderError && error.exitCode === 0) return exitCodes.ok
  const failure = failureOf(error)
  process.stderr.write(json ? `${JSON.stringify({ error: failure })}\n` : inWords(failure))
  return failure.exitCode
}

/** Waits until stderr has taken what was told, or cannot. */
export function told(): Promise<void> {
  return new Promise((resolve) => {
    process.stderr.write('', () => resolve())
  })
}

/** For whoever typed a value behind a command. */
export const noValues =
  'values are never taken from the command line: pipe it in, or use --from-file'

function failureOf(error: unknown): Failure {
  if (error instanceof VaultError) {
    const { code, message, path } = error
    const hint = hintOf(error)
    return {
      code,
      message,
      exitCode: exitCodeOf[code],
      ...(path !== undefined && { path }),
      ...(hint !== undefined && { hint }),
    }
  }
  if (error instanceof UsageError) {
    const { message, hint } = error
    return {
      code: 'USAGE',
      message,
      exitCode: exitCodes.usage,
      ...(hint !== undefined && { hint }),
    }
  }
  if (error instanceof CommanderError) {
    return { code: 'USAGE', exitCode: exitCodes.usage, ...misunderstood(error) }
  }
  const message = error instanceof Error ? error.message : 'unknown'
  return { code: 'DEFECT', message: `unexpected: ${message}`, exitCode: exitCodes.defect }
}

function hintOf(error: VaultError): string | undefined {
  const { code, message, path } = error
  const known = advices.get(error) ?? serverHint(error)
  if (known !== undefined) return known
  if (code === 'NOT_FOUND' && message.startsWith('there is no vault at')) {
    return 'is its disk mounted, and is that its folder (--vault DIR)? a new vault: muniment init'
  }
  // What a report or a backup is written to may lie on another disk than the vault.
  if (code === 'NO_SPACE' && path !== undefined) {
    return `free some space on the disk of ${path}; nothing was lost`
  }
  const hint = hints[code]
  return path === undefined ? hint : hint?.replace('PATH', () => path)
}

/** Commander's message, and its suggestion, which stands on a second line of it. */
function misunderstood(error: CommanderError): { message: string; hint: string } {
  const [message = '', suggestion] = error.message.replace(/^error: /, '').split('\n')
  // What is more than the name of an option may be a value: `--value=hunter2`, `-hunter2`.
  const [, name, more] = unknownOption.exec(message) ?? []
  if (more) return { message: name ? `unknown option '${name}'` : 'unknown option', hint: noValues }
  const meant = suggestion?.replace(/^\(D(.*)\)$/, 'd$1')
  return { message, hint: meant ?? adviceOn(error) }
}

const unknownOption = /^unknown option '(--[a-z-]+(?=[='])|-[a-z](?='$)|)(.*)'$/is

function inWords({ code, message, hint }: Failure): string {
  const { stderr } = process
  // A vault's codes are worth knowing, as scripts and the manual name them.
  const name = code === 'USAGE' || code === 'DEFECT' ? '' : ` ${code}`
  const first = `${style('red', `muniment:${name}`, stderr)} ${printable(message)}\n`
  return hint === undefined
    ? first
    : `${first}  ${style('dim', `try: ${printable(hint)}`, stderr)}\n`
}
