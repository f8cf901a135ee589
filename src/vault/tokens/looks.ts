import type { Asked } from '../../access/asked.ts'
import { breather } from '../../breather.ts'
import type { HandedOutRow } from '../../projections/handed-out.ts'
import type { BuiltIns } from '../built-ins.ts'
import type { CallOptions } from '../call.ts'
import type { Calls } from '../calls.ts'

/** What it takes to hand out tokens, and to look at those of others. */
export const askedForTokens: Asked = { operation: 'token', subject: '' }

/** Looks at tokens or applications, which a scope may with the right to `token`; on record as other looks are. */
export function lookAtTokens<T>(
  calls: Calls,
  options: CallOptions,
  look: (state: BuiltIns) => readonly T[] | Promise<readonly T[]>,
): Promise<readonly T[]> {
  return calls.inspect(options, async ({ log, sight, record }) => {
    if (sight) await sight.begin(askedForTokens)
    const found = await look(log.state)
    const data = { operation: 'token' as const, count: found.length }
    await record?.({ type: 'secret.inspected', subject: '', data })
    return found
  })
}

/** What is shown of the rows that are to be, in the order of their events. There may be very many. */
export async function shownRows<R extends HandedOutRow, T>(
  rows: ReadonlyMap<string, R>,
  isShown: (row: R) => boolean,
  show: (row: R) => T,
): Promise<readonly T[]> {
  const breathe = breather()
  const found: R[] = []
  for (const row of rows.values()) {
    if (isShown(row)) found.push(row)
    await breathe()
  }
  found.sort((a, b) => a.position - b.position)
  const shown: T[] = []
  for (const row of found) {
    shown.push(show(row))
    await breathe()
  }
  return shown
}
