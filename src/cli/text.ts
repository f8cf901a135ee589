import { styleText } from 'node:util'

/** Nothing but letters, digits, marks and spaces of ASCII: what most texts are, and what needs no second look. */
const plain = /^[\x20-\x7e]*$/

/**
 * Text that came from outside, fit for a terminal: whatever would move the cursor, change colours or turn the
 * direction of writing around is shown as its code point instead.
 */
export function printable(text: string): string {
  if (plain.test(text)) return text
  return text.replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0
    return `\\u{${code.toString(16)}}`
  })
}

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow'

export function style(format: Style, text: string, stream: NodeJS.WriteStream): string {
  return coloured(stream) ? styleText(format, text, { validateStream: false }) : text
}

/** https://no-color.org: any value that is not empty turns colours off. */
function coloured(stream: NodeJS.WriteStream): boolean {
  const { NO_COLOR, TERM } = process.env
  return stream.isTTY === true && !NO_COLOR && TERM !== 'dumb'
}

/**
 * Aligned columns under their headings; cells are made fit for a terminal here. Linear, for ten thousand rows too. A
 * marked row stands out where there are colours; what marks it elsewhere is one of its cells.
 */
export function table(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
  isMarked: (row: number) => boolean = () => false,
): string {
  const cells = rows.map((row) => row.map(printable))
  const widths = headings.map((heading, i) =>
    cells.reduce((most, row) => Math.max(most, widthOf(row[i] ?? '')), widthOf(heading)),
  )
  const line = (row: readonly string[], shown: (cell: string) => string) =>
    row
      .map((cell, i) => shown(cell) + ' '.repeat((widths[i] ?? 0) - widthOf(cell)))
      .join('  ')
      .trimEnd()
  const head = line(headings, (heading) => style('dim', heading, process.stdout))
  const body = cells.map((row, i) => {
    const text = line(row, (cell) => cell)
    return isMarked(i) ? style('yellow', text, process.stdout) : text
  })
  return [head, ...body].join('\n')
}

/** Characters that take two columns: East Asian ones (UAX #11, roughly) and emoji. */
const wide =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/gu

/** The columns that a text takes on a terminal. */
function widthOf(text: string): number {
  if (plain.test(text)) return text.length
  const visible = text.replaceAll(/\p{M}/gu, '')
  return [...visible].length + (visible.match(wide)?.length ?? 0)
}

/** The text, or as much of it as fits with an ellipsis. */
export function clipped(text: string, widthMax: number): string {
  if (widthOf(text) <= widthMax) return text
  let [kept, width] = ['', 0]
  for (const character of text) {
    width += widthOf(character)
    if (width >= widthMax) break
    kept += character
  }
  return `${kept}…`
}

/** `name  value` lines, for one thing with many properties; those without a value are left out. */
export function properties(entries: readonly (readonly [string, string | undefined])[]): string {
  const said = entries.filter((entry): entry is [string, string] => entry[1] !== undefined)
  const width = Math.max(...said.map(([name]) => name.length))
  return said
    .map(
      ([name, value]) => `${style('dim', name.padEnd(width), process.stdout)}  ${printable(value)}`,
    )
    .join('\n')
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString('en')} ${count === 1 ? one : many}`
}
