// What tsc does not bring to dist: the parts of the page that checks evidence, and that page itself for a release.
import { cp, writeFile } from 'node:fs/promises'

const parts = 'reports/evidence/verifier'

await cp(`src/${parts}`, `dist/${parts}`, {
  recursive: true,
  filter: (path) => !path.endsWith('tsconfig.json'),
})
const { verifierPage } = await import('./dist/reports/evidence/verifier-page.js')
await writeFile('dist/verifier.html', await verifierPage())
