import { oldestShown } from '../../decide/kv.ts'
import { VaultError } from '../../errors.ts'
import { checkPath } from '../../events/path.ts'
import type { DeclarationRow } from '../../projections/declarations.ts'
import type { SecretRow } from '../../projections/secrets.ts'
import type { Inspector } from '../inspect.ts'
import { kvHistory, kvVersionOf } from './kv-history.ts'
import type { KvMetadata } from './kv-shape.ts'
import { checkMount, kvSettingsOf, settingsOf } from './mount.ts'

/** What is known of a secret, or of one that was only declared. Throws `NOT_FOUND`. */
export async function metadataOf(
  { log, record, sight }: Inspector,
  { path: at, mount }: { readonly path: string; readonly mount: string | undefined },
  now: () => number,
): Promise<KvMetadata> {
  const path = checkPath(at)
  if (mount !== undefined) checkMount(mount)
  const operation = 'describe' as const
  if (sight) await sight.begin({ operation, subject: path })
  const row = log.state.secrets.fold.state.get(path)
  const declared = log.state.declarations.fold.state.get(path)
  if (row === undefined && declared === undefined) {
    await record?.({ type: 'secret.denied', subject: path, data: { operation, cause: 'absent' } })
    throw new VaultError('NOT_FOUND', `${path} does not exist`, { path })
  }
  const found = row && (await kvHistory(log, { path, row, down: 1 }))
  await record?.({ type: 'secret.inspected', subject: path, data: { operation } })
  if (row !== undefined && found !== undefined) {
    const oldest = mount === undefined ? 1 : oldestShown(row, settingsOf(log, mount))
    return ofSecret({ path, row, found, oldest, now: now() })
  }
  return ofDeclared(path, declared as DeclarationRow)
}

function ofSecret(about: {
  readonly path: string
  readonly row: SecretRow
  readonly found: Awaited<ReturnType<typeof kvHistory>>
  readonly oldest: number
  readonly now: number
}): KvMetadata {
  const { path, row, found, oldest, now } = about
  const all = found.versions.map((version) => kvVersionOf(version, now))
  const versions = all.filter(({ version }) => version >= oldest)
  const [newest, first] = [versions.at(-1), versions.find(({ version }) => version === 1)]
  const beyond = Math.max(found.pruned, oldest - 1)
  return {
    path,
    currentVersion: row.version,
    oldestVersion: beyond <= 0 ? 0 : beyond + 1,
    createdAt: new Date(row.createdAt),
    updatedAt: newest?.createdAt ?? new Date(row.createdAt),
    ...(first && { createdBy: first.createdBy }),
    ...(newest && { updatedBy: newest.createdBy }),
    ...kvSettingsOf(row.meta),
    tags: { ...row.meta.tags },
    versions,
  }
}

function ofDeclared(path: string, { meta, declaredAt, declaredBy }: DeclarationRow): KvMetadata {
  return {
    path,
    currentVersion: 0,
    oldestVersion: 0,
    createdAt: new Date(declaredAt),
    updatedAt: new Date(declaredAt),
    createdBy: declaredBy,
    ...kvSettingsOf(meta),
    tags: { ...meta.tags },
    versions: [],
  }
}
