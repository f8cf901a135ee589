import type { Asked, Below } from '../access/asked.ts'
import type { EventData } from '../events/catalogue.ts'
import type { Inspector } from './inspect.ts'

/** What a pass over the whole log shows: the right to it is that to all of it, at the position of its record too. */
export const everything: Below = Object.freeze({ prefix: '', reach: 'all' })

/** What the right to `audit` everything is asked for with: every path, and the vault itself. */
export const wholeTrail = {
  operation: 'audit',
  subject: '',
  below: everything,
} as const satisfies Asked

/**
 * Puts a look at the log as a whole on record, where looks are: of a scope it takes the right to `audit` everything,
 * which is judged as it is recorded. Throws `DENIED`.
 */
export async function lookAtAll(
  { record }: Pick<Inspector, 'record'>,
  filter: EventData['audit.read']['filter'],
): Promise<void> {
  await record?.({ type: 'audit.read', subject: '', data: { filter } }, everything)
}
