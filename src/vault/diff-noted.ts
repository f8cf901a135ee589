import type { EventType } from '../events/catalogue.ts'
import { type AuditEvent, queryAudit } from './audit.ts'
import type { FoldedLog } from './folded-log.ts'

/** A change of what a vault is held to, or opened by. The event at its position says all of it. */
export interface NotedChange {
  readonly position: number
  readonly time: Date
  readonly type: NotedType
  /**
   * Of the policy or the role; the label of a token, or its accessor where it has none; of the application that logs in,
   * of its secret ids too; the scope of a rotation policy; the mount; the label of a keyslot, or its id where it has none;
   * which keys: `log`, `signing`, `root`, `wrapping`; where an anchor is.
   */
  readonly name: string
  readonly by: string
  /** Who was granted the role, or lost it; as whom whoever shows the token acts, or the application. */
  readonly holder?: string
}

/** Whose changes are told, and under what they are called. */
const named = {
  access: [
    'policy.written',
    'policy.removed',
    'role.written',
    'role.removed',
    'role.granted',
    'role.withdrawn',
    'token.issued',
    'token.revoked',
    'approle.written',
    'approle.removed',
    'approle.secret_id_issued',
    'approle.secret_id_revoked',
  ],
  rotationPolicies: ['rotation_policy.written', 'rotation_policy.removed'],
  mounts: ['mount.configured'],
  keys: [
    'keyslot.added',
    'keyslot.removed',
    'keys.rotated',
    'keys.shredded',
    'anchor.added',
    'anchor.removed',
  ],
} as const satisfies Record<string, readonly EventType[]>

export type NotedGroup = keyof typeof named
export type NotedType = (typeof named)[NotedGroup][number]

type NotedEvent = Extract<AuditEvent, { readonly type: NotedType }>

const types: readonly NotedType[] = Object.values(named).flat()
const groups: ReadonlyMap<EventType, NotedGroup> = new Map(
  (Object.keys(named) as NotedGroup[]).flatMap((group) =>
    named[group].map((type) => [type, group] as const),
  ),
)

export type Noted = Readonly<Record<NotedGroup, readonly NotedChange[]>>

/** Those at positions from `from` to `to - 1`; `time` is that of the last of them. Throws `ABORTED`, `INTEGRITY`. */
export async function notedBetween(
  log: FoldedLog,
  { from, to, time }: { readonly from: number; readonly to: number; readonly time: number },
  signal: AbortSignal | undefined,
): Promise<Noted> {
  const noted: Record<NotedGroup, NotedChange[]> = {
    access: [],
    rotationPolicies: [],
    mounts: [],
    keys: [],
  }
  if (from === to) return noted
  // The time keeps the search within the log of then; where the clock was set back, it goes on to what came later.
  const query = { type: types, after: from - 1, to: new Date(time), limit: 1000 }
  for await (const { events } of queryAudit(log, { ...query, ...(signal && { signal }) })) {
    for (const event of events) {
      if (event.position >= to) return noted
      const group = groups.get(event.type)
      if (group !== undefined && !isOfLogin(event)) {
        noted[group].push(changeOf(event as NotedEvent))
      }
    }
  }
  return noted
}

/**
 * Whether it is about a token of a login, and of nobody else's doing: what changed access is the application, and the
 * tokens of its logins come and go.
 */
function isOfLogin({ type, data, context: { auth } }: AuditEvent): boolean {
  if (type === 'token.issued') return data.approle !== undefined
  return type === 'token.revoked' && auth?.method === 'approle' && auth.id === data.accessor
}

function changeOf(event: NotedEvent): NotedChange {
  const { position, time, type, actor, data } = event
  return {
    position,
    time: new Date(time),
    type,
    name: nameOf(event),
    by: actor,
    ...('actor' in data && { holder: data.actor }),
  }
}

function nameOf(event: NotedEvent): string {
  const { type, data } = event
  if (type === 'rotation_policy.written' || type === 'rotation_policy.removed') {
    return [data.prefix, data.type].filter((part) => part !== undefined).join(' ') || 'every secret'
  }
  if (type === 'token.issued') return data.label ?? data.accessor
  if (type === 'token.revoked') return data.accessor
  if (type === 'mount.configured') return data.mount
  if (type === 'keyslot.added' || type === 'keyslot.removed') return data.label || data.slot
  if (type === 'keys.rotated') return data.what
  if (type === 'keys.shredded') return 'wrapping'
  if (type === 'anchor.added' || type === 'anchor.removed') return data.target
  return data.name
}
