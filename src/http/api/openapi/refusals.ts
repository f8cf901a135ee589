import { STATUS_CODES } from 'node:http'
import { Type } from 'typebox'
import type { VaultErrorCode } from '../../../index.ts'
import type { AnyOperation } from '../operation.ts'
import { problemStatuses } from '../problem.ts'
import { schemasAt } from './json-schema.ts'
import type { Reference, ResponseObject } from './openapi-types.ts'

/** What any operation can refuse, whatever it is about. */
const ofAll: readonly VaultErrorCode[] = [
  'INVALID',
  'TOO_LARGE',
  'IN_USE',
  'CLOSED',
  'FAILED',
  'UNCERTAIN',
  'INTEGRITY',
  'CLOCK',
  'TIMEOUT',
  'ABORTED',
  'NO_SPACE',
]

/** The answers in which an operation refuses, by status; those that all have alike are told once, among the components. */
export function refusalsOf(operation: AnyOperation): Record<string, ResponseObject | Reference> {
  const statuses = [...codesOf(operation)].sort(([a], [b]) => a - b)
  const answers = statuses.map(([status, codes]) => {
    const shared = sharedRefusals[nameOf(status)]
    const isShared = shared?.['x-codes']?.join() === [...codes].join()
    const reference = { $ref: `#/components/responses/${nameOf(status)}` }
    return [status, isShared ? reference : refusal(status, [...codes])]
  })
  return Object.fromEntries(answers)
}

type CodesByStatus = ReadonlyMap<number, ReadonlySet<VaultErrorCode>>

function codesOf({ refusals = [], right, params, method }: AnyOperation): CodesByStatus {
  const byStatus = new Map<number, Set<VaultErrorCode>>()
  const add = (status: number, code: VaultErrorCode) => {
    const known = byStatus.get(status) ?? new Set()
    byStatus.set(status, known.add(code))
  }
  for (const code of [...ofAll, ...refusals]) add(problemStatuses[code], code)
  if (right !== undefined) add(401, 'DENIED')
  // Too many from one address were not let in.
  if (right !== undefined || refusals.includes('DENIED')) add(429, 'TIMEOUT')
  if (right !== undefined && right !== 'self') add(403, 'DENIED')
  if (params !== undefined) add(414, 'TOO_LARGE')
  // Of all methods its media type alone is looked at.
  if (method === 'PATCH') add(415, 'INVALID')
  return byStatus
}

function refusal(status: number, codes: readonly VaultErrorCode[]): ResponseObject {
  const headers = headersOf(status)
  return {
    description: `${STATUS_CODES[status]}: ${codes.map((code) => `\`${code}\``).join(', ')}`,
    ...(headers !== undefined && { headers }),
    content: { 'application/problem+json': { schema: { $ref: `${schemasAt}Problem` } } },
    'x-codes': codes,
  }
}

function headersOf(status: number): ResponseObject['headers'] {
  if (status === 401) return { 'WWW-Authenticate': { $ref: '#/components/headers/Authenticate' } }
  if (status === 503 || status === 429)
    return { 'Retry-After': { $ref: '#/components/headers/RetryAfter' } }
  return undefined
}

/** `BadRequest`, of 400. */
function nameOf(status: number): string {
  return (STATUS_CODES[status] ?? '').replaceAll(/\W/g, '')
}

/** The refusals that operations have alike, by the name of their status. */
export const sharedRefusals: Readonly<Record<string, ResponseObject>> = Object.fromEntries(
  [...codesOf({ right: 'read', params: Type.Object({}), method: 'PATCH' } as AnyOperation)]
    .sort(([a], [b]) => a - b)
    .map(([status, codes]) => [nameOf(status), refusal(status, [...codes])]),
)
