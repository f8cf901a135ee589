import { VaultError } from '../errors.ts'
import { builtInReports } from '../reports/contents/catalogue.ts'
import type { Report } from '../reports/report.ts'

/** The definition of a report that was named, or the one that was given. Throws `INVALID`. */
export function definitionOf<S>(report: string | Report<S>): Report<S> {
  if (typeof report !== 'string') return report
  const found = builtInReports.find(({ definition }) => definition.name === report)
  if (found !== undefined) return found.definition as Report<S>
  const known = builtInReports.map(({ definition }) => definition.name).join(', ')
  throw new VaultError('INVALID', `there is no report of that name; there are ${known}`)
}
