import { UsageError } from './failure.ts'

type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json }

/**
 * The JSON of a file that is to be understood in full: a member that comes twice is refused, where `JSON.parse` would
 * take the last in silence.
 */
export function parseStrictJson(content: Uint8Array, file: string): Json {
  const text = textOf(content, file)
  const value = parse(text, file)
  if (membersIn(text) === membersOf(value)) return value
  throw new UsageError(`${file}: an object names one of its members twice`)
}

function textOf(content: Uint8Array, file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(content)
  } catch {
    throw new UsageError(`${file} is not UTF-8`)
  }
}

function parse(text: string, file: string): Json {
  try {
    return JSON.parse(text)
  } catch (error) {
    const why = error instanceof Error ? `: ${error.message}` : ''
    throw new UsageError(`${file} is not JSON${why}`)
  }
}

/** In a text that is JSON, a string before a colon is the name of a member, and every other one is none. */
function membersIn(text: string): number {
  const strings = text.matchAll(/"(?:[^"\\]|\\.)*"(\s*:)?/g)
  let count = 0
  for (const [, colon] of strings) if (colon !== undefined) count++
  return count
}

function membersOf(value: Json): number {
  if (typeof value !== 'object' || value === null) return 0
  const own = Array.isArray(value) ? 0 : Object.keys(value).length
  return Object.values(value).reduce((sum: number, each: Json) => sum + membersOf(each), own)
}
