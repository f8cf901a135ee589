import { keyIdName } from '../keys/box.ts'
import { startFold } from '../projections/projection.ts'
import type { SecretRow } from '../projections/secrets.ts'
import { type VersionRow, versions } from '../projections/versions.ts'
import type { Engine } from './engine.ts'
import { versionsDownTo } from './history.ts'
import { foldTo } from './replay.ts'

export type HeldVersion = Pick<
  VersionRow,
  'version' | 'position' | 'keyId' | 'expiresAt' | 'notBefore'
>

/** A secret as it stood, with its live versions, oldest first. */
export interface Held {
  readonly path: string
  readonly row: SecretRow
  readonly versions: readonly HeldVersion[]
}

/** By path, in order. */
export type HeldSecrets = ReadonlyMap<string, Held>

/** Histories that are walked one by one; where there are more, one pass over the log is cheaper. */
const walksMax = 256

/**
 * Every secret below a prefix with its live versions, as of this call. What did not change since `before` is taken from
 * there, so that a second look costs little.
 */
export async function holdSecrets(
  engine: Engine,
  prefix: string,
  { before, signal }: { before: HeldSecrets; signal?: AbortSignal | undefined },
): Promise<HeldSecrets> {
  const { size } = engine
  const rows = rowsBelow(engine, prefix)
  const isWalked = ({ path, row }: PathRow) =>
    row.oldest < row.version && before.get(path)?.row !== row
  const isPassed = rows.filter(isWalked).length > walksMax
  const histories = isPassed ? await historiesTo(engine, size, signal) : undefined
  const held = new Map<string, Held>()
  for (const { path, row } of rows) {
    const earlier = before.get(path)
    const same = earlier?.row === row ? earlier : undefined
    held.set(path, same ?? (await hold(engine, { path, row }, histories?.get(path))))
  }
  return held
}

interface PathRow {
  readonly path: string
  readonly row: SecretRow
}

function rowsBelow(engine: Engine, prefix: string): PathRow[] {
  const { state } = engine.state.secrets.fold
  const paths = engine.paths.page({ prefix, after: undefined, limit: Number.POSITIVE_INFINITY })
  return paths.flatMap((path) => {
    const row = state.get(path)
    return row === undefined ? [] : [{ path, row }]
  })
}

async function hold(
  engine: Engine,
  { path, row }: PathRow,
  history: readonly VersionRow[] | undefined,
): Promise<Held> {
  const all =
    row.oldest >= row.version
      ? [newestOf(row)]
      : (history ?? (await versionsDownTo(engine, { path, row, down: row.oldest })))
  return { path, row, versions: all.filter(({ state }) => state === 'live') }
}

async function historiesTo(engine: Engine, size: number, signal: AbortSignal | undefined) {
  const fold = startFold(versions)
  await foldTo(engine, [fold], { size, ...(signal && { signal }) })
  return fold.state
}

function newestOf({ version, state, position, keyId, meta }: SecretRow) {
  return { version, state, position, keyId, ...validityOf(meta) }
}

/** The dates of one version. */
export function validityOf({ expiresAt, notBefore }: { expiresAt?: number; notBefore?: number }) {
  return {
    ...(expiresAt !== undefined && { expiresAt }),
    ...(notBefore !== undefined && { notBefore }),
  }
}

/** Which of its versions still have their keys, by key id: all but those that were destroyed since. */
export async function keptVersions(
  engine: Engine,
  { path, row, versions: held }: Held,
): Promise<ReadonlySet<string>> {
  const today = engine.state.secrets.fold.state.get(path)
  if (today === row) return new Set(held.map(({ keyId }) => keyIdName(keyId)))
  if (today === undefined) return new Set()
  const down = held[0]?.version ?? today.version
  const history = await versionsDownTo(engine, { path, row: today, down })
  // Those of another secret, that took the path after a purge, have other keys.
  const kept = history.filter(({ state }) => state !== 'destroyed')
  return new Set(kept.map(({ keyId }) => keyIdName(keyId)))
}
