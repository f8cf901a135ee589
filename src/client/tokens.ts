import type {
  AccessChange,
  CallOptions,
  Capability,
  ControlledVault,
  IssuedToken,
  LoginRequest,
  RenewOptions,
  TokenInfo,
} from '../index.ts'
import { HandedOutText } from '../secret/handed-out-text.ts'
import type { ServerOptions } from './asking.ts'
import { at } from './at.ts'
import { dated } from './dated.ts'
import { expectList, expectText } from './expected.ts'
import { Server } from './server.ts'

/** What the bearer of a token may do with it, which takes no right. */
export interface OwnToken {
  /** What is known of it. */
  get(call?: CallOptions): Promise<TokenInfo>
  /** Puts its end off. Throws `INVALID` where it cannot be renewed. */
  renew(options?: RenewOptions, call?: CallOptions): Promise<TokenInfo>
  /** Ends it, and all that were issued through it. */
  revoke(call?: CallOptions): Promise<AccessChange>
  /** What it lets its bearer do at a path by now; with an empty one, with the vault itself. */
  capabilities(path: string, call?: CallOptions): Promise<readonly Capability[]>
}

/** What callers show to be let in. */
export function tokens(server: Server): ControlledVault['tokens'] {
  return {
    list: async (call = {}) =>
      server.json({ path: '/tokens', call }, ({ tokens }: { readonly tokens: readonly object[] }) =>
        tokens.map(tokenInfoOf),
      ),
    get: async (accessor, call = {}) =>
      server.json({ path: at`/tokens/${accessor}`, call }, tokenInfoOf),
    lookup: async (token, call = {}) =>
      server.json(
        { method: 'POST', path: '/tokens/lookup', body: { token }, repeatable: true, call },
        tokenInfoOf,
      ),
    issue: async (options = {}, call = {}) =>
      server.json({ method: 'POST', path: '/tokens', body: options, call }, issuedTokenOf),
    renew: async (accessor, { ttl } = {}, call = {}) =>
      server.json(
        { method: 'POST', path: at`/tokens/${accessor}/renew`, body: { ttl }, call },
        tokenInfoOf,
      ),
    revoke: async (accessor, call = {}) =>
      server.json<AccessChange>({ method: 'DELETE', path: at`/tokens/${accessor}`, call }),
  }
}

/** The token that requests show. */
export function ownToken(server: Server): OwnToken {
  const path = '/tokens/self'
  return {
    get: async (call = {}) => server.json({ path, call }, tokenInfoOf),
    renew: async ({ ttl } = {}, call = {}) =>
      server.json({ method: 'POST', path: `${path}/renew`, body: { ttl }, call }, tokenInfoOf),
    revoke: async (call = {}) => server.json<AccessChange>({ method: 'DELETE', path, call }),
    capabilities: async (where, call = {}) =>
      server.json(
        { path: `${path}/capabilities`, query: { path: where }, call },
        ({ capabilities }: { readonly capabilities: readonly Capability[] }) =>
          expectList(capabilities),
      ),
  }
}

export interface LogInOptions extends Omit<ServerOptions, 'token'>, LoginRequest {
  readonly signal?: AbortSignal
}

/**
 * A token for an application that logs in (AppRole). Throws `DENIED` where what it shows does not hold, once the failure
 * is on record.
 *
 * @example
 * const { token } = await logIn({ server: 'https://vault.internal:8200', roleId, secretId })
 * const vault = connect({ server: 'https://vault.internal:8200', token: token.text() })
 */
export async function logIn({
  roleId,
  secretId,
  signal,
  ...options
}: LogInOptions): Promise<IssuedToken> {
  return new Server(options).json(
    { method: 'POST', path: '/login', body: { roleId, secretId }, signal },
    issuedTokenOf,
  )
}

interface SaidToken {
  readonly token: string
}

function issuedTokenOf({ token, ...said }: SaidToken): IssuedToken {
  return { ...tokenInfoOf(said), token: new HandedOutText(expectText(token)) }
}

function tokenInfoOf(said: object): TokenInfo {
  return dated<TokenInfo>(said, ['issuedAt', 'expiresAt', 'renewableUntil'])
}
