import { once } from 'node:events'
import {
  createApp,
  embedded,
  type Listening,
  listen,
  type Served,
  ServedFolder,
} from '../../server.ts'
import { type Cli, openOptions } from '../cli.ts'
import { UsageError } from '../failure.ts'
import { givenCredential } from '../passphrase.ts'
import { type ListenAddress, listenAddress } from './address.ts'
import { watchCertificate } from './certificate.ts'
import { openDevVault } from './dev.ts'

/** As commander parsed them. */
export interface ServeFlags {
  readonly listen: string
  readonly insecure?: boolean
  readonly tlsCert?: string
  readonly tlsKey?: string
  readonly mount: string
  readonly dev?: boolean
  readonly devRootTokenId?: string
}

/** What is served, and how that ends. */
interface Opened {
  readonly served: Served
  /** What whoever started it is told, beside the address. */
  told(address: string): { readonly about: object; readonly lines: readonly string[] }
  close(): Promise<void>
}

/** Serves until the command is ended from outside; then answers what is under way, and closes the vault. */
export async function serve(cli: Cli, flags: ServeFlags): Promise<void> {
  const address = listenAddress(flags.listen)
  const opened = flags.dev ? await openDev(flags) : await openFolder(cli, flags)
  try {
    const listening = await start(cli, { opened, address, flags })
    const { about, lines } = opened.told(listening.address)
    await cli.out.result({ address: listening.address, mount: flags.mount, ...about }, () =>
      lines.join('\n'),
    )
    if (!cli.signal.aborted) await once(cli.signal, 'abort')
    await listening.close()
  } finally {
    await opened.close()
  }
}

async function openFolder(cli: Cli, { mount }: ServeFlags): Promise<Opened> {
  const { globals, out } = cli
  const { path, actor, waitForLock, acceptClock, timeout } = openOptions(globals)
  const unlock = await givenCredential(globals, out)
  const served = await ServedFolder.open({
    path,
    actor,
    waitForLock,
    acceptClock,
    timeout,
    ...(unlock && { unlock }),
    // Operators and auditors are not locked out for as long as it is served.
    onOpen: async (vault) => {
      await vault.serveControl({ mount })
    },
  })
  return {
    served,
    told: (address) => ({
      about: { vault: path, state: served.state },
      lines: [`${path} is served at ${address}`, ...nextSteps[served.state]],
    }),
    close: () => served.close(),
  }
}

const nextSteps = {
  open: [],
  sealed: ['it is sealed: no passphrase was given, so shares are to open it, through sys/unseal'],
  uninitialised: ['there is no vault yet: sys/init makes it, or muniment init'],
} as const satisfies Record<Served['state'], readonly string[]>

async function openDev({ devRootTokenId, mount }: ServeFlags): Promise<Opened> {
  const { vault, path, rootToken, close } = await openDevVault(devRootTokenId)
  await vault.serveControl({ mount })
  return {
    served: embedded(vault),
    told: (address) => ({
      about: { vault: path, state: 'open', rootToken },
      lines: [
        `a throw-away vault is served at ${address}; it is gone when this ends`,
        '',
        `  export VAULT_ADDR=${address}`,
        `  export VAULT_TOKEN=${rootToken}`,
      ],
    }),
    close,
  }
}

interface Start {
  readonly opened: Opened
  readonly address: ListenAddress
  readonly flags: ServeFlags
}

/** Listens, with the certificate of now and each that is put in its place. */
async function start(cli: Cli, { opened, address, flags }: Start): Promise<Listening> {
  const app = createApp(opened.served, {
    mount: flags.mount,
    onUnforeseen: (error) => cli.out.warn(`unexpected: ${wordsOf(error)}`),
  })
  const files = certificateFiles(flags)
  if (files === undefined) {
    return listen(app, { ...address, ...(flags.insecure && { insecure: true }) })
  }
  const certificate = await watchCertificate(files, {
    changed: (pair) => {
      listening.renewTls(pair)
      cli.out.note('another certificate is shown from here on')
    },
    refused: (why) => cli.out.warn(`${why}; the certificate of before is shown on`),
  })
  const listening = await listen(app, { ...address, tls: certificate.pair }).catch((error) => {
    certificate.close()
    throw error
  })
  return {
    ...listening,
    close: (options) => {
      certificate.close()
      return listening.close(options)
    },
  }
}

function certificateFiles({ tlsCert: cert, tlsKey: key }: ServeFlags) {
  if (cert === undefined && key === undefined) return undefined
  if (cert !== undefined && key !== undefined) return { cert, key }
  throw new UsageError('--tls-cert and --tls-key belong together')
}

/** Where it happened, and not what was sent: a message may quote it. */
function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return 'what was thrown is no error'
  const [, where = ''] = /\n\s+at (.+)/.exec(error.stack ?? '') ?? []
  return `${error.name} at ${where}`
}
