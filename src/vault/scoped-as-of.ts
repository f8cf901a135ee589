import type { Operation } from '../events/words.ts'
import type { VaultAsOf } from './as-of.ts'
import { permitted } from './call.ts'
import type { Calls } from './calls.ts'
import { checkRead, type ReadOptions } from './read.ts'

/**
 * A vault as it was, as a scope has it: held to the policies of today. What was known of a path is looked for after
 * policy lets it be seen, not before.
 */
export function scopedAsOf(then: VaultAsOf, calls: Calls): VaultAsOf {
  const allowed = async (operation: Operation, path: string, options: ReadOptions) => {
    await calls.run(options, (call, engine) => {
      checkRead(path, options)
      return permitted(engine, call, { operation, subject: path })
    })
  }
  return {
    ...then,
    read: async (path, options = {}) => {
      await allowed('read', path, options)
      return then.read(path, options)
    },
    exists: async (path, options = {}) => {
      await allowed('exists', path, options)
      return then.exists(path, options)
    },
    describe: async (path, options = {}) => {
      await allowed('describe', path, options)
      return then.describe(path, options)
    },
    history: async (path, options = {}) => {
      await allowed('history', path, options)
      return then.history(path, options)
    },
  }
}
