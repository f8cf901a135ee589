import { SecretValue } from '../crypto/secret-value.ts'
import { read as decideRead, type ReadIntent } from '../decide/read.ts'
import { VaultError } from '../errors.ts'
import type { SecretType } from '../events/catalogue.ts'
import { checkPath } from '../events/path.ts'
import { decodeValue } from '../keys/value.ts'
import type { Command } from '../log/queue.ts'
import type { Call, CallOptions } from './call.ts'
import type { Engine } from './engine.ts'
import { versionsDownTo } from './history.ts'
import { checkVersion } from './named-versions.ts'
import type { ValueRef } from './values.ts'

export interface ReadOptions extends CallOptions {
  /** The newest unless said. */
  readonly version?: number
  /** Reads a value that has expired; `reason` must then say why, and both are recorded. */
  readonly allowExpired?: boolean
}

/** Checks a read's arguments. Throws `INVALID`. */
export function checkRead(path: string, options: ReadOptions): void {
  checkPath(path)
  if (options.version !== undefined) checkVersion('version', options.version)
  if (options.allowExpired === true && !options.reason) {
    throw new VaultError('INVALID', 'allowExpired needs a reason')
  }
}

/**
 * Hands out a value once its `secret.accessed` is on disk: the box is opened while the disk syncs, and what was
 * opened is dropped if that fails.
 */
export async function readSecret(
  engine: Engine,
  call: Call,
  request: { path: string; options: ReadOptions; operation: 'read' | 'watch' },
): Promise<SecretValue> {
  const { path, options, operation } = request
  let intent: ReadIntent = { path, operation, allowExpired: options.allowExpired ?? false }
  let ref: ValueRef | undefined
  let type: SecretType = 'generic'
  let plain: Buffer | undefined

  const command: Command = {
    actor: call.actor,
    context: call.context,
    prepare: () => {
      const row = engine.state.secrets.fold.state.get(path)
      if (row === undefined) return undefined
      // As of this read: by the time it is answered, the same commit may have changed or purged the secret.
      type = row.meta.type
      const { version = row.version } = options
      if (version === row.version) {
        ref = { path, version, position: row.position, keyId: row.keyId }
        return undefined
      }
      if (version > row.version || version < row.oldest) {
        const state = version > row.version ? 'absent' : 'destroyed'
        intent = { ...intent, version: { version, state } }
        return undefined
      }
      return versionsDownTo(engine, { path, row, down: version }).then((versions) => {
        const found = versions.find((candidate) => candidate.version === version)
        if (found === undefined)
          throw new VaultError('INTEGRITY', `version ${version} of ${path} is missing`)
        intent = { ...intent, version: found }
        ref = { path, version, position: found.position, keyId: found.keyId }
      })
    },
    decide: (at) => decideRead(engine.state.secrets.fold.state, intent, at),
    during: () => {
      if (ref === undefined) return undefined
      const opened = engine.values.open(ref)
      if (opened instanceof Promise) {
        return opened.then((buffer) => {
          plain = buffer
        })
      }
      plain = opened
      return undefined
    },
  }
  const [event] = await engine.append(command, call.limits)
  if (event === undefined || plain === undefined || ref === undefined) {
    throw new VaultError('INTEGRITY', `${path} was read and its value is missing`, { path })
  }
  const content = decodeValue(plain)
  plain.fill(0)
  return new SecretValue(content, { path, version: ref.version, position: ref.position, type })
}
