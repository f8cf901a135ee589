import { prefers } from '../accept.ts'
import { eventStream, eventStreamType, lastEventId } from '../event-stream.ts'
import { type Group, operation } from '../operation.ts'
import { shownSecret, shownSecretOf } from '../secrets/value.ts'
import { path, strict } from '../shapes/common.ts'

const watchSecret = operation({
  id: 'watchSecret',
  method: 'GET',
  path: '/secrets/{path}/watch',
  summary: 'The value of a secret and then each newest one, as server-sent events',
  description:
    'Each is an event `value`, whose `id` is the position of its version: whoever comes again with `Last-Event-ID` is given what is newer. Each delivery is an audited read. An event `end` says that there will be no more, and holds the `problem` where there is one; without it, come again.',
  right: 'read',
  params: strict({ path }),
  answer: { [eventStreamType]: shownSecret },
  refusals: ['NOT_FOUND', 'DELETED', 'DESTROYED', 'EXPIRED', 'NOT_YET_VALID'],
  run: async ({ request, scope, params, call }) => {
    prefers(request, [eventStreamType])
    const after = lastEventId(request)
    return eventStream(request, {
      items: (progress) =>
        scope.watch(params.path, {
          ...call,
          ...(after !== undefined && { after }),
          onCaughtUp: () => progress.onCaughtUp(),
        }),
      eventOf: (secret) => ({ id: secret.position, event: 'value', data: shownSecretOf(secret) }),
    })
  },
})

export const watchOperations: Group = {
  name: 'Watch',
  description: 'Values as they change.',
  operations: [watchSecret],
}
