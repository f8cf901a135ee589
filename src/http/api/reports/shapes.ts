import { Type } from 'typebox'
import { formatNames, type ReportParams } from '../../../index.ts'
import { momentShape } from '../range.ts'
import { oneOf, position, strict } from '../shapes/common.ts'

const optional = Type.Optional
const count = (description: string) => Type.Integer({ minimum: 0, description })
const milliseconds = (description: string) =>
  Type.Integer({ description: `${description}, in milliseconds since the epoch.` })
const hex = (description: string) => Type.String({ description: `${description}, in hex.` })

export const format = oneOf(formatNames, { description: 'How it is written.' })

/** What a caller may ask of a report. */
export const params = {
  subject: optional(Type.String({ description: 'A pattern of paths.', examples: ['prod/**'] })),
  actor: optional(Type.String({ description: 'A pattern of actors.', examples: ['svc/*'] })),
  dueWithin: optional(
    Type.Integer({
      minimum: 0,
      description: 'How long before its date a value counts as due, in milliseconds.',
    }),
  ),
}

/** What a body says of a report. */
export const askedReport = {
  ...params,
  from: optional(momentShape),
  asOf: optional(momentShape),
}

const column = strict({
  name: Type.String({ description: 'What JSON and CSV call it.' }),
  title: Type.String({ description: 'What a page calls it.' }),
  type: Type.String({ description: 'What it holds.', examples: ['time'] }),
})

const span = oneOf(['moment', 'range'] as const, {
  description: '`moment`: how things stand; `range`: what happened.',
})

const paramNames = ['subject', 'actor', 'dueWithin'] as const satisfies (keyof ReportParams)[]

/** A report that can be made. */
export const offered = strict({
  name: Type.String({ examples: ['rotation'] }),
  number: optional(Type.String({ description: "Of the vault's own.", examples: ['R2'] })),
  version: Type.Integer({ minimum: 1 }),
  title: Type.String(),
  question: Type.String({ description: 'What it answers, in the words of who asks.' }),
  span,
  params: Type.Array(oneOf(paramNames), { description: 'What it takes.' }),
  columns: Type.Array(column, { description: 'Its own; each row has a number and an event too.' }),
  judges: Type.Boolean({ description: 'Whether a row can have a finding.' }),
  controls: Type.Array(Type.String(), { description: 'Controls whose questions it answers.' }),
  formats: Type.Array(oneOf(formatNames)),
})

export const head = strict({
  report: Type.String(),
  version: Type.Integer({ minimum: 1 }),
  title: Type.String(),
  question: Type.String(),
  span,
  origin: Type.String({ description: 'Which log it is of.' }),
  params: strict(params),
  asOf: strict({ position: position('Of the last event.'), time: milliseconds('Of that event') }),
  range: strict({
    from: position('Its first event.'),
    to: Type.Integer({ minimum: -1, description: 'Its last event.' }),
    fromTime: milliseconds('Of the first event'),
  }),
  head: strict({ size: count('Of the log up to then.'), root: hex('Root hash of it') }),
  columns: Type.Array(column),
  judges: Type.Boolean(),
})

const cell = Type.Union([Type.String(), Type.Number(), Type.Array(Type.String()), Type.Null()])

export const row = strict({
  cells: Type.Array(cell, { description: 'In the order of `head.columns`.' }),
  finding: Type.Boolean({ description: 'Whether somebody has to look at it.' }),
})

const population = strict({
  first: count('Position of its first event.'),
  last: Type.Integer({ minimum: -1, description: 'Position of its last event.' }),
  events: count('Events that it went through.'),
  gaps: count('Events that were missing: none.'),
})

const chart = strict({
  kind: oneOf(['bars', 'lines'] as const),
  title: Type.String(),
  labels: Type.Array(Type.String()),
  series: Type.Array(strict({ name: Type.String(), values: Type.Array(Type.Number()) })),
})

export const runTotals = strict({
  rowCount: count('Rows.'),
  findings: count('Rows with a finding.'),
  population,
  charts: Type.Array(chart),
})

const output = { name: Type.String(), bytes: count('Its length.'), sha256: hex('Of all of it') }

/** What stands beside the files of a report. */
const manifest = strict({
  origin: Type.String({ description: 'Which log it is of.' }),
  asOf: strict({ position: position('Of the last event.'), time: Type.String() }),
  head: strict({ size: count('Of the log up to then.'), root: hex('Root hash of it') }),
  checkpoint: Type.String({ description: 'A signed note that covers the log up to then.' }),
  consistency: Type.Array(Type.String(), { description: 'From there to that, RFC 9162 §2.1.4.' }),
  report: Type.String(),
  version: Type.Integer({ minimum: 1 }),
  params: strict(params),
  range: strict({ from: count('Its first event.'), to: Type.Integer({ minimum: -1 }) }),
  rowCount: count('Rows.'),
  findings: count('Rows with a finding.'),
  population,
  outputs: Type.Array(strict(output)),
})

/** A report that was written. */
export const generated = strict({
  outputs: Type.Array(strict({ ...output, format })),
  totals: strict({
    ...runTotals.properties,
    csv: Type.Array(strict({ name: Type.String(), sha256: hex('Of all of it') })),
  }),
  manifest,
  manifestName: Type.String({ description: 'Of the file that vouches for the others.' }),
  isSigned: Type.Boolean({ description: 'Whether an owner signed it.' }),
})

export const evidence = strict({
  bytes: count('Of the zip.'),
  sha256: hex('Of the zip'),
  range: strict({ from: count('Its first event.'), to: Type.Integer({ minimum: -1 }) }),
  covered: count('How many events the checkpoint in it covers.'),
  isSigned: Type.Boolean(),
  verifier: Type.String({ description: 'The key under which it is proved.' }),
  fingerprint: hex('Of the verifier'),
  reports: Type.Array(
    strict({
      number: Type.String(),
      report: Type.String(),
      rowCount: count('Rows.'),
      findings: count('Rows with a finding.'),
    }),
  ),
})

export const reportVerification = strict({
  ok: Type.Boolean(),
  manifest,
  isSigned: Type.Boolean(),
  isCheckpointShown: Type.Boolean(),
  problems: Type.Array(Type.String(), { description: 'What does not agree, in words.' }),
})

/** Lines that make files: pieces of several may alternate. */
export const fileLine = Type.Union([
  strict({ file: Type.String({ description: 'A file of this name begins.' }) }),
  strict({
    of: Type.String({ description: 'The file.' }),
    bytes: Type.String({ contentEncoding: 'base64', description: 'The next piece of it.' }),
  }),
  strict({ end: Type.String({ description: 'The file of this name is whole.' }) }),
])
