import { setImmediate as turn } from 'node:timers/promises'
import type { FastifyReply } from 'fastify'
import { integerField, queryOf, textField } from '../fields.ts'
import { WireError } from '../wire-error.ts'
import type { Asked } from './asked.ts'
import { keysAnswer } from './keys-answer.ts'
import { folderOf } from './paths.ts'

/** `LIST metadata/p`: the names in a folder, folders among them with a slash at the end. */
export async function listKeys(asked: Asked): Promise<FastifyReply> {
  const { request, kv, call } = asked
  const { limit, after } = boundsOf(asked)
  const { keys } = await kv.children(folderOf(request), pageWith(limit, after), call)
  return someKeys(asked, keys)
}

/** `SCAN metadata/p`: the paths of all secrets below a folder, as seen from there. */
export async function scanKeys(asked: Asked): Promise<FastifyReply> {
  const { limit, after } = boundsOf(asked)
  const folder = folderOf(asked.request)
  const found: Found = { keys: [], limit, from: folder.length }
  await scanFolder(asked, { folder, after }, found)
  return someKeys(asked, found.keys)
}

/** None, whether of a folder that is not there or behind the last one, is 404. */
function someKeys(asked: Asked, keys: readonly string[]): FastifyReply {
  if (keys.length === 0) throw new WireError(404)
  return keysAnswer(asked, keys)
}

/** How many keys, all of them where none is said or one below 1, and behind which text: '' for from the first on. */
function boundsOf({ request }: Asked) {
  const query = queryOf(request)
  const limit = integerField(query, 'limit') ?? 0
  return {
    limit: limit > 0 ? limit : Number.POSITIVE_INFINITY,
    after: textField(query, 'after') ?? '',
  }
}

interface Folder {
  /** `prod/`, or '' for all there is. */
  readonly folder: string
  /** Only what stands behind it, as seen from the folder. */
  readonly after: string
}

interface Found {
  readonly keys: string[]
  readonly limit: number
  /** Where in a path the part begins that is told. */
  readonly from: number
}

/** How many keys are gone through before others have their turn: far below a millisecond's work. */
const keysPerTurn = 1000

/**
 * Finds the secrets below a folder in the order of code units: a folder stands among its neighbours where its name with
 * the slash does, and so does all that is in it.
 */
async function scanFolder(asked: Asked, { folder, after }: Folder, found: Found): Promise<void> {
  const slash = after.indexOf('/') + 1
  if (slash > 0) {
    const inside = { folder: folder + after.slice(0, slash), after: after.slice(slash) }
    await scanFolder(asked, inside, found)
  }
  let next: string | undefined = slash > 0 ? after.slice(0, slash) : after
  while (next !== undefined && found.keys.length < found.limit) {
    next = await scanPage(asked, { folder, after: next }, found)
  }
}

/** Goes through as many names in a folder as keys may still be found; gives where to go on, if there are more. */
async function scanPage(
  asked: Asked,
  { folder, after }: Folder,
  found: Found,
): Promise<string | undefined> {
  const { kv, call } = asked
  const room = found.limit - found.keys.length
  const { keys, next } = await kv.children(folder, pageWith(room, after), call)
  for (const [at, key] of keys.entries()) {
    if (at % keysPerTurn === keysPerTurn - 1) await turn()
    if (!key.endsWith('/')) found.keys.push((folder + key).slice(found.from))
    else await scanFolder(asked, { folder: folder + key, after: '' }, found)
    if (found.keys.length >= found.limit) return undefined
  }
  return next
}

function pageWith(limit: number, after: string) {
  return { ...(limit < Number.POSITIVE_INFINITY && { limit }), ...(after !== '' && { after }) }
}
