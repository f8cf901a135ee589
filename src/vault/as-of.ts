import { VaultError } from '../errors.ts'
import { eventAt } from '../log/reader.ts'
import type { SecretValue } from '../secret/value.ts'
import type { Call, CallOptions } from './call.ts'
import type { Engine } from './engine.ts'
import type { FoldedLog } from './folded-log.ts'
import { describeSecret, existsSecret, historyOf, type Inspector, listSecrets } from './inspect.ts'
import type { KnownThen } from './known.ts'
import { knownThen } from './known-then.ts'
import { nameVersions } from './named-versions.ts'
import { checkRead, type EarlierVersion, type ReadOptions, readSecret } from './read.ts'
import type { SecretInspector } from './readers.ts'
import { type Moment, type PassOptions, sizeOf } from './replay.ts'

/**
 * What was known of secrets with the event at `position`. Its verbs take and give what those of the vault do, and throw
 * the same; where the vault records inspections, they are recorded with `asOf`.
 */
export interface KnownAsOf extends SecretInspector {
  readonly position: number
  /** Of the event at `position`. */
  readonly time: Date
}

/** A vault as it was with the event at `position`. */
export interface VaultAsOf extends KnownAsOf {
  /**
   * The value as it was: of the version that was the newest then, or of another of that time. It is an access of today,
   * recorded as one with `asOf`, and held to what the log says today: a version that was deleted or destroyed since, or
   * has expired by now, is refused as it is to `vault.read`, and no value that came later is given in its place.
   */
  read(path: string, options?: ReadOptions): Promise<SecretValue>
}

/** Runs a look at what is known, on what is open at that time. */
export type Look = <T>(
  options: CallOptions,
  work: (inspector: Inspector) => Promise<T>,
) => Promise<T>

/** Runs a call of the vault: who asks, on the engine that is open at that time. */
export type RunCall = <T>(
  options: CallOptions,
  work: (call: Call, engine: Engine) => Promise<T>,
) => Promise<T>

/** The state with the event at a moment. Throws `INVALID`, before the first event too, and `ABORTED`. */
export async function stateAsOf(
  engine: Engine,
  moment: Moment,
  { run, look, ...pass }: PassOptions & { readonly run: RunCall; readonly look: Look },
): Promise<VaultAsOf> {
  const { known, time } = await knownAt(engine, moment, pass)
  return {
    ...inspectionsOf(known, { time, look }),
    read: (path, options = {}) =>
      run(options, (call, by) => readAsOf(by, call, { known, path, options })),
  }
}

/** The same without values. */
export async function knownAsOf(
  log: FoldedLog,
  moment: Moment,
  { look, ...pass }: PassOptions & { readonly look: Look },
): Promise<KnownAsOf> {
  const { known, time } = await knownAt(log, moment, pass)
  return inspectionsOf(known, { time, look })
}

async function knownAt(
  log: FoldedLog,
  moment: Moment,
  pass: PassOptions,
): Promise<{ known: KnownThen; time: number }> {
  const { size, time } = await placeOf(log, moment, 'moment')
  return { known: await knownThen(log, { size, ...pass }), time }
}

/**
 * How many events the log held at a moment, at least one, and the time of the last of them. Throws `INVALID`, before the
 * first event too, calling the moment by `name`.
 */
export async function placeOf(
  log: FoldedLog,
  moment: Moment,
  name: string,
): Promise<{ readonly size: number; readonly time: number }> {
  const size = await sizeOf(log, moment, name)
  if (size === 0) throw await beforeTheLog(log, name)
  const { event: newest } = await eventAt(log, size - 1)
  return { size, time: newest.time }
}

function inspectionsOf(
  known: KnownThen,
  { time, look: lookNow }: { readonly time: number; readonly look: Look },
): KnownAsOf {
  const look: Look = (options, work) =>
    lookNow(options, (inspector) => work({ ...inspector, earlier: known }))
  return {
    position: known.position,
    time: new Date(time),
    exists: (path, options = {}) => look(options, (by) => existsSecret(by, path)),
    list: (prefix = '', options = {}) => look(options, (by) => listSecrets(by, prefix, options)),
    describe: (path, options = {}) => look(options, (by) => describeSecret(by, path)),
    history: (path, options = {}) => look(options, (by) => historyOf(by, path, options)),
  }
}

async function beforeTheLog(log: FoldedLog, name: string): Promise<VaultError> {
  const { event } = await eventAt(log, 0)
  const begins = new Date(event.time).toISOString()
  return new VaultError('INVALID', `${name}.time is before the log, which begins at ${begins}`, {
    expected: `from ${begins}`,
  })
}

async function readAsOf(
  engine: Engine,
  call: Call,
  { known, path, options }: { known: KnownThen; path: string; options: ReadOptions },
): Promise<SecretValue> {
  const checked = checkRead(path, options)
  const earlier = await earlierVersion(engine, known, { path, version: checked.version })
  return readSecret(engine, call, { path, checked, operation: 'read', earlier })
}

async function earlierVersion(
  engine: Engine,
  known: KnownThen,
  { path, version }: { path: string; version: number | undefined },
): Promise<EarlierVersion> {
  const asOf = known.position
  const row = (await known.secrets(engine, [path])).get(path)?.row
  if (row === undefined) return { asOf }
  const { type } = row.meta
  const [named] = await nameVersions(engine, { path, row, versions: [version ?? row.version] })
  return named === undefined ? { asOf } : { asOf, named: { ...named, type } }
}
