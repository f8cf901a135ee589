import type { FastifyReply } from 'fastify'
import { nothing } from '../reply.ts'
import { kvAnswer } from './answers.ts'
import type { Asked } from './asked.ts'
import { bodyOf, booleanField, countField, durationField, type Said } from './fields.ts'
import { settingsShape } from './shapes.ts'

/** `GET config`: what holds for the secrets that say nothing themselves. */
export async function readConfig(asked: Asked): Promise<FastifyReply> {
  const settings = await asked.kv.settings(asked.mount, asked.call)
  return kvAnswer(asked, settingsShape(settings))
}

/** `POST config`: what it does not name stays as it is. */
export async function writeConfig(asked: Asked): Promise<FastifyReply> {
  const { request, reply, kv, call, mount } = asked
  await kv.configure(mount, settingsOf(bodyOf(request)), call)
  return nothing(reply)
}

/** What a body says of how versions are kept, of a mount or of a secret. */
export function settingsOf(body: Said) {
  const maxVersions = countField(body, 'max_versions')
  const casRequired = booleanField(body, 'cas_required')
  const expireAfter = durationField(body, 'delete_version_after')
  return {
    ...(maxVersions !== undefined && { maxVersions }),
    ...(casRequired !== undefined && { casRequired }),
    ...(expireAfter !== undefined && { expireAfter }),
  }
}
