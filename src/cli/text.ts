import { styleText } from 'node:util'
import Table from 'cli-table3'

/**
 * Text that came from outside, fit for a terminal: whatever would move the cursor, change colours or turn the
 * direction of writing around is shown as its code point instead.
 */
export function printable(text: string): string {
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

const noBorders = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '  ',
}

/** Aligned columns under their headings; cells are made fit for a terminal here. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const drawn = new Table({
    chars: noBorders,
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [], compact: true },
  })
  drawn.push(
    headings.map((heading) => style('dim', heading, process.stdout)),
    ...rows.map((row) => row.map(printable)),
  )
  return drawn
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')
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
