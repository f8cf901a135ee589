import { Type } from 'typebox'
import { type Moment, type VaultDiff, VaultError } from '../../../index.ts'
import { originOf } from '../../caller.ts'
import { prefers } from '../accept.ts'
import { begun } from '../begun.ts'
import { handed, progressBy } from '../handed.ts'
import { type ApiAsked, type Group, operation, Streamed } from '../operation.ts'
import { rangeOf, rangeQuery } from '../range.ts'
import { strict } from '../shapes/common.ts'
import { progressLine } from '../shapes/progress.ts'
import { slicedJson } from '../sliced-json.ts'
import { jsonLineBatches, jsonLinesType } from '../streams.ts'
import { diffHead, diffLists, notedChange, secretDiff } from './shapes.ts'

/** Items that are sent at once. */
const itemsAtOnce = 64

const query = strict({
  ...rangeQuery,
  subject: Type.Optional(
    Type.String({ description: 'Of the secrets only those whose paths this pattern matches.' }),
  ),
})

/** One item of a list of a difference, under the name of that list. */
const itemLine = Type.Union([
  strict({ secrets: secretDiff }),
  strict({ access: notedChange }),
  strict({ rotationPolicies: notedChange }),
  strict({ mounts: notedChange }),
  strict({ keys: notedChange }),
])

export const diffOperations: Group = {
  name: 'Difference',
  description: 'What changed between two moments, and by whom; never the values.',
  operations: [
    operation({
      id: 'diff',
      method: 'GET',
      path: '/diff',
      summary: 'What changed from one moment to a later one, and by whom',
      description:
        'The later one is that of the answer unless said. As `application/x-ndjson` it tells how far it has come, then each item of each list on a line of its own, and at last both ends and the counts.',
      right: 'audit',
      query,
      answer: {
        'application/json': strict({ ...diffHead, ...diffLists }),
        [jsonLinesType]: Type.Union([progressLine, itemLine, strict({ result: strict(diffHead) })]),
      },
      run: async (asked) => {
        const { request, call } = asked
        const { from, to } = endsOf(asked)
        const { scope, query } = asked
        const options = { ...call, ...(query.subject !== undefined && { subject: query.subject }) }
        if (prefers(request, ['application/json', jsonLinesType] as const) === 'application/json') {
          const { from: start, to: end, counts, ...lists } = await scope.diff(from, to, options)
          const pieces = slicedJson({ from: start, to: end, counts }, lists)
          return new Streamed('application/json', pieces)
        }
        const work = handed<readonly object[], VaultDiff>(
          (give, signal) =>
            scope.diff(from, to, {
              ...options,
              signal,
              onProgress: progressBy((progress) => give([{ progress }])),
            }),
          originOf(request).signal,
        )
        return jsonLineBatches(await begun(linesOf(work)), request.id)
      },
    }),
  ],
}

/** To the newest event, where nothing is said of its end. */
function endsOf({
  scope,
  query,
}: Pick<ApiAsked<unknown, Parameters<typeof rangeOf>[0], unknown>, 'scope' | 'query'>): {
  readonly from: Moment
  readonly to: Moment
} {
  const { from, to = { position: scope.position } } = rangeOf(query)
  if (from !== undefined) return { from, to }
  throw new VaultError('INVALID', 'query: give from-position or from-time')
}

async function* linesOf(
  work: AsyncGenerator<readonly object[], VaultDiff, void>,
): AsyncGenerator<readonly object[], void, void> {
  const { from, to, counts, ...lists } = yield* work
  for (const [name, items] of Object.entries<readonly object[]>(lists)) {
    for (let at = 0; at < items.length; at += itemsAtOnce) {
      yield items.slice(at, at + itemsAtOnce).map((item) => ({ [name]: item }))
    }
  }
  yield [{ result: { from, to, counts } }]
}
