import { access } from '../projections/access.ts'
import { accesses } from '../projections/accesses.ts'
import { appRoles } from '../projections/app-roles.ts'
import { declarations } from '../projections/declarations.ts'
import type { HandedOutRow } from '../projections/handed-out.ts'
import { lifecycle } from '../projections/lifecycle.ts'
import { mounts } from '../projections/mounts.ts'
import type { Projection } from '../projections/projection.ts'
import { rotationPolicies } from '../projections/rotation-policies.ts'
import { rotations } from '../projections/rotations.ts'
import { secretIds } from '../projections/secret-ids.ts'
import { secrets } from '../projections/secrets.ts'
import { tokens } from '../projections/tokens.ts'
import { versions } from '../projections/versions.ts'

/** A projection of the vault's own that can be asked for by its name. */
export interface ShownProjection {
  readonly projection: Projection<unknown>
  /** What is shown of a row, where that is not all of it. */
  readonly row?: (row: unknown) => unknown
}

/**
 * Those that say something to people: what finds events and columns is left out, and of the others what names the keys of
 * values, or is compared with a token.
 */
export const shownProjections: ReadonlyMap<string, ShownProjection> = new Map(
  [
    shown(secrets, withoutKey),
    shown(versions, (rows) => rows.map(withoutKey)),
    shown(rotations),
    shown(accesses),
    shown(lifecycle),
    shown(access),
    shown(rotationPolicies),
    shown(tokens, withoutHash),
    shown(appRoles),
    shown(secretIds, withoutHash),
    shown(mounts),
    shown(declarations),
  ].map((each) => [each.projection.name, each]),
)

/**
 * What is shown of the rows of one of the vault's own projections, for `plainState`: without what names a key, or is
 * compared with a token. Undefined where that is all of them, as of projections of others.
 *
 * @example
 * const { view } = await vault.replay(secrets)
 * const row = shownRow(secrets)
 * console.log(await plainState(view, { ...(row && { row }) }))
 */
export function shownRow<S>(projection: Projection<S>): ((row: unknown) => unknown) | undefined {
  const own = shownProjections.get(projection.name)
  return own?.projection === projection ? own.row : undefined
}

type RowOf<S> = S extends ReadonlyMap<string, infer R> ? R : never

function shown<S>(projection: Projection<S>, row?: (row: RowOf<S>) => unknown): ShownProjection {
  return {
    projection: projection as Projection<unknown>,
    ...(row && { row: row as (row: unknown) => unknown }),
  }
}

function withoutKey<R extends { readonly keyId: Uint8Array }>({
  keyId: _,
  ...row
}: R): Omit<R, 'keyId'> {
  return row
}

function withoutHash<R extends HandedOutRow>({
  hash: _,
  epoch: __,
  ...row
}: R): Omit<R, 'hash' | 'epoch'> {
  return row
}
