import type { SecretValue } from '../crypto/secret-value.ts'
import { VaultError } from '../errors.ts'
import { eventAt } from '../log/reader.ts'
import type { CallOptions } from './call.ts'
import type { Engine } from './engine.ts'
import type { SecretInfo, VersionInfo } from './info.ts'
import {
  describeSecret,
  existsSecret,
  type HistoryOptions,
  historyOf,
  type Inspector,
  type ListOptions,
  listSecrets,
  type SecretPage,
} from './inspect.ts'
import { type Known, knownBy } from './known.ts'
import { nameVersions } from './named-versions.ts'
import { checkRead, type EarlierVersion, type ReadOptions, readSecret } from './read.ts'
import { foldTo, type Moment, type PassOptions, sizeOf } from './replay.ts'

/**
 * A vault as it was with the event at `position`. Its verbs take and give what those of the vault do, and throw the
 * same; where the vault records inspections, they are recorded with `asOf`.
 */
export interface VaultAsOf {
  readonly position: number
  /** Of the event at `position`. */
  readonly time: Date
  exists(path: string, options?: CallOptions): Promise<boolean>
  list(prefix?: string, options?: ListOptions): Promise<SecretPage>
  describe(path: string, options?: CallOptions): Promise<SecretInfo>
  history(path: string, options?: HistoryOptions): Promise<readonly VersionInfo[]>
  /**
   * The value as it was: of the version that was the newest then, or of another of that time. It is an access of today,
   * recorded as one with `asOf`, and held to what the log says today: a version that was deleted or destroyed since, or
   * has expired by now, is refused as it is to `vault.read`, and no value that came later is given in its place.
   */
  read(path: string, options?: ReadOptions): Promise<SecretValue>
}

/** Runs a call of the vault: who asks, on the engine that is open at that time. */
export type RunCall = <T>(
  options: CallOptions,
  work: (inspector: Inspector) => Promise<T>,
) => Promise<T>

/** The state with the event at a moment. Throws `INVALID`, before the first event too, and `ABORTED`. */
export async function stateAsOf(
  engine: Engine,
  moment: Moment,
  { run, ...pass }: PassOptions & { readonly run: RunCall },
): Promise<VaultAsOf> {
  const size = await sizeOf(engine, moment, 'moment')
  if (size === 0) throw await beforeTheLog(engine)
  const { event: newest } = await eventAt(engine, size - 1)
  const known = await knownBy((folds) => foldTo(engine, folds, { size, ...pass }))
  const look: RunCall = (options, work) =>
    run(options, (inspector) => work({ ...inspector, earlier: known }))
  return {
    position: known.position,
    time: new Date(newest.time),
    exists: (path, options = {}) => look(options, (by) => existsSecret(by, path)),
    list: (prefix = '', options = {}) => look(options, (by) => listSecrets(by, prefix, options)),
    describe: (path, options = {}) => look(options, (by) => describeSecret(by, path)),
    history: (path, options = {}) => look(options, (by) => historyOf(by, path, options)),
    read: (path, options = {}) => look(options, (by) => readAsOf(by, known, { path, options })),
  }
}

async function beforeTheLog(engine: Engine): Promise<VaultError> {
  const { event } = await eventAt(engine, 0)
  const begins = new Date(event.time).toISOString()
  return new VaultError('INVALID', `moment.time is before the log, which begins at ${begins}`, {
    expected: `from ${begins}`,
  })
}

async function readAsOf(
  { engine, call }: Inspector,
  known: Known,
  { path, options }: { path: string; options: ReadOptions },
): Promise<SecretValue> {
  checkRead(path, options)
  const earlier = await earlierVersion(engine, known, { path, version: options.version })
  return readSecret(engine, call, { path, options, operation: 'read', earlier })
}

async function earlierVersion(
  engine: Engine,
  known: Known,
  { path, version }: { path: string; version: number | undefined },
): Promise<EarlierVersion> {
  const asOf = known.position
  const row = known.row(path)
  if (row === undefined) return { asOf }
  const { type } = row.meta
  const [named] = await nameVersions(engine, { path, row, versions: [version ?? row.version] })
  return named === undefined ? { asOf } : { asOf, named: { ...named, type } }
}
