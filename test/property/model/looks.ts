import type { Operation, OperationOf } from './operations.ts'
import {
  type At,
  type Expected,
  type Model,
  type ModelSecret,
  newestOf,
  refused,
} from './secrets.ts'

type Look = Extract<Operation, { readonly verb: 'exists' | 'describe' | 'history' | 'list' }>

/** What looks at no value leaves no event. */
export function look(model: Model, operation: Look, at: At): Expected {
  if (operation.verb === 'list')
    return { answer: { returns: listed(model, operation, at) }, facts: [] }
  const { path } = operation
  const secret = model.get(path)
  if (operation.verb === 'exists') {
    const exists = secret !== undefined && newestOf(secret).state === 'live'
    return { answer: { returns: exists }, facts: [] }
  }
  if (secret === undefined) return refused('NOT_FOUND')
  const returns =
    operation.verb === 'describe'
      ? infoOf(path, secret)
      : historyOf(secret, operation.options.limit)
  return { answer: { returns }, facts: [] }
}

function listed(model: Model, { prefix, options }: OperationOf<'list'>, at: At) {
  const { limit = 100, after } = options
  const paths = [...model.keys()]
    .sort()
    .filter((path) => path.startsWith(prefix) && (after === undefined || path > after))
  const items = paths.slice(0, limit).map((path) => infoOf(path, model.get(path) as ModelSecret))
  const next = paths.length > limit ? items.at(-1)?.path : undefined
  return { items, position: at.position - 1, ...(next !== undefined && { next }) }
}

function infoOf(path: string, secret: ModelSecret) {
  const { versions, meta, last: _, ...rest } = secret
  const { tags, casRequired, expiresAt, notBefore, ...said } = meta
  const { version, state } = newestOf(secret)
  const { createdAt, updatedAt, valueChangedAt, lastRotatedAt, lastAccessedAt, ...counted } = rest
  return {
    path,
    version,
    state,
    ...counted,
    ...said,
    ...datesOf({ createdAt, updatedAt, valueChangedAt, lastRotatedAt, lastAccessedAt }),
    ...datesOf({ expiresAt, notBefore, dueAt: dueAtOf(secret) }),
    tags: { ...tags },
    casRequired: casRequired ?? false,
  }
}

const dayMs = 24 * 3600 * 1000

/** The model knows no rotation policy: only what a secret says itself, and the two years of an encryption key. */
function dueAtOf(secret: ModelSecret): number | undefined {
  const { meta, valueChangedAt } = secret
  const maxAge = meta.rotateEvery ?? (meta.type === 'encryption_key' ? 730 * dayMs : undefined)
  const isLive = newestOf(secret).state === 'live'
  return maxAge === undefined || !isLive ? undefined : valueChangedAt + maxAge
}

function historyOf({ versions }: ModelSecret, limit = 100) {
  return versions
    .slice(-limit)
    .reverse()
    .map((row) => {
      const { value: _, keyId: __, createdAt, expiresAt, notBefore, stateChangedAt, ...said } = row
      return { ...said, ...datesOf({ createdAt, expiresAt, notBefore, stateChangedAt }) }
    })
}

function datesOf(times: Readonly<Record<string, number | undefined>>): Record<string, Date> {
  const known = Object.entries(times).filter(([, time]) => time !== undefined)
  return Object.fromEntries(known.map(([name, time]) => [name, new Date(time as number)]))
}
