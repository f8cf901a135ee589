import { isDeepStrictEqual } from 'node:util'
import type { SecretMeta } from '../../../src/events/catalogue.ts'
import type { SecretInput } from '../../../src/secret/value.ts'
import type { MetaOptions } from '../../../src/vault/meta-options.ts'
import type { WriteOptions } from '../../../src/vault/new-value.ts'
import type { OperationOf } from './operations.ts'
import {
  type At,
  denied,
  deniedStates,
  destructionOf,
  type Expected,
  type ExpectedFact,
  type Model,
  type ModelSecret,
  type ModelVersion,
  marked,
  newestOf,
  previousOf,
  refused,
  shownValue,
  touched,
} from './secrets.ts'

export function write(model: Model, operation: OperationOf<'write'>, at: At): Expected {
  return newVersion(model.get(operation.path), { ...operation, origin: 'written' }, at)
}

export function rotate(model: Model, operation: OperationOf<'rotate'>, at: At): Expected {
  const { path, options, by } = operation
  const { trigger = 'manual' } = options
  const secret = model.get(path)
  if (secret === undefined) return denied('NOT_FOUND', operation, { cause: 'absent' })
  const { state, version } = newestOf(secret)
  if (state !== 'live') return denied(deniedStates[state], operation, { cause: state, version })
  if (by === 'failure') {
    const failed = { type: 'secret.rotation_failed', subject: path, data: { trigger } } as const
    return { answer: { throws: 'INVALID' }, facts: [failed] }
  }
  return newVersion(secret, { ...operation, origin: trigger }, at)
}

interface NewVersion {
  readonly path: string
  readonly value: SecretInput
  readonly options: WriteOptions
  readonly origin: ModelVersion['origin']
}

function newVersion(secret: ModelSecret | undefined, about: NewVersion, at: At): Expected {
  const { path, value, options, origin } = about
  const before = secret?.versions ?? []
  if (secret?.meta.casRequired === true && options.ifVersion === undefined)
    return refused('INVALID')
  if ((options.ifVersion ?? before.length) !== before.length) return refused('CONFLICT')
  const meta = patched(secret?.meta ?? { type: 'generic' }, options)
  const isInherited = options.expiresAt === undefined && meta.expiresAt !== undefined
  if (isMisdated(meta) || (isInherited && (meta.expiresAt ?? 0) <= at.now))
    return refused('INVALID')

  const version = before.length + 1
  const last = before.at(-1)
  const changed = last === undefined || last.state === 'destroyed' || !isSame(last.value, value)
  const pruned = before.filter(
    (old) => old.state !== 'destroyed' && old.version <= version - (meta.maxVersions ?? version),
  )
  const isRotation = origin !== 'written'
  const written: ExpectedFact = {
    type: isRotation ? 'secret.rotated' : 'secret.written',
    subject: path,
    data: { version, changed, meta, ...previousOf(secret), ...(isRotation && { trigger: origin }) },
  }
  const destroyed = destructionOf(path, pruned, { cause: 'max_versions', previous: at.position })
  const rotationCount = (secret?.rotationCount ?? 0) + (isRotation ? 1 : 0)
  const row: ModelVersion = {
    version,
    value,
    state: 'live',
    createdAt: at.now,
    createdBy: at.actor,
    origin,
    changed,
    position: at.position,
    ...(options.reason !== undefined && { reason: options.reason }),
    ...validityOf(meta),
  }
  return {
    answer: {
      returns: {
        path,
        version,
        position: at.position,
        changed,
        ...(isRotation && { rotationCount }),
      },
    },
    facts: [written, ...destroyed],
    next: {
      createdAt: at.now,
      valueChangedAt: at.now,
      accessCount: 0,
      ...secret,
      ...(changed && { valueChangedAt: at.now }),
      versions: [...marked(before, { versions: pruned, state: 'destroyed', at }), row],
      meta,
      rotationCount,
      ...(isRotation && { lastRotatedAt: at.now }),
      ...touched(at, at.position + destroyed.length),
    },
  }
}

export function annotate(model: Model, operation: OperationOf<'annotate'>, at: At): Expected {
  const { path, options } = operation
  const secret = model.get(path)
  if (secret === undefined) return denied('NOT_FOUND', operation, { cause: 'absent' })
  const newest = newestOf(secret)
  if ((options.ifVersion ?? newest.version) !== newest.version) return refused('CONFLICT')
  const meta = patched(secret.meta, options)
  if (isMisdated(meta)) return refused('INVALID')
  const { expiresAt: _, notBefore: __, ...undated } = newest
  return {
    answer: { returns: { path, version: newest.version, position: at.position } },
    facts: [{ type: 'secret.annotated', subject: path, data: { meta, ...previousOf(secret) } }],
    next: {
      ...secret,
      meta,
      versions: [...secret.versions.slice(0, -1), { ...undated, ...validityOf(meta) }],
      ...touched(at, at.position),
    },
  }
}

function isSame(a: SecretInput, b: SecretInput): boolean {
  return isDeepStrictEqual(shownValue(a), shownValue(b))
}

const said = [
  'type',
  'description',
  'owner',
  'tags',
  'expiresAt',
  'notBefore',
  'rotateEvery',
  'maxVersions',
  'casRequired',
] as const satisfies readonly (keyof MetaOptions)[]

/** What is known of a secret once a caller has said more: absent leaves a field as it is, null takes it away. */
function patched(before: SecretMeta, options: MetaOptions): SecretMeta {
  const meta: Record<string, unknown> = { ...before }
  for (const field of said) {
    const value = options[field]
    if (value === null) delete meta[field]
    else if (value !== undefined) meta[field] = value instanceof Date ? value.getTime() : value
  }
  return meta as unknown as SecretMeta
}

function isMisdated({ notBefore = Number.NEGATIVE_INFINITY, expiresAt }: SecretMeta): boolean {
  return expiresAt !== undefined && notBefore >= expiresAt
}

function validityOf({ expiresAt, notBefore }: SecretMeta) {
  return {
    ...(expiresAt !== undefined && { expiresAt }),
    ...(notBefore !== undefined && { notBefore }),
  }
}
