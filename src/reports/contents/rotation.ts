import { combined } from '../../projections/combined.ts'
import { dayMs } from '../../projections/cryptoperiods.ts'
import {
  byPrecedence,
  maxAgeOf,
  type RotationJudgement,
  type RotationPoliciesState,
  type RotationPolicyRow,
  rotationPolicies,
  rotationStatusOf,
} from '../../projections/rotation-policies.ts'
import { type RotationsState, rotations } from '../../projections/rotations.ts'
import { type SecretRow, secrets } from '../../projections/secrets.ts'
import type { Chart, FoldedReport, ReportAbout, ReportRow } from '../report.ts'
import { columns } from './columns.ts'
import { timeline } from './days.ts'
import { filterOf, onlyAbout } from './filter.ts'
import { durationText, timeText } from './phrases.ts'
import {
  type PendingRotation,
  type RotationOutcomes,
  rotationOutcomes,
} from './rotation-outcomes.ts'
import { type SortedMap, sorted } from './sorted-map.ts'

interface Rotation {
  readonly secrets: SortedMap<SecretRow>
  readonly rotations: RotationsState
  readonly policies: RotationPoliciesState
  readonly outcomes: RotationOutcomes
}

/** R2: how old each secret's value is, how old it may get, and what came of its rotations. */
export const rotation: FoldedReport<Rotation> = {
  name: 'rotation',
  version: 1,
  title: 'Rotation and expiry',
  question: 'Is every credential rotated in time, and when it is compromised?',
  span: 'moment',
  params: ['subject', 'dueWithin'],
  columns: columns({
    path: 'text',
    owner: 'text',
    type: 'id',
    version: 'number',
    value_changed_at: 'time',
    age: 'duration',
    max_age: 'duration',
    due: 'time',
    rotations: 'number',
    last_outcome: 'status',
    status: 'status',
  }),
  judges: true,
  projection: ({ params, from }) => {
    const filter = filterOf(params)
    return combined('report-rotation', {
      secrets: onlyAbout(filter, sorted(secrets)),
      rotations: onlyAbout(filter, rotations),
      policies: rotationPolicies,
      outcomes: onlyAbout(filter, rotationOutcomes(from)),
    })
  },
  *rows(view, about) {
    const policies = byPrecedence(view.policies)
    for (const [path, secret] of view.secrets.inOrder()) {
      yield rowOf({ path, secret, view, policies }, about)
    }
  },
  charts: (view, about) => [
    timeline({
      title: 'rotations',
      series: [{ name: 'rotations', days: view.outcomes.days }],
      by: 'month',
    }),
    ages(view, about),
  ],
}

interface Judged {
  readonly path: string
  readonly secret: SecretRow
  readonly view: Rotation
  readonly policies: readonly RotationPolicyRow[]
}

function rowOf({ path, secret, view, policies }: Judged, about: ReportAbout): ReportRow {
  const { meta, state, version, valueChangedAt, position } = secret
  const now = about.asOf.time
  const maxAge = maxAgeOf(path, meta, policies)
  const count = view.rotations.get(path)?.count ?? 0
  const facts = { state, valueChangedAt, rotations: count, maxAge }
  const judged = rotationStatusOf(facts, { now, dueWithin: about.params.dueWithin })
  const outcome = view.outcomes.rows.get(path)
  const finding = findingOf({ judged, now, pending: state === 'live' ? outcome?.pending : [] })
  return {
    position,
    cells: {
      path,
      owner: meta.owner ?? null,
      type: meta.type,
      version,
      value_changed_at: valueChangedAt,
      age: ageOf(secret, now),
      max_age: maxAge ?? null,
      due: judged.due ?? null,
      rotations: outcome?.inRange ?? 0,
      last_outcome: outcome?.outcome ?? 'none',
      status: judged.status,
    },
    ...(finding !== undefined && { finding }),
  }
}

/** A clock that was set back leaves values that are not born yet: they are new. */
function ageOf({ valueChangedAt }: SecretRow, now: number): number {
  return Math.max(0, now - valueChangedAt)
}

function findingOf({
  judged: { status, due = 0 },
  now,
  pending = [],
}: {
  readonly judged: RotationJudgement
  readonly now: number
  readonly pending?: readonly PendingRotation[] | undefined
}): string | undefined {
  const late = `overdue by ${durationText(now - due)}`
  const words = [
    status === 'overdue' ? late : undefined,
    status === 'never' ? `${late}, never rotated` : undefined,
    ...pending.map(pendingText),
  ].filter((each) => each !== undefined)
  return words.length === 0 ? undefined : words.join('; ')
}

/** A rotation that left the value as it was. */
function pendingText({ outcome, trigger, time }: PendingRotation): string {
  const attempt = trigger === 'compromise' ? 'its rotation after a compromise' : 'its rotation'
  const when = `on ${timeText(time)}`
  if (outcome === 'failed') return `${attempt} failed ${when}`
  return `${attempt} ${when} did not change the value`
}

const ageBounds: readonly { readonly label: string; readonly below: number }[] = [
  { label: 'under 30 days', below: 30 * dayMs },
  { label: '30 to 90 days', below: 90 * dayMs },
  { label: '90 to 180 days', below: 180 * dayMs },
  { label: '180 days to a year', below: 365 * dayMs },
  { label: '1 to 2 years', below: 2 * 365 * dayMs },
  { label: '2 years and more', below: Number.POSITIVE_INFINITY },
]

function ages({ secrets }: Rotation, { asOf }: ReportAbout): Chart {
  const values = ageBounds.map(() => 0)
  for (const secret of secrets.values()) {
    if (secret.state !== 'live') continue
    const age = ageOf(secret, asOf.time)
    const at = ageBounds.findIndex(({ below }) => age < below)
    values[at] = (values[at] ?? 0) + 1
  }
  return {
    kind: 'bars',
    title: 'secrets by age of their value',
    labels: ageBounds.map(({ label }) => label),
    series: [{ name: 'secrets', values }],
  }
}
