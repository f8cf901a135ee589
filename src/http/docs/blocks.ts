/**
 * A part of the reference, whichever way it is written down. Its texts are Markdown with `code`, **bold** and
 * [links](#anchors) in it, and nothing else.
 */
export type Block =
  | { readonly kind: 'heading'; readonly level: 2 | 3; readonly id: string; readonly text: string }
  | {
      readonly kind: 'operation'
      readonly id: string
      readonly method: string
      readonly path: string
      readonly summary: string
    }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'list'; readonly items: readonly string[] }
  | {
      readonly kind: 'table'
      /** What it is of; none where what stands before says it. */
      readonly caption?: string
      readonly columns: readonly string[]
      readonly rows: readonly TableRow[]
    }
  | {
      readonly kind: 'example'
      readonly caption: string
      readonly language: string
      readonly text: string
    }

export interface TableRow {
  /** Where links to the row lead. */
  readonly id?: string
  readonly cells: readonly string[]
}

/** The page: what stands at its head, and what follows. */
export interface ReferencePage {
  readonly title: string
  readonly version: string
  readonly question: string
  readonly blocks: readonly Block[]
}

/** A text that stands in a document as it is: text, bold, a piece of code, or a link. */
export type Inline =
  | { readonly kind: 'text' | 'code' | 'bold'; readonly text: string }
  | { readonly kind: 'link'; readonly text: string; readonly to: string }

const inline = /`([^`]+)`|\*\*([^*]+)\*\*|\[([^\]]+)\]\(([^)\s]+)\)/g

/** The parts of a text. */
export function inlinesIn(markdown: string): readonly Inline[] {
  const parts: Inline[] = []
  let at = 0
  for (const found of markdown.matchAll(inline)) {
    const [whole, code, bold, words, to] = found
    if (found.index > at) parts.push({ kind: 'text', text: markdown.slice(at, found.index) })
    if (code !== undefined) parts.push({ kind: 'code', text: code })
    else if (bold !== undefined) parts.push({ kind: 'bold', text: bold })
    else parts.push({ kind: 'link', text: words ?? '', to: to ?? '' })
    at = found.index + whole.length
  }
  if (at < markdown.length) parts.push({ kind: 'text', text: markdown.slice(at) })
  return parts
}

/** Paragraphs and lists of a longer text. */
export function blocksIn(markdown: string): readonly Block[] {
  const paragraphs = markdown.split(/\n{2,}/).filter((text) => text.trim() !== '')
  return paragraphs.map((paragraph): Block => {
    const lines = paragraph.trim().split('\n')
    if (lines.every((line) => line.startsWith('- '))) {
      return { kind: 'list', items: lines.map((line) => line.slice(2)) }
    }
    return { kind: 'text', text: lines.join(' ') }
  })
}
