import { lenient, removeKey } from '../../decide/kv.ts'
import { VaultError } from '../../errors.ts'
import { checkPath } from '../../events/path.ts'
import { versionsMax } from '../../limits.ts'
import type { Call } from '../call.ts'
import { applyChange } from '../change-versions.ts'
import type { Engine } from '../engine.ts'
import { versionsDownTo } from '../history.ts'
import { checkVersions, nameVersions } from '../named-versions.ts'

/** Changes those of the versions named that it can be done to; undefined stands for the newest. */
export async function changeKvVersions(
  engine: Engine,
  call: Call,
  about: {
    readonly path: string
    readonly change: keyof typeof lenient
    readonly versions: readonly number[] | undefined
  },
): Promise<void> {
  const { change } = about
  const path = checkPath(about.path)
  const versions = about.versions && checkNumbers(about.versions)
  await applyChange(engine, call, {
    path,
    operation: change,
    load: (row) => nameVersions(engine, { path, row, versions: versions ?? [row.version] }),
    decide: lenient[change],
  })
}

/** The numbers that a version can have: others are of none that there is. Throws `INVALID`, `TOO_LARGE`. */
function checkNumbers(versions: readonly number[]): readonly number[] {
  const isPossible = (version: number) => version >= 1 && version <= versionsMax
  const isList = Array.isArray(versions) && versions.length > 0
  if (!isList || !versions.every((version) => Number.isSafeInteger(version))) {
    throw new VaultError('INVALID', 'versions must be integers, at least one')
  }
  const possible = versions.filter(isPossible)
  return possible.length === 0 ? [] : checkVersions(possible)
}

/** Destroys all versions of a secret and frees its path, or takes back what was declared of it. */
export async function removeKv(engine: Engine, call: Call, at: string): Promise<void> {
  const path = checkPath(at)
  const { declarations } = engine.state
  await applyChange(engine, call, {
    path,
    operation: 'purge',
    load: (row) => versionsDownTo(engine, { path, row, down: row.oldest }),
    decide: (secrets, intent, moment) =>
      removeKey({ secrets, declarations: declarations.fold.state }, intent, moment),
  })
}
