import { readFile } from 'node:fs/promises'
import { expect, it } from 'vitest'

/** What a module loads at once: imports and exports of more than types. */
const loading = /^(?:import|export) (?!type )(?:[^'"`;]*? from )?'([^']+)'/gm

async function loadedBy(start: URL): Promise<readonly string[]> {
  const seen = new Set([start.href])
  const names: string[] = []
  for (const href of seen) {
    const source = await readFile(new URL(href), 'utf8')
    for (const [, name = ''] of source.matchAll(loading)) {
      if (name.startsWith('.')) seen.add(new URL(name, href).href)
      else names.push(name)
    }
  }
  return [...names, ...[...seen].map((href) => href.replace(/^.*\/src\//, ''))]
}

it('a program that makes no report does not load what makes them', async () => {
  const loaded = await loadedBy(new URL('../../src/index.ts', import.meta.url))
  expect(loaded).toContain('vault/vault.ts')
  expect(loaded).toContain('vault/reporting/reports.ts')
  const heavy =
    /^reports\/(contents|evidence|formats)\/|^vault\/reporting\/(evidence|report-run|verify-report)/
  const found = loaded.filter((name) => heavy.test(name) || /^(yazl|pdfkit|csv-)/.test(name))
  expect(found).toEqual(['reports/formats/format.ts'])
})
