import type { CallOptions } from '../call.ts'
import type { Health } from '../health.ts'
import type { Identity } from '../identity.ts'
import type { Proofs } from '../proofs.ts'
import type { Scope } from '../scope.ts'
import type { Verification, VerifyOptions } from '../verify.ts'

/** What a class lets its callers see, whatever it is that answers. */
type Face<T> = { readonly [K in keyof T]: T[K] }

type Parts =
  | 'anchors'
  | 'appRoles'
  | 'keys'
  | 'keyslots'
  | 'policies'
  | 'reports'
  | 'roles'
  | 'rotationPolicies'
  | 'tokens'

type Verbs =
  | 'annotate'
  | 'asOf'
  | 'audit'
  | 'backup'
  | 'delete'
  | 'describe'
  | 'destroy'
  | 'diff'
  | 'exists'
  | 'explain'
  | 'export'
  | 'history'
  | 'list'
  | 'purge'
  | 'read'
  | 'replay'
  | 'restore'
  | 'rotate'
  | 'write'

/**
 * A vault that an operator works with: one that he opened himself, or one that another process has open and serves. Its
 * verbs take and give what those of `Vault` do.
 */
export interface ControlledVault
  extends Pick<Scope, Verbs>,
    Readonly<{ [P in Parts]: Face<Scope[P]> }> {
  readonly proofs: Face<Proofs>
  verify(options?: VerifyOptions): Promise<Verification>
  acceptClock(options?: CallOptions): Promise<void>
  identity(): Identity | Promise<Identity>
  health(): Promise<Health>
  /** Lets go: of a vault that another process has open, of the way to it alone. */
  close(): Promise<void>
}
