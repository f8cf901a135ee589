import type { Cell, Column } from '../report.ts'
import { isoTime } from './time.ts'
import { codePoint } from './visible.ts'

/**
 * Where a spreadsheet would see a formula begin: before `=`, `+`, `-`, `@` or a full-width form of them, at the start
 * of the cell or after blanks and invisible characters there, which an import may trim; likewise after `;`, a tab or a
 * line break, where one that is set to another separator than the comma starts a cell of its own. And before a tab or
 * a line break that opens the cell (OWASP, CSV injection).
 */
const formulaStart =
  /^(?=[\t\r\n])|(?=[=+\-@\uff1d\uff0b\uff0d\uff20])(?<=(?:^|[;\t\r\n])[\s\p{Cf}]*)/gu

const number = /^(\d[\d\s.,]*)(e[+-]?\d+)?%?$/iu

/** Digits that a spreadsheet keeps of a number. */
const digitsKept = 15

/** Whether a spreadsheet would change the digits of a text: it drops leading zeros and all digits past the fifteenth. */
function losesDigits(text: string): boolean {
  const [found, digits = '', exponent] = number.exec(text.trim()) ?? []
  if (found === undefined) return false
  return (
    exponent !== undefined ||
    /^0\d/.test(digits) ||
    digits.replaceAll(/\D/g, '').length > digitsKept
  )
}

/** Hex digits and dashes, twenty or more with two letters among them: a UUID, a key's id, a hash. */
const hexId = /^(?=(?:[\d-]*[a-f]){2})[\da-f-]{20,}$/

/** Words that some reader of CSV takes for a truth value or a number. */
const takenWord = /^(?:true|false|nan|inf|infinity)$/i

/** Whether no spreadsheet, in whichever language, takes a text for a number, a date or a truth value. */
function isPlainId(text: string): boolean {
  return (
    hexId.test(text) || !(/\p{N}/u.test(text) || takenWord.test(text) || text.startsWith('id:'))
  )
}

/** Controls that break parsers, and characters that turn the direction of writing; not tab, LF and CR. */
const unwritable =
  /(?![\t\r\n])\p{Cc}|\p{Cs}|[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/gu

/** What CSV holds of a cell: a number where the column is one of numbers, else a text that stays one. */
export function csvCell({ type }: Column, cell: Cell | undefined): string | number {
  if (cell === null || cell === undefined) return ''
  if (typeof cell === 'number') return type === 'time' ? isoTime(cell) : numberCell(cell)
  const text = typeof cell === 'string' ? cell : cell.join('; ')
  return type === 'id' || type === 'hash' ? idText(text) : plainText(text)
}

/** An integer is a number, a negative one too; what is none (no column may hold it) is text. */
function numberCell(value: number): string | number {
  return Number.isFinite(value) ? value : plainText(String(value))
}

/** `id:` keeps digits and what looks like a date as they are; whoever reads the column takes one `id:` off. */
function idText(text: string): string {
  return plainText(isPlainId(text) ? text : `id:${text}`)
}

function plainText(text: string): string {
  const written = text.replaceAll(unwritable, codePoint)
  return losesDigits(written) ? `'${written}` : written.replaceAll(formulaStart, "'")
}
