import type { Capability, Operation } from '../events/words.ts'

/** The capability that each operation takes. */
export const capabilityOf = {
  read: 'read',
  watch: 'read',
  export: 'read',
  list: 'list',
  exists: 'describe',
  describe: 'describe',
  history: 'describe',
  write: 'write',
  rotate: 'rotate',
  annotate: 'annotate',
  delete: 'delete',
  restore: 'delete',
  destroy: 'destroy',
  purge: 'purge',
  audit: 'audit',
  report: 'report',
  policy: 'policy',
  keys: 'keys',
  backup: 'keys',
  token: 'token',
} as const satisfies Record<Operation, Capability>

/** Every path that begins with `prefix`: whether the right to `some` of them is asked for, or to `all`. */
export interface Below {
  readonly prefix: string
  readonly reach: 'some' | 'all'
}

/** What a caller wants to do. */
export interface Asked {
  readonly operation: Operation
  /** A path; empty for the vault itself, which only the pattern `**` matches. It is the subject of what is recorded. */
  readonly subject: string
  /** Where it is about more than the subject. */
  readonly below?: Below
  /** What it is asked for, where that is not plain from the call: `to issue …`. Refusals say so. */
  readonly purpose?: string
}

/** What a caller wants to do, and what that takes besides, as things stand when it is judged. */
export interface Wanted extends Asked {
  /** @param now milliseconds since the epoch; what the clock reads unless said */
  readonly besides?: (now?: number) => readonly Asked[]
}

/** Who asks: an actor, and the roles that the host says it has, beside those that the log grants. */
export interface Holder {
  readonly actor: string
  readonly asserted: readonly string[]
  /** What a token holds it to, in place of any roles. */
  readonly policies?: readonly string[]
}
