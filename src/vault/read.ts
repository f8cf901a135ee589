import { read as decideRead, type ReadIntent } from '../decide/read.ts'
import { VaultError } from '../errors.ts'
import { checkPath } from '../events/path.ts'
import type { SecretType } from '../events/words.ts'
import { keyIdName } from '../keys/box.ts'
import { decodeValue } from '../keys/value.ts'
import type { Command } from '../log/queue.ts'
import type { SecretRow } from '../projections/secrets.ts'
import { SecretValue } from '../secret/value.ts'
import type { Call, CallOptions } from './call.ts'
import type { Engine } from './engine.ts'
import { versionsDownTo } from './history.ts'
import { checkVersion, type Named } from './named-versions.ts'
import { underPolicy } from './permit.ts'
import type { ValueRef } from './values.ts'

export interface ReadOptions extends CallOptions {
  /** The newest unless said. */
  readonly version?: number
  /** Reads a value that has expired; `reason` must then say why, and both are recorded. */
  readonly allowExpired?: boolean
}

/** What a read is to be of, as it was checked: a caller may go on to change its own options. */
export interface CheckedRead {
  readonly version?: number
  readonly allowExpired: boolean
}

/** Checks a read's arguments. Throws `INVALID`. */
export function checkRead(
  path: string,
  { version, allowExpired, reason }: ReadOptions,
): CheckedRead {
  checkPath(path)
  if (allowExpired === true && !reason) throw unexplained()
  return {
    ...(version !== undefined && { version: checkVersion('version', version) }),
    allowExpired: allowExpired === true,
  }
}

function unexplained(): VaultError {
  return new VaultError('INVALID', 'allowExpired needs a reason')
}

/** The version that an earlier state of the log gives: what is read today is that one or none. */
export interface EarlierVersion {
  readonly asOf: number
  /** With the secret's type of then; absent where the secret was not there. */
  readonly named?: Named & { readonly type: SecretType }
}

interface ReadRequest {
  readonly path: string
  readonly checked: CheckedRead
  readonly operation: 'read' | 'watch'
  readonly earlier?: EarlierVersion
  /** The oldest version that is looked for: those before it are kept, and not told of. */
  readonly oldest?: (row: SecretRow) => number
  /** Told, before it is decided, of the secret that the read is decided against. */
  readonly onFound?: (row: SecretRow) => void
}

/**
 * Hands out a value once its `secret.accessed` is on disk: the box is opened while the disk syncs, and what was
 * opened is dropped if that fails.
 */
export async function readSecret(
  engine: Engine,
  call: Call,
  request: ReadRequest,
): Promise<SecretValue> {
  const { path, earlier, checked } = request
  // The reason that is recorded is the call's own.
  if (checked.allowExpired && call.context.reason === undefined) throw unexplained()
  let target: Target = {}
  let type: SecretType = 'generic'
  let plain: Buffer | undefined

  const command: Command = {
    actor: call.actor,
    context: call.context,
    prepare: () => {
      const row = engine.state.secrets.fold.state.get(path)
      // As of this read: by the time it is answered, the same commit may have changed or purged the secret.
      type = earlier?.named?.type ?? row?.meta.type ?? type
      if (row !== undefined) request.onFound?.(row)
      const found = targetOf(engine, row, request)
      if (!(found instanceof Promise)) {
        target = found
        return undefined
      }
      return found.then((later) => {
        target = later
      })
    },
    decide: (at) => decideRead(engine.state.secrets.fold.state, intentOf(request, target), at),
    during: () => {
      if (target.ref === undefined) return undefined
      const opened = engine.values.open(target.ref)
      if (opened instanceof Promise) {
        return opened.then((buffer) => {
          plain = buffer
        })
      }
      plain = opened
      return undefined
    },
  }
  const asked = { operation: request.operation, subject: path }
  const [event] = await engine.append(underPolicy(call, asked, command), call.limits)
  const { ref } = target
  if (event === undefined || plain === undefined || ref === undefined) {
    throw new VaultError('INTEGRITY', `${path} was read and its value is missing`, { path })
  }
  const content = decodeValue(plain)
  plain.fill(0)
  return new SecretValue(content, { path, version: ref.version, position: ref.position, type })
}

/** The version that a read is about: what decides whether it may be read, and where its box is if there is one. */
interface Target {
  /** As in `ReadIntent`. */
  readonly version?: NonNullable<ReadIntent['version']>
  readonly ref?: ValueRef
}

function intentOf({ path, checked, operation, earlier }: ReadRequest, { version }: Target) {
  const intent: ReadIntent = {
    path,
    operation,
    allowExpired: checked.allowExpired,
    ...(version && { version }),
    ...(earlier && { asOf: earlier.asOf }),
  }
  return intent
}

function targetOf(
  engine: Engine,
  row: SecretRow | undefined,
  { path, checked, earlier, oldest }: ReadRequest,
): Target | Promise<Target> {
  if (earlier !== undefined) return earlierTarget(engine, row, { path, earlier })
  if (row === undefined) return {}
  const version = checked.version ?? row.version
  if (oldest !== undefined && version < oldest(row))
    return { version: { version, state: 'hidden' } }
  return versionTarget(engine, row, { path, version })
}

function versionTarget(
  engine: Engine,
  row: SecretRow,
  { path, version }: { path: string; version: number },
): Target | Promise<Target> {
  if (version === row.version) {
    return { ref: { path, version, position: row.position, keyId: row.keyId } }
  }
  if (version > row.version) return { version: { version, state: 'absent' } }
  if (version < row.oldest) return { version: { version, state: 'destroyed' } }
  return versionsDownTo(engine, { path, row, down: version }).then((versions) => {
    const found = versions.find((candidate) => candidate.version === version)
    if (found === undefined)
      throw new VaultError('INTEGRITY', `version ${version} of ${path} is missing`)
    return { version: found, ref: { path, version, position: found.position, keyId: found.keyId } }
  })
}

/** An earlier version as it stands today. Its key tells whether it is that one: a purged path may be in use again. */
async function earlierTarget(
  engine: Engine,
  row: SecretRow | undefined,
  { path, earlier }: { path: string; earlier: EarlierVersion },
): Promise<Target> {
  const { named } = earlier
  if (named === undefined) return { version: { state: 'absent' } }
  const { version, state, keyId } = named
  if (state === 'absent') return { version: { version, state } }
  const today = row && (await versionTarget(engine, row, { path, version }))
  const isSame = today?.ref !== undefined && keyIdName(today.ref.keyId) === keyIdName(keyId)
  return isSame ? today : { version: { version, state: 'destroyed' } }
}
