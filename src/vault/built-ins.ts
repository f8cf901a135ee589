import { access } from '../projections/access.ts'
import { accesses } from '../projections/accesses.ts'
import { appRoles } from '../projections/app-roles.ts'
import { audit } from '../projections/audit.ts'
import { changes } from '../projections/changes.ts'
import { declarations } from '../projections/declarations.ts'
import { givenIds } from '../projections/given-ids.ts'
import type { KeptFold } from '../projections/kept-fold.ts'
import { lifecycle } from '../projections/lifecycle.ts'
import { mounts } from '../projections/mounts.ts'
import type { Projection } from '../projections/projection.ts'
import { rotationPolicies } from '../projections/rotation-policies.ts'
import { rotations } from '../projections/rotations.ts'
import { secretIds } from '../projections/secret-ids.ts'
import { secrets } from '../projections/secrets.ts'
import type { Snapshots } from '../projections/snapshots.ts'
import { tokens } from '../projections/tokens.ts'

/** The projections that a vault folds before it answers a caller. */
const projections = {
  secrets,
  rotations,
  accesses,
  lifecycle,
  access,
  rotationPolicies,
  tokens,
  appRoles,
  secretIds,
  mounts,
  declarations,
  givenIds,
  audit,
  changes,
}

type StateOf<P> = P extends Projection<infer S> ? S : never

export type BuiltIns = {
  readonly [N in keyof typeof projections]: KeptFold<StateOf<(typeof projections)[N]>>
}

export async function startBuiltIns(snapshots: Snapshots): Promise<BuiltIns> {
  return {
    secrets: await snapshots.start(secrets),
    rotations: await snapshots.start(rotations),
    accesses: await snapshots.start(accesses),
    lifecycle: await snapshots.start(lifecycle),
    access: await snapshots.start(access),
    rotationPolicies: await snapshots.start(rotationPolicies),
    tokens: await snapshots.start(tokens),
    appRoles: await snapshots.start(appRoles),
    secretIds: await snapshots.start(secretIds),
    mounts: await snapshots.start(mounts),
    declarations: await snapshots.start(declarations),
    givenIds: await snapshots.start(givenIds),
    audit: await snapshots.start(audit),
    changes: await snapshots.start(changes),
  }
}
