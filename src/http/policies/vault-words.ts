import type { Capability } from '../../index.ts'

/** What of Vault's capabilities each of ours gives there. */
export type Gives = Readonly<Partial<Record<Capability, readonly string[]>>>

/** What decides over a path of the wire: a path of ours, empty for the vault itself, and what rights there come to. */
export interface Decided {
  readonly subject: string
  readonly gives: Gives
  /** Who may both write and read there may patch. */
  readonly isPatched?: true
  /** What every token may do there. */
  readonly open?: readonly string[]
}

const change = ['create', 'update', 'patch']
const all = ['create', 'delete', 'list', 'patch', 'read', 'update']

/** The endpoints of the secrets, which are followed by a secret's path. */
const endpoints: ReadonlyMap<string, Gives> = new Map<string, Gives>([
  ['data', { read: ['read'], write: ['create', 'update'], delete: ['delete'] }],
  ['metadata', { describe: ['read'], annotate: change, purge: ['delete'] }],
  ['subkeys', { read: ['read'] }],
  ['delete', { delete: ['update'] }],
  ['undelete', { delete: ['update'] }],
  ['destroy', { destroy: ['update'] }],
])

const open: ReadonlyMap<string, readonly string[]> = new Map([
  ['auth/token/lookup-self', ['read', 'update']],
  ['auth/token/renew-self', ['update']],
  ['auth/token/revoke-self', ['update']],
  ['sys/capabilities-self', ['update']],
  ['sys/auth', ['read']],
  ['sys/mounts', ['read']],
  ['sys/internal/ui/mounts', ['read']],
])

/** What is about the vault itself, with all that is below. */
const ofVault: readonly (readonly [string, Gives])[] = [
  ['sys/policies/acl', { policy: all }],
  ['sys/policy', { policy: all }],
  ['sys/capabilities', { token: ['update'] }],
  ['sys/capabilities-accessor', { token: ['update'] }],
  ['sys/audit', { audit: ['read'] }],
  ['sys/key-status', { keys: ['read'] }],
  ['sys/seal', { keys: ['update'] }],
  ['auth/token', { token: all }],
  ['auth/approle', { token: all }],
]

/**
 * Whatever it is named: a folder is listed by whoever may list anything in it. It is no name that a rule would say: what
 * a rule says of one secret alone is not told of the folder.
 */
const anySecret = '(any secret)'

/**
 * What decides over a request path of the wire, such as `secret/data/prod/db`: one for each path of ours that does, none
 * where the path is of nothing.
 */
export function decidedBy(path: string, mount: string): readonly Decided[] {
  const bare = path.replace(/^\/+/, '').replace(/\/+$/, '')
  const known = open.get(bare) ?? (isAt(bare, 'sys/internal/ui/mounts') ? ['read'] : undefined)
  if (known !== undefined) return [{ subject: '', gives: {}, open: known }]
  const [, gives] = ofVault.find(([place]) => isAt(bare, place)) ?? []
  if (gives !== undefined) return [{ subject: '', gives }]
  return isAt(bare, mount) ? ofSecrets(bare.slice(mount.length + 1), path.endsWith('/')) : []
}

function ofSecrets(rest: string, isFolder: boolean): readonly Decided[] {
  if (rest === 'config') return [{ subject: '', gives: { policy: ['create', 'read', 'update'] } }]
  const [endpoint = '', ...segments] = rest.split('/')
  const gives = endpoints.get(endpoint)
  if (gives === undefined) return []
  const secret = segments.join('/')
  const isPatched = endpoint === 'data' && ({ isPatched: true } as const)
  const own = isFolder || secret === '' ? [] : [{ subject: secret, gives, ...isPatched }]
  if (endpoint !== 'metadata') return own
  const subject = [...segments, anySecret].join('/')
  return [...own, { subject, gives: { list: ['list', 'scan'] } }]
}

function isAt(path: string, place: string): boolean {
  return path === place || path.startsWith(`${place}/`)
}
