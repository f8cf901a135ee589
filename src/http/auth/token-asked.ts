import { type IssueOptions, rootPolicy, type TokenInfo } from '../../index.ts'
import { formatDuration } from '../durations.ts'
import { booleanField, durationField, integerField, type Said } from '../fields.ts'
import { optionalText, pairsField, textsField } from '../text-fields.ts'
import { WireError } from '../wire-error.ts'
import { defaultPolicy, systemTtlMs } from './auth-block.ts'

/** What `auth/token/create` asks for. */
export interface TokenAsked {
  readonly options: IssueOptions
  readonly warnings: readonly string[]
}

/** Who asks for a token. */
export interface TokenAsker {
  /** Its own. */
  readonly parent: TokenInfo
  /** Whether it may give more than it has: Vault's sudo. */
  readonly mayAll: boolean
  /** Whether the new one is to outlive the asker's, whatever the body says. */
  readonly isOrphan: boolean
}

/**
 * What a body of `auth/token/create` asks for. Vault's words and what they come to: policies are the parent's unless
 * named, `default` joins those that are named where the parent has it or may give it, `root` stands alone, a token lasts
 * 768 hours at the most unless it has a period. `actor`, which Vault does not have, says whom the token acts as. Throws
 * WireError 400.
 */
export function tokenAsked(body: Said, asker: TokenAsker): TokenAsked {
  refuseUnsupported(body)
  const actor = optionalText(body, 'actor')
  const policies = policiesAsked(body, asker)
  const { warnings, ...lasting } = lastingAsked(body, asker, policies)
  const uses = usesAsked(body)
  const [label, token] = [optionalText(body, 'display_name'), optionalText(body, 'id')]
  const meta = pairsField(body, 'meta')
  const orphan = asker.isOrphan || booleanField(body, 'no_parent') === true
  const options: IssueOptions = {
    ...lasting,
    orphan,
    ...(actor !== undefined && { actor }),
    ...(policies !== undefined && { policies }),
    ...(uses > 0 && { uses }),
    ...(label !== undefined && { label }),
    ...(meta !== undefined && { meta }),
    ...(token !== undefined && { token }),
  }
  return { options, warnings }
}

function refuseUnsupported(body: Said): void {
  const type = optionalText(body, 'type') ?? 'service'
  if (type === 'batch') throw new WireError(400, ['batch tokens are not supported'])
  if (type !== 'service') throw new WireError(400, ["invalid 'token_type' value"])
  if (optionalText(body, 'entity_alias') !== undefined) {
    const message = "'entity_alias' is only allowed in combination with token role"
    throw new WireError(400, [message])
  }
}

function policiesAsked(body: Said, { parent, mayAll }: TokenAsker): readonly string[] | undefined {
  const named = textsField(body, 'policies') ?? []
  const noDefault = booleanField(body, 'no_default_policy') === true
  const isKept = (name: string) => !(noDefault && name === defaultPolicy)
  if (named.length === 0) return parent.policies?.filter(isKept)
  if (named.includes(rootPolicy)) return [rootPolicy]
  const hasDefault = mayAll || parent.policies?.includes(defaultPolicy) === true
  const added = hasDefault && !noDefault ? [defaultPolicy] : []
  return sorted([...named.filter(isKept), ...added])
}

export function sorted(names: readonly string[]): readonly string[] {
  return [...new Set(names)].sort()
}

type Lasting = Pick<IssueOptions, 'ttl' | 'maxTtl' | 'renewable'>

function lastingAsked(
  body: Said,
  { parent, mayAll }: TokenAsker,
  policies: readonly string[] | undefined,
): Lasting & { readonly warnings: readonly string[] } {
  const period = durationField(body, 'period') ?? 0
  const explicit = durationField(body, 'explicit_max_ttl') ?? 0
  const asked = durationField(body, 'ttl') || durationField(body, 'lease') || 0
  const renewable = booleanField(body, 'renewable') ?? true
  if (period > 0) {
    const ttl = explicit > 0 ? Math.min(period, explicit) : period
    return { ttl, renewable, ...(explicit > 0 && { maxTtl: explicit }), warnings: [] }
  }
  const isRoot = policies?.includes(rootPolicy) === true
  if (isRoot && asked === 0 && explicit === 0) {
    // Whoever may not hand on root is refused for that, by the vault.
    if (!mayAll || parent.expiresAt === undefined) return { renewable: false, warnings: [] }
    throw new WireError(400, ['expiring root tokens cannot create non-expiring root tokens'])
  }
  const maxTtl = explicit > 0 ? Math.min(explicit, systemTtlMs) : systemTtlMs
  const ttl = asked > 0 ? asked : maxTtl
  return { ttl: Math.min(ttl, maxTtl), maxTtl, renewable, warnings: cappedWarnings(ttl, maxTtl) }
}

function cappedWarnings(ttl: number, most: number): readonly string[] {
  if (ttl <= most) return []
  const [found, max] = [formatDuration(ttl), formatDuration(most)]
  return [
    `TTL of "${found}" exceeded the effective max_ttl of "${max}"; TTL value is capped accordingly`,
  ]
}

function usesAsked(body: Said): number {
  const uses = integerField(body, 'num_uses') ?? 0
  if (uses < 0) throw new WireError(400, ['number of uses cannot be negative'])
  return uses
}
