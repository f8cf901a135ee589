import type { BuiltInReport } from '../../reports/contents/catalogue.ts'

/**
 * The reports that there are, in the order of their numbers. Asked for, since a program that makes none need not load
 * them.
 *
 * @example
 * for (const { number, definition } of await builtInReports()) console.log(number, definition.name)
 */
export async function builtInReports(): Promise<readonly BuiltInReport[]> {
  const catalogue = await import('../../reports/contents/catalogue.ts')
  return catalogue.builtInReports
}
