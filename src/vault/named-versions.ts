import type { NamedVersion } from '../decide/versions.ts'
import { VaultError } from '../errors.ts'
import { versionsMax, versionsPerCallMax } from '../limits.ts'
import type { LogSource } from '../log/reader.ts'
import type { SecretRow } from '../projections/secrets.ts'
import { type FoundVersion, versionsDownTo } from './history.ts'

/** A version that a caller named, with where its key row is. */
export interface Named extends NamedVersion {
  /** First position of the commit that wrote it; -1 where it has no key to look for. */
  readonly first: number
}

const noKey = { keyId: new Uint8Array(32), first: -1 }

/** Checks the numbers of versions that a caller gives: distinct, and at least one. Throws `INVALID`, `TOO_LARGE`. */
export function checkVersions(versions: readonly number[]): readonly number[] {
  if (!Array.isArray(versions) || versions.length === 0) {
    throw new VaultError('INVALID', 'versions must name at least one version')
  }
  if (versions.length > versionsPerCallMax) {
    throw new VaultError(
      'TOO_LARGE',
      `versions names ${versions.length}; at most ${versionsPerCallMax} at once`,
      {
        expected: versionsPerCallMax,
        found: versions.length,
      },
    )
  }
  return [...new Set(versions.map((version) => checkVersion('versions', version)))].sort(
    (a, b) => a - b,
  )
}

export function checkVersion(name: string, version: number): number {
  if (Number.isSafeInteger(version) && version >= 1 && version <= versionsMax) return version
  throw new VaultError('INVALID', `${name} must be an integer from 1 to ${versionsMax}`)
}

/** What became of each version that was named. Those that were pruned or never written cost no look at the log. */
export async function nameVersions(
  source: LogSource,
  { path, row, versions }: { path: string; row: SecretRow; versions: readonly number[] },
): Promise<readonly Named[]> {
  const within = versions.filter((version) => version >= row.oldest && version <= row.version)
  const found =
    within.length === 0
      ? []
      : await versionsDownTo(source, { path, row, down: Math.min(...within) })
  const byNumber = new Map<number, FoundVersion>(found.map((version) => [version.version, version]))
  return versions.map((version): Named => {
    if (version > row.version) return { version, state: 'absent', ...noKey }
    const { state, keyId, first } = byNumber.get(version) ?? {
      state: 'destroyed' as const,
      ...noKey,
    }
    return { version, state, keyId, first }
  })
}
