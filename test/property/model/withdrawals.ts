import type { OperationOf } from './operations.ts'
import {
  type At,
  denied,
  destructionOf,
  type Expected,
  type Model,
  type ModelSecret,
  marked,
  previousOf,
  touched,
} from './secrets.ts'

export function withdraw(
  model: Model,
  operation: OperationOf<'delete'> | OperationOf<'restore'>,
  at: At,
): Expected {
  const { path, verb } = operation
  const secret = model.get(path)
  if (secret === undefined) return denied('NOT_FOUND', operation, { cause: 'absent' })
  const named = namedIn(secret, operation.options.versions)
  const missing = named.find(({ state }) => state === undefined || state === 'destroyed')
  if (missing !== undefined) {
    const { version, state } = missing
    return state === undefined
      ? denied('NOT_FOUND', operation, { cause: 'absent', version })
      : denied('DESTROYED', operation, { cause: 'destroyed', version })
  }
  const [from, to] =
    verb === 'delete' ? (['live', 'deleted'] as const) : (['deleted', 'live'] as const)
  const changed = secret.versions.filter(
    ({ version, state }) => state === from && named.some((one) => one.version === version),
  )
  const versions = changed.map(({ version }) => version)
  if (changed.length === 0)
    return { answer: { returns: { path, versions, position: secret.last } }, facts: [] }
  const type = verb === 'delete' ? 'secret.deleted' : 'secret.restored'
  return {
    answer: { returns: { path, versions, position: at.position } },
    facts: [{ type, subject: path, data: { versions, ...previousOf(secret) } }],
    next: {
      ...secret,
      versions: marked(secret.versions, { versions: changed, state: to, at }),
      ...touched(at, at.position),
    },
  }
}

export function destroy(model: Model, operation: OperationOf<'destroy'>, at: At): Expected {
  const { path, options } = operation
  const secret = model.get(path)
  if (secret === undefined) return denied('NOT_FOUND', operation, { cause: 'absent' })
  const named = namedIn(secret, options.versions)
  const missing = named.find(({ state }) => state === undefined)
  if (missing !== undefined) {
    return denied('NOT_FOUND', operation, { cause: 'absent', version: missing.version })
  }
  const gone = secret.versions.filter(
    ({ version, state }) => state !== 'destroyed' && named.some((one) => one.version === version),
  )
  const facts = destructionOf(path, gone, { cause: 'request', previous: secret.last })
  const versions = gone.map(({ version }) => version)
  if (facts.length === 0)
    return { answer: { returns: { path, versions, position: secret.last } }, facts }
  return {
    answer: { returns: { path, versions, position: at.position } },
    facts,
    next: {
      ...secret,
      versions: marked(secret.versions, { versions: gone, state: 'destroyed', at }),
      ...touched(at, at.position),
    },
  }
}

export function purge(model: Model, operation: OperationOf<'purge'>, at: At): Expected {
  const { path } = operation
  const secret = model.get(path)
  if (secret === undefined) return denied('NOT_FOUND', operation, { cause: 'absent' })
  const gone = secret.versions.filter(({ state }) => state !== 'destroyed')
  const destroyed = destructionOf(path, gone, { cause: 'purge', previous: secret.last })
  const position = at.position + destroyed.length
  const previous = destroyed.length === 0 ? secret.last : position - 1
  const data = { version: secret.versions.length, previous }
  return {
    answer: { returns: { path, versions: gone.map(({ version }) => version), position } },
    facts: [...destroyed, { type: 'secret.purged', subject: path, data }],
    next: null,
  }
}

/** The versions that a caller named, each once, in order, with what became of it; undefined where it never was. */
function namedIn(secret: ModelSecret, versions: readonly number[] = [secret.versions.length]) {
  return [...new Set(versions)]
    .sort((a, b) => a - b)
    .map((version) => ({ version, state: secret.versions[version - 1]?.state }))
}
