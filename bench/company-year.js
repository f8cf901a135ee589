import { parseArgs } from 'node:util'
import './typescript.js'

/*
 * node bench/company-year.js --events 1000000 [--seed 1] [--folder <empty folder>]
 *
 * Tells a company's year, and leaves its vault in the folder, for whatever is to be measured or looked at there.
 */
const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '20000' },
    seed: { type: 'string', default: '1' },
    folder: { type: 'string' },
  },
})

const { companyYear } = await import('../test/fixtures/company-year/company-year.ts')
const started = performance.now()
const { vault } = await companyYear({
  seed: Number(values.seed),
  events: Number(values.events),
  ...(values.folder !== undefined && { folder: values.folder }),
})
const { size } = await vault.health()
await vault.close()
console.log(`${size} events in ${((performance.now() - started) / 1000).toFixed(1)} s`)
