import { oldestShown } from '../../decide/kv.ts'
import { VaultError, type VaultErrorCode } from '../../errors.ts'
import type { SecretRow } from '../../projections/secrets.ts'
import type { SecretValue } from '../../secret/value.ts'
import type { Call } from '../call.ts'
import type { Engine } from '../engine.ts'
import { checkRead, readSecret } from '../read.ts'
import { type KvVersionRow, kvHistory, kvVersionOf, newestOfRow } from './kv-history.ts'
import type { KvRead, KvReadOptions } from './kv-shape.ts'
import { checkMount, settingsOf } from './mount.ts'

/** Refusals that the wire answers with what is left: the metadata of the version. */
const gone: readonly VaultErrorCode[] = ['DELETED', 'DESTROYED', 'EXPIRED']

/** Reads as `read` does, and is on record in the same way; what is gone is told of instead of thrown. */
export async function readKv(
  engine: Engine,
  call: Call,
  { path, version, mount }: KvReadOptions & { readonly path: string },
): Promise<KvRead> {
  const checked = checkRead(path, { ...(version !== undefined && { version }) })
  if (mount !== undefined) checkMount(mount)
  let row: SecretRow | undefined
  const onFound = (found: SecretRow) => {
    row = found
  }
  const read = readSecret(engine, call, {
    path,
    checked,
    operation: 'read',
    onFound,
    ...oldestOf(engine, mount),
  })
  const secret = await read.catch((error: unknown) => expectGone(error))
  if (row === undefined) throw new RangeError('a value that was read is of a secret')
  return { ...(secret && { secret }), ...(await besides(engine, { path, version, row }, secret)) }
}

function oldestOf(engine: Engine, mount: string | undefined) {
  if (mount === undefined) return {}
  return { oldest: (row: SecretRow) => oldestShown(row, settingsOf(engine, mount)) }
}

function expectGone(error: unknown): undefined {
  if (!(error instanceof VaultError) || !gone.includes(error.code)) throw error
}

async function besides(
  engine: Engine,
  about: { readonly path: string; readonly version: number | undefined; readonly row: SecretRow },
  secret: SecretValue | undefined,
): Promise<Pick<KvRead, 'version' | 'tags'>> {
  const { path, row } = about
  const number = about.version ?? row.version
  const found = await versionRow(engine, { path, row, number })
  if (found === undefined) {
    throw new VaultError('NOT_FOUND', `version ${number} of ${path} is no longer kept`, { path })
  }
  const version = kvVersionOf(found, engine.time.judged())
  return {
    // Handed out before it expired, though it may have by now.
    version: secret === undefined ? version : { ...version, state: 'live' },
    tags: { ...row.meta.tags },
  }
}

/** The newest version mostly takes no look at the log. */
async function versionRow(
  engine: Engine,
  {
    path,
    row,
    number,
  }: { readonly path: string; readonly row: SecretRow; readonly number: number },
): Promise<KvVersionRow | undefined> {
  const newest = number === row.version ? newestOfRow(row) : undefined
  if (newest !== undefined) return newest
  const { versions } = await kvHistory(engine, { path, row, down: number })
  return versions.find(({ version }) => version === number)
}
