import { readFile } from 'node:fs/promises'
import { register } from 'node:module'
import ts from 'typescript'

/*
 * Imported first, it lets `import()` load TypeScript as it stands, types taken away: what a bench needs of the tests'
 * fixtures, which are not in dist.
 */
if (!import.meta.url.includes('?hooks')) register(`${import.meta.url}?hooks`)

const target = ts.ScriptTarget.ES2022
const module = ts.ModuleKind.ESNext

/** @public Called by Node, which looks it up by its name. */
export async function load(url, context, next) {
  if (!url.endsWith('.ts')) return next(url, context)
  const source = await readFile(new URL(url), 'utf8')
  const { outputText } = ts.transpileModule(source, {
    compilerOptions: { target, module, verbatimModuleSyntax: true },
  })
  return { format: 'module', shortCircuit: true, source: outputText }
}
