import type { Capability } from '../../index.ts'
import { quote, refusal } from './refusal.ts'
import type { Statement, VaultWord } from './statement.ts'

/** What of the vault itself Vault's paths can give here. */
type OfVault = Extract<Capability, 'policy' | 'token'>

/** What of the vault itself paths of the wire take. */
type OfWire = OfVault | Extract<Capability, 'audit' | 'keys'>

/**
 * What a path outside of the mount is here: `open` to every token that holds, `absent`, or about a capability of ours:
 * `all` of what that is about, a `part` of it, or the `listing` that tells the names.
 */
type SystemPath = { readonly is: 'open' } | { readonly is: 'absent' } | OfCapability

type OfCapability =
  | { readonly is: 'all'; readonly capability: OfVault; readonly takes: readonly VaultWord[] }
  | { readonly is: 'part' | 'listing'; readonly capability: OfWire }

/** Every right over the policies, or over tokens, as Vault says it. */
export const fullSet: readonly VaultWord[] = ['create', 'read', 'update', 'delete', 'list']

/** The tokens of others take sudo in Vault: to list them, and to make some that hold more than their maker. */
const wholes: ReadonlyMap<string, { capability: OfVault; takes: readonly VaultWord[] }> = new Map([
  ['sys/*', { capability: 'policy' as const, takes: fullSet }],
  ['sys/policies/*', { capability: 'policy' as const, takes: fullSet }],
  ['sys/policies/acl/*', { capability: 'policy' as const, takes: fullSet }],
  ['sys/policy/*', { capability: 'policy' as const, takes: fullSet }],
  ['auth/*', { capability: 'token' as const, takes: fullSet }],
  ['auth/approle/*', { capability: 'token' as const, takes: fullSet }],
  ['auth/token/*', { capability: 'token' as const, takes: [...fullSet, 'sudo'] }],
])

const listings: readonly string[] = ['sys/policies/acl', 'sys/policy']

/** What every token may do, or even whoever has none. */
const open: readonly string[] = [
  'auth/token/lookup-self',
  'auth/token/renew-self',
  'auth/token/revoke-self',
  'auth/approle/login',
  'sys/auth',
  'sys/capabilities-self',
  'sys/health',
  'sys/init',
  'sys/internal/ui/mounts',
  'sys/leader',
  'sys/mounts',
  'sys/seal-status',
]

/** What there is none of here. Vault's own `default` policy names most of it, and policies of operators the rest. */
const absent: readonly string[] = [
  'cubbyhole',
  'identity',
  'sys/auth',
  'sys/control-group',
  'sys/internal',
  'sys/leases',
  'sys/mounts',
  'sys/renew',
  'sys/tools',
  'sys/wrapping',
]

const parts: readonly (readonly [string, OfWire])[] = [
  ['sys/policies', 'policy'],
  ['sys/policy', 'policy'],
  ['sys/audit', 'audit'],
  ['sys/capabilities', 'token'],
  ['sys/capabilities-accessor', 'token'],
  ['sys/key-status', 'keys'],
  ['sys/seal', 'keys'],
  ['auth/token', 'token'],
  ['auth/approle', 'token'],
]

/** What a path of `sys/`, `auth/` and the like is here; undefined for what is not known. */
export function systemPathOf(path: string): SystemPath | undefined {
  const whole = wholes.get(path)
  if (whole !== undefined) return { is: 'all', ...whole }
  const bare = path.endsWith('/') ? path.slice(0, -1) : path
  if (open.includes(bare) || path.startsWith('sys/internal/ui/mounts/')) return { is: 'open' }
  if (absent.some((known) => isAt(bare, known))) return { is: 'absent' }
  const [, capability] = parts.find(([known]) => isAt(bare, known)) ?? []
  if (capability === undefined) return undefined
  return { is: listings.includes(bare) ? 'listing' : 'part', capability }
}

function isAt(path: string, known: string): boolean {
  return path === known || path.startsWith(`${known}/`)
}

/** A statement about the vault itself. */
export interface SystemStatement {
  readonly statement: Statement
  readonly system: SystemPath
}

/** A right over the vault itself. */
export interface VaultRule {
  readonly effect: 'allow' | 'deny'
  readonly capability: OfVault
}

/**
 * What the statements about the vault itself give or take away. Throws `INVALID` for what only a part of a capability would
 * be.
 *
 * @param isEverything whether the text gives everything besides
 */
export function vaultRulesOf(
  text: string,
  statements: readonly SystemStatement[],
  isEverything: boolean,
): readonly VaultRule[] {
  const rules = statements.flatMap(({ statement, system }): readonly VaultRule[] => {
    if (system.is !== 'all') return []
    const { capability, takes } = system
    if (statement.words.has('deny')) return [{ effect: 'deny', capability }]
    if (takes.every((word) => statement.words.has(word))) return [{ effect: 'allow', capability }]
    const why = `expected ${takes.join(', ')}: less of ${quote(statement.path)} is no right here`
    throw refusal(text, statement.at, why)
  })
  const given = new Set<Capability>(
    rules.filter(({ effect }) => effect === 'allow').map(({ capability }) => capability),
  )
  for (const { statement, system } of statements) {
    if (system.is === 'open') expectNoDeny(text, statement)
    else if (system.is !== 'absent') {
      const isGiven = given.has(system.capability) || (isEverything && system.is !== 'all')
      expectSaid(text, statement, { system, isGiven })
    }
  }
  return rules
}

function expectNoDeny(text: string, { path, at, words }: Statement): void {
  if (!words.has('deny')) return
  throw refusal(text, at, `expected no deny: every token may use ${quote(path)} here`)
}

function expectSaid(
  text: string,
  { path, at, words }: Statement,
  { system, isGiven }: { readonly system: OfCapability; readonly isGiven: boolean },
): void {
  if (words.has('deny')) {
    if (!isGiven) return
    const why = 'what this text allows besides is one right here, and would be denied with it'
    throw refusal(text, at, `expected no deny of ${quote(path)}: ${why}`)
  }
  if (system.is === 'all') return
  const isFull = fullSet.every((word) => words.has(word))
  const isTold = system.is === 'listing' && (words.has('list') || words.has('read'))
  if (isGiven && (isFull || isTold)) return
  throw refusal(
    text,
    at,
    `${quote(path)} is no right of its own here: ${advice[system.capability]}`,
  )
}

const advice: Readonly<Record<OfWire, string>> = {
  policy: 'all of "sys/policies/acl/*" is the right to policies',
  token: 'all of "auth/approle/*", or of "auth/token/*" with sudo, is the right to tokens',
  audit: 'it takes the right to audit, which rules of our own can give',
  keys: 'it takes the right to keys, which rules of our own can give',
}
