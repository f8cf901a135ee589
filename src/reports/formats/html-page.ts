import type { ReportHead } from '../report.ts'
import type { Fact } from './facts.ts'
import { policy, style } from './html-style.ts'
import { escaped, isolated } from './html-text.ts'
import type { ShownRows } from './shown-rows.ts'
import { visible } from './visible.ts'
import { capital, counted, grouped } from './words.ts'

/** The page up to the facts in its header. */
export function pageStart({ title, question, report, version }: ReportHead): string {
  const asked = question === '' ? '' : `<p class="question">${isolated(visible(question))}</p>`
  return (
    '<!doctype html>\n<html lang="en" dir="ltr"><head><meta charset="utf-8">' +
    `<meta http-equiv="Content-Security-Policy" content="${escaped(policy)}">` +
    '<meta name="viewport" content="width=device-width, initial-scale=1">' +
    '<meta name="referrer" content="no-referrer">' +
    `<title>${escaped(visible(title))}</title><style>${style}</style></head>\n<body><header>` +
    `<p class="kicker">Muniment report ${isolated(visible(report))}, version ${version}</p>` +
    `<h1>${isolated(visible(title))}</h1>${asked}\n`
  )
}

export const pageEnd = '</main></body></html>\n'

export function factList(facts: readonly Fact[]): string {
  const items = facts.map(({ name, said, isCode }) => {
    const value = isCode ? `<code>${isolated(said)}</code>` : isolated(said)
    return `<dt>${isolated(name)}</dt><dd>${value}</dd>`
  })
  return items.length === 0 ? '' : `<dl>${items.join('\n')}</dl>\n`
}

/** What was found, with links to the rows. */
export function findingsList(shown: ShownRows): string {
  const numbers = new Set(shown.isComplete ? undefined : shownNumbers(shown))
  const link = (row: number) =>
    shown.isComplete || numbers.has(row) ? `<a href="#row-${row}">${row}</a>` : `${row}`
  const items = shown.findings.map(({ finding, count, rows }) => {
    const more = count > rows.length ? `and ${grouped(count - rows.length)} more` : ''
    const at = `${count === 1 ? 'row' : 'rows'} ${rows.map(link).join(' ')} ${more}`
    return `<li><b>${grouped(count)}</b>${isolated(visible(finding))}<span class="at">${at}</span></li>`
  })
  if (items.length === 0) return ''
  const rest =
    shown.otherFindings > 0
      ? `<p class="note">And ${counted(shown.otherFindings, 'row')} with other findings.</p>`
      : ''
  return `<ul class="found">${items.join('\n')}</ul>\n${rest}`
}

function shownNumbers(shown: ShownRows): number[] {
  return shown.rows.flatMap(({ cells: [first] }) => (typeof first === 'number' ? [first] : []))
}

export function tallyLines(shown: ShownRows): string {
  const lines = shown.tallies.map(({ title, counts }) => {
    const words = counts.map(
      ([word, count]) => `${isolated(visible(word))} <b>${grouped(count)}</b>`,
    )
    return `<p class="tally">${isolated(capital(visible(title)))}: ${words.join(', ')}</p>\n`
  })
  return lines.join('')
}
