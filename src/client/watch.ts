import type { Scope, WatchOptions } from '../index.ts'
import type { SecretValue } from '../secret/value.ts'
import { at } from './at.ts'
import { callAnd } from './call.ts'
import { receivedEvents } from './events.ts'
import { type ShownSecret, secretOf } from './secrets.ts'
import type { Server } from './server.ts'

/** The values of a secret as they change. */
export function watching(server: Server): Pick<Scope, 'watch'> {
  return { watch: (path, options = {}) => watched(server, path, options) }
}

async function* watched(
  server: Server,
  path: string,
  { after, onCaughtUp, ...options }: WatchOptions,
): AsyncGenerator<SecretValue, void, void> {
  const { call } = callAnd(options)
  const received = receivedEvents(server, {
    asking: { path: at`/secrets/${path}/watch`, call },
    after,
    read: (said: ShownSecret) => secretOf(said),
    onRest: () => onCaughtUp?.(),
  })
  let given = after
  for await (const { id, data } of received) {
    // A server that was put back to a copy of its vault may not know of the one that it gave last.
    if (id === given) continue
    given = id
    yield data
  }
}
