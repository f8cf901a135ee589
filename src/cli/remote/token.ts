import { readFile } from 'node:fs/promises'
import { UsageError } from '../failure.ts'
import type { Globals } from '../globals.ts'

/** Longer than any token. */
const tokenCharsMax = 4096

/** What a server is shown. Never from the command line, which every process of the machine can read. */
export async function tokenOf({ tokenFile }: Pick<Globals, 'tokenFile'>): Promise<string> {
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
