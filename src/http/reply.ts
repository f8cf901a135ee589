import type { FastifyReply } from 'fastify'

export interface AnswerOptions {
  readonly warnings?: readonly string[]
  /** What a login, a new token or a renewal gives. */
  readonly auth?: object
  /** `kv`, `system`, `token`, `approle`. */
  readonly mountType?: string
  /** The data at the top level as well: older clients look for it there. */
  readonly injected?: boolean
}

/** Everything of the envelope that goes around an answer's data, and around a refusal that has data. */
export function envelope(
  reply: FastifyReply,
  data: object | null,
  { warnings, auth, mountType = '' }: AnswerOptions = {},
): object {
  return {
    request_id: reply.request.id,
    lease_id: '',
    renewable: false,
    lease_duration: 0,
    data,
    wrap_info: null,
    warnings: warnings === undefined || warnings.length === 0 ? null : warnings,
    auth: auth ?? null,
    mount_type: mountType,
  }
}

/** Answers 200 with the envelope. `data` is null for what has none, as a login. */
export function answer(
  reply: FastifyReply,
  data: object | null,
  options: AnswerOptions = {},
): FastifyReply {
  const whole = envelope(reply, data, options)
  return reply.code(200).send(options.injected ? { ...whole, ...data } : whole)
}

/** Answers 204. */
export function nothing(reply: FastifyReply): FastifyReply {
  return reply.code(204).send()
}
