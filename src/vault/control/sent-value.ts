import type { SecretInput } from '../../secret/value.ts'
import { isMade, type NewValue } from '../write.ts'

/**
 * A new value on its way to the vault. One that is to be made is made by whoever sends it, and stays what it is: where it
 * could not be made, or is none that a secret can hold, the rotation fails and the log says so.
 */
export type SentValue =
  | { readonly given: SecretInput }
  | { readonly made: SecretInput }
  | { readonly failed: true }

export async function sentValue(value: NewValue): Promise<SentValue> {
  if (!isMade(value)) return { given: value }
  try {
    return { made: typeof value === 'function' ? await value() : value.make() }
  } catch {
    // Its error may quote the value that was to be set.
    return { failed: true }
  }
}

export function valueSent(sent: SentValue): NewValue {
  if ('given' in sent) return sent.given
  return () => {
    if ('made' in sent) return sent.made
    throw new Error('the value could not be made')
  }
}
