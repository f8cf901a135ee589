import type { Cell, Column } from '../report.ts'
import { durationWords, isoTime } from './time.ts'
import { visible } from './visible.ts'

/** A cell as a page shows it; empty where there is nothing. A list has its texts one by one. */
export function cellWords({ type }: Column, cell: Cell | undefined): string | readonly string[] {
  if (cell === null || cell === undefined) return ''
  if (typeof cell === 'string') return visible(cell)
  if (typeof cell !== 'number') return cell.map(visible)
  if (type === 'time') return isoTime(cell)
  return type === 'duration' ? durationWords(cell) : String(cell)
}

/** How much a word of a column of type `status` asks for. The word itself is always there to be read. */
export type Tone = 'bad' | 'warn' | 'good' | 'plain'

const words: readonly (readonly [Tone, readonly string[]])[] = [
  ['bad', ['overdue', 'never', 'denied', 'failed', 'refused', 'expired', 'missing', 'compromised']],
  ['warn', ['due', 'pending', 'unused', 'claimed', 'unproved']],
  ['good', ['ok', 'proved']],
]
const tones: ReadonlyMap<string, Tone> = new Map(
  words.flatMap(([tone, those]) => those.map((word) => [word, tone] as const)),
)

export function toneOf(word: string): Tone {
  return tones.get(word) ?? 'plain'
}

/** Columns whose figures stand one under the other at the right. */
export function isRightAligned({ type }: Column): boolean {
  return type === 'number' || type === 'position' || type === 'duration'
}
