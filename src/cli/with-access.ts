import { readFile } from 'node:fs/promises'
import { type Cli, withVault } from './cli.ts'
import { UsageError } from './failure.ts'
import type { AccessAt } from './wire/access-at.ts'
import { wirePolicies } from './wire/policies.ts'
import { wireTokens } from './wire/tokens.ts'
import { wireTo } from './wire/wire.ts'

/** Works on the vault, or on the server where one was named. */
export async function withAccess<T>(cli: Cli, work: (at: AccessAt) => Promise<T>): Promise<T> {
  const { server } = cli.globals
  if (server === undefined) return withVault(cli, work)
  const wire = wireTo({ server, token: await tokenOf(cli), signal: cli.signal })
  return work({ policies: wirePolicies(wire), tokens: wireTokens(wire) })
}

/** Longer than any token. */
const tokenCharsMax = 4096

/** Never from the command line, which every process of the machine can read. */
async function tokenOf({ globals: { tokenFile } }: Cli): Promise<string> {
  const token = tokenFile === undefined ? process.env.MUNIMENT_TOKEN : await readToken(tokenFile)
  const text = token?.trim() ?? ''
  if (/^[\x21-\x7e]+$/.test(text) && text.length <= tokenCharsMax) return text
  const found = text === '' ? 'no token was given' : 'what was given is no token'
  throw new UsageError(found, '--token-file FILE, or MUNIMENT_TOKEN')
}

async function readToken(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((cause) => {
    throw new UsageError(`--token-file ${path} cannot be read: ${cause.code}`)
  })
}
