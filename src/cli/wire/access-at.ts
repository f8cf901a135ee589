import type { CallOptions, IssueOptions, Policies, TokenInfo } from '../../index.ts'

/** What says who may do what: of a vault on disk, or of a server. */
export interface AccessAt {
  readonly policies: Pick<Policies, 'write' | 'get' | 'list' | 'remove'>
  readonly tokens: TokensAt
}

interface TokensAt {
  issue(options: IssueOptions, call?: CallOptions): Promise<IssuedAt>
  list(call?: CallOptions): Promise<readonly ListedAt[]>
  revoke(accessor: string, call?: CallOptions): Promise<object>
}

/** A token as both know it. */
type TokenAt = Pick<TokenInfo, 'accessor' | 'actor' | 'policies' | 'expiresAt'>

export type ListedAt = TokenAt & Pick<TokenInfo, 'issuedAt' | 'usesLeft' | 'label'>

export interface IssuedAt extends TokenAt {
  readonly token: { text(): string }
}
