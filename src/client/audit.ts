import type {
  AuditEvent,
  AuditFollow,
  AuditPage,
  AuditQuery,
  AuditReader,
  CallOptions,
  Scope,
} from '../index.ts'
import { at } from './at.ts'
import { callAnd } from './call.ts'
import { receivedEvents } from './events.ts'
import { expectList } from './expected.ts'
import { wiredDate } from './moments.ts'
import type { Server } from './server.ts'

/** What was done with the vault, and what became of one change. */
export interface RemoteAudit extends Pick<Scope, 'outcome'> {
  readonly audit: AuditReader
}

export function auditing(server: Server): RemoteAudit {
  return {
    audit: {
      query: (query = {}) => pages(server, query),
      follow: (query = {}) => followed(server, query),
    },
    outcome: async (id: string, call: CallOptions = {}) => {
      const asking = { path: at`/outcomes/${id}`, call }
      return server.json(asking, ({ event }: { event?: AuditEvent }) => event)
    },
  }
}

/** Pages of one log, however it goes on meanwhile: each is asked for when it is wanted. */
async function* pages(
  server: Server,
  { actor, from, to, ...query }: AuditQuery,
): AsyncGenerator<AuditPage, void, void> {
  // Whose acts are looked for says nothing of who looks.
  const { call, rest } = callAnd(query)
  const asked = {
    ...rest,
    ...(actor !== undefined && { actor }),
    ...(from !== undefined && { from: wiredDate(from) }),
    ...(to !== undefined && { to: wiredDate(to) }),
  }
  let { after, size } = query
  do {
    const asking = { path: '/audit', query: { ...asked, after, size }, call }
    const page: AuditPage = await server.json(asking, (said: AuditPage) => ({
      ...said,
      events: expectList(said.events),
    }))
    if (page.events.length > 0) yield page
    size = page.size
    after = page.next
  } while (after !== undefined)
}

async function* followed(
  server: Server,
  { actor, after, onBegin, onCaughtUp, ...filter }: AuditFollow,
): AsyncGenerator<AuditEvent, void, void> {
  const { call, rest } = callAnd(filter)
  const received = receivedEvents(server, {
    read: (said: AuditEvent) => said,
    asking: {
      path: '/audit/follow',
      query: { ...rest, ...(actor !== undefined && { actor }), after },
      call,
    },
    onBegin: () => onBegin?.(),
    onRest: (position) => {
      if (position !== undefined) onCaughtUp?.(position)
    },
  })
  for await (const { data } of received) yield data
}
