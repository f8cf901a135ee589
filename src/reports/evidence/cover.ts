import type { Vkey } from '../../proofs/vkey.ts'
import { formatVkey } from '../../proofs/vkey.ts'
import type { Fact } from '../formats/facts.ts'
import { factList } from '../formats/html-page.ts'
import { escaped, isolated } from '../formats/html-text.ts'
import { isoTime } from '../formats/time.ts'
import { visible } from '../formats/visible.ts'
import { counted, grouped } from '../formats/words.ts'
import { coverStyle } from './cover-style.ts'
import { checkSection, limitSection } from './cover-words.ts'
import type { Cover, CoveredReport, WrittenFile } from './covered.ts'
import type { Finding } from './findings.ts'
import { fingerprintOf, groupsOf } from './fingerprint.ts'
import { htmlPage } from './html-shell.ts'

/** Findings that the page shows, of all reports together. */
export const findingsShownMax = 100

/** The page that whoever is handed evidence reads first. It has no script and needs none. */
export function coverPage(cover: Cover): string {
  const { vkey, range } = cover
  const [first, last] = [range.fromTime, range.toTime].map((time) => isoTime(time).slice(0, 10))
  const days = first === last ? `${first}` : `${first} to ${last}`
  return htmlPage({
    title: `Evidence, ${days}`,
    style: coverStyle,
    body:
      `<header><p class="kicker">Muniment</p><h1>Evidence, ${days}</h1>` +
      `<p class="question">${escaped(leadOf(cover))}</p>\n${factList(factsOf(cover))}</header>\n<main>\n` +
      `${keySection(vkey)}${findingsSection(cover.reports)}${reportSection(cover.reports)}` +
      `${controlSection(cover.reports)}${checkSection(cover)}${limitSection(cover)}` +
      `${fileSection(cover.files)}</main>\n`,
  })
}

function leadOf({ reports, isSigned }: Cover): string {
  const what = `${counted(reports.length, 'report')} on one vault of secrets, and what proves them.`
  return isSigned
    ? `${what} Its owner has signed this evidence.`
    : `${what} It was made from a backup by somebody who holds no owner’s key: no owner has signed it.`
}

function factsOf({ origin, range, head, covered, earlier, isSigned }: Cover): Fact[] {
  const events = Math.max(0, range.to - range.from + 1)
  const times = `${isoTime(range.fromTime)} to ${isoTime(range.toTime)}`
  const positions =
    events === 0
      ? `no event: the log ended before position ${range.from}`
      : events === 1
        ? `position ${grouped(range.from)}, ${isoTime(range.toTime)}`
        : `positions ${grouped(range.from)} to ${grouped(range.to)}, ${times}`
  const [, vault = '', life = ''] = origin.split('/')
  return [
    { name: 'Vault', said: visible(vault), isCode: true },
    { name: 'Incarnation', said: visible(life), isCode: true },
    { name: 'Range', said: positions },
    { name: 'Events', said: `${grouped(events)}, none missing` },
    { name: 'Log up to then', said: counted(head.size, 'event') },
    { name: 'Root hash', said: head.root, isCode: true },
    { name: 'Checkpoint', said: `signed, of ${counted(covered, 'event')}` },
    {
      name: 'Continues',
      said:
        earlier === undefined
          ? 'no checkpoint was kept at or before the beginning of the range'
          : `the log of ${counted(earlier, 'event')}, by proof`,
    },
    { name: 'Signed by', said: isSigned ? 'the key below' : 'no owner' },
  ]
}

function keySection(vkey: Vkey): string {
  const groups = groupsOf(fingerprintOf(vkey)).map((group) => `<span>${group}</span>`)
  return (
    '<section id="key"><h2>The key</h2><p>Everything here is proved under one key, whose fingerprint this is. Compare it with the one ' +
    'that you were given on the first day, by somebody you trust. If you were given none, this evidence proves that it agrees with itself, ' +
    `and no more.</p><div class="fingerprint">${groups.join(' ')}</div>` +
    `${factList([{ name: 'Verifier', said: visible(formatVkey(vkey)), isCode: true }])}</section>\n`
  )
}

function findingsSection(reports: readonly CoveredReport[]): string {
  const all = reports.reduce((sum, { findings }) => sum + findings, 0)
  const shown = reports
    .flatMap((report) => report.found.map((finding) => ({ report, finding })))
    .slice(0, findingsShownMax)
  const said =
    all === 0
      ? '<p class="sum">No report has a finding.</p>'
      : `<p class="sum some">${counted(all, 'row')} ${all === 1 ? 'has' : 'have'} a finding.</p>`
  const rest =
    all > shown.length
      ? `<p class="note">These are the first ${grouped(shown.length)}; all of them are in the reports.</p>`
      : ''
  const rows = shown.map(({ report, finding }) => findingRow(report, finding))
  const list = rows.length === 0 ? '' : table(['finding', 'of', 'report', 'event'], rows)
  return `<section id="findings"><h2>Findings</h2>${said}${list}${rest}</section>\n`
}

function findingRow({ number, head, files }: CoveredReport, finding: Finding): readonly Cell[] {
  const [file = ''] = files
  const row = `${number} ${head.report}, row ${grouped(finding.row)}`
  return [
    { html: isolated(visible(finding.words)), kind: 'finding' },
    { html: isolated(finding.about) },
    { html: link(file, row) },
    { html: finding.position === null ? '' : String(finding.position), kind: 'position' },
  ]
}

function reportSection(reports: readonly CoveredReport[]): string {
  const rows = reports.map(({ number, head, rowCount, findings, files }) => [
    { html: number },
    {
      html: `${isolated(visible(head.title))}<br><span class="soft">${isolated(visible(head.question))}</span>`,
    },
    { html: grouped(rowCount), kind: 'number' },
    { html: head.judges ? grouped(findings) : 'not judged', kind: 'number' },
    { html: files.map((file) => link(file, file.slice(file.lastIndexOf('/') + 1))).join('<br>') },
  ])
  const names = ['', 'report', 'rows', 'findings', 'files']
  return `<section id="reports"><h2>Reports</h2>${table(names, rows)}</section>\n`
}

/** Which reports answer to which control: the question that an auditor comes with. */
function controlSection(reports: readonly CoveredReport[]): string {
  const byControl = new Map<string, CoveredReport[]>()
  for (const report of reports) {
    for (const control of report.controls) {
      byControl.set(control, [...(byControl.get(control) ?? []), report])
    }
  }
  const rows = [...byControl]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([control, answered]) => [
      { html: escaped(control) },
      {
        html: answered
          .map(({ number, head, files: [file = ''] }) => link(file, `${number} ${head.report}`))
          .join(', '),
      },
    ])
  return rows.length === 0
    ? ''
    : `<section id="controls"><h2>Controls</h2><p>Which report answers the question of which control. Check a standard’s own text before you rely on this.</p>${table(['control', 'reports'], rows)}</section>\n`
}

function fileSection(files: readonly WrittenFile[]): string {
  const rows = files.map(({ name, bytes, sha256 }) => [
    { html: link(name, name) },
    { html: grouped(bytes), kind: 'number' },
    { html: sha256, kind: 'whole' },
  ])
  return (
    '<section id="files"><h2>Files</h2><p><code>SHA256SUMS</code> lists these, and this page. <code>evidence.statement</code> ' +
    `holds the SHA-256 of that list.</p>${table(['file', 'bytes', 'SHA-256'], rows)}</section>\n`
  )
}

interface Cell {
  readonly html: string
  readonly kind?: string
}

function table(names: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const kinds = rows[0]?.map(({ kind }) => (kind === 'number' ? ' class="number"' : '')) ?? []
  const heads = names.map((name, i) => `<th scope="col"${kinds[i] ?? ''}>${name}</th>`).join('')
  const body = rows.map((cells) => {
    const written = cells.map(({ html, kind = 'plain' }, i) => {
      return `<td class="${kind}${html === '' ? ' z' : ''}" data-label="${names[i] ?? ''}">${html}</td>`
    })
    return `<tr>${written.join('')}</tr>`
  })
  return (
    `<div class="wide" role="region" aria-label="table" tabindex="0"><table><thead><tr>${heads}</tr></thead>` +
    `<tbody>\n${body.join('\n')}\n</tbody></table></div>\n`
  )
}

/** Names of files are the evidence's own: letters, digits and a few signs. */
function link(file: string, words: string): string {
  return `<a href="${escaped(file)}">${isolated(words)}</a>`
}
