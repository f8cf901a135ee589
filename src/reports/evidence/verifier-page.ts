import { readFile } from 'node:fs/promises'
import { htmlPage } from './html-shell.ts'

/** The page's own modules: each stands behind those that it imports from. */
export const moduleNames = [
  'bytes',
  'sha256',
  'tree',
  'notes',
  'proof-files',
  'statements',
  'sums',
  'zip',
  'files',
  'ledger',
  'listed',
  'signed',
  'proved',
  'checks',
  'view',
  'dropped',
  'page',
] as const

const imported = /^import \{[^}]*\} from '\.\/[a-z0-9-]+\.js'\n/gm
const exported = /^export (?=(?:async )?function |class |const )/gm
const left = /^(?:import|export)\b|<\/script|<!--/m

/**
 * `verifier.html`: one file that checks evidence on any machine with a browser, without a network. Its script is the
 * source of the modules in `verifier/`, one behind the other with what ties them together taken off, so that whoever
 * opens the file reads what was written.
 */
export async function verifierPage(): Promise<string> {
  const [body, own] = await Promise.all([asset('page.html'), asset('page.css')])
  const modules = await Promise.all(moduleNames.map((name) => asset(`${name}.js`)))
  return htmlPage({
    title: 'Check Muniment evidence',
    style: own,
    body,
    script: scriptOf(modules),
  })
}

/** One module of several: their names are distinct, which a test holds. */
function scriptOf(modules: readonly string[]): string {
  const script = `\n${modules
    .map((source) => source.replaceAll(imported, '').replaceAll(exported, '').trim())
    .join('\n\n')}\n`
  if (left.test(script))
    throw new RangeError('the modules of the page are not of the form expected')
  return script
}

/** Beside this module, in the source and in what is published. */
function asset(name: string): Promise<string> {
  return readFile(new URL(`./verifier/${name}`, import.meta.url), 'utf8')
}
