import { canonicalJson } from '../canonical.ts'
import type { ReportHead, ReportTotals } from '../report.ts'
import type { Emit, Format, FormatWriter } from './format.ts'
import { jsonRow } from './json-cells.ts'
import { isoTime } from './time.ts'

/**
 * One document: the members of the head, `rows` (an object each, cells by the names of their columns) and `totals`.
 * Times are ISO 8601, durations milliseconds. Its bytes are those of RFC 8785 (JSON Canonicalization Scheme): no white
 * space, keys in order, so that any canonicalizer makes the same file of what it parsed.
 */
export const json: Format = {
  name: 'json',
  extension: 'json',
  mediaType: 'application/json',
  rowsMax: Number.MAX_SAFE_INTEGER,
  open: async (head, emit) => {
    await emit(`${before(head).slice(0, -1)},"rows":[`)
    return jsonWriter(head, emit)
  },
}

function jsonWriter(head: ReportHead, emit: Emit): FormatWriter {
  let isFirst = true
  return {
    rows: async (batch) => {
      if (batch.length === 0) return
      const objects = batch.map((row) => canonicalJson(jsonRow(head, row))).join(',')
      const piece = isFirst ? objects : `,${objects}`
      isFirst = false
      await emit(piece)
    },
    end: (totals) => emit(`],${after(head, totals).slice(1)}`),
  }
}

/** The members that stand before `rows` in the order of keys. */
function before({ columns, head, judges, origin, params, question, ...rest }: ReportHead): string {
  const { asOf, range, report } = rest
  return canonicalJson({
    asOf: { ...asOf, time: isoTime(asOf.time) },
    columns,
    head,
    judges,
    origin,
    params,
    question,
    range: { ...range, fromTime: isoTime(range.fromTime) },
    report,
  })
}

/** Those that stand after it. */
function after({ span, title, version }: ReportHead, totals: ReportTotals): string {
  return canonicalJson({ span, title, totals, version })
}
