import type { Asked } from '../access/asked.ts'
import type { EventData } from '../events/catalogue.ts'
import type { Inspector } from './inspect.ts'
import { everything } from './replay.ts'

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
