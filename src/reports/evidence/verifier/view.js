import { grouped } from './ledger.js'

/** @import { Result } from './checks.js' */
/** @import { FileResult } from './ledger.js' */
/** @import { Vkey } from './notes.js' */
/** @typedef {string | Node} Content */

/** Everything that comes from a file is text and stays it: nothing here parses HTML. */

const problemsShownMax = 20

/**
 * @param {string} tag
 * @param {Record<string, string>} attributes
 * @param {...Content} contents
 */
export function element(tag, attributes, ...contents) {
  const made = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value)
  made.append(...contents)
  return made
}

/**
 * Text from outside, so that each character of it is seen, and nothing around it moves.
 *
 * @param {string} text
 */
function outside(text) {
  const unseen = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu
  const shown = text.replaceAll(unseen, (character) => {
    return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`
  })
  return element('bdi', {}, shown)
}

/**
 * The verdict, in words.
 *
 * @param {Result} result
 * @returns {{ kind: string, title: string, words: string }}
 */
export function verdictWords({ verdict, files, pin, isSigned }) {
  const bad = files.filter(({ problems }) => problems.length > 0).length
  if (verdict === 'refused') {
    const words = `${bad === 1 ? 'One file does' : `${grouped(bad)} files do`} not hold. Do not rely on any of it, and ask whoever handed it to you.`
    return { kind: 'refused', title: 'Refused', words }
  }
  const compare = pin === 'same' ? 'The key is the one that you pinned.' : compareWords
  if (verdict === 'unsigned') {
    const words = `Nothing contradicts it: every file is as listed, and the log that it speaks of is the one of the checkpoint. But that the reports are right is the word of whoever made them, an auditor perhaps, who holds no owner’s key. ${compare}`
    return { kind: 'unsigned', title: 'Signed by no owner', words }
  }
  if (verdict === 'unchecked') {
    const unsigned = isSigned ? '' : ' No owner has signed these reports.'
    const words = `${uncheckedWords} Everything else holds: every file is as listed, and the proofs lead to the checkpoint.${unsigned}`
    return { kind: 'unchecked', title: 'Signatures were not checked', words }
  }
  const words =
    'Every file is the one that was listed, the list is the one that was signed, and the log it speaks of is the one of the signed checkpoint.'
  if (pin === 'same') return { kind: 'holds', title: 'It holds', words: `${words} ${compare}` }
  return {
    kind: 'unpinned',
    title: 'It holds, if the key is the vault’s',
    words: `${words} ${compare}`,
  }
}

const compareWords =
  'Whoever makes up evidence makes up a key for it: compare the fingerprint below with the one you were given.'
const uncheckedWords = 'This browser has no Ed25519, so no signature was checked.'

/**
 * @param {Result} result
 * @returns {Content[]}
 */
export function verdictView(result) {
  const { title, words } = verdictWords(result)
  const problems = result.files.flatMap(({ name, problems }) => {
    return problems.map((problem) => ({ name, problem }))
  })
  const items = problems.slice(0, problemsShownMax).map(({ name, problem }) => {
    return element('li', {}, element('code', {}, outside(name)), ': ', outside(problem))
  })
  const more = problems.length - items.length
  if (more > 0) items.push(element('li', {}, `and ${grouped(more)} more, in the table below`))
  const list = items.length === 0 ? [] : [element('ul', {}, ...items)]
  const limits = element('a', { href: '#limits' }, 'What this page cannot show')
  return [element('h2', {}, title), element('p', {}, words), ...list, element('p', {}, limits)]
}

/**
 * The key, large enough to be read aloud.
 *
 * @param {Vkey} key
 * @param {Result['pin']} pin
 * @returns {Content[]}
 */
export function keyView({ name, fingerprint, keyId, line }, pin) {
  const groups = fingerprint.match(/.{4}/g) ?? []
  const asks = {
    none: 'Is this the fingerprint that you were given? If you have none to compare it with, nothing here is proved.',
    same: 'This is the key that you pinned.',
    other: 'This is not the key that you pinned.',
  }
  return [
    element('h2', {}, 'The key'),
    element('p', {}, asks[pin]),
    element('div', { class: 'fingerprint' }, ...groups.map((group) => element('span', {}, group))),
    facts([
      ['Log', outside(name)],
      ['Key id', keyId],
      ['Verifier', element('code', { class: 'vkey' }, outside(line))],
    ]),
  ]
}

/**
 * What the evidence is of.
 *
 * @param {Result} result
 * @returns {Content[]}
 */
export function aboutView({ statement, checkpoint, reports }) {
  if (statement === undefined) return []
  const { origin, asOf, range, head } = statement
  const events = Math.max(0, range.to - range.from + 1)
  const span =
    events === 0
      ? `no event: the log ended before position ${grouped(range.from)}`
      : events === 1
        ? `one event, at position ${grouped(range.from)}`
        : `positions ${grouped(range.from)} to ${grouped(range.to)}: ${grouped(events)} events`
  const covered = checkpoint === undefined ? [] : [`${grouped(checkpoint.size)} events`]
  const rows = reports.map(
    ({ name, manifest: { report, version, rowCount, findings, outputs } }) => [
      outside(report),
      `${version}`,
      grouped(rowCount),
      grouped(findings),
      `${outputs.length}`,
      element('code', {}, outside(name)),
    ],
  )
  return [
    element('h2', {}, 'What it is of'),
    facts([
      ['Log', outside(origin)],
      ['Range', span],
      ['As of', `position ${grouped(asOf.position)}, ${asOf.time}`],
      ['Root hash', element('code', {}, head.root)],
      ...covered.map((words) => /** @type {[string, Content]} */ (['Checkpoint', words])),
    ]),
    ...(rows.length === 0
      ? []
      : [table(['report', 'version', 'rows', 'findings', 'files', 'manifest'], rows)]),
  ]
}

/**
 * Every file, and what was found of it.
 *
 * @param {readonly FileResult[]} files
 * @returns {Content[]}
 */
export function filesView(files) {
  const rows = files.map(({ name, size, says, problems }) => {
    const isBad = problems.length > 0
    const mark = element('span', { class: isBad ? 'bad' : 'good' }, isBad ? 'refused' : 'holds')
    const words = [...problems, ...(isBad ? [] : says)].join('; ')
    return [
      element('code', {}, outside(name)),
      size === undefined ? '' : grouped(size),
      mark,
      outside(words),
    ]
  })
  const bad = new Set(files.flatMap(({ problems }, i) => (problems.length > 0 ? [i] : [])))
  return [
    element('h2', {}, `Every file (${grouped(files.length)})`),
    table(['file', 'bytes', 'result', 'what was checked'], rows, bad),
  ]
}

/** Columns of figures, which stand one under the other at the right. */
const counts = ['bytes', 'rows', 'findings', 'version', 'files']

/** @param {readonly [string, Content][]} pairs */
function facts(pairs) {
  const items = pairs.flatMap(([name, said]) => [element('dt', {}, name), element('dd', {}, said)])
  return element('dl', {}, ...items)
}

/**
 * @param {readonly string[]} names
 * @param {readonly (readonly Content[])[]} rows
 * @param {ReadonlySet<number>} marked
 */
function table(names, rows, marked = new Set()) {
  const kinds = names.map((name) => (counts.includes(name) ? { class: 'number' } : {}))
  const heads = names.map((name, i) => element('th', { scope: 'col', ...kinds[i] }, name))
  const head = element('tr', {}, ...heads)
  const body = rows.map((cells, i) => {
    const made = cells.map((cell, j) => {
      return element('td', { 'data-label': names[j] ?? '', ...kinds[j] }, cell)
    })
    return element('tr', marked.has(i) ? { class: 'f' } : {}, ...made)
  })
  return element(
    'div',
    { class: 'wide', tabindex: '0', role: 'region', 'aria-label': `table of ${names[0]}s` },
    element('table', {}, element('thead', {}, head), element('tbody', {}, ...body)),
  )
}
