import { look } from './looks.ts'
import { annotate, rotate, write } from './new-values.ts'
import type { Operation, OperationOf } from './operations.ts'
import {
  type At,
  denied,
  deniedStates,
  type Expected,
  type Model,
  refused,
  shownValue,
} from './secrets.ts'
import { destroy, purge, withdraw } from './withdrawals.ts'

/** What the model says that an operation comes to. It changes nothing: whoever holds the model puts `next` in. */
export function expectationOf(model: Model, operation: Operation, at: At): Expected {
  switch (operation.verb) {
    case 'write':
      return write(model, operation, at)
    case 'rotate':
      return rotate(model, operation, at)
    case 'annotate':
      return annotate(model, operation, at)
    case 'read':
      return read(model, operation, at)
    case 'delete':
    case 'restore':
      return withdraw(model, operation, at)
    case 'destroy':
      return destroy(model, operation, at)
    case 'purge':
      return purge(model, operation, at)
    case 'bad':
      return refused('INVALID')
    default:
      return look(model, operation, at)
  }
}

function read(model: Model, operation: OperationOf<'read'>, at: At): Expected {
  const { path, options } = operation
  const secret = model.get(path)
  if (secret === undefined) return denied('NOT_FOUND', operation, { cause: 'absent' })
  const { version = secret.versions.length } = options
  const target = secret.versions[version - 1]
  if (target === undefined) return denied('NOT_FOUND', operation, { cause: 'absent', version })
  const { state, notBefore, expiresAt } = target
  if (state !== 'live') return denied(deniedStates[state], operation, { cause: state, version })
  if (notBefore !== undefined && at.now < notBefore) {
    return denied('NOT_YET_VALID', operation, { cause: 'not_yet_valid', version })
  }
  const isExpired = expiresAt !== undefined && expiresAt <= at.now
  if (isExpired && options.allowExpired !== true) {
    return denied('EXPIRED', operation, { cause: 'expired', version })
  }
  const data = { operation: 'read', version, ...(isExpired && { allowExpired: true }) }
  const { position, value } = target
  return {
    answer: { returns: { path, version, position, type: secret.meta.type, ...shownValue(value) } },
    facts: [{ type: 'secret.accessed', subject: path, data }],
    next: { ...secret, accessCount: secret.accessCount + 1, lastAccessedAt: at.now },
  }
}
