import type { Registry } from 'prom-client'
import { VaultError } from '../../index.ts'
import {
  createApp,
  type Listening,
  listen,
  metricsApp,
  type Served,
  type ServerLog,
} from '../../server.ts'
import { advise, UsageError } from '../failure.ts'
import type { ListenAddress } from './address.ts'
import { watchCertificate } from './certificate.ts'

/** Where, and how. */
export interface ServingFlags {
  readonly insecure?: boolean
  readonly tlsCert?: string
  readonly tlsKey?: string
  readonly mount: string
}

export interface Serving {
  readonly served: Served
  readonly address: ListenAddress
  readonly flags: ServingFlags
  readonly registry: Registry
  readonly log: ServerLog
  /** For people: what is no warning. */
  readonly note: (text: string) => void
}

/** Listens, with the certificate of now and each that is put in its place. */
export async function startServing(serving: Serving): Promise<Listening> {
  const { served, address, flags, registry, log, note } = serving
  const app = createApp(served, { mount: flags.mount, metrics: { registry }, log })
  const files = certificateFiles(flags)
  if (files === undefined) {
    return listen(app, { ...address, ...(flags.insecure && { insecure: true }) }).catch(busy)
  }
  const certificate = await watchCertificate(files, {
    changed: (pair) => {
      listening.renewTls(pair)
      note('another certificate is shown from here on')
    },
    refused: (why) => log.warn({}, `${why}; the certificate of before is shown on`),
  })
  const listening = await listen(app, { ...address, tls: certificate.pair }).catch((error) => {
    certificate.close()
    return busy(error)
  })
  return {
    ...listening,
    close: (options) => {
      certificate.close()
      return listening.close(options)
    },
  }
}

function certificateFiles({ tlsCert: cert, tlsKey: key }: ServingFlags) {
  if (cert === undefined && key === undefined) return undefined
  if (cert !== undefined && key !== undefined) return { cert, key }
  throw new UsageError('--tls-cert and --tls-key belong together')
}

/** Serves the metrics by themselves, for whoever reaches that address: they hold no secret, and name none. */
export function serveMetrics(registry: Registry, address: ListenAddress): Promise<Listening> {
  const listening = listen(metricsApp(registry), { ...address, insecure: true })
  return listening.catch((error) => busy(error, '--metrics-listen'))
}

/** It is the address that is in use, and not the vault. */
function busy(error: unknown, option = '--listen'): never {
  const isBusy = error instanceof VaultError && error.code === 'IN_USE'
  throw isBusy ? advise(error, `listen elsewhere: ${option} HOST:PORT`) : error
}
