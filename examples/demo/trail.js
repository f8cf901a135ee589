// The audit trail as a person reads it: one row an event, in the words of its type.
import { clockTime } from './show.js'

/** What an event says beyond its type and subject. Types that are not here say nothing more. */
const details = {
  'vault.created': ({ data }) => `keyslot "${data.keyslots[0].label}" (${data.keyslots[0].kind})`,
  'vault.opened': ({ data }) => (data.clean ? '' : 'was not closed before'),
  'auth.failed': ({ data }) =>
    `REFUSED: wrong passphrase at ${clockTime(data.triedAt)}, by whom is not known`,
  'secret.written': ({ data }) => `v${data.version}`,
  'secret.rotated': ({ data }) => `v${data.version}, ${data.trigger}`,
  'secret.accessed': ({ data }) => `v${data.version}`,
  'secret.denied': ({ data }) => `v${data.version} REFUSED: ${data.cause}`,
  'secret.destroyed': ({ data }) => data.versions.map(({ version }) => `v${version}`).join(' '),
}

const refusals = new Set(['secret.denied', 'auth.failed'])

export const trailHeadings = [' #', 'UTC', 'actor', 'event', 'about']

/** One row for `table`. */
export function trailRow(event) {
  const { position, time, actor, type, subject, context } = event
  const detail = details[type]?.(event) ?? ''
  const why = context.reason === undefined ? '' : `· "${context.reason}"`
  const about = [subject, detail, why].filter((part) => part !== '').join(' ')
  return {
    cells: [String(position).padStart(2), clockTime(time), actor, type, about],
    ...(refusals.has(type) && { style: 'red' }),
  }
}
