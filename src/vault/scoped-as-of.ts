import type { Asked } from '../access/asked.ts'
import type { Operation } from '../events/words.ts'
import type { VaultAsOf } from './as-of.ts'
import { type CallContext, permitted, recordAsked } from './call.ts'
import type { Calls } from './calls.ts'
import type { Engine } from './engine.ts'
import type { Permit } from './permit.ts'
import { checkRead, type ReadOptions } from './read.ts'
import { momentRefused } from './replay.ts'

/**
 * A vault as it was, as a scope has it: held to the policies of today. That there was such a moment, and when, tells of
 * the log: it takes the right to look at any path, and is on record whether or not there was.
 */
export function scopedAsOf(
  calls: Calls,
  why: CallContext,
  find: (engine: Engine) => Promise<VaultAsOf>,
): Promise<VaultAsOf> {
  return calls.run(why, async (call, engine) => {
    const asked = lookBy(call.permit)
    await permitted(engine, call, asked)
    const found = await find(engine).catch((error: unknown) => {
      const refused = momentRefused(error, 'moment')
      if (refused === undefined) throw error
      return refused
    })
    const asOf = found instanceof Error ? {} : { asOf: found.position }
    const data = { operation: 'list' as const, ...asOf }
    await recordAsked(engine, call, {
      fact: { type: 'secret.inspected', subject: '', data },
      asked,
    })
    if (found instanceof Error) throw found
    return heldTo(calls, found)
  })
}

/** What a moment can be looked at for; refused as the first of them. */
const looks = ['list', 'describe', 'read'] as const satisfies readonly Operation[]

function lookBy(permit: Permit | undefined): Asked {
  const all = looks.map(
    (operation): Asked => ({ operation, subject: '', below: { prefix: '', reach: 'some' } }),
  )
  const [first] = all
  return all.find((asked) => permit?.judge(asked).allowed) ?? (first as Asked)
}

/** What was known of a path is looked for after policy lets it be seen, not before. */
function heldTo(calls: Calls, then: VaultAsOf): VaultAsOf {
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
