import { VaultError } from '../errors.ts'
import type { CallOptions } from '../index.ts'
import type { Asking } from './asking.ts'

/** What the server says of a call by itself. */
const ofServer: readonly (keyof CallOptions)[] = ['actor', 'source', 'correlationId']

const traceForm = /^[0-9a-f]{32}$/
const idForm = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

/** A header takes no text whatsoever, and `fetch` would quote one that it refuses. */
function expectForm(
  name: string,
  text: string | undefined,
  { form, expected }: { readonly form: RegExp; readonly expected: string },
): void {
  if (text === undefined || form.test(text)) return
  throw new VaultError('INVALID', `${name} must be ${expected}`)
}

function encoded(name: string, text: string): string {
  if (text.isWellFormed()) return encodeURIComponent(text)
  throw new VaultError('INVALID', `${name} must be well-formed text`)
}

/** Milliseconds that a server lets a caller wait at one time. */
const waitMsMax = 60_000

/**
 * What a request's head says of its call. Throws `INVALID` for what no caller may say of itself.
 *
 * @param leftOf how many of so many milliseconds since the call began are left
 */
export function headersOf(
  { call = {}, accept, headers, body }: Asking,
  leftOf: (ms: number) => number,
): Record<string, string> {
  const own = ofServer.find((name) => call[name] !== undefined)
  if (own !== undefined) {
    throw new VaultError('INVALID', `${own}: the server tells it of whoever shows a token`)
  }
  const { reason, causationId, traceId, timeout, id } = call
  expectForm('traceId', traceId, { form: traceForm, expected: '32 hexadecimal digits' })
  expectForm('id', id, { form: idForm, expected: 'a UUID of version 7, as eventId() makes it' })
  return {
    accept: accept ?? 'application/json',
    ...(body !== undefined && { 'content-type': 'application/json' }),
    ...(reason !== undefined && { 'muniment-reason': encoded('reason', reason) }),
    ...(causationId !== undefined && {
      'muniment-causation-id': encoded('causationId', causationId),
    }),
    ...(traceId !== undefined && { traceparent: `00-${traceId}-${traceId.slice(0, 16)}-01` }),
    ...(timeout !== undefined && {
      'muniment-timeout': String(Math.min(leftOf(timeout), waitMsMax)),
    }),
    ...(id !== undefined && { 'idempotency-key': id }),
    ...headers,
  }
}
