import { connect, type RemoteVault } from '../../client.ts'
import { VaultError } from '../../index.ts'
import { UsageError } from '../failure.ts'
import type { Globals } from '../globals.ts'
import { type ServerVault, serverVault } from './server-vault.ts'
import { tokenOf } from './token.ts'

/** A call waits for the disk of the server, and for the hundreds of calls before it in an import. */
const answerMsMax = 60_000

/** Works on the vault of the server that was named. */
export async function withServer<T>(
  globals: Globals,
  work: (vault: ServerVault) => Promise<T>,
): Promise<T> {
  refuseClaims(globals)
  const token = await tokenOf(globals)
  return work(serverVault(reached(globals, token)))
}

/** What a server knows by itself, or its host alone may say. */
function refuseClaims({ given }: Globals): void {
  if (given.has('actor')) {
    throw new UsageError(
      '--actor: a server knows by the token who asks',
      'leave it out, or show another token: --token-file FILE',
    )
  }
  if (given.has('acceptClock')) {
    throw new UsageError(
      '--accept-clock: that the clock is right, only whoever runs the server can say',
      'there: muniment status --accept-clock --vault DIR',
    )
  }
}

function reached({ server = '' }: Globals, token: string): RemoteVault {
  try {
    return connect({ server, token, timeout: answerMsMax })
  } catch (error) {
    if (!(error instanceof VaultError)) throw error
    throw new UsageError('--server: expected an address such as https://vault.internal:8200')
  }
}
