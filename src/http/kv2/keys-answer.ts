import { Readable } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import type { FastifyReply } from 'fastify'
import { envelope } from '../reply.ts'
import { kv, kvAnswer } from './answers.ts'
import type { Asked } from './asked.ts'

/** Keys that are written at a time: a folder of a million takes long enough to hold up everybody else. */
const keysPerPiece = 2000

/** Answers 200 with the keys. */
export function keysAnswer(asked: Asked, keys: readonly string[]): FastifyReply {
  if (keys.length <= keysPerPiece) return kvAnswer(asked, { keys })
  const { reply } = asked
  const whole = JSON.stringify(envelope(reply, { keys: [] }, kv))
  return reply.code(200).send(Readable.from(pieces(whole, keys), { objectMode: false }))
}

/** The answer's JSON with the keys in the one empty list that it has. */
async function* pieces(whole: string, keys: readonly string[]): AsyncGenerator<string, void, void> {
  const [head = '', tail = ''] = whole.split('[]')
  yield `${head}[`
  for (let at = 0; at < keys.length; at += keysPerPiece) {
    const piece = JSON.stringify(keys.slice(at, at + keysPerPiece))
    yield (at === 0 ? '' : ',') + piece.slice(1, -1)
    await turn()
  }
  yield `]${tail}`
}
