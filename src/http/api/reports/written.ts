import { Type } from 'typebox'
import {
  type FormatName,
  formatNames,
  type GeneratedReport,
  type OutputSink,
  VaultError,
} from '../../../index.ts'
import { originOf } from '../../caller.ts'
import { prefers } from '../accept.ts'
import { begun } from '../begun.ts'
import { type Give, handed } from '../handed.ts'
import { type AnyOperation, operation, Streamed } from '../operation.ts'
import { rangeQuery } from '../range.ts'
import { strict } from '../shapes/common.ts'
import { progressLine } from '../shapes/progress.ts'
import { jsonLinesType } from '../streams.ts'
import { toldLines } from '../told-lines.ts'
import { askedByQuery } from './asked-report.ts'
import { bytesFile, linesSink, nowhere } from './file-lines.ts'
import { mediaTypes } from './media-types.ts'
import { reportOf } from './own-reports.ts'
import { askedReport, fileLine, format, generated, params } from './shapes.ts'

export const named = strict({
  name: Type.String({ description: 'Of the report.', examples: ['rotation'] }),
})

const file = Type.String({ description: 'The file.' })

/** Reports as files. */
export const writtenReports: readonly AnyOperation[] = [
  operation({
    id: 'downloadReport',
    method: 'GET',
    path: '/reports/{name}',
    summary: 'A report as one file',
    description:
      'Without a manifest, which vouches for files that are kept: `writeReport` gives it as well. An answer that ends before its last chunk is not whole.',
    right: 'report',
    params: named,
    query: strict({ format, ...rangeQuery, ...params }),
    answer: {
      [mediaTypes.pdf]: file,
      [mediaTypes.csv]: file,
      [mediaTypes.html]: file,
      [mediaTypes.json]: Type.Unknown({ description: 'The file.' }),
      [mediaTypes.jsonl]: Type.Unknown({ description: 'Of the file, one row.' }),
    },
    refusals: ['TOO_LARGE'],
    run: async ({ request, scope, params: { name }, query: { format, ...asked }, call }) => {
      const filename = `${name}.${format}`
      const options = askedByQuery(asked)
      const work = handed<Uint8Array, GeneratedReport>(
        (give, signal) =>
          scope.reports.write(
            reportOf(request, name),
            { ...options, signal, formats: [format], to: oneFile(filename, give) },
            call,
          ),
        originOf(request).signal,
      )
      return new Streamed(mediaTypes[format], await begun(work), {
        'content-disposition': `attachment; filename="${filename}"`,
      })
    },
  }),
  operation({
    id: 'writeReport',
    method: 'POST',
    path: '/reports/{name}',
    summary: 'A report as files of one or several formats, with the manifest that vouches for them',
    description:
      'Each line tells of one file, or how far the work has come. The last is `result`: without it nothing that came before is whole.',
    right: 'report',
    params: named,
    body: strict({
      formats: Type.Array(format, { minItems: 1, maxItems: formatNames.length }),
      name: Type.Optional(
        Type.String({ description: 'Of the files, before their extensions; its own unless said.' }),
      ),
      ...askedReport,
    }),
    answer: {
      [jsonLinesType]: Type.Union([progressLine, fileLine, strict({ result: generated })]),
    },
    run: async ({ request, scope, params: { name }, body, call }) => {
      prefers(request, [jsonLinesType])
      const { formats, ...options } = body
      return toldLines(request, (telling, give) =>
        scope.reports.write(
          reportOf(request, name),
          {
            ...options,
            ...telling,
            formats: formats as readonly FormatName[],
            to: linesSink(give),
          },
          call,
        ),
      )
    },
  }),
]

/** The one file that an answer has room for. Throws `TOO_LARGE` where a report is more of them. */
function oneFile(filename: string, give: Give<Uint8Array>): OutputSink {
  return {
    open: async (name) => {
      if (name.endsWith('.manifest')) return nowhere
      if (name === filename) return bytesFile(give)
      throw new VaultError(
        'TOO_LARGE',
        'it has more rows than one file of that format may hold: take jsonl, or POST for all of them',
      )
    },
  }
}
