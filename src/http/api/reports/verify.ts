import { Type } from 'typebox'
import { prefers } from '../accept.ts'
import { bytesAt } from '../base64.ts'
import { operation } from '../operation.ts'
import { strict } from '../shapes/common.ts'
import { progressLine } from '../shapes/progress.ts'
import { jsonLinesType } from '../streams.ts'
import { toldLines } from '../told-lines.ts'
import { ownReportFor } from './own-reports.ts'
import { reportVerification } from './shapes.ts'

const fileNameCharsMax = 255

/** What vouches for a report that is at hand, held against the log. */
export const verifyReport = operation({
  id: 'verifyReport',
  method: 'POST',
  path: '/reports/verify',
  summary: 'Makes the report of a manifest again, and says what does not agree',
  description:
    'The files stay where they are: their hashes are compared. As `application/x-ndjson` it tells how far it has come before its `result`.',
  right: 'report',
  body: strict({
    manifest: Type.String({
      contentEncoding: 'base64',
      description: 'The file that stands beside those of the report.',
    }),
    hashes: Type.Optional(
      Type.Record(
        Type.String({ maxLength: fileNameCharsMax }),
        Type.String({ pattern: '^[0-9a-f]{64}$' }),
        { description: 'Of files that are at hand: their SHA-256 in hex, by their names.' },
      ),
    ),
  }),
  answer: {
    'application/json': reportVerification,
    [jsonLinesType]: Type.Union([progressLine, strict({ result: reportVerification })]),
  },
  run: async ({ request, scope, body, call }) => {
    const manifest = bytesAt('body.manifest', body.manifest)
    const report = ownReportFor(request, manifest)
    const options = {
      hashes: new Map(Object.entries(body.hashes ?? {})),
      ...(report !== undefined && { report }),
      ...(call.signal && { signal: call.signal }),
    }
    if (prefers(request, ['application/json', jsonLinesType] as const) === 'application/json') {
      return scope.reports.verify(manifest, options, call)
    }
    return toldLines(request, (telling) =>
      scope.reports.verify(manifest, { ...options, ...telling }, call),
    )
  },
})
