import { VaultError, type VaultErrorCode } from '../../errors.ts'
import type { Word } from './words.ts'

/** A failure as it is sent. Of what is no `VaultError`, nothing is said: it could quote a value. */
export function packedFault(error: unknown): Word {
  if (!(error instanceof VaultError)) return { defect: true }
  const { code, message, retry, path, expected, found, eventIds } = error
  return {
    code,
    message,
    retry,
    ...(path !== undefined && { path }),
    ...(expected !== undefined && { expected }),
    ...(found !== undefined && { found }),
    ...(eventIds !== undefined && { eventIds }),
  }
}

/** The failure that was sent. */
export function unpackedFault(sent: unknown): Error {
  const { code, message, ...details }: Readonly<Record<string, unknown>> = Object(sent)
  if (typeof code !== 'string' || typeof message !== 'string') {
    return new Error('the process that serves the vault failed in a way it did not expect')
  }
  // The set is closed, and a later release may have widened it: whoever decides by codes takes the default there.
  return new VaultError(code as VaultErrorCode, message, details)
}

/** The line that ends an answer with a failure. */
export function faultLine(error: unknown): string {
  return `{"error":${JSON.stringify(packedFault(error))}}`
}
