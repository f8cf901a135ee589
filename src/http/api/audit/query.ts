import { Type } from 'typebox'
import { type AuditEvent, type AuditPage, VaultError } from '../../../index.ts'
import { prefers } from '../accept.ts'
import { operation } from '../operation.ts'
import { givenDate, limit, position, strict } from '../shapes/common.ts'
import { jsonLines, jsonLinesType } from '../streams.ts'
import { auditEvent, auditFilter } from './shapes.ts'

const page = strict({
  events: Type.Array(auditEvent),
  size: Type.Integer({
    minimum: 0,
    description: 'How many events the log held when the query began: what its pages are about.',
  }),
  next: Type.Optional(position('Where to go on with `after`; absent on the last page.')),
})

/** Events at a time, where all of them are asked for. */
const linesAtOnce = 1000

export const queryAudit = operation({
  id: 'queryAudit',
  method: 'GET',
  path: '/audit',
  summary: 'What was done with the vault, page by page or as lines of JSON',
  description:
    'As `application/json` it is one page, and `after` and `size` lead to the next of the same log. As `application/x-ndjson` it is all that matches, an event a line.',
  right: 'audit',
  query: strict({
    ...auditFilter,
    from: Type.Optional(givenDate('From this time on.')),
    to: Type.Optional(givenDate('Up to and with this time.')),
    order: Type.Optional(
      Type.Union([Type.Literal('oldest'), Type.Literal('newest')], {
        description: 'Which of them come first: `oldest` unless said.',
      }),
    ),
    after: Type.Optional(
      position(
        'Behind this position: the `next` of the page before. With `newest` first, before it.',
      ),
    ),
    size: Type.Optional(
      Type.Integer({
        minimum: 0,
        description:
          'Of the log as it was when it held so many events: the `size` of the first page.',
      }),
    ),
    limit,
  }),
  answer: { 'application/json': page, [jsonLinesType]: auditEvent },
  run: async ({ request, scope, query, call }) => {
    const { limit: most, ...filter } = query
    const isLines = prefers(request, ['application/json', jsonLinesType]) === jsonLinesType
    if (isLines && most !== undefined) {
      throw new VaultError('INVALID', 'query.limit is of a page: lines of JSON have none')
    }
    const pages = scope.audit.query({
      ...filter,
      ...call,
      ...(isLines ? { limit: linesAtOnce } : most !== undefined && { limit: most }),
    })
    // A refusal comes before the answer has begun.
    const first = await pages.next()
    if (isLines) return jsonLines(eventsOf(first, pages), request.id)
    await pages.return()
    return first.value ?? { events: [], size: query.size ?? scope.position + 1 }
  },
})

async function* eventsOf(
  first: IteratorResult<AuditPage, void>,
  pages: AsyncGenerator<AuditPage, void, void>,
): AsyncGenerator<AuditEvent, void, void> {
  if (first.done === true) return
  yield* first.value.events
  for await (const { events } of pages) yield* events
}
