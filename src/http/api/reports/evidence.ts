import { Type } from 'typebox'
import type { Evidence } from '../../../index.ts'
import { originOf } from '../../caller.ts'
import { prefers } from '../accept.ts'
import { begun } from '../begun.ts'
import { handed } from '../handed.ts'
import { operation, Streamed } from '../operation.ts'
import { momentShape } from '../range.ts'
import { strict } from '../shapes/common.ts'
import { progressLine } from '../shapes/progress.ts'
import { jsonLinesType } from '../streams.ts'
import { toldLines } from '../told-lines.ts'
import { bytesFile, linesSink } from './file-lines.ts'
import { evidence, fileLine } from './shapes.ts'

const zipType = 'application/zip'
const filename = 'evidence.zip'

/** What an auditor is handed. */
export const writeEvidence = operation({
  id: 'writeEvidence',
  method: 'POST',
  path: '/evidence',
  summary: 'What an auditor is handed: one zip of all reports on a range, and what proves them',
  description:
    'As `application/x-ndjson` it tells how far it has come and, at last, what the zip holds and the fingerprint under which it is proved.',
  right: 'report',
  body: strict({ from: Type.Optional(momentShape), asOf: Type.Optional(momentShape) }),
  answer: {
    [zipType]: Type.String({ description: 'The zip.' }),
    [jsonLinesType]: Type.Union([progressLine, fileLine, strict({ result: evidence })]),
  },
  run: async ({ request, scope, body, call }) => {
    if (prefers(request, [zipType, jsonLinesType] as const) === zipType) {
      const work = handed<Uint8Array, Evidence>(
        (give, signal) => scope.reports.evidence({ ...body, signal, to: bytesFile(give) }, call),
        originOf(request).signal,
      )
      return new Streamed(zipType, await begun(work), {
        'content-disposition': `attachment; filename="${filename}"`,
      })
    }
    return toldLines(request, (telling, give) => {
      // What is refused before anything is made has no line yet, and so gets a status of its own.
      const to = lateFile(() => linesSink(give).open(filename))
      return scope.reports.evidence({ ...body, ...telling, to }, call)
    })
  },
})

/** A file that is opened once there is something to write into it. */
function lateFile(open: () => ReturnType<ReturnType<typeof linesSink>['open']>) {
  let opened: ReturnType<typeof open> | undefined
  const file = () => {
    opened ??= open()
    return opened
  }
  return {
    write: async (piece: Uint8Array) => (await file()).write(piece),
    end: async () => (await file()).end(),
    abort: async () => undefined,
  }
}
