import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { grow, inFolder, timed, vaultWith } from './material.js'

const secrets = 10_000

/** Formats of each report; the first of them also pays for loading what it is written with. */
const made = [
  ['audit-trail', ['csv']],
  ['audit-trail', ['html', 'pdf']],
  ['rotation', ['csv', 'html', 'pdf']],
  ['denials', ['json']],
]

/** Reports over a log of so many events: how long each takes, and how long it keeps others waiting. */
export async function reporting(events) {
  return inFolder(async (folder) => {
    const vault = await vaultWith(join(folder, 'vault'), secrets)
    await grow(vault, { events: events - 1, secrets })
    const found = []
    for (const [i, [report, formats]] of made.entries()) {
      const to = join(folder, `${i}`)
      await mkdir(to)
      const delay = monitorEventLoopDelay({ resolution: 1 })
      delay.enable()
      const { ms, result } = await timed(() => vault.reports.write(report, { formats, to }))
      delay.disable()
      found.push({
        report,
        formats,
        ms,
        rows: result.manifest.rowCount,
        loopDelayP99Ms: delay.percentile(99) / 1e6,
        loopDelayMaxMs: delay.max / 1e6,
      })
    }
    await vault.close()
    return found
  })
}
