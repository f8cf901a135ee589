import type { KvMetadata, KvSettings, KvVersion, SecretFields, SecretValue } from '../../index.ts'
import { formatDuration } from '../durations.ts'
import { formatTime } from '../times.ts'

type Tags = Readonly<Record<string, string>>

/** What each answer about a version says of it. */
export function versionShape(version: KvVersion, tags: Tags) {
  return { ...shortShape(version), custom_metadata: customMetadata(tags), version: version.version }
}

/** A secret's fields; a text that was not written as fields is `value`, bytes are `value_base64`. */
export function fieldsOf(secret: SecretValue): SecretFields {
  if (secret.kind === 'fields') return secret.fields()
  if (secret.kind === 'string') return { value: secret.text() }
  return { value_base64: secret.bytes().toString('base64') }
}

export function settingsShape({ maxVersions, casRequired, expireAfter }: KvSettings) {
  return {
    cas_required: casRequired,
    delete_version_after: formatDuration(expireAfter),
    max_versions: maxVersions,
  }
}

export function metadataShape(metadata: KvMetadata) {
  const { updatedBy } = metadata
  return {
    ...settingsShape(metadata),
    created_time: formatTime(metadata.createdAt),
    current_version: metadata.currentVersion,
    custom_metadata: customMetadata(metadata.tags),
    ...(updatedBy !== undefined && { last_updated_by: { actor: updatedBy } }),
    oldest_version: metadata.oldestVersion,
    updated_time: formatTime(metadata.updatedAt),
    versions: Object.fromEntries(
      metadata.versions.map((version) => [version.version, attributed(version)]),
    ),
  }
}

function attributed(version: KvVersion) {
  const { createdBy, deletedBy } = version
  return {
    ...shortShape(version),
    created_by: { actor: createdBy },
    ...(deletedBy !== undefined && { deleted_by: { actor: deletedBy } }),
  }
}

function shortShape({ state, createdAt, deletedAt }: KvVersion) {
  return {
    created_time: formatTime(createdAt),
    deletion_time: formatTime(deletedAt),
    destroyed: state === 'destroyed',
  }
}

/** Null where there is none, never an empty object. */
function customMetadata(tags: Tags): Tags | null {
  return Object.keys(tags).length > 0 ? tags : null
}
