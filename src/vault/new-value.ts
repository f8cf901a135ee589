import { certificateFacts } from '../crypto/certificate.ts'
import { sshKeyFacts } from '../crypto/ssh-key.ts'
import type { MetaPatch, ValueFacts } from '../decide/meta.ts'
import type { At, Outcome } from '../decide/outcome.ts'
import type { NewValueIntent } from '../decide/write.ts'
import { VaultError } from '../errors.ts'
import type { SecretMeta } from '../events/catalogue.ts'
import { checkPath } from '../events/path.ts'
import { sealBox } from '../keys/box.ts'
import { decodeValue, encodeValue, sameValue } from '../keys/value.ts'
import { versionsMax } from '../limits.ts'
import type { Command, Decision } from '../log/queue.ts'
import type { SecretRow } from '../projections/secrets.ts'
import type { SecretInput } from '../secret/value.ts'
import type { Call } from './call.ts'
import type { Engine } from './engine.ts'
import type { ChangeOptions } from './given-id.ts'
import { type FoundVersion, versionsDownTo } from './history.ts'
import { type MetaOptions, readMeta } from './meta-options.ts'
import type { ValueRef } from './values.ts'

export interface WriteOptions extends ChangeOptions, MetaOptions {
  /** The version that the secret must be at; 0 where it must not exist. */
  readonly ifVersion?: number
}

export function checkIfVersion(ifVersion: number | undefined): number | undefined {
  if (ifVersion === undefined) return undefined
  if (Number.isSafeInteger(ifVersion) && ifVersion >= 0 && ifVersion <= versionsMax)
    return ifVersion
  throw new VaultError('INVALID', `ifVersion must be an integer from 0 to ${versionsMax}`)
}

/** A command that writes a value: what it needs is sealed in the writer, where the next version's number is sure. */
export function newValue(
  engine: Engine,
  { path, value, options }: { path: string; value: SecretInput; options: WriteOptions },
) {
  checkPath(path)
  const ifVersion = checkIfVersion(options.ifVersion)
  const patch = readMeta(options)
  // A copy, and the only thing that is looked at from here on: the caller may go on to change its own.
  const plain = encodeValue(value)
  const kept = (before: SecretMeta | undefined) => patchedMax(before, patch)
  const next = nextVersion(engine, { path, patch, plain, kept })
  const command = (call: Call, decide: (intent: NewValueIntent, at: At) => Outcome): Command => ({
    actor: call.actor,
    context: call.context,
    aggregate: path,
    prepare: next.prepare,
    decide: (at) =>
      next.decide((intent) =>
        decide({ ...intent, ...(ifVersion !== undefined && { ifVersion }) }, at),
      ),
  })
  return { command, patch, plain }
}

function patchedMax(before: SecretMeta | undefined, { maxVersions }: MetaPatch) {
  return (maxVersions === undefined ? before?.maxVersions : maxVersions) ?? undefined
}

/** What a new version is to be of. */
interface NextVersion {
  readonly path: string
  readonly patch: MetaPatch
  /**
   * The value as a box holds it, or what makes it of the newest one, where that is live. Such a maker's `VaultError` is
   * thrown where the version is decided.
   */
  readonly plain: Buffer | ((before: SecretInput) => Buffer)
  /** How many versions a secret of which this is known is to keep; undefined for all. */
  readonly kept: (before: SecretMeta | undefined) => number | undefined
}

/** A version in the making, one above the newest of the time when it is prepared. */
export function nextVersion(engine: Engine, next: NextVersion) {
  const { path, plain } = next
  let prepared: Prepared | VaultError | undefined

  const prepare = (): Promise<void> | undefined => {
    prepared = undefined
    const row = engine.state.secrets.fold.state.get(path)
    if (row !== undefined) {
      return preparedOver(engine, row, next).then((found) => {
        prepared = found
      })
    }
    const declared = engine.state.declarations.fold.state.get(path)?.meta
    if (typeof plain === 'function') return undefined
    prepared = sealed(engine, next, { plain, row, declared, changed: true, versions: [] })
    return undefined
  }

  const decide = (by: (intent: NewValueIntent) => Outcome): Decision => {
    if (prepared instanceof VaultError) throw prepared
    if (prepared === undefined) throw new RangeError('a write is prepared before it is decided')
    return withKeys(by(prepared.intent), prepared)
  }
  return { prepare, decide }
}

/** What a secret that is there is to get next; undefined where there is no value to make it of. */
async function preparedOver(
  engine: Engine,
  row: SecretRow,
  next: NextVersion,
): Promise<Prepared | VaultError | undefined> {
  const { path, plain } = next
  const kept = next.kept(row.meta)
  if (typeof plain !== 'function') {
    const [changed, versions] = await Promise.all([
      differs(engine, { path, row, plain }),
      prunableVersions(engine, { path, row, kept }),
    ])
    return sealed(engine, next, { plain, row, changed, versions })
  }
  if (row.state !== 'live') return undefined
  const before = decodeValue(await engine.values.open(newestRef(path, row)))
  const made = attempt(() => plain(before))
  if (made instanceof VaultError) return made
  const versions = await prunableVersions(engine, { path, row, kept })
  const changed = !sameValue(before, decodeValue(made))
  return sealed(engine, next, { plain: made, row, changed, versions })
}

function attempt<T>(work: () => T): T | VaultError {
  try {
    return work()
  } catch (error) {
    if (error instanceof VaultError) return error
    throw error
  }
}

interface Unsealed {
  readonly plain: Buffer
  readonly row: SecretRow | undefined
  readonly declared?: SecretMeta | undefined
  readonly changed: boolean
  readonly versions: readonly FoundVersion[]
}

function sealed(engine: Engine, { path, patch }: NextVersion, about: Unsealed): Prepared {
  const { plain, row, declared, changed, versions } = about
  const version = (row?.version ?? 0) + 1
  const { vaultId } = engine.epochs
  const { valueKey, ...box } = sealBox({ vaultId, subject: path, version, plain })
  const facts = factsOf(plain, patch.type ?? row?.meta.type ?? declared?.type)
  const intent = {
    path,
    version,
    sealed: box,
    changed,
    patch,
    facts,
    prunable: prunable(versions),
    ...(declared && { declared }),
  }
  return { intent, valueKey, versions }
}

interface Prepared {
  readonly intent: NewValueIntent
  readonly valueKey: Uint8Array
  readonly versions: readonly FoundVersion[]
}

function withKeys(outcome: Outcome, { intent, valueKey, versions }: Prepared): Decision {
  if (outcome.refused !== undefined) return outcome
  const addKeys = [{ keyId: intent.sealed.keyId, valueKey }]
  if (versions.length === 0) return { facts: outcome.facts, addKeys }
  const gone = new Set(
    outcome.facts.flatMap((fact) =>
      fact.type === 'secret.destroyed' ? fact.data.versions.map(({ version }) => version) : [],
    ),
  )
  const removeKeys = versions.filter(({ version }) => gone.has(version))
  return { facts: outcome.facts, addKeys, ...(removeKeys.length > 0 && { removeKeys }) }
}

/** Whether the value differs from the newest version's, found out by opening that one's box. */
async function differs(
  engine: Engine,
  { path, row, plain }: { path: string; row: SecretRow; plain: Buffer },
): Promise<boolean> {
  if (row.state === 'destroyed') return true
  const before = await engine.values.open(newestRef(path, row))
  return !sameValue(decodeValue(before), decodeValue(plain))
}

function newestRef(path: string, { version, position, keyId }: SecretRow): ValueRef {
  return { path, version, position, keyId }
}

/** The versions that a next one could push out; none where the secret keeps all. */
async function prunableVersions(
  engine: Engine,
  { path, row, kept }: { path: string; row: SecretRow; kept: number | undefined },
): Promise<readonly FoundVersion[]> {
  if (kept === undefined || row.version + 1 - kept < row.oldest) return []
  return versionsDownTo(engine, { path, row, down: row.oldest })
}

function prunable(versions: readonly FoundVersion[]) {
  return versions
    .filter(({ state }) => state !== 'destroyed')
    .map(({ version, keyId }) => ({ version, keyId }))
}

/** A certificate's dates and fingerprint, or an SSH key's fingerprint, read out of the value. */
function factsOf(plain: Buffer, type: string | undefined): ValueFacts {
  if (type === 'certificate') return certificateFacts(decodeValue(plain)) ?? {}
  if (type === 'ssh_key') return sshKeyFacts(decodeValue(plain)) ?? {}
  return {}
}
