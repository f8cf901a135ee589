import { type Projection, type Vault, VaultError } from '../../index.ts'
import {
  embedded,
  type ReopeningStep,
  type Served,
  ServedFolder,
  type ServerLog,
} from '../../server.ts'
import { type Cli, openOptions } from '../cli.ts'
import { givenCredential } from '../passphrase.ts'
import { openDevVault } from './dev.ts'
import type { Supervisor } from './systemd.ts'

/** What is served, and how that ends. */
export interface Opened {
  readonly served: Served
  /** What whoever started it is told, beside the address. */
  told(address: string): { readonly about: object; readonly lines: readonly string[] }
  close(): Promise<void>
}

/** What a vault is opened for. */
export interface Opening {
  readonly mount: string
  /** Followed from its opening on. */
  readonly projections: readonly Projection<unknown>[]
  readonly log: ServerLog
  readonly supervisor: Supervisor
}

/** The vault of a folder, sealed where nothing opens it. */
export async function openFolder({ globals, out }: Cli, opening: Opening): Promise<Opened> {
  const { path, actor, waitForLock, acceptClock, timeout } = openOptions(globals)
  const unlock = await givenCredential(globals, out)
  const served = await ServedFolder.open({
    path,
    actor,
    waitForLock,
    acceptClock,
    timeout,
    ...(unlock && { unlock }),
    onOpen: (vault) => begin(vault, opening),
    onReopening: (step) => tellReopening(step, opening),
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

/** A vault to try things on. */
export async function openDev(token: string | undefined, opening: Opening): Promise<Opened> {
  const { vault, path, rootToken, close } = await openDevVault(token)
  try {
    await begin(vault, opening)
  } catch (error) {
    await close()
    throw error
  }
  return {
    served: embedded(vault),
    told: (address) => ({
      about: { vault: path, state: 'open', rootToken },
      lines: [
        `a throw-away vault is served at ${address}; it is gone when this ends`,
        '',
        `  export VAULT_ADDR=${address}`,
        `  export VAULT_TOKEN=${rootToken}`,
        '',
        `what can be asked of it: ${address}/docs`,
      ],
    }),
    close,
  }
}

/** Before anybody is served. */
async function begin(vault: Vault, { mount, projections, log }: Opening): Promise<void> {
  for (const projection of projections) await vault.project(projection)
  try {
    // Operators and auditors are not locked out for as long as it is served.
    await vault.serveControl({ mount })
  } catch (error) {
    if (!hasNoPlace(error)) throw error
    const { code, message } = error
    log.warn({ code }, `commands cannot reach the vault while it is served: ${message}`)
  }
}

/** A path that is too long for a socket, or a store that is no folder: what is served is no worse for it. */
function hasNoPlace(error: unknown): error is VaultError {
  if (!(error instanceof VaultError)) return false
  return error.code === 'UNSUPPORTED' || (error.code === 'INVALID' && error.path !== undefined)
}

function tellReopening(step: ReopeningStep, { log, supervisor }: Opening): void {
  const { attempt } = step
  if (step.step === 'opened') {
    log.warn({ attempt }, 'the vault is open again, after a write that failed')
    supervisor.status('the vault is open again')
  } else if (step.step === 'failed') {
    const { code, againIn: againInMs } = step
    log.warn({ attempt, code, againInMs }, 'the vault could not be opened again; it is tried again')
    supervisor.status(`the vault failed (${code}), and is being opened again`)
  } else {
    const { code } = step
    const advice = 'see to its disk and its folder, and start the server anew'
    log.error({ attempt, code }, `the vault could not be opened again, and is given up: ${advice}`)
    supervisor.status(`the vault failed (${code}): ${advice}`)
  }
}
