import type { Column, ColumnType } from '../report.ts'

/** Columns by name, each titled as it is called. */
export function columns(types: Readonly<Record<string, ColumnType>>): readonly Column[] {
  return Object.entries(types).map(([name, type]) => ({
    name,
    title: name.replaceAll('_', ' '),
    type,
  }))
}
