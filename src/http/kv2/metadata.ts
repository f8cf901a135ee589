import type { FastifyReply } from 'fastify'
import { type KvAnnotation, VaultError } from '../../index.ts'
import { objectField } from '../fields.ts'
import { nothing } from '../reply.ts'
import { emptyNotFound, kvAnswer } from './answers.ts'
import type { Asked } from './asked.ts'
import { settingsOf } from './config.ts'
import { readCustomMetadata, readCustomMetadataPatch } from './custom-metadata.ts'
import { expectMergePatch } from './merge-patch.ts'
import { pathToChange, pathToRead } from './paths.ts'
import { metadataShape } from './shapes.ts'

/** `GET metadata/p`: all that is known of a secret besides its values. */
export async function readMetadata(asked: Asked): Promise<FastifyReply> {
  const { request, kv, call, mount } = asked
  const found = await kv.metadata(pathToRead(request), { mount, ...call })
  return kvAnswer(asked, metadataShape(found))
}

/**
 * `POST metadata/p`: what it does not name stays as it is. Where there is no such secret, it is declared; but nothing is
 * where it names nothing.
 */
export async function writeMetadata(asked: Asked): Promise<FastifyReply> {
  const { request, reply, body } = asked
  const path = pathToChange(request)
  const custom = objectField(body, 'custom_metadata')
  const annotation = {
    ...settingsOf(body),
    ...(custom !== undefined && { tags: readCustomMetadata(custom) }),
  }
  await annotated(asked, path, { annotation, mustExist: Object.keys(annotation).length === 0 })
  return nothing(reply)
}

/** `PATCH metadata/p`: the same, of a secret that is there; of its custom metadata only what is named changes. */
export async function patchMetadata(asked: Asked): Promise<FastifyReply> {
  const { request, reply, body } = asked
  expectMergePatch(request)
  const path = pathToChange(request)
  const annotation = { ...settingsOf(body), ...patchedTags(body.custom_metadata) }
  const isThere = await annotated(asked, path, { annotation, mustExist: true })
  return isThere ? nothing(reply) : emptyNotFound(asked)
}

/** Whether there is such a secret, which may be since this one call. */
async function annotated(
  { kv, call }: Asked,
  path: string,
  { annotation, mustExist }: { readonly annotation: KvAnnotation; readonly mustExist: boolean },
): Promise<boolean> {
  try {
    await kv.annotate(path, annotation, { ...call, mustExist })
    return true
  } catch (error) {
    if (error instanceof VaultError && error.code === 'NOT_FOUND') return false
    throw error
  }
}

/** Null instead of the entries takes all of them away. */
function patchedTags(custom: unknown) {
  if (custom === null) return { tags: {} }
  const entries = objectField({ custom_metadata: custom }, 'custom_metadata')
  return entries === undefined ? {} : { patchTags: readCustomMetadataPatch(entries) }
}

/** `DELETE metadata/p`: the secret with all its versions is gone for good. */
export async function deleteMetadata(asked: Asked): Promise<FastifyReply> {
  const { request, reply, kv, call } = asked
  await kv.remove(pathToChange(request), call)
  return nothing(reply)
}
