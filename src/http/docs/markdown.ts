import type { Block, ReferencePage, TableRow } from './blocks.ts'

/** The reference as Markdown. */
export function markdownOf({ title, version, question, blocks }: ReferencePage): string {
  const head = `# ${title}\n\n*${question}.* Version ${version}. Made of the operations themselves by \`npm run reference\`.`
  return `${[head, ...blocks.map(markdownBlock)].join('\n\n')}\n`
}

function markdownBlock(block: Block): string {
  switch (block.kind) {
    case 'heading':
      return `<a id="${block.id}"></a>\n\n${'#'.repeat(block.level)} ${block.text}`
    case 'operation':
      return `<a id="${block.id}"></a>\n\n### ${block.summary}\n\n\`${block.method} ${block.path}\` (\`${block.id}\`)`
    case 'text':
      return block.text
    case 'list':
      return block.items.map((item) => `- ${item}`).join('\n')
    case 'table':
      return tableOf(block)
    case 'example':
      return `\`\`\`${block.language}\n${block.text}\n\`\`\``
  }
}

function tableOf({ caption, columns, rows }: Extract<Block, { kind: 'table' }>): string {
  const lines = [
    `| ${columns.join(' | ')} |`,
    `|${columns.map(() => ' --- |').join('')}`,
    ...rows.map(rowOf),
  ]
  return [...(caption === undefined ? [] : [`${caption}:\n`]), ...lines].join('\n')
}

function rowOf({ id, cells }: TableRow): string {
  const [first = '', ...others] = cells.map((cell) => cell.replaceAll('|', '\\|'))
  const anchored = id === undefined ? first : `<a id="${id}"></a>${first}`
  return `| ${[anchored, ...others].join(' | ')} |`
}
