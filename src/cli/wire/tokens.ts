import type { IssueOptions } from '../../index.ts'
import { UsageError } from '../failure.ts'
import type { AccessAt, IssuedAt, ListedAt } from './access-at.ts'
import type { Wire } from './wire.ts'

interface WireAuth {
  readonly client_token: string
  readonly accessor: string
  readonly token_policies: readonly string[]
  /** Seconds; 0 where it does not end. */
  readonly lease_duration: number
}

interface WireToken {
  readonly accessor: string
  readonly actor: string
  readonly policies: readonly string[]
  /** Seconds since the epoch. */
  readonly creation_time: number
  readonly expire_time: string | null
  /** 0 where its uses are not counted. */
  readonly num_uses: number
  readonly display_name: string
}

/** The tokens of a server. */
export function wireTokens(wire: Wire): AccessAt['tokens'] {
  return {
    issue: async (options) => {
      // Over the wire a token without policies has those of the token that it is issued through.
      if (options.policies === undefined) {
        throw new UsageError(
          'over a server a token is held to policies that are named',
          '--policy NAME',
        )
      }
      const { content } = await wire.ask('POST', 'auth/token/create', asked(options))
      return issuedOf(content as WireAuth, options)
    },
    list: async () => {
      const { content } = await wire.ask('GET', 'auth/token/accessors?list=true')
      const { keys } = content as { readonly keys: readonly string[] }
      const tokens: ListedAt[] = []
      for (const accessor of keys) {
        const found = await wire.ask('POST', 'auth/token/lookup-accessor', { accessor })
        tokens.push(listedOf(found.content as WireToken))
      }
      return tokens
    },
    revoke: async (accessor) => {
      await wire.ask('POST', 'auth/token/revoke-accessor', { accessor })
      return {}
    },
  }
}

function asked({ actor, policies, ttl, maxTtl, uses, label, renewable, orphan }: IssueOptions) {
  return {
    actor,
    no_default_policy: true,
    ...(policies && { policies }),
    ...(ttl !== undefined && { ttl: seconds(ttl) }),
    ...(maxTtl !== undefined && { explicit_max_ttl: seconds(maxTtl) }),
    ...(uses !== undefined && { num_uses: uses }),
    ...(label !== undefined && { display_name: label }),
    ...(renewable !== undefined && { renewable }),
    ...(orphan !== undefined && { no_parent: orphan }),
  }
}

function seconds(ms: number): string {
  return `${Math.ceil(ms / 1000)}s`
}

function issuedOf(auth: WireAuth, { actor = '' }: IssueOptions): IssuedAt {
  const { client_token, accessor, token_policies: policies, lease_duration } = auth
  const expiresAt = new Date(Date.now() + lease_duration * 1000)
  return {
    token: { text: () => client_token },
    accessor,
    actor,
    policies,
    ...(lease_duration > 0 && { expiresAt }),
  }
}

function listedOf(token: WireToken): ListedAt {
  const { accessor, actor, policies, creation_time, expire_time, num_uses, display_name } = token
  return {
    accessor,
    actor,
    policies,
    issuedAt: new Date(creation_time * 1000),
    label: display_name,
    ...(expire_time !== null && { expiresAt: new Date(expire_time) }),
    ...(num_uses > 0 && { usesLeft: num_uses }),
  }
}
