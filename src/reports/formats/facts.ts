import type { ReportHead, ReportTotals } from '../report.ts'
import { durationWords, isoTime } from './time.ts'
import { visible } from './visible.ts'
import { counted, grouped } from './words.ts'

/** What stands at the head of a page, or under its proof, as a name and what it says. */
export interface Fact {
  readonly name: string
  readonly said: string
  /** Hex, or a name that is compared character by character. */
  readonly isCode?: boolean
}

/** What the report is about; all of it fit to be shown. */
export function headFacts(head: ReportHead, totals: ReportTotals): Fact[] {
  const { asOf, origin } = head
  return [
    { name: 'Log', said: visible(origin), isCode: true },
    { name: 'As of', said: `position ${asOf.position}, ${isoTime(asOf.time)}` },
    { name: head.span === 'moment' ? 'Events' : 'Range', said: rangeWords(head) },
    { name: 'Population', said: populationWords(totals) },
    ...paramFacts(head),
  ]
}

function rangeWords({ range, asOf }: ReportHead): string {
  const { from, to, fromTime } = range
  if (to < from) return `no event: the log ended before position ${from}`
  const times = `${isoTime(fromTime)} to ${isoTime(asOf.time)}`
  return `positions ${from} to ${to}, ${times}`
}

function populationWords({ population: { events } }: ReportTotals): string {
  return `${counted(events, 'event')}, none missing`
}

function paramFacts({ params: { subject, actor, dueWithin } }: ReportHead): Fact[] {
  const facts: Fact[] = []
  if (subject !== undefined) facts.push({ name: 'Subject', said: visible(subject) })
  if (actor !== undefined) facts.push({ name: 'Actor', said: visible(actor) })
  if (dueWithin !== undefined) facts.push({ name: 'Due within', said: durationWords(dueWithin) })
  return facts.length > 0 ? facts : [{ name: 'Asked for', said: 'everything' }]
}

/** What the report can be held against. */
export function proofFacts(head: ReportHead, totals: ReportTotals): Fact[] {
  return [
    { name: 'Log', said: visible(head.origin), isCode: true },
    { name: 'Size', said: counted(head.head.size, 'event') },
    { name: 'Root hash', said: head.head.root, isCode: true },
    { name: 'Report', said: `${visible(head.report)}, version ${head.version}` },
    ...paramFacts(head),
    { name: 'Rows', said: grouped(totals.rowCount) },
    { name: 'Findings', said: head.judges ? grouped(totals.findings) : 'not judged' },
  ]
}

/** How a report is checked; `verifyCommand` stands under it. */
export const proofText =
  'The manifest that lies beside this file holds its SHA-256, the figures below and a signed checkpoint of the log. ' +
  'Where an owner made the report, the manifest is signed with the key of the log. With this file as FILE, and the ' +
  'manifest beside it, this checks both, makes the rows again from the log and compares:'

export const verifyCommand = 'muniment report verify FILE'

/** How many findings there are, in one sentence. */
export function findingsSentence({ judges }: ReportHead, totals: ReportTotals): string {
  const { rowCount, findings } = totals
  if (!judges) return `${counted(rowCount, 'row')}. This report lists; it does not judge.`
  if (rowCount === 0) return 'No rows, and so no findings.'
  if (findings === 0) return `No findings in ${counted(rowCount, 'row')}.`
  const has = findings === 1 ? 'has' : 'have'
  return `${grouped(findings)} of ${counted(rowCount, 'row')} ${has} a finding.`
}
