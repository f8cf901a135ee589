import { isUtf8 } from 'node:buffer'
import { constants } from 'node:fs'
import { access, open } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type Credential,
  type PassphraseOptions,
  passphrase,
  recoveryKey,
  shares,
  type Unlock,
} from '../index.ts'
import { UsageError } from './failure.ts'
import type { Globals } from './globals.ts'
import type { Output } from './output.ts'
import { askHidden, askNewHidden, canAsk } from './prompt.ts'

/** Where a passphrase comes from. Never from the command line, which every process of the machine can read. */
type Source =
  | { readonly from: 'file'; readonly path: string }
  | { readonly from: 'variable'; readonly name: string }
  | { readonly from: 'terminal' }

const bytesMax = 8192
const credentialName = 'muniment.passphrase'

export interface Presented<C extends Unlock> {
  readonly credential: C
  /** A person typed it, and may have mistyped it. */
  readonly typed: boolean
}

/** What opens the vault: a passphrase or, from the same places, a recovery key, or shares, one a line. */
export async function presentCredential(globals: Globals, out: Output): Promise<Presented<Unlock>> {
  const source = await findSource(globals)
  const secret = await readSource(source, () => askHidden('passphrase'), out)
  return { credential: await unlockOf(secret), typed: source.from === 'terminal' }
}

/** A passphrase for a keyslot to be made; asked for twice on a terminal. */
export async function newPassphrase(
  where: { readonly passphraseFile: string | undefined } | Globals,
  options: PassphraseOptions,
  out: Output,
): Promise<Credential> {
  const source = 'vault' in where ? await findSource(where) : await findNewSource(where)
  const secret = await readSource(source, () => askNewHidden('new passphrase'), out)
  return passphrase(secret, options)
}

/** The same where it was given beforehand: nobody is asked. */
export async function givenCredential(globals: Globals, out: Output): Promise<Unlock | undefined> {
  const source = await findGiven(globals)
  if (source === undefined) return undefined
  return unlockOf(await readSource(source, () => askHidden('passphrase'), out))
}

async function findSource(globals: Globals): Promise<Source> {
  const given = await findGiven(globals)
  return given ?? terminal('--passphrase-file FILE, or MUNIMENT_PASSPHRASE_FILE')
}

async function findGiven({ passphraseFile }: Globals): Promise<Source | undefined> {
  const { MUNIMENT_PASSPHRASE_FILE, MUNIMENT_PASSPHRASE, CREDENTIALS_DIRECTORY } = process.env
  const path = passphraseFile ?? MUNIMENT_PASSPHRASE_FILE
  if (path) return { from: 'file', path }
  if (MUNIMENT_PASSPHRASE) return { from: 'variable', name: 'MUNIMENT_PASSPHRASE' }
  if (CREDENTIALS_DIRECTORY) {
    const credential = join(CREDENTIALS_DIRECTORY, credentialName)
    if (await isReadable(credential)) return { from: 'file', path: credential }
  }
  return undefined
}

async function findNewSource({ passphraseFile }: { passphraseFile: string | undefined }) {
  const path = passphraseFile ?? process.env.MUNIMENT_NEW_PASSPHRASE_FILE
  const source: Source = path
    ? { from: 'file', path }
    : terminal('--new-passphrase-file FILE, or MUNIMENT_NEW_PASSPHRASE_FILE')
  return source
}

function terminal(instead: string): Source {
  if (canAsk()) return { from: 'terminal' }
  throw new UsageError('no passphrase was given, and there is no terminal to ask on', instead)
}

async function readSource(
  source: Source,
  ask: () => Promise<string>,
  out: Output,
): Promise<string | Uint8Array> {
  if (source.from === 'terminal') return ask()
  if (source.from === 'variable') return process.env[source.name] ?? ''
  return readLine(source.path, out)
}

/** A file's content without one newline at its end; text where it is UTF-8. */
async function readLine(path: string, out: Output): Promise<string | Uint8Array> {
  const file = await open(path, 'r').catch((cause) => {
    throw new UsageError(`the passphrase file ${path} cannot be read: ${cause.code}`)
  })
  try {
    const { mode } = await file.stat()
    const isFile = (mode & constants.S_IFMT) === constants.S_IFREG
    if (isFile && (mode & 0o077) !== 0) {
      out.warn(`others may read the passphrase file ${path}: chmod 600 it`)
    }
    const content = await readBounded(file)
    const newline = content.at(-1) !== 0x0a ? 0 : content.at(-2) === 0x0d ? 2 : 1
    const line = content.subarray(0, content.length - newline)
    return isUtf8(line) ? line.toString() : line
  } finally {
    await file.close()
  }
}

/** A little more than a passphrase can be, from a pipe too, so that a mistaken path does not fill the memory. */
async function readBounded(file: Awaited<ReturnType<typeof open>>): Promise<Buffer> {
  const content = Buffer.alloc(bytesMax)
  for (let length = 0; length < bytesMax; ) {
    const { bytesRead } = await file.read(content, length, bytesMax - length)
    if (bytesRead === 0) return content.subarray(0, length)
    length += bytesRead
  }
  return content
}

async function unlockOf(secret: string | Uint8Array): Promise<Unlock> {
  if (typeof secret !== 'string') return passphrase(secret)
  if (/^\s*muniment-recovery-/i.test(secret)) return recoveryKey.parse(secret)
  if (!/^\s*muniment-share-/i.test(secret)) return passphrase(secret)
  return shares.parse(secret.split(/\r?\n/).filter((line) => line.trim() !== ''))
}

async function isReadable(path: string): Promise<boolean> {
  return access(path, constants.R_OK).then(
    () => true,
    () => false,
  )
}
