import { type Block, type Inline, inlinesIn, type ReferencePage, type TableRow } from './blocks.ts'
import { style } from './html-style.ts'

/** The reference as one page: no script, nothing from elsewhere. */
export function htmlOf({ title, version, question, blocks }: ReferencePage): string {
  return (
    '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">' +
    '<meta name="viewport" content="width=device-width, initial-scale=1">' +
    '<meta name="referrer" content="no-referrer">' +
    `<title>${escaped(title)}</title><style>${style}</style></head>\n<body>` +
    `<nav aria-label="Contents"><details><summary>Contents</summary>\n${contents(blocks)}</details></nav>\n` +
    `<main><header><p class="kicker">Muniment ${escaped(version)}</p><h1>${escaped(title)}</h1>` +
    `<p class="question">${escaped(question)}</p></header>\n` +
    `${blocks.map(htmlBlock).join('\n')}\n</main></body></html>\n`
  )
}

/** Text as HTML: as content, and within a double-quoted attribute. */
function escaped(text: string): string {
  return text.replaceAll(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`)
}

function words(markdown: string): string {
  return inlinesIn(markdown).map(inlineOf).join('')
}

function inlineOf(part: Inline): string {
  switch (part.kind) {
    case 'text':
      return escaped(part.text)
    case 'code':
      return codeOf(part.text)
    case 'bold':
      return `<b>${escaped(part.text)}</b>`
    case 'link':
      return `<a href="${escaped(part.to)}">${words(part.text)}</a>`
  }
}

/** A line may end behind a sign that joins the parts of a name. */
function codeOf(text: string): string {
  return `<code>${escaped(text).replaceAll(/\/(?=\w|\{)/g, '$&<wbr>')}</code>`
}

function contents(blocks: readonly Block[]): string {
  const lines: string[] = []
  for (const block of blocks) {
    if (block.kind === 'heading' && block.level === 2) {
      lines.push(`<p><a href="#${escaped(block.id)}">${escaped(block.text)}</a></p>`)
    } else if (block.kind === 'heading') {
      lines.push(`<a class="to" href="#${escaped(block.id)}">${escaped(block.text)}</a>`)
    } else if (block.kind === 'operation') {
      const { id, method } = block
      const mark = `<span class="verb">${escaped(method)}</span>`
      lines.push(`<a class="to" href="#${escaped(id)}">${mark} ${escaped(id)}</a>`)
    }
  }
  return lines.join('\n')
}

function htmlBlock(block: Block): string {
  switch (block.kind) {
    case 'heading':
      return headingOf(block.level, block.id, words(block.text))
    case 'operation':
      return operationOf(block)
    case 'text':
      return `<p>${words(block.text)}</p>`
    case 'list':
      return `<ul>${block.items.map((item) => `<li>${words(item)}</li>`).join('')}</ul>`
    case 'table':
      return tableOf(block)
    case 'example':
      return (
        `<details class="example"><summary>${escaped(block.caption)}</summary>` +
        `<pre tabindex="0"><code>${escaped(block.text)}</code></pre></details>`
      )
  }
}

function headingOf(level: 2 | 3, id: string, content: string): string {
  return `<h${level} id="${escaped(id)}"><a class="self" href="#${escaped(id)}">${content}</a></h${level}>`
}

function operationOf({ id, method, path, summary }: Extract<Block, { kind: 'operation' }>): string {
  const line = `<p class="line"><span class="verb">${escaped(method)}</span> ${codeOf(path)} <code class="id">${escaped(id)}</code></p>`
  return `${headingOf(3, id, escaped(summary))}\n${line}`
}

function tableOf({ caption, columns, rows }: Extract<Block, { kind: 'table' }>): string {
  const said = caption === undefined ? '' : `<caption>${words(caption)}</caption>`
  const heads = columns.map((column) => `<th scope="col">${escaped(column)}</th>`).join('')
  const body = rows.map((row) => rowOf(row, columns)).join('\n')
  return `<table${columns.length > 3 ? ' class="wide"' : ''}>${said}<thead><tr>${heads}</tr></thead><tbody>\n${body}</tbody></table>`
}

function rowOf({ id, cells }: TableRow, columns: readonly string[]): string {
  const anchor = id === undefined ? '' : ` id="${escaped(id)}"`
  const shown = cells.map((cell, at) => {
    const label = ` data-label="${escaped(columns[at] ?? '')}"`
    const empty = cell === '' ? ' class="z"' : ''
    return `<td${label}${empty}>${words(cell)}</td>`
  })
  return `<tr${anchor}>${shown.join('')}</tr>`
}
