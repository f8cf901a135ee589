// How the demo prints: numbered steps, wrapped sentences and aligned tables, within the width of the terminal.
import { styleText } from 'node:util'

const { stdout } = process
const widthMax = 100
const gap = '  '
const indent = '   '

const width = Math.min(stdout.columns ?? (Number(process.env.COLUMNS) || widthMax), widthMax)
const colours = stdout.isTTY === true && !process.env.NO_COLOR

/** The text in a style on a terminal that shows colours, and plain anywhere else. */
export function styled(style, text) {
  return colours ? styleText(style, text) : text
}

let steps = 0

/** A step of the story: its title, then why it matters. */
export function step(title, why) {
  steps++
  print('')
  print(styled('bold', `${String(steps).padStart(2)} ${title}`))
  for (const line of wrap(why, width - indent.length)) print(indent + styled('dim', line))
}

/** A result, marked: `+` for what was done, `!` for what was refused. */
export function say(mark, text) {
  const style = { '+': 'green', '!': 'red' }[mark]
  const [first, ...rest] = wrap(text, width - indent.length - 2)
  print(`${indent}${styled(style, mark)} ${first}`)
  for (const line of rest) print(`${indent}  ${line}`)
}

/**
 * Rows of cells under their headings. The last column takes what room is left and goes on below itself.
 *
 * @param headings the columns' names
 * @param rows each `{ cells, style }`, the style for the whole row
 */
export function table(headings, rows) {
  const widths = headings.map((heading, i) =>
    Math.max(heading.length, ...rows.map(({ cells }) => cells[i].length)),
  )
  const before = widths.slice(0, -1).reduce((sum, column) => sum + column + gap.length, 0)
  const left = width - indent.length - before
  const line = (cells, last) =>
    indent + [...cells.map((cell, i) => cell.padEnd(widths[i])), last].join(gap).trimEnd()

  print('')
  print(styled('underline', line(headings.slice(0, -1), headings.at(-1))))
  for (const { cells, style } of rows) {
    const [first = '', ...rest] = wrap(cells.at(-1), left)
    const lines = [
      line(cells.slice(0, -1), first),
      ...rest.map((part) => indent + ' '.repeat(before) + part),
    ]
    for (const text of lines) print(style === undefined ? text : styled(style, text))
  }
}

/** Instead of a value: it says nothing, not even how long the value is. */
export const masked = '••••••'

/** `2026-04-01`, and nothing where there is no date. */
export function day(date) {
  return date === undefined ? '-' : date.toISOString().slice(0, 10)
}

/** `14:05:09`, in UTC. */
export function clockTime(ms) {
  return new Date(ms).toISOString().slice(11, 19)
}

/** The text in lines of at most so many characters; a longer word stands alone, whole. */
function wrap(text, most) {
  const lines = ['']
  for (const word of text.split(' ')) {
    const line = lines.at(-1)
    if (line === '') lines[lines.length - 1] = word
    else if (line.length + 1 + word.length <= most) lines[lines.length - 1] = `${line} ${word}`
    else lines.push(word)
  }
  return lines
}

export function print(text) {
  console.log(text)
}
