import type { FastifyReply } from 'fastify'
import { booleanField, countField, durationField, type Said } from '../fields.ts'
import { nothing } from '../reply.ts'
import { kvAnswer } from './answers.ts'
import type { Asked } from './asked.ts'
import { settingsShape } from './shapes.ts'

/** `GET config`: what holds for the secrets that say nothing themselves. */
export async function readConfig(asked: Asked): Promise<FastifyReply> {
  const settings = await asked.kv.settings(asked.mount, asked.call)
  return kvAnswer(asked, settingsShape(settings))
}

/** `POST config`: what it does not name stays as it is. */
export async function writeConfig(asked: Asked): Promise<FastifyReply> {
  const { reply, body, kv, call, mount } = asked
  await kv.configure(mount, settingsOf(body), call)
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
