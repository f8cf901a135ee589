import type { LogSource } from '../log/reader.ts'
import { type AccessesState, accesses } from '../projections/accesses.ts'
import { type Fold, startFold } from '../projections/projection.ts'
import {
  byPrecedence,
  type RotationPoliciesState,
  type RotationPolicyRow,
  rotationPolicies,
} from '../projections/rotation-policies.ts'
import { type RotationsState, rotations } from '../projections/rotations.ts'
import { type SecretRow, type SecretsState, secrets } from '../projections/secrets.ts'
import type { FoldedLog } from './folded-log.ts'
import { infoOf, type SecretInfo } from './info.ts'
import { type PathRange, SortedPaths } from './sorted-paths.ts'

/** What is known of secrets besides their values, as of one position: the newest of the log, or an earlier one. */
export interface Known {
  /** Of the newest event that it knows of. */
  readonly position: number
  row(path: string): SecretRow | undefined
  info(path: string): SecretInfo | undefined
  /** Paths in the order of UTF-16 code units. */
  page(range: PathRange): string[]
  /** Lets `page` answer at once (`SortedPaths.ready`). */
  ready(): Promise<void> | undefined
}

interface Folds {
  readonly secrets: Pick<Fold<SecretsState>, 'state' | 'position'>
  readonly rotations: Pick<Fold<RotationsState>, 'state'>
  readonly accesses: Pick<Fold<AccessesState>, 'state'>
  readonly policies: Pick<Fold<RotationPoliciesState>, 'state'>
}

/** What is known by now, and goes on being so. */
export function knownNow({ state, paths }: Pick<FoldedLog, 'state' | 'paths'>): Known {
  const { secrets, rotations, accesses, rotationPolicies } = state
  const folds = {
    secrets: secrets.fold,
    rotations: rotations.fold,
    accesses: accesses.fold,
    policies: rotationPolicies.fold,
  }
  return knownOf(folds, paths)
}

/** What is known to folds of their own, once `fold` has moved them on to where they are to stand. */
export async function knownBy(
  fold: (folds: readonly Pick<Fold<unknown>, 'apply'>[]) => Promise<void>,
): Promise<Known> {
  const folds = {
    secrets: startFold(secrets),
    rotations: startFold(rotations),
    accesses: startFold(accesses),
    policies: startFold(rotationPolicies),
  }
  await fold(Object.values(folds))
  return knownOf(folds, new SortedPaths(() => folds.secrets.state.keys()))
}

function knownOf(folds: Folds, paths: Pick<SortedPaths, 'page' | 'ready'>): Known {
  const row = (path: string) => folds.secrets.state.get(path)
  let ordered: readonly RotationPolicyRow[] = []
  let orderedAt = -1
  const policies = () => {
    const { position } = folds.secrets
    if (orderedAt < position) ordered = byPrecedence(folds.policies.state)
    orderedAt = position
    return ordered
  }
  return {
    get position() {
      return folds.secrets.position - 1
    },
    row,
    info: (path) => {
      const found = row(path)
      const rotation = folds.rotations.state.get(path)
      const access = folds.accesses.state.get(path)
      return found && infoOf(path, found, { rotation, access, policies: policies() })
    },
    page: (range) => paths.page(range),
    ready: () => paths.ready(),
  }
}

/** A secret as one position knows it. */
export interface KnownSecret {
  readonly row: SecretRow
  readonly info: SecretInfo
}

/** What was known as of an earlier position. What the events themselves say is read from them when asked for. */
export interface KnownThen extends Pick<Known, 'position' | 'page' | 'ready'> {
  /** Those that there were of these paths, read from the log that is open by now. */
  secrets(log: LogSource, paths: readonly string[]): Promise<ReadonlyMap<string, KnownSecret>>
}
