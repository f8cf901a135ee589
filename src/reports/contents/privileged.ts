import type {
  Anchor,
  EventData,
  EventOf,
  EventType,
  KeyslotFacts,
  RotationScope,
} from '../../events/catalogue.ts'
import { defineProjection } from '../../projections/projection.ts'
import type { EventReport } from '../report.ts'
import { type ByType, sayOf } from './by-type.ts'
import { columns } from './columns.ts'
import { filterOf, keeps } from './filter.ts'
import { counted, durationText, timeText } from './phrases.ts'

/** R7: what is done with a privilege, and the reason that was given for it. */
export const privileged: EventReport<object> = {
  name: 'privileged',
  version: 2,
  title: 'Privileged acts',
  question: 'Who used a privilege, for what, and why?',
  span: 'range',
  params: ['subject', 'actor'],
  columns: columns({
    time: 'time',
    act: 'id',
    actor: 'text',
    reason: 'text',
    subject: 'text',
    detail: 'text',
  }),
  judges: true,
  projection: ({ params }) => {
    filterOf(params)
    return nothing
  },
  row: (event, { params }) => {
    const detail = sayOf(details, event)
    if (detail === undefined || !keeps(filterOf(params), event)) return undefined
    const { position, time, type, actor, context, subject } = event
    const isUnexplained = context.reason === undefined && toExplain.has(type)
    return {
      position,
      cells: {
        time,
        act: type,
        actor,
        reason: context.reason ?? null,
        subject: subject === '' ? null : subject,
        detail,
      },
      ...(isUnexplained && { finding: 'no reason given' }),
    }
  },
}

const nothing = defineProjection({
  name: 'report-privileged',
  version: 1,
  initial: () => ({}),
  on: {},
})

/** What hands values out in bulk or past their date, and what cannot be undone. */
const toExplain: ReadonlySet<EventType> = new Set([
  'secret.accessed',
  'secret.destroyed',
  'secret.purged',
  'export.created',
])

/** What makes an act a privileged one, and what is to be known of it; undefined for one that is none. */
const details: ByType<string | undefined> = {
  'vault.created': ({ data }) => data.keyslots.map(slotText).join('; '),
  'vault.restored': ({ data }) => `from a backup of ${data.origin} at size ${data.size}`,
  'clock.corrected': ({ data }) => `from ${timeText(data.from)} to ${timeText(data.to)}`,
  'keyslot.added': ({ data }) => slotText(data),
  'keyslot.removed': ({ data }) => slotText(data),
  'keys.rotated': ({ data }) => `${data.what}, epoch ${data.epoch}`,
  'keys.shredded': ({ data }) =>
    `wrapping epoch ${data.epoch}, ${counted(data.keys, 'value key')} left`,
  'anchor.added': ({ data }) => anchorText(data),
  'anchor.removed': ({ data }) => anchorText(data),
  // What a limit of versions or a purge takes along is their consequence, not an act of its own.
  'secret.destroyed': ({ data }) =>
    data.cause === 'request' ? versionsText(data.versions) : undefined,
  'secret.purged': ({ data }) => `up to version ${data.version}`,
  'secret.accessed': ({ data }) =>
    data.allowExpired === true ? `version ${data.version}, although expired` : undefined,
  'audit.read': ({ data }) => listText(data.filter) || 'all of it',
  'export.created': ({ data }) =>
    `${counted(data.secrets, 'secret')} in ${counted(data.versions, 'version')}, below ${data.prefix || 'the root'}`,
  'backup.created': () => 'log and keys',
  'report.generated': ({ data: { report, version, params, asOf } }) =>
    [`${report} version ${version}, as of position ${asOf}`, listText(params)]
      .filter((text) => text !== '')
      .join(', '),
  'policy.written': ({ data }) => `${data.name}, ${counted(data.rules.length, 'rule')}`,
  'policy.removed': ({ data }) => data.name,
  'role.written': ({ data }) => `${data.name}: ${data.policies.join(', ') || 'no policy'}`,
  'role.removed': ({ data }) => data.name,
  'role.granted': ({ data: { name, actor, expiresAt } }) =>
    `${name} to ${actor}${untilText(expiresAt)}`,
  'role.withdrawn': ({ data }) => `${data.name} from ${data.actor}`,
  'rotation_policy.written': ({ data }) =>
    data.rotateEvery === undefined
      ? `${scopeText(data)}: exempt`
      : `${scopeText(data)}: every ${durationText(data.rotateEvery)}`,
  'rotation_policy.removed': ({ data }) => scopeText(data),
  // The token of a login is its consequence: what is a privilege is to write the application, and to issue its secret ids.
  'token.issued': ({ data }) => (data.approle === undefined ? issuedText(data) : undefined),
  'token.renewed': (event) => {
    const { accessor, expiresAt } = event.data
    return isOfItself(event) ? undefined : `${accessor} until ${timeText(expiresAt)}`
  },
  'token.revoked': (event) => {
    const { accessor, actor } = event.data
    return isOfItself(event) ? undefined : `${accessor} of ${actor}`
  },
  'approle.written': ({ data }) => `${data.name} as ${data.actor}, ${heldText(data)}`,
  'approle.removed': ({ data }) => data.name,
  'approle.secret_id_issued': ({ data: { name, accessor, expiresAt } }) =>
    `${accessor} for ${name}${untilText(expiresAt)}`,
  'approle.secret_id_revoked': ({ data }) => `${data.accessor} of ${data.name}`,
  'mount.configured': ({ data }) => mountText(data),
}

/** What a token does with itself takes no right. */
function isOfItself({ context, data }: EventOf<'token.renewed' | 'token.revoked'>): boolean {
  return context.decision === undefined && context.auth?.id === data.accessor
}

function issuedText(data: EventData['token.issued']): string {
  const { accessor, label, actor, expiresAt } = data
  const name = label === undefined ? accessor : `${label} (${accessor})`
  return `${name} for ${actor}, ${heldText(data)}${untilText(expiresAt)}`
}

function heldText({ policies }: { readonly policies?: readonly string[] }): string {
  if (policies === undefined) return 'with the roles of the actor'
  return policies.length === 0 ? 'held to no policy' : `held to ${policies.join(', ')}`
}

function untilText(expiresAt: number | undefined): string {
  return expiresAt === undefined ? '' : ` until ${timeText(expiresAt)}`
}

function mountText(data: EventData['mount.configured']): string {
  const { mount, maxVersions, casRequired, expireAfter } = data
  const bounds = [
    maxVersions === undefined ? undefined : counted(maxVersions, 'version'),
    casRequired === true ? 'only on a version' : undefined,
    expireAfter === undefined ? undefined : `values for ${durationText(expireAfter)}`,
  ].filter((bound) => bound !== undefined)
  return `${mount}: ${bounds.join(', ') || 'no bound'}`
}

function slotText({ label, kind, role, slot }: KeyslotFacts): string {
  return `${label} (${kind}, ${role}, ${slot})`
}

function versionsText(versions: readonly { readonly version: number }[]): string {
  const numbers = versions.map(({ version }) => version).join(', ')
  return `${versions.length === 1 ? 'version' : 'versions'} ${numbers}`
}

function anchorText({ kind, target }: Anchor): string {
  return `${kind} ${target}`
}

function scopeText({ prefix = '', type }: RotationScope): string {
  return `${type ?? 'every type'} below ${prefix === '' ? 'the root' : prefix}`
}

/** In the order of their names: a map in an event is in the order of its writer. */
function listText(record: Readonly<Record<string, string | number>>): string {
  const entries = Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1))
  return entries.map(([name, value]) => `${name} ${value}`).join(', ')
}
