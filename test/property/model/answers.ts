import { VaultError } from '../../../src/errors.ts'
import { SecretValue } from '../../../src/secret/value.ts'
import { shownValue } from './secrets.ts'

/** What a call returned, as the model tells it, and the id of its event apart: that is random. */
export function plainAnswer(returned: unknown): { answer: unknown; eventId?: string } {
  if (returned instanceof SecretValue) return { answer: plainSecret(returned) }
  if (typeof returned !== 'object' || returned === null || !('id' in returned)) {
    return { answer: returned }
  }
  const { id, ...answer } = returned
  return { answer, eventId: id as string }
}

function plainSecret(secret: SecretValue): object {
  const { path, version, position, type, kind } = secret
  const content = {
    string: () => secret.text(),
    bytes: () => secret.bytes(),
    fields: () => secret.fields(),
  }
  return { path, version, position, type, ...shownValue(content[kind]()) }
}

/** The code of an error of ours; another error as a whole, so that it shows where a code was expected. */
export function codeOf(error: unknown): string {
  return error instanceof VaultError ? error.code : String(error)
}
