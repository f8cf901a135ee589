import type { Format, FormatName } from './format.ts'
import { json } from './json.ts'
import { jsonLines } from './json-lines.ts'

const loads: Record<FormatName, () => Promise<Format>> = {
  json: async () => json,
  jsonl: async () => jsonLines,
  csv: async () => (await import('./csv.ts')).csv,
  html: async () => (await import('./html.ts')).html,
  pdf: async () => (await import('./pdf.ts')).pdf,
}

/**
 * The format of a name. What it is made with (a PDF writer, fonts) is loaded when it is first asked for, so that nobody
 * else pays for it at start-up.
 */
export function formatOf(name: FormatName): Promise<Format> {
  return loads[name]()
}
