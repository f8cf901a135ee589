import { Type } from 'typebox'
import { formatNames } from '../../../index.ts'
import { type Group, operation } from '../operation.ts'
import { strict } from '../shapes/common.ts'
import { writeEvidence } from './evidence.ts'
import { offeredReports } from './own-reports.ts'
import { reportRows } from './rows.ts'
import { offered } from './shapes.ts'
import { verifyReport } from './verify.ts'
import { writtenReports } from './written.ts'

const listReports = operation({
  id: 'listReports',
  method: 'GET',
  path: '/reports',
  summary: 'Which reports there are, and what each takes',
  right: 'self',
  answer: strict({ reports: Type.Array(offered) }),
  run: async ({ request }) => {
    const reports = (await offeredReports(request)).map(({ number, controls, definition }) => {
      const { name, version, title, question, span, params, columns, judges } = definition
      return {
        name,
        ...(number !== undefined && { number }),
        ...{ version, title, question, span, params, columns, judges, controls },
        formats: formatNames,
      }
    })
    return { reports }
  },
})

export const reportOperations: Group = {
  name: 'Reports',
  description:
    'For those who have to be shown. Making one is on record before its first row; the same events give the same bytes.',
  operations: [listReports, ...writtenReports, reportRows, writeEvidence, verifyReport],
}
