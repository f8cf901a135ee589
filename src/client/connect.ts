import type { ControlledVault, Scope, SecretInspector, VaultAsOf } from '../index.ts'
import { anchors } from './anchors.ts'
import { appRoles } from './app-roles.ts'
import type { ServerOptions } from './asking.ts'
import { auditing, type RemoteAudit } from './audit.ts'
import { differences } from './diff.ts'
import { explaining } from './explain.ts'
import { keys } from './keys.ts'
import { keyslots } from './keyslots.ts'
import { momentQuery } from './moments.ts'
import { policies, rotationPolicies } from './policies.ts'
import { projections, type RemoteProjections } from './projections.ts'
import { proofs } from './proofs.ts'
import { reports } from './reports.ts'
import { roles } from './roles.ts'
import { secretChanges, secretLooks } from './secrets.ts'
import { Server } from './server.ts'
import { type RemoteStatus, status } from './status.ts'
import { type OwnToken, ownToken, tokens } from './tokens.ts'
import { transfer } from './transfer.ts'
import { verifying } from './verify.ts'
import { watching } from './watch.ts'

type Verbs =
  | 'annotate'
  | 'asOf'
  | 'backupBytes'
  | 'delete'
  | 'destroy'
  | 'diff'
  | 'export'
  | 'purge'
  | 'read'
  | 'restore'
  | 'rotate'
  | 'verify'
  | 'watch'
  | 'write'

/** Who may do what, and the keys of the vault. */
type Parts =
  | 'anchors'
  | 'appRoles'
  | 'explain'
  | 'keys'
  | 'keyslots'
  | 'policies'
  | 'proofs'
  | 'reports'
  | 'roles'
  | 'rotationPolicies'
  | 'tokens'

/** A vault behind a server, as one token may use it: its verbs take, give and throw what those of the library do. */
export interface RemoteVault
  extends Pick<Scope, Verbs>,
    Pick<ControlledVault, Parts>,
    SecretInspector,
    RemoteAudit,
    RemoteStatus {
  /** Of the newest event that an answer was able to know of; -1 before the first. */
  readonly position: number
  /** What projections say, by their names. */
  readonly projections: RemoteProjections
  /** The token that requests show. */
  readonly self: OwnToken
}

/**
 * The vault of a server. Nothing is sent before a verb is called. Throws `INVALID` for what is no URL of a server, and for a
 * timeout that no clock takes.
 *
 * @example
 * const token = async () => (await readFile('/run/token', 'utf8')).trim()
 * const vault = connect({ server: 'https://vault.internal:8200', token })
 * const secret = await vault.read('prod/db/password', { reason: 'start-up' })
 */
export function connect(options: ServerOptions): RemoteVault {
  const server = new Server(options)
  return {
    get position() {
      return server.position
    },
    ...secretChanges(server),
    ...secretLooks(server),
    ...explaining(server),
    ...differences(server),
    ...transfer(server),
    ...verifying(server),
    ...auditing(server),
    ...watching(server),
    projections: projections(server),
    reports: reports(server),
    proofs: proofs(server),
    ...status(server),
    policies: policies(server),
    roles: roles(server),
    rotationPolicies: rotationPolicies(server),
    tokens: tokens(server),
    self: ownToken(server),
    appRoles: appRoles(server),
    keyslots: keyslots(server),
    keys: keys(server),
    anchors: anchors(server),
    asOf: async (moment, { onProgress: _, ...call } = {}): Promise<VaultAsOf> => {
      const asking = { path: '/moment', query: momentQuery(moment), call }
      return server.json(asking, ({ position, time }: { position: number; time: string }) => ({
        ...secretLooks(server, { position }),
        position,
        time: new Date(time),
      }))
    },
  }
}
