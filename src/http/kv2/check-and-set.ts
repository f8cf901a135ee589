import { VaultError, versionsMax } from '../../index.ts'
import { objectField, type Said } from '../fields.ts'
import { weakInteger } from '../weak.ts'
import { WireError } from '../wire-error.ts'

const mismatch = 'check-and-set parameter did not match the current version'
const required = 'check-and-set parameter required for this call'

/**
 * The version that a write expects, as its `options.cas` says; undefined where it says nothing. Throws WireError 400
 * for what is no number, and for one that no version has.
 */
export function expectedVersionOf(body: Said): number | undefined {
  const { cas } = objectField(body, 'options') ?? {}
  if (cas === undefined) return undefined
  const version = weakInteger(cas)
  if (version === undefined) throw new WireError(400, ['error parsing check-and-set parameter'])
  if (version < 0 || version > versionsMax) throw new WireError(400, [mismatch])
  return version
}

/** A write that was refused for its check-and-set parameter, in the words that clients look for. */
export function checkAndSetRefusal(error: unknown): unknown {
  if (!(error instanceof VaultError)) return error
  if (error.code === 'CONFLICT') return new WireError(400, [mismatch])
  const isMissing = error.code === 'INVALID' && error.expected === 'ifVersion'
  return isMissing ? new WireError(400, [required]) : error
}
