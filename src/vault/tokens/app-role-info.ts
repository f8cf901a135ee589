import { defined } from '../../defined.ts'
import type { AppRoleRow } from '../../projections/app-roles.ts'
import type { SecretIdRow } from '../../projections/secret-ids.ts'
import type { HandedOutText } from '../../secret/handed-out-text.ts'

/** What an application that logs in by itself is to be. Times are milliseconds. */
export interface AppRoleOptions {
  /** Whom its tokens act as; `approle/` and its name unless said. */
  readonly actor?: string
  /** What its tokens are held to, in place of the roles of that actor. */
  readonly policies?: readonly string[]
  /** Whether a login takes a secret id besides the role id; true unless said. */
  readonly bindSecretId?: boolean
  readonly secretIdTtl?: number
  readonly secretIdUses?: number
  readonly tokenTtl?: number
  readonly tokenMaxTtl?: number
  readonly tokenUses?: number
  /** Of the caller's own: 4 to 128 printable ASCII characters. The one it has unless said, or a random UUID. */
  readonly roleId?: string
  /**
   * It is written only where its event is the one of this position by then, -1 where there is to be none of its name: what
   * was read of it is what is replaced.
   */
  readonly ifPosition?: number
}

/** An application that logs in by itself. */
export interface AppRole {
  readonly name: string
  /** Not secret by itself. */
  readonly roleId: string
  readonly actor: string
  readonly policies?: readonly string[]
  readonly bindSecretId: boolean
  readonly secretIdTtl?: number
  readonly secretIdUses?: number
  readonly tokenTtl?: number
  readonly tokenMaxTtl?: number
  readonly tokenUses?: number
  /** Of the event that wrote it as it is. */
  readonly position: number
  readonly writtenAt: Date
  readonly writtenBy: string
}

export interface SecretIdOptions {
  /** Milliseconds that it holds; as the role says unless said. */
  readonly ttl?: number
  /** Logins that it is good for; as the role says unless said. */
  readonly uses?: number
  /** Goes into the tokens of its logins. */
  readonly meta?: Readonly<Record<string, string>>
  /**
   * The secret id itself, where the caller has one already: 16 to 256 printable ASCII characters, of the vault's host 4
   * at the least. It is as good as it is hard to guess.
   */
  readonly secretId?: string
}

/** What is known of a secret id, besides the secret id itself. */
export interface SecretIdInfo {
  readonly accessor: string
  /** The application that it is for. */
  readonly approle: string
  readonly issuedAt: Date
  readonly issuedBy: string
  readonly expiresAt?: Date
  readonly usesLeft?: number
  readonly meta: Readonly<Record<string, string>>
  /** Of the event that issued it. */
  readonly position: number
}

/** A secret id, in the one moment in which it can be handed over. */
export interface IssuedSecretId extends SecretIdInfo {
  readonly secretId: HandedOutText
}

export function appRoleOf({ writtenAt, ...row }: AppRoleRow): AppRole {
  const { policies } = row
  return {
    ...row,
    ...(policies !== undefined && { policies: [...policies] }),
    writtenAt: new Date(writtenAt),
  }
}

export function secretIdInfoOf(row: SecretIdRow): SecretIdInfo {
  const { accessor, approle, issuedAt, issuedBy, expiresAt, usesLeft, meta, position } = row
  return {
    accessor,
    approle,
    issuedAt: new Date(issuedAt),
    issuedBy,
    ...(expiresAt !== undefined && { expiresAt: new Date(expiresAt) }),
    ...defined({ usesLeft }),
    meta: { ...meta },
    position,
  }
}
