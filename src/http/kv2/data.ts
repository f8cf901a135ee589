import type { FastifyReply } from 'fastify'
import {
  type KvRead,
  type SecretFields,
  VaultError,
  type VaultErrorCode,
  versionsMax,
} from '../../index.ts'
import { integerField, objectField, queryOf } from '../fields.ts'
import { nothing } from '../reply.ts'
import { WireError } from '../wire-error.ts'
import { emptyNotFound, gone, kvAnswer } from './answers.ts'
import type { Asked } from './asked.ts'
import { checkAndSetRefusal, expectedVersionOf } from './check-and-set.ts'
import { expectMergePatch } from './merge-patch.ts'
import { pathToChange, pathToRead } from './paths.ts'
import { fieldsOf, versionShape } from './shapes.ts'
import { subkeysOf } from './subkeys.ts'

/** `GET data/p`: a value, once the record of this read is on disk. */
export async function readData(asked: Asked): Promise<FastifyReply> {
  const { secret, version, tags } = await readVersion(asked)
  const metadata = versionShape(version, tags)
  if (secret === undefined) throw gone(asked, { data: null, metadata })
  return kvAnswer(asked, { data: fieldsOf(secret), metadata })
}

/** `GET subkeys/p`: what a value consists of. It takes the right to read the value, and is on record as a read. */
export async function readSubkeys(asked: Asked): Promise<FastifyReply> {
  const depth = integerField(queryOf(asked.request), 'depth') ?? 0
  const { secret, version, tags } = await readVersion(asked)
  const metadata = versionShape(version, tags)
  if (secret === undefined) throw gone(asked, { metadata, subkeys: null })
  return kvAnswer(asked, { metadata, subkeys: subkeysOf(fieldsOf(secret), depth) })
}

async function readVersion({ request, kv, call, mount }: Asked): Promise<KvRead> {
  const path = pathToRead(request)
  const version = integerField(queryOf(request), 'version') ?? 0
  if (version > versionsMax) throw new WireError(404)
  return kv.read(path, { mount, ...(version > 0 && { version }) }, call)
}

/** `POST data/p`: a next version. */
export async function writeData(asked: Asked): Promise<FastifyReply> {
  const { path, fields, options } = writeOf(asked)
  try {
    const { version, tags } = await asked.kv.put(path, fields, options)
    return kvAnswer(asked, versionShape(version, tags))
  } catch (error) {
    throw checkAndSetRefusal(error)
  }
}

/** `PATCH data/p`: a next version, made of the newest and a merge patch. */
export async function patchData(asked: Asked): Promise<FastifyReply> {
  expectMergePatch(asked.request)
  const { path, fields, options } = writeOf(asked)
  try {
    const { version, tags } = await asked.kv.patch(path, fields, options)
    return kvAnswer(asked, versionShape(version, tags))
  } catch (error) {
    const code = error instanceof VaultError ? error.code : undefined
    if (code === 'NOT_FOUND') return emptyNotFound(asked)
    if (code !== undefined && goneCodes.includes(code)) throw await goneNewest(asked, path)
    throw checkAndSetRefusal(error)
  }
}

/** What is to be written, or merged in. Throws WireError 400 where there is none. */
function writeOf({ request, body, call, mount }: Asked) {
  const path = pathToChange(request)
  const fields = body.data === null ? undefined : objectField(body, 'data')
  if (fields === undefined) throw new WireError(400, ['no data provided'])
  const ifVersion = expectedVersionOf(body)
  const options = { ...call, mount, ...(ifVersion !== undefined && { ifVersion }) }
  return { path, fields: fields as SecretFields, options }
}

const goneCodes: readonly VaultErrorCode[] = ['DELETED', 'DESTROYED', 'EXPIRED']

/** With what is still known of the newest version where the caller may know it: patching takes no right to that. */
async function goneNewest(asked: Asked, path: string): Promise<WireError> {
  const { scope, kv, call, mount } = asked
  if (!scope.capabilities(path).includes('describe')) return new WireError(404)
  const { versions, tags } = await kv.metadata(path, { mount, ...call })
  const newest = versions.at(-1)
  return newest === undefined ? new WireError(404) : gone(asked, versionShape(newest, tags))
}

/** `DELETE data/p`: the newest version is withdrawn, if there is one. */
export async function deleteData({ request, reply, kv, call }: Asked): Promise<FastifyReply> {
  await kv.deleteVersions(pathToChange(request), undefined, call)
  return nothing(reply)
}
