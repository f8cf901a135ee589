import { Type } from 'typebox'
import type { NumberedRow, ReportRun, RunTotals } from '../../../index.ts'
import { originOf } from '../../caller.ts'
import { prefers } from '../accept.ts'
import { begun } from '../begun.ts'
import { type Give, handed, progressBy } from '../handed.ts'
import { operation } from '../operation.ts'
import { strict } from '../shapes/common.ts'
import { progressLine } from '../shapes/progress.ts'
import { jsonLineBatches, jsonLinesType } from '../streams.ts'
import { reportOf } from './own-reports.ts'
import { askedReport, head, row, runTotals } from './shapes.ts'
import { named } from './written.ts'

const about = strict({
  head,
  rowsMost: Type.Integer({ minimum: 0, description: 'No more rows than this.' }),
  exact: Type.Boolean({ description: 'Whether it is as many as that.' }),
})

/** A report for a program. */
export const reportRows = operation({
  id: 'reportRows',
  method: 'POST',
  path: '/reports/{name}/rows',
  summary: 'The rows of a report, for a program',
  description:
    'What it is about, one row a line, and at last the totals: without them it is not whole.',
  right: 'report',
  params: named,
  body: strict(askedReport),
  answer: {
    [jsonLinesType]: Type.Union([
      progressLine,
      strict({ about }),
      strict({ row }),
      strict({ totals: runTotals }),
    ]),
  },
  run: async ({ request, scope, params: { name }, body, call }) => {
    prefers(request, [jsonLinesType])
    const work = handed<readonly object[], RunTotals>(async (give, signal) => {
      const onProgress = progressBy((progress) => give([{ progress }]))
      const options = { ...body, signal, onProgress }
      const { rows, ...about } = await scope.reports.run(reportOf(request, name), options, call)
      await give([{ about }])
      return giveRows(rows(), give)
    }, originOf(request).signal)
    return jsonLineBatches(await begun(withTotals(work)), request.id)
  },
})

async function giveRows(
  rows: ReturnType<ReportRun['rows']>,
  give: Give<readonly object[]>,
): Promise<RunTotals> {
  let ended = false
  try {
    for (;;) {
      const next = await rows.next()
      if (next.done === true) {
        ended = true
        return next.value
      }
      await give(next.value.map((row: NumberedRow) => ({ row })))
    }
  } finally {
    // A pass that is given up lets go of what it reads from.
    if (!ended) await rows.return(undefined as never).catch(() => undefined)
  }
}

async function* withTotals(
  work: AsyncGenerator<readonly object[], RunTotals, void>,
): AsyncGenerator<readonly object[], void, void> {
  yield [{ totals: yield* work }]
}
