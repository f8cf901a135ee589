import type { Wanted } from '../../access/asked.ts'
import { put, refusePatch, versionsKept } from '../../decide/kv.ts'
import { VaultError } from '../../errors.ts'
import type { VaultEvent } from '../../events/catalogue.ts'
import { checkPath } from '../../events/path.ts'
import { decodeValue, encodeValue } from '../../keys/value.ts'
import type { Command } from '../../log/queue.ts'
import type { SecretFields, SecretInput } from '../../secret/value.ts'
import type { Call } from '../call.ts'
import type { Engine } from '../engine.ts'
import { checkIfVersion, nextVersion } from '../new-value.ts'
import { underPolicy } from '../permit.ts'
import { writtenOf } from '../write.ts'
import { kvVersionOf } from './kv-history.ts'
import type { KvWriteOptions, KvWritten } from './kv-shape.ts'
import { mergePatch } from './merge-patch.ts'
import { checkMount, settingsOf } from './mount.ts'

export interface PutRequest {
  readonly path: string
  readonly fields: SecretFields
  readonly options: KvWriteOptions
}

/** A first version, or the next, of fields. */
export async function putKv(
  engine: Engine,
  call: Call,
  { path, fields, options }: PutRequest,
): Promise<KvWritten> {
  return writeKv(engine, call, { path, options, plain: encodeFields(fields) })
}

/** A next version that is the newest one with a patch applied to it. */
export async function patchKv(
  engine: Engine,
  call: Call,
  { path, fields, options }: PutRequest,
): Promise<KvWritten> {
  // A copy that is known to be JSON within bounds: the caller may go on to change its own.
  const patch = decodeValue(encodeFields(fields)) as SecretFields
  const merged = (before: SecretInput) => {
    if (typeof before === 'string' || before instanceof Uint8Array) throw unmergeable(path)
    return encodeValue(mergePatch(before, patch))
  }
  return writeKv(engine, call, { path, options, plain: merged })
}

function encodeFields(fields: SecretFields): Buffer {
  if (typeof fields === 'string' || fields instanceof Uint8Array) {
    throw new VaultError('INVALID', 'value: expected an object of fields')
  }
  return encodeValue(fields)
}

function unmergeable(path: string): VaultError {
  return new VaultError('INVALID', `${path} holds no fields that a patch could be merged into`, {
    path,
  })
}

async function writeKv(
  engine: Engine,
  call: Call,
  about: Pick<PutRequest, 'path' | 'options'> & Pick<Parameters<typeof nextVersion>[1], 'plain'>,
): Promise<KvWritten> {
  const { plain } = about
  const path = checkPath(about.path)
  const mount = checkMount(about.options.mount)
  const ifVersion = checkIfVersion(about.options.ifVersion)
  const { secrets } = engine.state
  const settings = () => settingsOf(engine, mount)
  const next = nextVersion(engine, {
    path,
    patch: {},
    plain,
    kept: (before) => versionsKept(before, settings()),
  })
  const isPatch = typeof plain === 'function'
  const command: Command = {
    actor: call.actor,
    context: call.context,
    aggregate: path,
    prepare: next.prepare,
    decide: (at) => {
      const refusal = isPatch ? refusePatch(secrets.fold.state, path, at) : undefined
      if (refusal !== undefined) return refusal
      return next.decide((intent) => {
        const compared = { ...intent, ...(ifVersion !== undefined && { ifVersion }) }
        return put(secrets.fold.state, { ...compared, mount: settings() }, at)
      })
    },
  }
  // Whoever changes a part keeps a rest that it does not know: to set a host beside a password is to be sent the password.
  const wanted: Wanted = {
    operation: 'write',
    subject: path,
    ...(isPatch && { besides: () => [{ operation: 'read', subject: path }] as const }),
  }
  return kvWrittenOf(await engine.append(underPolicy(call, wanted, command), call.limits))
}

function kvWrittenOf(events: readonly VaultEvent[]): KvWritten {
  const [event] = events
  if (event?.type !== 'secret.written' && event?.type !== 'secret.rotated') {
    throw new RangeError('a write appends what it wrote')
  }
  const { data, time, actor } = event
  const { expiresAt } = data.meta
  const row = {
    version: data.version,
    isDestroyed: false,
    createdAt: time,
    createdBy: actor,
    ...(expiresAt !== undefined && { expiresAt }),
  }
  return {
    written: writtenOf(events),
    version: kvVersionOf(row, time),
    tags: { ...data.meta.tags },
  }
}
