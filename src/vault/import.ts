import { VaultError, type VaultErrorCode } from '../errors.ts'
import { encodeValue } from '../keys/value.ts'
import type { EntryVersion, ParsedTransfer, SkippedRow, TransferEntry } from '../transfer/entry.ts'
import { type CallOptions, readCall } from './call.ts'
import type { WriteOptions } from './new-value.ts'
import type { Vault } from './vault.ts'

/** The part of a vault that an import needs; a client over a network has it too. */
export type ImportTarget = Pick<Vault, 'write' | 'annotate'>

export interface ImportOptions extends CallOptions {
  /** A secret that is there gets the newest value as its next version, instead of being passed over. */
  readonly update?: boolean
  /** Told after each secret. */
  readonly onProgress?: (progress: { readonly done: number; readonly total: number }) => void
  /** Once aborted, no further secret is begun, and the import answers with what it did. */
  readonly signal?: AbortSignal
}

/** How much was imported: what is counted is on disk. */
export interface ImportCounts {
  /** Secrets that were not there. */
  readonly written: number
  /** Secrets that were there and got another value. */
  readonly updated: number
  /** Secrets that were there with that very value. Only writing it tells, so they have a next version too. */
  readonly unchanged: number
  /** Versions, of all these secrets. */
  readonly versions: number
}

export interface Imported extends ImportCounts {
  /** What no secret was made of: in the file, then in the vault, where `row` is the path. */
  readonly skipped: readonly SkippedRow[]
  /** Whether the caller aborted before every secret was begun. */
  readonly aborted: boolean
}

/** Secrets under way at once: two full commits of single versions. */
const concurrentMax = 256
/** How often a secret that others write at the same time is tried again. */
const conflictsMax = 3
/** Refusals that are about one secret; after any other, the rest would fare no better. */
const ownRefusals: ReadonlySet<VaultErrorCode> = new Set([
  'INVALID',
  'TOO_LARGE',
  'CONFLICT',
  'DENIED',
])

/**
 * Writes the secrets of a file, each with all of its versions, in order. One that is there already is skipped unless
 * `update`, and so is one that the vault refuses. Throws `INVALID` for its own options; `FAILED`, `UNCERTAIN`,
 * `NO_SPACE`, `CLOSED` and whatever else ends it, with what was imported until then in the message.
 *
 * @example
 * const parsed = parseTransfer(await readFile('app.env'), { format: 'dotenv', prefix: 'prod/app' })
 * const { written, skipped } = await importSecrets(vault, parsed, { reason: 'move from .env' })
 */
export async function importSecrets(
  vault: ImportTarget,
  { entries, skipped }: ParsedTransfer,
  options: ImportOptions = {},
): Promise<Imported> {
  const { update = false, signal, onProgress, ...call } = options
  // Refused once, and not once a secret.
  readCall({ actor: '', timeout: 1, slot: '', ambient: undefined }, call)
  const counts = { written: 0, updated: 0, unchanged: 0, versions: 0 }
  const reasons = new Map<TransferEntry, string>()
  const failures: unknown[] = []
  const waiting = entries.values()
  let begun = 0
  let done = 0
  const work = async (): Promise<void> => {
    while (signal?.aborted !== true && failures.length === 0) {
      const { value: entry } = waiting.next()
      if (entry === undefined) return
      begun++
      try {
        await importEntry(vault, entry, { call, counts, update })
      } catch (error) {
        if (isOwnRefusal(error)) reasons.set(entry, error.message)
        else failures.push(error)
      }
      onProgress?.({ done: ++done, total: entries.length })
    }
  }
  await Promise.all(Array.from({ length: concurrentMax }, work))
  if (failures.length > 0) throw endedBy(failures, counts, entries.length)
  const refused = entries.flatMap((entry) => {
    const reason = reasons.get(entry)
    return reason === undefined ? [] : [{ row: entry.path, reason }]
  })
  return { ...counts, skipped: [...skipped, ...refused], aborted: begun < entries.length }
}

interface Importing {
  readonly call: CallOptions
  readonly counts: { -readonly [N in keyof ImportCounts]: number }
  readonly update: boolean
}

/** Writes one secret, and counts each version once it is on disk. */
async function importEntry(
  vault: ImportTarget,
  entry: TransferEntry,
  importing: Importing,
): Promise<void> {
  const found = await writeAll(vault, entry, importing)
  if (found === undefined) return
  if (!importing.update) {
    throw new VaultError('CONFLICT', `is there already, at version ${found}`)
  }
  await writeNext(vault, entry, { ...importing, found })
}

/** Writes a secret that is not there; gives the version that it is at where it is. */
async function writeAll(
  vault: ImportTarget,
  { path, meta, versions }: TransferEntry,
  { call, counts }: Importing,
): Promise<number | undefined> {
  if (versions.length === 0) throw new VaultError('INVALID', 'holds no value')
  // Found out before anything is written: an older version must not end up as the newest.
  for (const { value } of versions.slice(1)) encodeValue(value).fill(0)
  const { maxVersions, ...lasting } = meta
  // A secret may hold more versions than are kept at its next write. Said from the start, it would prune them here.
  const isOver = maxVersions !== undefined && versions.length > maxVersions
  let last = 0
  for (const version of versions) {
    const said = last === 0 ? (isOver ? lasting : meta) : {}
    // Those of a certificate are read out of each value.
    const isOwn = meta.type === 'certificate' || (last === 0 && meta.expireAfter === undefined)
    const dates = isOwn ? datesOf(version) : allDatesOf(version)
    const options: WriteOptions = { ...call, ...said, ...dates, ifVersion: last }
    try {
      last = (await vault.write(path, version.value, options)).version
    } catch (error) {
      const found = versionFound(error)
      if (last === 0 && found !== undefined) return found
      throw last > 0 && isOwnRefusal(error) ? partly(error, last, versions.length) : error
    }
    counts.versions++
    if (last === 1) counts.written++
  }
  if (isOver) await vault.annotate(path, { ...call, maxVersions })
  return undefined
}

/** Writes the newest value over what is there. */
async function writeNext(
  vault: ImportTarget,
  { path, meta, versions }: TransferEntry,
  { call, counts, found: seen }: Importing & { readonly found: number },
): Promise<void> {
  const newest = versions.at(-1)
  if (newest === undefined) return
  const { type, ...said } = meta
  // A file that knows of no types says `generic` of everything.
  const typed = type === 'generic' ? said : meta
  for (let found = seen, tries = 1; ; tries++) {
    try {
      const options: WriteOptions = { ...call, ...typed, ...datesOf(newest), ifVersion: found }
      const { version, changed } = await vault.write(path, newest.value, options)
      counts.versions++
      counts[version === 1 ? 'written' : changed ? 'updated' : 'unchanged']++
      return
    } catch (error) {
      const moved = versionFound(error)
      if (moved === undefined || tries === conflictsMax) throw error
      found = moved
    }
  }
}

/** The dates of a version, where it has any: one that it lacks is not to come from the value before. */
function datesOf(version: EntryVersion): Pick<WriteOptions, 'expiresAt' | 'notBefore'> {
  const { expiresAt, notBefore } = version
  return expiresAt === undefined && notBefore === undefined ? {} : allDatesOf(version)
}

function allDatesOf({ expiresAt, notBefore }: EntryVersion) {
  return {
    expiresAt: expiresAt === undefined ? null : new Date(expiresAt),
    notBefore: notBefore === undefined ? null : new Date(notBefore),
  }
}

/** Where a compare-and-set lost: the version that it found. */
function versionFound(error: unknown): number | undefined {
  if (!(error instanceof VaultError) || error.code !== 'CONFLICT') return undefined
  return typeof error.found === 'number' ? error.found : undefined
}

function isOwnRefusal(error: unknown): error is VaultError {
  return error instanceof VaultError && ownRefusals.has(error.code)
}

function partly(error: VaultError, last: number, count: number): VaultError {
  const message = `version ${last + 1} of ${count}: ${error.message}; those before it were written`
  return new VaultError(error.code, message)
}

function endedBy(failures: readonly unknown[], counts: ImportCounts, total: number): unknown {
  const [cause] = failures
  if (!(cause instanceof VaultError)) return cause
  const { written, updated, unchanged } = counts
  const done = `${written} written, ${updated} updated and ${unchanged} unchanged of ${total}`
  const eventIds = failures.flatMap((failure) =>
    failure instanceof VaultError ? (failure.eventIds ?? []) : [],
  )
  return new VaultError(cause.code, `the import ended, with ${done} secrets: ${cause.message}`, {
    cause,
    retry: cause.retry,
    ...(eventIds.length > 0 && { eventIds }),
  })
}
