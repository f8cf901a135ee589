import type { FormatName } from '../../../index.ts'

/** What each format of a report is sent as. */
export const mediaTypes = {
  json: 'application/json',
  jsonl: 'application/jsonl',
  csv: 'text/csv; charset=utf-8',
  html: 'text/html; charset=utf-8',
  pdf: 'application/pdf',
} as const satisfies Record<FormatName, string>
