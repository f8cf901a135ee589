import { mkdtemp, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'
import '../../bench/typescript.js'

/*
 * npm run samples
 *
 * Tells the year of a made-up company, and makes of its vault what docs/samples shows. Needs Debian's `chromium`.
 */
const { companyYear } = await import('../../test/fixtures/company-year/company-year.ts')
const here = fileURLToPath(new URL('../../docs/samples/', import.meta.url))
const scratch = await mkdtemp(join(tmpdir(), 'muniment-samples-'))

try {
  const { vault, story } = await companyYear({ seed: 1, events: 20_000 })
  const from = { time: '2025-10-01' }
  await vault.reports.write('rotation', {
    formats: ['html'],
    to: scratch,
    from: { time: '2025-01-01' },
    subject: 'prod/pay/**',
  })
  await vault.reports.write('denials', { formats: ['pdf'], to: scratch, from })
  await vault.close()
  for (const name of ['rotation.html', 'rotation.manifest', 'denials.pdf', 'denials.manifest']) {
    await rename(join(scratch, name), join(here, name))
  }
  await picture(join(here, 'rotation.html'), join(here, 'rotation.png'))
  console.log(`made of a year with ${story.cast.people.length} people in it`)
} finally {
  await rm(scratch, { recursive: true })
}

/** The top of the page, as a screen shows it. */
async function picture(page, path) {
  const browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox'],
  })
  try {
    const tab = await browser.newPage({ viewport: { width: 1280, height: 1400 } })
    await tab.goto(`file://${page}`)
    await tab.screenshot({ path, clip: { x: 0, y: 0, width: 1280, height: 1400 } })
  } finally {
    await browser.close()
  }
}
