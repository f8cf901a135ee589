import { VaultError } from '../errors.ts'
import type { EventOf, VaultEvent } from '../events/catalogue.ts'
import { eventAt, type LogSource } from '../log/reader.ts'
import { foldChosen } from '../projections/projection.ts'
import type { SecretRow } from '../projections/secrets.ts'
import { type ChangeType, isChange, type VersionRow, versions } from '../projections/versions.ts'

/** A version with the first position of the commit that wrote it: where its key row is. */
export interface FoundVersion extends VersionRow {
  readonly first: number
}

/**
 * The versions of a secret from its newest down to `down`, oldest first: its chain of changes is walked from the
 * newest event, each of which names the one before. The cost is that of the changes passed, whatever the length
 * of the log.
 */
export async function versionsDownTo(
  source: LogSource,
  { path, row, down }: { path: string; row: SecretRow; down: number },
): Promise<readonly FoundVersion[]> {
  const firsts = new Map<number, number>()
  const chain: EventOf<ChangeType>[] = []
  for (let at: number | undefined = row.last; at !== undefined; ) {
    const { event, first } = await eventAt(source, at)
    const change = expectChange(event, { path, before: chain.at(-1)?.position })
    firsts.set(change.position, first)
    chain.push(change)
    const reached =
      'version' in change.data && change.type !== 'secret.purged' && change.data.version <= down
    at = reached ? undefined : change.data.previous
  }
  const rows = foldChosen(versions, chain.reverse()).get(path) ?? []
  return rows.map((version) => ({
    ...version,
    first: firsts.get(version.position) ?? version.position,
  }))
}

function expectChange(
  event: VaultEvent,
  { path, before }: { path: string; before: number | undefined },
): EventOf<ChangeType> {
  const isEarlier = before === undefined || event.position < before
  if (isChange(event) && event.subject === path && isEarlier) return event
  throw new VaultError(
    'INTEGRITY',
    `position ${event.position} is named as a change of ${path}, and is none`,
    {
      path,
    },
  )
}
