import type { EventData, EventOf } from '../../events/catalogue.ts'
import { defineProjection } from '../../projections/projection.ts'
import type { FoldedReport, ReportAbout, ReportRow } from '../report.ts'
import { columns } from './columns.ts'
import { filterOf, keeps } from './filter.ts'

/** One event that destroyed keys. */
interface Destruction {
  readonly subject: string
  readonly requester: string
  readonly reason: string | undefined
  readonly method: EventData['secret.destroyed']['cause']
  readonly versions: EventData['secret.destroyed']['versions']
  readonly position: number
  readonly time: number
}

interface Place {
  readonly position: number
  readonly time: number
}

interface Erasure {
  /** Oldest first. */
  readonly destructions: Destruction[]
  /** Where value keys were wrapped anew and the wrapping key of before was erased; oldest first. */
  readonly shreds: Place[]
}

/** R4: every version whose key was destroyed in a range, and whether nothing in the vault's files brings it back. */
export const erasure: FoldedReport<Erasure> = {
  name: 'erasure',
  version: 1,
  title: 'Destruction and erasure',
  question: 'What was erased, at whose request, and is it beyond recovery?',
  span: 'range',
  params: ['subject', 'actor'],
  columns: columns({
    subject: 'text',
    version: 'number',
    requester: 'text',
    method: 'status',
    reason: 'text',
    key_id: 'hash',
    destroyed_at: 'time',
    shredded_at: 'time',
    shredded_position: 'position',
    status: 'status',
  }),
  judges: false,
  projection: destructions,
  *rows({ destructions, shreds }) {
    let next = 0
    for (const destruction of destructions) {
      while ((shreds[next]?.position ?? Number.POSITIVE_INFINITY) < destruction.position) next++
      yield* rowsOf(destruction, shreds[next])
    }
  },
}

function destructions({ from, params }: ReportAbout) {
  const filter = filterOf(params)
  return defineProjection<Erasure>({
    name: 'report-erasure',
    version: 1,
    initial: () => ({ destructions: [], shreds: [] }),
    on: {
      'secret.destroyed': (state, event) => {
        if (event.position >= from && keeps(filter, event)) {
          state.destructions.push(destructionOf(event))
        }
      },
      'keys.shredded': ({ shreds }, { position, time }) => {
        shreds.push({ position, time })
      },
      'keys.rotated': ({ shreds }, { data, position, time }) => {
        // A new root comes with a new wrapping key, as a shred does.
        if (data.what === 'root') shreds.push({ position, time })
      },
    },
  })
}

function destructionOf(event: EventOf<'secret.destroyed'>): Destruction {
  const { subject, actor, context, data, position, time } = event
  return {
    subject,
    requester: actor,
    reason: context.reason,
    method: data.cause,
    versions: data.versions,
    position,
    time,
  }
}

function* rowsOf(
  { subject, requester, reason, method, versions, position, time }: Destruction,
  shred: Place | undefined,
): Generator<ReportRow, void, void> {
  for (const { version, keyId } of versions) {
    yield {
      position,
      cells: {
        subject,
        version,
        requester,
        method,
        reason: reason ?? null,
        key_id: Buffer.from(keyId).toString('hex'),
        destroyed_at: time,
        shredded_at: shred?.time ?? null,
        shredded_position: shred?.position ?? null,
        status: shred === undefined ? 'destroyed' : 'shredded',
      },
    }
  }
}
