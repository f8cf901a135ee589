import { VaultError } from '../errors.ts'
import type { DestroyedVersion, EventData, Fact } from '../events/catalogue.ts'
import { versionsPerCallMax } from '../limits.ts'
import type { SecretRow, VersionState } from '../projections/secrets.ts'
import { type At, type Outcome, previousOf, refuse, type Secrets } from './outcome.ts'

/** A version that a caller named, as the secret's history tells it. */
export interface NamedVersion {
  readonly version: number
  readonly state: VersionState | 'absent'
  readonly keyId: Uint8Array
}

export interface VersionsIntent {
  readonly path: string
  readonly versions: readonly NamedVersion[]
}

/** Withdraws versions; their keys stay, so `restore` brings them back. */
export function remove(secrets: Secrets, intent: VersionsIntent): Outcome {
  return (
    refuseVersions(secrets, intent, { operation: 'delete', refused: ['absent', 'destroyed'] }) ??
    changed(secrets, intent, { from: 'live', type: 'secret.deleted' })
  )
}

export function restore(secrets: Secrets, intent: VersionsIntent): Outcome {
  return (
    refuseVersions(secrets, intent, { operation: 'restore', refused: ['absent', 'destroyed'] }) ??
    changed(secrets, intent, { from: 'deleted', type: 'secret.restored' })
  )
}

/** Destroys the keys of versions. Naming a version that is destroyed already changes nothing. */
export function destroy(secrets: Secrets, intent: VersionsIntent, { position }: At): Outcome {
  const refusal = refuseVersions(secrets, intent, { operation: 'destroy', refused: ['absent'] })
  if (refusal !== undefined) return refusal
  const { previous } = previousOf(secrets.get(intent.path))
  return {
    facts: destroyedFacts(intent.path, keyed(intent), { cause: 'request', previous, position }),
  }
}

/** Ends a secret: all its versions are destroyed, and its path is free again. */
export function purge(secrets: Secrets, intent: VersionsIntent, { position }: At): Outcome {
  const { path } = intent
  const row = secrets.get(path)
  if (row === undefined) return refuse('purge', path, { cause: 'absent' })
  const facts = destroyedFacts(path, keyed(intent), {
    cause: 'purge',
    previous: row.last,
    position,
  })
  const previous = facts.length === 0 ? row.last : position + facts.length - 1
  return {
    facts: [
      ...facts,
      { type: 'secret.purged', subject: path, data: { version: row.version, previous } },
    ],
  }
}

/**
 * One event for up to as many versions as an event may name. The first lands at `position`, and each names the one
 * before it.
 */
export function destroyedFacts(
  path: string,
  gone: readonly DestroyedVersion[],
  about: {
    cause: EventData['secret.destroyed']['cause']
    previous: number | undefined
    position: number
  },
): Fact[] {
  const { cause, previous, position } = about
  const facts: Fact[] = []
  for (let at = 0; at < gone.length; at += versionsPerCallMax) {
    const before = at === 0 ? previous : position + facts.length - 1
    const versions = gone.slice(at, at + versionsPerCallMax)
    facts.push({
      type: 'secret.destroyed',
      subject: path,
      data: { versions, cause, ...(before !== undefined && { previous: before }) },
    })
  }
  return facts
}

/** The versions that still have a key to destroy. */
function keyed(intent: VersionsIntent): DestroyedVersion[] {
  return intent.versions
    .filter(({ state }) => state === 'live' || state === 'deleted')
    .map(({ version, keyId }) => ({ version, keyId }))
}

function refuseVersions(
  secrets: Secrets,
  intent: VersionsIntent,
  {
    operation,
    refused,
  }: {
    operation: 'delete' | 'restore' | 'destroy'
    refused: readonly NamedVersion['state'][]
  },
): Outcome | undefined {
  if (!secrets.has(intent.path)) return refuse(operation, intent.path, { cause: 'absent' })
  const found = intent.versions.find(({ state }) => refused.includes(state))
  if (found === undefined) return undefined
  const cause = found.state === 'destroyed' ? 'destroyed' : 'absent'
  return refuse(operation, intent.path, { cause, version: found.version })
}

function changed(
  secrets: Secrets,
  intent: VersionsIntent,
  { from, type }: { from: VersionState; type: 'secret.deleted' | 'secret.restored' },
): Outcome {
  const versions = intent.versions
    .filter(({ state }) => state === from)
    .map(({ version }) => version)
  const row: SecretRow | undefined = secrets.get(intent.path)
  if (row === undefined) throw new VaultError('NOT_FOUND', `${intent.path} does not exist`)
  if (versions.length === 0) return { facts: [] }
  return { facts: [{ type, subject: intent.path, data: { versions, ...previousOf(row) } }] }
}
