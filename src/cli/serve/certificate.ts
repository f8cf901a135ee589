import { unwatchFile, watchFile } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createSecureContext } from 'node:tls'
import type { TlsFiles } from '../../server.ts'
import { UsageError } from '../failure.ts'

/** What a TLS server shows, from files: read again when one of them changes. */
export interface Certificate {
  readonly pair: TlsFiles
  close(): void
}

export interface CertificateFiles {
  readonly cert: string
  readonly key: string
}

export interface CertificateChanges {
  /** Another certificate is to be shown from here on. */
  readonly changed: (pair: TlsFiles) => void
  /** The files changed to what is no certificate with its key: the one before stays. */
  readonly refused: (why: string) => void
}

/** By looking at them: what renews certificates replaces files, folders and links, whose events say little. */
const lookEveryMs = 2000

/** Throws UsageError where there is no certificate with its key to begin with. */
export async function watchCertificate(
  files: CertificateFiles,
  { changed, refused }: CertificateChanges,
): Promise<Certificate> {
  let pair = await readPair(files)
  let reading = Promise.resolve()
  const look = () => {
    reading = reading.then(async () => {
      const read = await readPair(files).catch((error: UsageError) => refused(error.message))
      if (read === undefined || isSame(read, pair)) return
      pair = read
      changed(pair)
    })
  }
  const names = new Set([files.cert, files.key])
  for (const name of names) watchFile(name, { interval: lookEveryMs, persistent: false }, look)
  return {
    get pair() {
      return pair
    },
    close: () => {
      for (const name of names) unwatchFile(name, look)
    },
  }
}

/** The key must be the certificate's: of a pair of which one file is written already, the old one is kept. */
async function readPair(files: CertificateFiles): Promise<TlsFiles> {
  // One after the other: of two that are missing, the first is told.
  const cert = await read('--tls-cert', files.cert)
  const key = await read('--tls-key', files.key)
  try {
    createSecureContext({ cert, key })
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'no PEM'
    throw new UsageError(`--tls-cert ${files.cert} and --tls-key ${files.key} do not fit: ${code}`)
  }
  return { cert, key }
}

async function read(option: string, path: string): Promise<Buffer> {
  return readFile(path).catch((cause) => {
    throw new UsageError(`${option} ${path} cannot be read: ${cause.code}`)
  })
}

function isSame(a: TlsFiles, b: TlsFiles): boolean {
  return String(a.cert) === String(b.cert) && String(a.key) === String(b.key)
}
