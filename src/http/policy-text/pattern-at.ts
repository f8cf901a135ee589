import { parsePattern, VaultError } from '../../index.ts'
import { refusal } from './refusal.ts'

/** A pattern of ours that comes of what stands at a place. Throws `INVALID`, in the words of the check that refuses it. */
export function patternAt(text: string, at: number, pattern: string): string {
  try {
    return parsePattern(pattern, 'path').text
  } catch (cause) {
    throw cause instanceof VaultError ? refusal(text, at, cause.message) : cause
  }
}
