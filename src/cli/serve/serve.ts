import { once } from 'node:events'
import { collectDefaultMetrics, Registry } from 'prom-client'
import type { Cli } from '../cli.ts'
import { ownProjections } from '../own-projections.ts'
import { listenAddress } from './address.ts'
import { type ServingFlags, serveMetrics, startServing } from './listening.ts'
import { type Opened, type Opening, openDev, openFolder } from './opened.ts'
import { type LogFormat, type ServeLog, serveLog } from './serve-log.ts'
import { type Supervisor, systemdSupervisor } from './systemd.ts'

/** As commander parsed them. */
export interface ServeFlags extends ServingFlags {
  readonly listen: string
  readonly metricsListen?: string
  readonly log?: LogFormat
  readonly projections?: string
  readonly dev?: boolean
  readonly devRootTokenId?: string
}

/** Serves until the command is ended from outside; then answers what is under way, and closes the vault. */
export async function serve(cli: Cli, flags: ServeFlags): Promise<void> {
  const log = serveLog(flags.log, cli.out)
  const supervisor = systemdSupervisor(process.env, (why) => log.warn({}, why))
  try {
    await serveUntilEnded(cli, flags, { log, supervisor })
  } finally {
    await supervisor.close()
    log.close()
  }
}

interface Told {
  readonly log: ServeLog
  readonly supervisor: Supervisor
}

async function serveUntilEnded(cli: Cli, flags: ServeFlags, told: Told): Promise<void> {
  const address = listenAddress(flags.listen)
  const { metricsListen } = flags
  const metricsAddress =
    metricsListen === undefined ? undefined : listenAddress(metricsListen, '--metrics-listen')
  const opened = await open(cli, flags, told)
  const closing: (() => Promise<void>)[] = []
  try {
    const registry = processMetrics()
    const { log, supervisor } = told
    const { served } = opened
    const note = (text: string) => cli.out.note(text)
    const listening = await startServing({ served, address, flags, registry, log, note })
    closing.push(() => listening.close())
    const metrics = metricsAddress && (await serveMetrics(registry, metricsAddress))
    // The last scrape is of a server that has answered all.
    if (metrics) closing.push(() => metrics.close())
    await tell(cli, opened, {
      address: listening.address,
      metrics: metrics?.address,
      flags,
    })
    supervisor.ready(`serving at ${listening.address}; the vault is ${served.state}`)
    if (!cli.signal.aborted) await once(cli.signal, 'abort')
    supervisor.stopping()
  } finally {
    for (const close of closing) await close()
    await opened.close()
  }
}

/** Gauges that bear the names of counters, and go through all that is open each time. */
const misnamed = ['handles', 'requests', 'resources'].map((what) => `nodejs_active_${what}_total`)

/** Of the process: memory, processor, event loop. */
function processMetrics(): Registry {
  const register = new Registry()
  collectDefaultMetrics({ register })
  for (const name of misnamed) register.removeSingleMetric(name)
  return register
}

async function open(cli: Cli, flags: ServeFlags, told: Told): Promise<Opened> {
  const { mount, projections: file, dev, devRootTokenId } = flags
  const projections = file === undefined ? [] : await ownProjections('--projections', file)
  const opening: Opening = { mount, projections, ...told }
  return dev ? openDev(devRootTokenId, opening) : openFolder(cli, opening)
}

interface Where {
  readonly address: string
  readonly metrics: string | undefined
  readonly flags: ServeFlags
}

function tell(cli: Cli, opened: Opened, { address, metrics, flags }: Where): Promise<void> {
  const { about, lines } = opened.told(address)
  const result = {
    address,
    ...(metrics !== undefined && { metrics }),
    mount: flags.mount,
    ...about,
  }
  const beside = metrics === undefined ? [] : [`its metrics are served at ${metrics}/metrics`]
  return cli.out.result(result, () => [...lines, ...beside].join('\n'))
}
