import { VaultError } from '../errors.ts'
import type { DestroyedVersion, Fact, SealedValue, SecretMeta } from '../events/catalogue.ts'
import type { RotationTrigger } from '../events/words.ts'
import { versionsMax } from '../limits.ts'
import type { SecretRow } from '../projections/secrets.ts'
import { type MetaPatch, metaOfNewValue, patchMeta, type ValueFacts } from './meta.ts'
import {
  type At,
  expectVersion,
  type Outcome,
  previousOf,
  refuse,
  type Secrets,
} from './outcome.ts'
import { destroyedFacts } from './versions.ts'

export interface NewValueIntent {
  readonly path: string
  /** The version that the box was sealed for: one above the newest. */
  readonly version: number
  readonly sealed: SealedValue
  /** Whether the value differs from the newest version's; true where there is none to compare with. */
  readonly changed: boolean
  readonly patch: MetaPatch
  readonly facts: ValueFacts
  readonly ifVersion?: number
  /** What was declared of the secret before its first version. */
  readonly declared?: SecretMeta
  /** Versions that are not destroyed, as far as `maxVersions` could prune them. */
  readonly prunable: readonly DestroyedVersion[]
}

/** A first version, or the next one. Throws `CONFLICT`, `INVALID`. */
export function write(secrets: Secrets, intent: NewValueIntent, at: At): Outcome {
  const data = newVersion(secrets.get(intent.path), intent, at.now)
  const written: Fact = { type: 'secret.written', subject: intent.path, data }
  return { facts: [written, ...pruned(intent, data.meta.maxVersions, at)] }
}

/** A new value for a secret that is there. Throws `CONFLICT`, `INVALID`; refuses an absent or deleted one. */
export function rotate(
  secrets: Secrets,
  intent: NewValueIntent & { trigger: RotationTrigger },
  at: At,
): Outcome {
  const { path, trigger } = intent
  const refusal = refuseRotation(secrets, path)
  if (refusal !== undefined) return refusal
  const data = { ...newVersion(secrets.get(path), intent, at.now), trigger }
  const rotated: Fact = { type: 'secret.rotated', subject: path, data }
  return { facts: [rotated, ...pruned(intent, data.meta.maxVersions, at)] }
}

/** The generator that should have made the new value failed: the old value stands. */
export function failRotation(
  secrets: Secrets,
  intent: { path: string; trigger: RotationTrigger; failure: VaultError },
): Outcome {
  const { path, trigger, failure } = intent
  const refusal = refuseRotation(secrets, path)
  if (refusal !== undefined) return refusal
  return {
    facts: [{ type: 'secret.rotation_failed', subject: path, data: { trigger } }],
    refused: failure,
  }
}

export interface AnnotateIntent {
  readonly path: string
  readonly patch: MetaPatch
  readonly ifVersion?: number
}

/** Changes what is known of a secret, not its value. */
export function annotate(secrets: Secrets, intent: AnnotateIntent): Outcome {
  const row = secrets.get(intent.path)
  if (row === undefined) return refuse('annotate', intent.path, { cause: 'absent' })
  expectVersion(intent.path, row.version, intent.ifVersion)
  const data = { meta: patchMeta(row.meta, intent.patch), ...previousOf(row) }
  return { facts: [{ type: 'secret.annotated', subject: intent.path, data }] }
}

function refuseRotation(secrets: Secrets, path: string): Outcome | undefined {
  const row = secrets.get(path)
  if (row === undefined) return refuse('rotate', path, { cause: 'absent' })
  if (row.state === 'live') return undefined
  return refuse('rotate', path, { cause: row.state, version: row.version })
}

/** What is known of the secret that the value is for: of one that is to come, what was declared of it. */
export function metaBefore(
  row: SecretRow | undefined,
  { declared }: Pick<NewValueIntent, 'declared'>,
): SecretMeta | undefined {
  return row?.meta ?? declared
}

/** Throws `INVALID`, which expects `ifVersion`, where the caller did not compare. */
export function expectCompared({
  path,
  ifVersion,
}: Pick<NewValueIntent, 'path' | 'ifVersion'>): void {
  if (ifVersion !== undefined) return
  const message = `${path} requires ifVersion on each write (casRequired)`
  throw new VaultError('INVALID', message, { path, expected: 'ifVersion' })
}

/** The next version of a secret, as its event holds it. Throws `CONFLICT`, `INVALID`, `TOO_LARGE`. */
export function newVersion(row: SecretRow | undefined, intent: NewValueIntent, now: number) {
  const found = row?.version ?? 0
  const before = metaBefore(row, intent)
  if (before?.casRequired === true) expectCompared(intent)
  expectVersion(intent.path, found, intent.ifVersion)
  if (found >= versionsMax) {
    throw new VaultError('TOO_LARGE', `${intent.path} has ${found} versions`, {
      expected: versionsMax,
      found,
    })
  }
  if (intent.version !== found + 1) {
    throw new RangeError(
      `a box sealed for version ${intent.version} cannot be version ${found + 1}`,
    )
  }
  return {
    version: intent.version,
    ...intent.sealed,
    changed: intent.changed,
    meta: metaOfNewValue(before, { ...intent, now }),
    ...previousOf(row),
  }
}

/** Versions that the new one pushes out are destroyed in the same commit, as an event of its own. */
export function pruned(
  intent: NewValueIntent,
  maxVersions: number | undefined,
  { position }: At,
): readonly Fact[] {
  if (maxVersions === undefined) return []
  const gone = intent.prunable.filter(({ version }) => version <= intent.version - maxVersions)
  return destroyedFacts(intent.path, gone, {
    cause: 'max_versions',
    previous: position,
    position: position + 1,
  })
}
