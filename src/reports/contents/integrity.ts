import type { Cell, FoldedReport, ReportAbout, ReportRow } from '../report.ts'
import type { BoundedList } from './bounded-list.ts'
import { columns } from './columns.ts'
import {
  type Integrity,
  integrityOf,
  type KeyChangeType,
  type Tally,
  type Told,
} from './integrity-fold.ts'
import { counted, timeText } from './phrases.ts'

/** R8: how far the log reaches and what vouches for it, and whether it was kept without a break. */
export const integrity: FoldedReport<Integrity> = {
  name: 'integrity',
  version: 1,
  title: 'Log integrity and coverage',
  question: 'Is the log complete and unchanged, who vouches for it, and was it ever stopped?',
  span: 'range',
  params: [],
  columns: columns({
    what: 'status',
    time: 'time',
    last: 'time',
    count: 'number',
    size: 'number',
    root: 'hash',
    status: 'status',
    detail: 'text',
  }),
  judges: true,
  projection: ({ from }) => integrityOf(from),
  *rows(view, about) {
    yield* coverageRows(about)
    yield* checkpointRows(view, about)
    yield* anchorRows(view)
    yield gapsRow(about)
    yield* runningRows(view)
    yield* restoreRows(view)
    yield tallyRow('failed_unlocks', view.failedUnlocks)
    yield* clockRows(view)
    yield* keyChangeRows(view)
  },
}

/**
 * - `ok`: as it must be · `none`: there is none, and there need be none
 * - `noted`: something that happened, and may · `attention`: somebody has to look at it; the finding says why
 */
type Status = 'ok' | 'none' | 'noted' | 'attention'

type Cells = Readonly<Record<string, Cell>>

function row(
  what: string,
  status: Status,
  { position = null, finding, ...cells }: Cells & { position?: number | null; finding?: string },
): ReportRow {
  return { position, cells: { what, status, ...cells }, ...(finding !== undefined && { finding }) }
}

function* coverageRows({ asOf, from, beside }: ReportAbout): Iterable<ReportRow> {
  const { position, time } = asOf
  const size = position + 1
  const count = eventsOf({ asOf, from })
  const detail =
    count === 0 ? `no event, of ${size}` : `positions ${from} to ${position}, of ${size}`
  yield row('range', 'ok', { last: time, count, size, detail })
  const root = hex(beside.root)
  yield row('root', 'ok', { time, size, root, detail: beside.origin })
}

function eventsOf({ asOf, from }: Pick<ReportAbout, 'asOf' | 'from'>): number {
  return Math.max(0, asOf.position + 1 - from)
}

function* checkpointRows(
  { origins }: Integrity,
  { from, asOf, beside }: ReportAbout,
): Iterable<ReportRow> {
  const { checkpoints } = beside
  const covered = checkpoints.at(-1)?.size ?? 0
  yield row('checkpoints', checkpoints.length === 0 ? 'none' : 'ok', {
    count: checkpoints.length,
    size: covered,
    detail: `kept; ${counted(asOf.position + 1 - covered, 'event')} after the newest`,
  })
  for (const { origin, size, root } of checkpoints) {
    if (size <= from) continue
    const isOurs = origin === beside.origin || origins.has(origin)
    yield row('checkpoint', isOurs ? 'ok' : 'attention', {
      position: size - 1,
      size,
      root: hex(root),
      detail: origin,
      ...(!isOurs && { finding: 'of a log that this vault never was' }),
    })
  }
}

function* anchorRows({ anchors }: Integrity): Iterable<ReportRow> {
  if (anchors.size === 0) {
    yield row('anchors', 'none', { count: 0, detail: 'nothing beside the vault holds checkpoints' })
  }
  for (const { position, time, data } of anchors.values()) {
    yield row('anchor', 'ok', { position, time, detail: `${data.kind} ${data.target}` })
  }
}

/** Positions are dense by what is checked while the log is read: a report of one with a gap fails. */
function gapsRow(about: ReportAbout): ReportRow {
  return row('gaps', 'ok', { count: 0, detail: `none in ${counted(eventsOf(about), 'event')}` })
}

function* runningRows({
  starts,
  stops,
  uncleanStarts,
  restoredStarts,
}: Integrity): Iterable<ReportRow> {
  yield tallyRow('starts', starts)
  yield tallyRow('stops', stops)
  yield* toldRows('unclean_start', uncleanStarts, ({ position, time, data }) => ({
    position,
    time,
    detail: openerText(data),
    finding: 'the opening before did not end in a closing',
  }))
  yield* toldRows('restored_start', restoredStarts, ({ position, time, data }) => ({
    position,
    time,
    detail: `${openerText(data)}, the first since the restore: the backup is of a running vault`,
  }))
}

function openerText({ pid, host }: Told<'vault.opened'>['data']): string {
  return `by process ${pid} on ${host}`
}

function restoreRows({ restores }: Integrity): Iterable<ReportRow> {
  return toldRows('restore', restores, ({ position, time, data }) => ({
    position,
    time,
    size: data.size,
    root: hex(data.root),
    detail: `from a backup of ${data.origin}`,
  }))
}

function* clockRows({ skewed, skewMsMax, corrections }: Integrity): Iterable<ReportRow> {
  const { cells, ...skew } = tallyRow('clock_skew', skewed)
  const detail = skewed.count === 0 ? null : `the clock was behind the log by up to ${skewMsMax} ms`
  yield { ...skew, cells: { ...cells, detail } }
  yield* toldRows('clock_correction', corrections, ({ position, time, data }) => ({
    position,
    time,
    detail: `from ${timeText(data.from)} to ${timeText(data.to)}`,
    finding: 'the time of the log was set by hand',
  }))
}

function keyChangeRows({ keyChanges }: Integrity): Iterable<ReportRow> {
  return toldRows('key_change', keyChanges, (event) => ({
    position: event.position,
    time: event.time,
    detail: `${event.type}: ${keyChangeText(event)}`,
  }))
}

function keyChangeText(event: Told<KeyChangeType>): string {
  if (event.type === 'keys.rotated') return `${event.data.what}, epoch ${event.data.epoch}`
  if (event.type === 'keys.shredded') return `wrapping epoch ${event.data.epoch}`
  return `${event.data.label} (${event.data.kind}, ${event.data.role})`
}

function tallyRow(what: string, { count, first, last, position }: Tally): ReportRow {
  return row(what, count === 0 ? 'none' : 'noted', { position, count, time: first, last })
}

/** One row an event, and one for those that are beyond what is told one by one. */
function* toldRows<E>(
  what: string,
  { kept, more }: BoundedList<E>,
  say: (event: E) => Cells & { position: number; finding?: string },
): Iterable<ReportRow> {
  let finding: { finding?: string } = {}
  const statusOf = () => (finding.finding === undefined ? 'noted' : 'attention')
  for (const event of kept) {
    const said = say(event)
    finding = said.finding === undefined ? {} : { finding: said.finding }
    yield row(what, statusOf(), said)
  }
  if (more === 0) return
  const detail = 'more of them, which are not told one by one'
  yield row(what, statusOf(), { count: more, detail, ...finding })
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
