import type { Below } from '../../access/asked.ts'
import { breather } from '../../breather.ts'
import { VaultError } from '../../errors.ts'
import { checkPath } from '../../events/path.ts'
import type { FoldedLog } from '../folded-log.ts'
import type { Inspector, Sight } from '../inspect.ts'
import type { KvChildren, KvChildrenOptions } from './kv-shape.ts'

/**
 * What stands directly in a folder: secrets, those that are only declared, and folders. A folder's inside is passed over
 * in one step, however much it holds; a scope is shown a folder where it may be shown any path in it.
 */
export async function childrenOf(
  { log, record, sight }: Inspector,
  prefix: string,
  options: KvChildrenOptions,
): Promise<KvChildren> {
  const folder = checkFolder(prefix)
  const { after, limit } = checkRange(options)
  const subject = folder.slice(0, -1)
  const below: Below = { prefix: folder, reach: 'some' }
  if (sight) await sight.begin({ operation: 'list', subject, below })
  await Promise.all([log.paths.ready(), log.declaredPaths.ready()])
  const keys: string[] = []
  for await (const key of keysBehind(log, { folder, after, sight })) {
    if (keys.push(key) > limit) break
  }
  const position = log.size - 1
  const shown = keys.slice(0, limit)
  const data = { operation: 'list' as const, count: shown.length }
  await record?.({ type: 'secret.inspected', subject, data }, below)
  const next = keys.length > limit ? shown.at(-1) : undefined
  // Policy may have changed until the look was on record, and the record speaks of the policy of then.
  const given = sight === undefined ? shown : await stillSeen(log, { folder, sight }, shown)
  return { keys: given, position, ...(next !== undefined && { next }) }
}

/** A folder's prefix: with its last slash, or empty. */
function checkFolder(prefix: string): string {
  if (prefix === '') return prefix
  if (typeof prefix !== 'string') throw new VaultError('INVALID', 'prefix must be a string')
  const path = prefix.endsWith('/') ? prefix.slice(0, -1) : prefix
  return `${checkPath(path, 'prefix')}/`
}

function checkRange({ after = '', limit = Number.POSITIVE_INFINITY }: KvChildrenOptions) {
  if (typeof after !== 'string') throw new VaultError('INVALID', 'after must be a string')
  const isCount = Number.isSafeInteger(limit) && limit >= 1
  if (isCount || limit === Number.POSITIVE_INFINITY) return { after, limit }
  throw new VaultError('INVALID', 'limit must be an integer from 1')
}

interface Folder {
  /** As every path in it begins. */
  readonly folder: string
  readonly sight: Sight | undefined
}

async function* keysBehind(
  log: FoldedLog,
  { folder, after, sight }: Folder & { readonly after: string },
): AsyncGenerator<string, void, void> {
  const breathe = breather()
  let start = after === '' ? folder : behind(folder, after)
  for (;;) {
    const key = keyFrom(log, folder, start)
    if (key === undefined) return
    if (sight === undefined || (await isSeen(log, { folder, sight }, key))) yield key
    await breathe()
    start = behind(folder, key)
  }
}

/** The first key of a folder whose path, or whose paths, are not before `start`. */
function keyFrom(log: FoldedLog, folder: string, start: string): string | undefined {
  const path = firstPath(log, folder, start)
  if (path === undefined) return undefined
  const slash = path.indexOf('/', folder.length)
  return path.slice(folder.length, slash === -1 ? path.length : slash + 1)
}

/** Of the secrets that there are, and those that are only declared. */
function firstPath(
  { paths, declaredPaths }: FoldedLog,
  folder: string,
  start: string,
): string | undefined {
  const found = [paths.firstFrom(start), declaredPaths.firstFrom(start)]
  const [first] = found.filter((path) => path?.startsWith(folder)).sort()
  return first
}

/** Where paths begin that stand behind a key and all that is in it. "0" is the code unit behind "/". */
function behind(folder: string, key: string): string {
  const slash = key.indexOf('/')
  return slash === -1 ? `${folder}${key}\0` : `${folder}${key.slice(0, slash)}0`
}

interface SeenFolder {
  readonly folder: string
  readonly sight: Sight
}

/** Whether a scope may be shown a key: a path that it may list, or a folder with any such path in it. */
async function isSeen(
  log: FoldedLog,
  { folder, sight }: SeenFolder,
  key: string,
): Promise<boolean> {
  const path = `${folder}${key}`
  if (!key.endsWith('/')) return sight.sees({ operation: 'list', subject: path })
  if (seesBelow(sight, path, 'all')) return true
  return seesBelow(sight, path, 'some') && (await seesAny(log, { folder: path, sight }))
}

/** Where policy speaks of some paths in a folder only, it takes a look at which there are. */
async function seesAny(log: FoldedLog, within: SeenFolder): Promise<boolean> {
  const inside = keysBehind(log, { ...within, after: '' })
  return (await inside.next()).done !== true
}

function seesBelow(sight: Sight, prefix: string, reach: Below['reach']): boolean {
  const subject = prefix.slice(0, -1)
  return sight.sees({ operation: 'list', subject, below: { prefix, reach } })
}

async function stillSeen(
  log: FoldedLog,
  within: SeenFolder,
  keys: readonly string[],
): Promise<readonly string[]> {
  const breathe = breather()
  const seen: string[] = []
  for (const key of keys) {
    if (await isSeen(log, within, key)) seen.push(key)
    await breathe()
  }
  return seen
}
