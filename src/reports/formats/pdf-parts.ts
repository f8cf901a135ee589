import type { ReportHead, ReportTotals } from '../report.ts'
import {
  type Fact,
  findingsSentence,
  headFacts,
  proofFacts,
  proofText,
  verifyCommand,
} from './facts.ts'
import { ink, type Sheets, sheet, type TextStyle } from './pdf-sheet.ts'
import type { ShownRows } from './shown-rows.ts'
import { citedSentence } from './shown-words.ts'
import { visible } from './visible.ts'
import { capital, counted, grouped } from './words.ts'

const { left, right } = sheet
const readable = 560
/** Of one finding. */
const linesMax = 12

/** A section's head, with the reader's bookmark. It stays with `after` points of what follows. */
export async function heading(sheets: Sheets, title: string, after: number): Promise<void> {
  await sheets.room(34 + after)
  sheets.mark(title)
  // The head of a page has a line of its own.
  if (!sheets.isFresh) {
    sheets.y += 12
    sheets.stroke([
      [left, sheets.y],
      [right, sheets.y],
    ])
  }
  sheets.y += sheets.isFresh ? 12 : 20
  sheets.say(title, { x: left, y: sheets.y }, { face: 'bold', size: 12.5 })
  sheets.y += 9
}

export async function paragraph(
  sheets: Sheets,
  text: string,
  style: TextStyle = {},
): Promise<void> {
  const { size = 8.2, colour = ink.soft, face = 'sans' } = style
  for (const line of sheets.lines(text, readable, { face, size })) {
    await sheets.room(size * 1.4)
    sheets.y += size * 1.4
    sheets.say(line, { x: left, y: sheets.y }, { face, size, colour })
  }
  sheets.y += 7
}

/** What the report is and is about. */
export async function drawTitle(
  sheets: Sheets,
  head: ReportHead,
  totals: ReportTotals,
): Promise<void> {
  await sheets.turn()
  sheets.mark('Report')
  const kicker = `Muniment report ${visible(head.report)}, version ${head.version}`
  sheets.say(kicker, { x: left, y: sheets.y }, { size: 7.5, colour: ink.soft })
  sheets.y += 6
  await lines(sheets, visible(head.title), { face: 'bold', size: 21 })
  sheets.y += 4
  if (head.question !== '')
    await lines(sheets, visible(head.question), { size: 10.5, colour: ink.soft })
  sheets.y += 8
  await drawFacts(sheets, headFacts(head, totals))
}

async function lines(
  sheets: Sheets,
  text: string,
  style: TextStyle & { size: number },
): Promise<void> {
  for (const line of sheets.lines(text, right - left, style)) {
    await sheets.room(style.size * 1.3)
    sheets.y += style.size * 1.25
    sheets.say(line, { x: left, y: sheets.y }, style)
  }
}

/** Names at the left, what they say beside them. */
async function drawFacts(sheets: Sheets, facts: readonly Fact[]): Promise<void> {
  const size = 8.2
  const nameStyle: TextStyle = { size, colour: ink.soft }
  const namesWidth = facts.reduce(
    (most, { name }) => Math.max(most, sheets.measure(name, nameStyle)),
    0,
  )
  const column = Math.min(240, namesWidth) + 16
  for (const { name, said, isCode } of facts) {
    const style: TextStyle = isCode ? { face: 'mono', size: size - 0.7 } : { size }
    const names = sheets.lines(name, column - 10, nameStyle)
    const says = sheets.lines(said, right - left - column, style)
    for (let i = 0; i < Math.max(names.length, says.length); i++) {
      await sheets.room(size * 1.4)
      sheets.y += size * 1.45
      sheets.say(names[i] ?? '', { x: left, y: sheets.y }, nameStyle)
      sheets.say(says[i] ?? '', { x: left + column, y: sheets.y }, style)
    }
  }
  sheets.y += 4
}

/** What was found, first of all; and how many rows are in which state. */
export async function drawFindings(
  sheets: Sheets,
  {
    head,
    totals,
    shown,
  }: {
    readonly head: ReportHead
    readonly totals: ReportTotals
    readonly shown: ShownRows
  },
): Promise<void> {
  await heading(sheets, head.judges ? 'Findings' : 'Summary', 40)
  const some = totals.findings > 0
  const style: TextStyle = some ? { face: 'bold', colour: ink.bad } : { colour: ink.text }
  await paragraph(sheets, findingsSentence(head, totals), { ...style, size: 10 })
  for (const { finding, count, rows } of shown.findings) {
    const more = count > rows.length ? ` and ${grouped(count - rows.length)} more` : ''
    const at = `${count === 1 ? 'row' : 'rows'} ${rows.join(', ')}${more}`
    await drawFinding(sheets, { count: grouped(count), finding: visible(finding), at })
  }
  if (shown.otherFindings > 0) {
    await paragraph(sheets, `And ${counted(shown.otherFindings, 'row')} with other findings.`)
  }
  for (const { title, counts } of shown.tallies) {
    const words = counts.map(([word, count]) => `${visible(word)} ${grouped(count)}`)
    await paragraph(sheets, `${capital(visible(title))}: ${words.join(', ')}.`)
  }
}

async function drawFinding(
  sheets: Sheets,
  { count, finding, at }: { readonly count: string; readonly finding: string; readonly at: string },
): Promise<void> {
  const size = 8.2
  const bold: TextStyle = { face: 'bold', size, colour: ink.bad }
  const atStyle: TextStyle = { size: 7.2, colour: ink.soft }
  const textLeft = left + 42
  const lines = sheets.lines(finding, readable, { size })
  // The row has it whole.
  const said = lines.length > linesMax ? [...lines.slice(0, linesMax), '…'] : lines
  const rows = sheets.lines(at, readable, atStyle)
  await sheets.room(said.length * size * 1.35 + rows.length * 10 + 4)
  for (const [i, line] of said.entries()) {
    sheets.y += size * 1.35
    if (i === 0)
      sheets.say(count, { x: textLeft - 9 - sheets.measure(count, bold), y: sheets.y }, bold)
    sheets.say(line, { x: textLeft, y: sheets.y }, { size })
  }
  for (const line of rows) {
    sheets.y += 9.6
    sheets.say(line, { x: textLeft, y: sheets.y }, atStyle)
  }
  sheets.y += 4
}

/** The files that have what these pages leave out. */
export async function drawCited(sheets: Sheets, totals: ReportTotals): Promise<void> {
  await paragraph(sheets, citedSentence(totals))
  const files = totals.csv.map(({ name, sha256 }) => ({
    name: visible(name),
    said: sha256,
    isCode: true,
  }))
  await drawFacts(sheets, files)
  sheets.y += 6
}

/** What the report can be held against, and how; whole on the last page. */
export async function drawProof(
  sheets: Sheets,
  head: ReportHead,
  totals: ReportTotals,
): Promise<void> {
  await heading(sheets, 'Proof', 165)
  await paragraph(sheets, proofText)
  sheets.y += 9
  sheets.say(verifyCommand, { x: left + 8, y: sheets.y }, { face: 'mono', size: 8.5 })
  sheets.stroke(
    [
      [left, sheets.y - 9],
      [left, sheets.y + 4],
    ],
    { colour: ink.accent, width: 1.6 },
  )
  sheets.y += 10
  await drawFacts(sheets, proofFacts(head, totals))
}
