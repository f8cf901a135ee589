/** The part of the catalogue that is about who is let in: logins, tokens, and the applications that log in. */

import type { AuthFailure, AuthMethod } from './words.ts'

/**
 * Something random that was handed out once, such as a token. The log holds its keyed hash: `docs/format.md` says of what
 * and under which key.
 */
export interface HandedOut {
  /** Names it, and opens nothing: 32 hexadecimal digits. */
  readonly accessor: string
  readonly hash: Uint8Array
  /** Of the log, whose keys the hash is made under. */
  readonly epoch: number
  /** From then on it is worth nothing. */
  readonly expiresAt?: number
  /** How often it may be used; absent where there is no end to it. */
  readonly uses?: number
  /** What whoever asked for it says of it. */
  readonly meta?: Readonly<Record<string, string>>
}

export interface AuthEventData {
  /** Somebody came without a credential that holds: `context.source` says from where, if that is known. */
  'auth.failed': {
    readonly method: AuthMethod
    /** When it was tried, the first of them: before the event's own time where the vault was closed then. */
    readonly triedAt: number
    /** More than one where there were too many to tell them apart. */
    readonly count: number
    /** Of a token or a login; of many the one of the last. */
    readonly cause?: AuthFailure
  }
  /**
   * A login of an application, where what was issued for it stands beside it in the same commit; or somebody who opened a
   * keyslot of a vault that was open already.
   */
  'auth.succeeded': {
    readonly method: 'approle' | 'keyslot'
    /** Of the application. */
    readonly name?: string
    /** Accessor of the secret id; absent where the role asks for none. */
    readonly secretId?: string
    /** Id of the keyslot. */
    readonly slot?: string
  }

  /** Whoever shows this token acts as `actor`, from here on. */
  'token.issued': HandedOut & {
    readonly actor: string
    /** What it is held to, in place of the roles that its actor has; those that are removed give nothing. */
    readonly policies?: readonly string[]
    /** Accessor of the token it was issued through, with which it ends. */
    readonly parent?: string
    /** For people. */
    readonly label?: string
    /** Milliseconds that a renewal adds; absent where it cannot be renewed. */
    readonly renewFor?: number
    /** No renewal goes beyond it. */
    readonly renewableUntil?: number
    /** Of the login that it was issued for. */
    readonly approle?: string
  }
  'token.renewed': { readonly accessor: string; readonly expiresAt: number }
  /** A token whose uses are counted was shown. */
  'token.used': { readonly accessor: string; readonly left: number }
  /** It and all that were issued through it are worth nothing from here on. */
  'token.revoked': { readonly accessor: string; readonly actor: string }
  /** An application that logs in by itself, all that is said of it: one of that name is replaced. */
  'approle.written': {
    readonly name: string
    /** Not secret by itself. */
    readonly roleId: string
    /** Whom its tokens act as. */
    readonly actor: string
    readonly policies?: readonly string[]
    /** Whether a login takes a secret id besides. */
    readonly bindSecretId: boolean
    /** Milliseconds. */
    readonly secretIdTtl?: number
    readonly secretIdUses?: number
    /** Milliseconds. */
    readonly tokenTtl?: number
    /** Milliseconds. */
    readonly tokenMaxTtl?: number
    readonly tokenUses?: number
  }
  'approle.removed': { readonly name: string }
  'approle.secret_id_issued': HandedOut & { readonly name: string }
  'approle.secret_id_revoked': { readonly name: string; readonly accessor: string }
}
