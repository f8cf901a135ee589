import type { Operation } from '../../events/words.ts'

/** One verb that can be called through a control socket. */
export interface Verb {
  /** An auditor may look; what gives values and keys, and what changes something, takes an owner. */
  readonly kind: 'look' | 'disclosure' | 'change'
  /** What a refusal is recorded as. */
  readonly operation: Operation
  /** Whether it gives items one by one, in place of one answer; the first may stand for what they are items of. */
  readonly gives?: 'items'
  /** Of one that may take its time: in which of its arguments the signal stands that ends it, as the closing of the vault does. */
  readonly ends?: number
  /** Which of its arguments is the path of a secret that is refused with it. */
  readonly path?: number
}

type More = Omit<Verb, 'kind' | 'operation'>

const secret: More = { path: 0 }

const look = (operation: Operation, more: More = {}): Verb => ({ kind: 'look', operation, ...more })
const disclosure = (operation: Operation, more: More = {}): Verb => ({
  kind: 'disclosure',
  operation,
  ...more,
})
const change = (operation: Operation, more: More = {}): Verb => ({
  kind: 'change',
  operation,
  ...more,
})

const table = {
  exists: look('exists'),
  list: look('list'),
  describe: look('describe'),
  history: look('history'),
  asOf: look('list', { ends: 1 }),
  'asOf.exists': look('exists'),
  'asOf.list': look('list'),
  'asOf.describe': look('describe'),
  'asOf.history': look('history'),
  'asOf.read': disclosure('read', { path: 1 }),

  read: disclosure('read', secret),
  write: change('write', secret),
  rotate: change('rotate', secret),
  annotate: change('annotate', secret),
  delete: change('delete', secret),
  restore: change('restore', secret),
  destroy: change('destroy', secret),
  purge: change('purge', secret),
  export: disclosure('export', { gives: 'items', ends: 1 }),
  backup: disclosure('backup', { gives: 'items', ends: 0 }),

  'audit.query': look('audit', { gives: 'items', ends: 0 }),
  'audit.follow': look('audit', { gives: 'items', ends: 0 }),
  replay: look('audit', { gives: 'items', ends: 1 }),
  diff: look('audit', { ends: 2 }),
  explain: look('audit', { ends: 2 }),
  verify: look('audit', { ends: 0 }),
  'proofs.checkpoint': look('audit'),
  'proofs.checkpoints': look('audit', { gives: 'items' }),
  'proofs.event': look('audit'),
  'proofs.consistency': look('audit'),

  'reports.run': look('report', { gives: 'items', ends: 1 }),
  'reports.write': look('report', { ends: 1 }),
  'reports.evidence': look('report', { ends: 0 }),
  'reports.verify': look('report', { ends: 1 }),

  'policies.get': look('policy'),
  'policies.list': look('policy'),
  'policies.write': change('policy'),
  'policies.remove': change('policy'),
  'roles.list': look('policy'),
  'roles.granted': look('policy'),
  'roles.write': change('policy'),
  'roles.remove': change('policy'),
  'roles.grant': change('policy'),
  'roles.withdraw': change('policy'),
  'rotationPolicies.list': look('policy'),
  'rotationPolicies.set': change('policy'),
  'rotationPolicies.remove': change('policy'),

  'tokens.list': look('token'),
  'tokens.get': look('token'),
  'tokens.lookup': disclosure('token'),
  'tokens.issue': change('token'),
  'tokens.renew': change('token'),
  'tokens.revoke': change('token'),
  'appRoles.list': look('token'),
  'appRoles.get': look('token'),
  'appRoles.write': change('token'),
  'appRoles.remove': change('token'),
  'appRoles.secretIds': look('token'),
  'appRoles.lookupSecretId': disclosure('token'),
  'appRoles.issueSecretId': change('token'),
  'appRoles.revokeSecretId': change('token'),

  'keyslots.list': look('keys'),
  'keyslots.add': change('keys'),
  'keyslots.replace': change('keys'),
  'keyslots.remove': change('keys'),
  'keys.list': look('keys'),
  'keys.rotate': change('keys'),
  'keys.rotateSigning': change('keys'),
  'keys.rotateRoot': change('keys', { ends: 0 }),
  'keys.shred': change('keys', { ends: 0 }),
  'anchors.list': look('keys'),
  'anchors.now': change('keys'),
  'anchors.add': change('keys'),
  'anchors.remove': change('keys'),
  identity: look('keys'),
  health: look('keys'),
  acceptClock: change('keys'),
} as const satisfies Record<string, Verb>

export type VerbName = keyof typeof table

/** What can be called through a control socket, and nothing else. */
export const verbs: ReadonlyMap<string, Verb> = new Map(Object.entries(table))
