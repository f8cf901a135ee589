import { VaultError } from '../errors.ts'
import type { LogSource } from '../log/reader.ts'
import type { LivesAt } from '../projections/derived/lives-at.ts'
import {
  byPrecedence,
  type RotationPolicyRow,
  rotationPolicies,
} from '../projections/rotation-policies.ts'
import type { FoldedLog } from './folded-log.ts'
import { infoOf } from './info.ts'
import { type KnownSecret, type KnownThen, knownBy } from './known.ts'
import { rowsOfLives } from './life-rows.ts'
import { foldTo, type PassOptions, teller } from './replay.ts'
import { SortedPaths } from './sorted-paths.ts'
import { stateFound } from './state-found.ts'

/**
 * What was known with the first `size` events, from the change columns; where those turn out damaged, from the log.
 * Throws `ABORTED`, `INTEGRITY`.
 */
export async function knownThen(
  log: FoldedLog,
  { size, ...pass }: PassOptions & { readonly size: number },
): Promise<KnownThen> {
  const lives = await livesAt(log, size, pass.signal)
  if (lives === undefined) return replayed(log, { size, ...pass })
  const found = await stateFound(log, rotationPolicies, { size, signal: pass.signal })
  const policies = byPrecedence(found)
  teller(size, pass.onProgress)(size)
  const paths = new SortedPaths(() => lives.paths)
  return {
    position: size - 1,
    page: (range) => paths.page(range),
    ready: () => paths.ready(),
    secrets: (source, asked) => secretsOf(source, { lives, policies }, asked),
  }
}

/** The columns are disposable: what they lost costs this look time, and is built again by the next opening. */
async function livesAt(
  log: FoldedLog,
  size: number,
  signal: AbortSignal | undefined,
): Promise<LivesAt | undefined> {
  try {
    return await log.state.changes.fold.state.at(size, signal)
  } catch (error) {
    if (!(error instanceof VaultError) || error.code !== 'INTEGRITY') throw error
    await log.snapshots.distrust(error)
    return undefined
  }
}

async function secretsOf(
  source: LogSource,
  { lives, policies }: { lives: LivesAt; policies: readonly RotationPolicyRow[] },
  paths: readonly string[],
): Promise<ReadonlyMap<string, KnownSecret>> {
  const secrets = new Map<string, KnownSecret>()
  for (const { path, life, row } of await rowsOfLives(source, lives, paths)) {
    const { rotations: count, rotatedAt, accesses, accessedAt } = life
    const rotation = { count, failures: 0, ...(rotatedAt !== undefined && { lastAt: rotatedAt }) }
    const access =
      accessedAt === undefined ? undefined : { count: accesses, lastAt: accessedAt, lastBy: '' }
    secrets.set(path, { row, info: infoOf(path, row, { rotation, access, policies }) })
  }
  return secrets
}

/** The same by folding the log from its first event on. */
async function replayed(
  log: FoldedLog,
  about: PassOptions & { readonly size: number },
): Promise<KnownThen> {
  const known = await knownBy((folds) => foldTo(log, folds, about))
  return {
    position: known.position,
    page: (range) => known.page(range),
    ready: () => known.ready(),
    secrets: async (_, paths) => {
      const secrets = new Map<string, KnownSecret>()
      for (const path of paths) {
        const row = known.row(path)
        const info = known.info(path)
        if (row !== undefined && info !== undefined) secrets.set(path, { row, info })
      }
      return secrets
    },
  }
}
