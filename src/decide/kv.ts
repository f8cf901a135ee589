import { VaultError } from '../errors.ts'
import type { Fact, SecretMeta } from '../events/catalogue.ts'
import { tagsMax, wireVersionsShown } from '../limits.ts'
import type { DeclarationsState } from '../projections/declarations.ts'
import type { MountSettings, MountsState } from '../projections/mounts.ts'
import type { SecretRow } from '../projections/secrets.ts'
import { expiryOf, type MetaPatch, patchMeta } from './meta.ts'
import { type At, type Outcome, previousOf, refuse, type Secrets } from './outcome.ts'
import {
  destroy,
  type NamedVersion,
  purge,
  remove,
  restore,
  type VersionsIntent,
} from './versions.ts'
import { expectCompared, metaBefore, type NewValueIntent, newVersion, pruned } from './write.ts'

/* What the verbs of the KV v2 wire decide, where that is another thing than what the vault's own verbs do. */

const unchanged: Outcome = Object.freeze({ facts: Object.freeze([]) })

export interface PutIntent extends NewValueIntent {
  /** Of the mount that the wire has the secret in. */
  readonly mount: MountSettings
}

/**
 * A first version, or the next one: a rotation where the value of a live one changes. Throws `CONFLICT`, `INVALID`.
 */
export function put(secrets: Secrets, intent: PutIntent, at: At): Outcome {
  const { path, mount } = intent
  const row = secrets.get(path)
  const before = metaBefore(row, intent)
  if (mount.casRequired === true) expectCompared(intent)
  const patch = { ...intent.patch, ...datesOfValue(before, intent, at) }
  const data = newVersion(row, { ...intent, patch }, at.now)
  const fact: Fact =
    row?.state === 'live' && intent.changed
      ? { type: 'secret.rotated', subject: path, data: { ...data, trigger: 'wire' } }
      : { type: 'secret.written', subject: path, data }
  return { facts: [fact, ...pruned(intent, versionsKept(before, mount), at)] }
}

/** The dates of an earlier value say nothing of this one. */
function datesOfValue(
  before: SecretMeta | undefined,
  { facts, mount }: PutIntent,
  { now }: At,
): MetaPatch {
  const lasting = smaller(before?.expireAfter, mount.expireAfter)
  const counted = lasting === undefined ? null : expiryOf(now, lasting)
  return { expiresAt: facts.expiresAt ?? counted, notBefore: facts.notBefore ?? null }
}

function smaller(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined || b === undefined) return a ?? b
  return Math.min(a, b)
}

/** How many versions are kept of a secret: as many as it or its mount says, whichever says more; all where neither does. */
export function versionsKept(
  meta: SecretMeta | undefined,
  mount: MountSettings,
): number | undefined {
  return Math.max(meta?.maxVersions ?? 0, mount.maxVersions ?? 0) || undefined
}

/**
 * The oldest version of a secret that the wire shows. It has a bound of its own where nobody said one: what nobody asked
 * to be destroyed is kept beyond it.
 */
export function oldestShown({ version, meta }: SecretRow, mount: MountSettings): number {
  return version - (versionsKept(meta, mount) ?? wireVersionsShown) + 1
}

/** Why the newest version cannot be changed in part; undefined where it can. */
export function refusePatch(secrets: Secrets, path: string, { now }: At): Outcome | undefined {
  const row = secrets.get(path)
  if (row === undefined) return refuse('write', path, { cause: 'absent' })
  const { version, state, meta } = row
  if (state !== 'live') return refuse('write', path, { cause: state, version })
  const { expiresAt } = meta
  if (expiresAt === undefined || now < expiresAt) return undefined
  const expected = `on ${new Date(expiresAt).toISOString()}`
  const found = new Date(now).toISOString()
  return refuse('write', path, { cause: 'expired', version, expected, found })
}

export interface AnnotateKeyIntent {
  readonly path: string
  readonly patch: MetaPatch
  /** Over the tags that are there, or those that the patch says; null takes one away. */
  readonly patchTags?: Readonly<Record<string, string | null>>
  readonly mustExist: boolean
}

/**
 * Changes what is known of a secret, or declares it where there is none; nothing where it is so already. Throws
 * `TOO_LARGE`.
 */
export function annotateKey(
  { secrets, declarations }: { secrets: Secrets; declarations: DeclarationsState },
  { path, patch, patchTags = {}, mustExist }: AnnotateKeyIntent,
): Outcome {
  const row = secrets.get(path)
  const before = row?.meta ?? declarations.get(path)?.meta
  if (before === undefined && mustExist) return refuse('annotate', path, { cause: 'absent' })
  const tags = mergedTags((patch.tags === undefined ? before?.tags : patch.tags) ?? {}, patchTags)
  const meta = patchMeta(before ?? { type: 'generic' }, { ...patch, tags })
  if (before !== undefined && isSameMeta(before, meta)) return unchanged
  const fact: Fact =
    row === undefined
      ? { type: 'secret.declared', subject: path, data: { meta } }
      : { type: 'secret.annotated', subject: path, data: { meta, ...previousOf(row) } }
  return { facts: [fact] }
}

function mergedTags(
  tags: Readonly<Record<string, string>>,
  patch: Readonly<Record<string, string | null>>,
): Readonly<Record<string, string>> | null {
  const merged = new Map<string, string>(Object.entries(tags))
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) merged.delete(key)
    else merged.set(key, value)
  }
  if (merged.size > tagsMax) {
    const message = `tags takes at most ${tagsMax} entries, not ${merged.size}`
    throw new VaultError('TOO_LARGE', message, { expected: tagsMax, found: merged.size })
  }
  return merged.size === 0 ? null : Object.fromEntries(merged)
}

/** No tags are the same as none said. */
function isSameMeta(a: SecretMeta, b: SecretMeta): boolean {
  const [{ tags: own = {}, ...said }, { tags: other = {}, ...then }] = [a, b]
  return isSame(said, then) && isSame(own, other)
}

function isSame(a: object, b: object): boolean {
  const [fields, others] = [Object.entries(a), new Map<string, unknown>(Object.entries(b))]
  return (
    fields.length === others.size &&
    fields.every(([name, value]) => others.has(name) && Object.is(others.get(name), value))
  )
}

/** What each change of versions does to those that it can be done to; the others that were named are passed over. */
export const lenient = {
  delete: passingOver(remove, ['live']),
  restore: passingOver(restore, ['deleted']),
  destroy: passingOver(destroy, ['live', 'deleted']),
} as const

type Change = (secrets: Secrets, intent: VersionsIntent, at: At) => Outcome

function passingOver(change: Change, states: readonly NamedVersion['state'][]): Change {
  return (secrets, { path, versions }, at) => {
    const fitting = versions.filter(({ state }) => states.includes(state))
    if (fitting.length === 0) return unchanged
    return change(secrets, { path, versions: fitting }, at)
  }
}

/** Ends a secret, or takes back what was declared of one; nothing where there is neither. */
export function removeKey(
  { secrets, declarations }: { secrets: Secrets; declarations: DeclarationsState },
  intent: VersionsIntent,
  at: At,
): Outcome {
  const { path } = intent
  if (secrets.has(path)) return purge(secrets, intent, at)
  if (!declarations.has(path)) return unchanged
  return { facts: [{ type: 'secret.undeclared', subject: path, data: {} }] }
}

/** What is to hold for a mount, all of it; nothing where that holds already. */
export function configureMount(
  mounts: MountsState,
  patch: { readonly mount: string; readonly settings: MountSettingsPatch },
): Outcome {
  const { mount, settings } = patch
  const { position: _, ...before } = mounts.get(mount) ?? { position: -1 }
  const after = merged(before, settings)
  if (isSame(before, after)) return unchanged
  return { facts: [{ type: 'mount.configured', subject: '', data: { mount, ...after } }] }
}

/** Absent leaves a setting as it is, null takes it away. */
export type MountSettingsPatch = { readonly [N in keyof MountSettings]?: MountSettings[N] | null }

function merged(before: MountSettings, patch: MountSettingsPatch): MountSettings {
  const said = Object.entries({ ...before, ...patch }).filter(([, value]) => value !== null)
  return Object.fromEntries(said)
}
