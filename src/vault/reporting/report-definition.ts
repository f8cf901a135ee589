import { VaultError } from '../../errors.ts'
import { builtInReports } from '../../reports/contents/catalogue.ts'
import { checkReport, type Report } from '../../reports/report.ts'

/**
 * The definition of a report that was named, or the one that was given: as it is by then, and nobody can change it any
 * more. Throws `INVALID`, for one under the name of a built-in that is not that one, too: what is on record as a built-in
 * is one.
 */
export function definitionOf<S>(report: string | Report<S>): Report<S> {
  if (typeof report !== 'string') return ownOf(report)
  const found = builtInReports.find(({ definition }) => definition.name === report)
  if (found !== undefined) return found.definition as Report<S>
  const known = builtInReports.map(({ definition }) => definition.name).join(', ')
  throw new VaultError('INVALID', `there is no report of that name; there are ${known}`)
}

/** Whether it is one of the vault's own: nobody else's code runs in it. */
export function isBuiltIn<S>(report: Report<S>): boolean {
  return builtInReports.some(({ definition }) => definition === report)
}

function ownOf<S>(report: Report<S>): Report<S> {
  if (isBuiltIn(report)) return report
  const own = Object.freeze({ ...report })
  checkReport(own)
  if (!builtInReports.some(({ definition }) => definition.name === own.name)) return own
  throw new VaultError('INVALID', `${own.name} is a report of the vault's own: give another name`)
}
