import { VaultError } from '../../index.ts'

/** A refusal of a policy's text: `INVALID`, and its message begins with the place. `at` counts UTF-16 code units from 0. */
export function refusal(text: string, at: number, why: string): VaultError {
  const before = text.slice(0, at)
  const column = at - before.lastIndexOf('\n')
  return new VaultError('INVALID', `line ${lineOf(text, at)}, column ${column}: ${why}`)
}

/** The line that a place is on, from 1. */
export function lineOf(text: string, at: number): number {
  return text.slice(0, at).split('\n').length
}

/** What stands at a place, for messages: a word or a character, and never more of the text. */
export function foundAt(text: string, at: number): string {
  if (at >= text.length) return 'the end of the text'
  const word = /^[\w-]+/.exec(text.slice(at, at + quotedMax + 1))?.[0]
  return quote(word ?? String.fromCodePoint(text.codePointAt(at) as number))
}

const quotedMax = 64

/** Shows a word or a path in ASCII, so that nothing in it can upset a terminal; cut where it is long. */
export function quote(text: string): string {
  const cut = text.length > quotedMax ? `${text.slice(0, quotedMax)}…` : text
  return JSON.stringify(cut).replace(/[^ -~…]/g, (unit) => {
    return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
}
