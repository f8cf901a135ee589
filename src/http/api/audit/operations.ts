import { Type } from 'typebox'
import { prefers } from '../accept.ts'
import { eventStream, eventStreamType, lastEventId } from '../event-stream.ts'
import { type Group, operation } from '../operation.ts'
import { position, strict } from '../shapes/common.ts'
import { queryAudit } from './query.ts'
import { auditEvent, auditFilter } from './shapes.ts'

const followAudit = operation({
  id: 'followAudit',
  method: 'GET',
  path: '/audit/follow',
  summary: 'What was done with the vault and then each event as it lands, as server-sent events',
  description:
    'The `id` of an event is its position, `event` its type, `data` the event. Whoever comes again with `Last-Event-ID` goes on behind it: no event is left out and none comes twice. Every 15 seconds there is a sign of life, which may move the id on. An event `end` says that there will be no more, and holds the `problem` where there is one; without it, come again.',
  right: 'audit',
  query: strict({
    ...auditFilter,
    after: Type.Optional(
      position(
        'Behind this position, where there is no `Last-Event-ID`; from the first unless said.',
      ),
    ),
  }),
  answer: { [eventStreamType]: auditEvent },
  refusals: ['CLOSED'],
  run: async ({ request, scope, query, call }) => {
    prefers(request, [eventStreamType])
    const after = lastEventId(request) ?? query.after
    return eventStream(request, {
      items: (progress) =>
        scope.audit.follow({
          ...query,
          ...call,
          ...(after !== undefined && { after }),
          onBegin: () => progress.onBegin(),
          onCaughtUp: (position) => progress.onCaughtUp(position),
        }),
      eventOf: (event) => ({ id: event.position, event: event.type, data: event }),
    })
  },
})

const eventOutcome = operation({
  id: 'eventOutcome',
  method: 'GET',
  path: '/outcomes/{id}',
  summary: 'The event of an id, if it landed: what became of a change whose answer was lost',
  right: 'self',
  params: strict({ id: Type.String({ format: 'uuid', description: 'Of an event.' }) }),
  answer: strict({ event: Type.Optional(auditEvent) }),
  run: async ({ scope, params, call }) => {
    const event = await scope.outcome(params.id, call)
    return event === undefined ? {} : { event }
  },
})

export const auditOperations: Group = {
  name: 'Audit',
  description: 'Everything that was done with the vault, refusals included.',
  operations: [queryAudit, followAudit, eventOutcome],
}
