import { rootPolicy, type TokenInfo } from '../../index.ts'
import { formatTime } from '../times.ts'

/** How long a token holds unless said, and with all renewals at the most unless it is renewed for ever: 32 days. */
export const systemTtlMs = 768 * 3_600_000

/** The policy that Vault adds to tokens; here it gives something once somebody has written it. */
export const defaultPolicy = 'default'

/** A token as a login, its creation and its renewal tell of it. */
interface Shown {
  /** The token itself; empty for whoever knows only its accessor. */
  readonly text: string
  /** Milliseconds since the epoch, of the time from which its rest is counted. */
  readonly now: number
}

/** What a login, a new token and a renewal answer under `auth`. */
export function authBlock(info: TokenInfo, { text, now }: Shown): object {
  const policies = policiesShown(info)
  return {
    client_token: text,
    accessor: info.accessor,
    policies,
    token_policies: policies,
    metadata: metaShown(info),
    lease_duration: secondsLeft(info, now),
    renewable: info.renewFor !== undefined,
    entity_id: '',
    token_type: 'service',
    orphan: info.parent === undefined,
    mfa_requirement: null,
    num_uses: info.usesLeft ?? 0,
  }
}

/** What `lookup-self`, `lookup` and `lookup-accessor` answer; `actor` is what the wire does not have. */
export function lookupData(info: TokenInfo, { text, now }: Shown): object {
  const { accessor, actor, issuedAt, expiresAt, renewFor, usesLeft, parent } = info
  return {
    id: text,
    accessor,
    actor,
    policies: policiesShown(info),
    path: pathShown(info),
    meta: metaShown(info),
    display_name: displayName(info),
    num_uses: usesLeft ?? 0,
    orphan: parent === undefined,
    creation_time: Math.floor(issuedAt.getTime() / 1000),
    creation_ttl: creationTtl(info),
    expire_time: expiresAt === undefined ? null : formatTime(expiresAt),
    ttl: secondsLeft(info, now),
    explicit_max_ttl: explicitMaxTtl(info),
    entity_id: '',
    type: 'service',
    renewable: renewFor !== undefined,
    issue_time: formatTime(issuedAt),
    ...(isPeriodic(info) && { period: wholeSeconds(renewFor ?? 0) }),
  }
}

/** Whether a token's renewals may go on for ever. */
export function isPeriodic({ expiresAt, renewFor, renewableUntil }: TokenInfo): boolean {
  return expiresAt !== undefined && renewFor !== undefined && renewableUntil === undefined
}

function policiesShown({ policies = [] }: TokenInfo): readonly string[] {
  return [...policies].sort()
}

/** A login's token tells its role, as Vault's does. */
function metaShown({ meta, approle }: TokenInfo): Readonly<Record<string, string>> | null {
  if (approle !== undefined) return { ...meta, role_name: approle }
  return Object.keys(meta).length === 0 ? null : meta
}

/** A root token that nobody gave a name or a parent is the one that was made with the vault. */
function isFirst({ approle, label, parent, policies = [] }: TokenInfo): boolean {
  const isNamed = label !== undefined && label !== rootPolicy
  return approle === undefined && !isNamed && parent === undefined && policies.includes(rootPolicy)
}

function displayName(info: TokenInfo): string {
  const { approle, label } = info
  if (approle !== undefined) return 'approle'
  if (isFirst(info)) return rootPolicy
  if (label === undefined) return 'token'
  return `token-${label}`.replace(/[^a-zA-Z0-9-]/g, '-').replace(/-$/, '')
}

function pathShown(info: TokenInfo): string {
  if (info.approle !== undefined) return 'auth/approle/login'
  return isFirst(info) ? 'auth/token/root' : 'auth/token/create'
}

/** What a token had at first; a renewal adds as much, and one that cannot be renewed ends when it was to. */
function creationTtl({ issuedAt, expiresAt, renewFor }: TokenInfo): number {
  if (expiresAt === undefined) return 0
  return wholeSeconds(renewFor ?? expiresAt.getTime() - issuedAt.getTime())
}

/** The bound that holds for every token is none of its own, and neither is that of a role. */
function explicitMaxTtl({ approle, issuedAt, renewableUntil }: TokenInfo): number {
  if (approle !== undefined || renewableUntil === undefined) return 0
  const most = renewableUntil.getTime() - issuedAt.getTime()
  return most === systemTtlMs ? 0 : wholeSeconds(most)
}

/** 0 is for what has no end: what holds still has a second left at least. */
function secondsLeft({ expiresAt }: TokenInfo, now: number): number {
  if (expiresAt === undefined) return 0
  return Math.max(1, Math.ceil((expiresAt.getTime() - now) / 1000))
}

function wholeSeconds(ms: number): number {
  return Math.round(ms / 1000)
}
