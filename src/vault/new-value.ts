import { certificateFacts } from '../crypto/certificate.ts'
import type { SecretInput } from '../crypto/secret-value.ts'
import { sshKeyFacts } from '../crypto/ssh-key.ts'
import type { MetaPatch, ValueFacts } from '../decide/meta.ts'
import type { At, Outcome } from '../decide/outcome.ts'
import type { NewValueIntent } from '../decide/write.ts'
import { VaultError } from '../errors.ts'
import { checkPath } from '../events/path.ts'
import { sealBox } from '../keys/box.ts'
import { decodeValue, encodeValue, sameValue } from '../keys/value.ts'
import { versionsMax } from '../limits.ts'
import type { Command, Decision } from '../log/queue.ts'
import type { SecretRow } from '../projections/secrets.ts'
import type { Call, CallOptions } from './call.ts'
import type { Engine } from './engine.ts'
import { type FoundVersion, versionsDownTo } from './history.ts'
import { type MetaOptions, readMeta } from './meta-options.ts'

export interface WriteOptions extends CallOptions, MetaOptions {
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
  let prepared: Prepared | undefined

  const prepare = (): Promise<void> | undefined => {
    const row = engine.state.secrets.fold.state.get(path)
    const facts = factsOf(plain, patch.type ?? row?.meta.type)
    const seal = (changed: boolean, versions: readonly FoundVersion[]) => {
      const version = (row?.version ?? 0) + 1
      const { valueKey, ...sealed } = sealBox({
        vaultId: engine.epochs.vaultId,
        subject: path,
        version,
        plain,
      })
      prepared = {
        intent: { path, version, sealed, changed, patch, facts, prunable: prunable(versions) },
        valueKey,
        versions,
      }
    }
    if (row === undefined) {
      seal(true, [])
      return undefined
    }
    return Promise.all([
      differs(engine, { path, row, plain }),
      prunableVersions(engine, { path, row, patch }),
    ]).then(([changed, versions]) => seal(changed, versions))
  }

  const command = (call: Call, decide: (intent: NewValueIntent, at: At) => Outcome): Command => ({
    actor: call.actor,
    context: call.context,
    aggregate: path,
    prepare,
    decide: (at) => {
      if (prepared === undefined) throw new RangeError('a write is prepared before it is decided')
      const outcome = decide(
        { ...prepared.intent, ...(ifVersion !== undefined && { ifVersion }) },
        at,
      )
      return withKeys(outcome, prepared)
    },
  })
  return { command, patch }
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
  const before = await engine.values.open({
    path,
    version: row.version,
    position: row.position,
    keyId: row.keyId,
  })
  return !sameValue(decodeValue(before), decodeValue(plain))
}

/** The versions that `maxVersions` could push out; none where the secret keeps all. */
async function prunableVersions(
  engine: Engine,
  { path, row, patch }: { path: string; row: SecretRow; patch: MetaPatch },
): Promise<readonly FoundVersion[]> {
  const most = patch.maxVersions === undefined ? row.meta.maxVersions : patch.maxVersions
  if (most === undefined || most === null || row.version + 1 - most < row.oldest) return []
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
