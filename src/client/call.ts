import type { CallOptions } from '../index.ts'

const ofCall = [
  'actor',
  'reason',
  'source',
  'correlationId',
  'causationId',
  'traceId',
  'timeout',
  'signal',
  'id',
] as const satisfies readonly (keyof CallOptions)[]

/** What options say of the call, and what else they say. */
export function callAnd(options: object): { readonly call: CallOptions; readonly rest: Rest } {
  const call: Record<string, unknown> = {}
  const rest: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined) continue
    if ((ofCall as readonly string[]).includes(name)) call[name] = value
    else rest[name] = value
  }
  return { call, rest: rest as Rest }
}

type Rest = Readonly<Record<string, string | number | boolean>>
