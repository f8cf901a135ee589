import { tagKeyBytesMax, tagsMax, tagValueBytesMax } from '../limits.ts'
import type { JsonValue, SecretFields } from '../secret/value.ts'
import type { FoundRow } from './admit.ts'
import { isObject, type JsonObject, kindOfJson, parseJson } from './json-text.ts'
import { foreignPathOf, rowOf } from './paths.ts'
import { refuseFile } from './text.ts'

/**
 * file     := { name: node… }                           names are joined with "/" on the way down, and may hold it
 * node     := response | version | tree
 * response := { request_id, …, data: version | fields }  what `vault kv get -format=json` prints, of KV v2 or v1
 * version  := { data: fields | null, metadata: { version, created_time, deletion_time, destroyed, custom_metadata } }
 * tree     := { name: node | field… }                    what `medusa export -f json` prints, and plain maps
 *
 * Whatever in a tree is no object is a field of the secret there; an object is a level below. Fields stay fields, one
 * called `value` too. `custom_metadata` becomes tags; the other metadata says nothing of the value and is left.
 */
const format = 'vault-kv'

export function readVaultKv(text: string): Iterable<FoundRow> {
  const file = parseJson(text, format)
  if (!isObject(file)) {
    throw refuseFile(
      format,
      '',
      `expected an object from paths to secrets, found ${kindOfJson(file)}`,
    )
  }
  if (isResponse(file) || versionIn(file) !== undefined) {
    const wrap = `vault kv get -format=json PATH | jq '{"PATH": .}'`
    throw refuseFile(format, '', `expected an object from paths to responses, found one: ${wrap}`)
  }
  return readMembers(file)
}

function* readMembers(file: JsonObject): Generator<FoundRow> {
  for (const [at, [name, node]] of Object.entries(file).entries()) {
    if (isObject(node)) yield* readNode(node, { path: name, number: at + 1 })
    else {
      const reason = `expected an object of fields, found ${kindOfJson(node)}`
      yield { row: rowOf(foreignPathOf(name), at + 1), reason }
    }
  }
}

/** Where a node stands: `number` is that of the member of the file it is below. */
interface Place {
  readonly path: string
  readonly number: number
}

function* readNode(node: JsonObject, place: Place): Generator<FoundRow> {
  const version = versionIn(node) ?? versionIn(node.data)
  if (version !== undefined) yield* readVersion(version, place)
  else if (!isResponse(node)) yield* readTree(node, place)
  else if (isObject(node.data)) yield found(node.data, place)
  else yield skipped(place, 'its response holds no data')
}

/** What the API answers holds an id (https://developer.hashicorp.com/vault/api-docs); examples of it may not. */
function isResponse(node: JsonObject): boolean {
  if (!('data' in node)) return false
  return typeof node.request_id === 'string' || versionIn(node.data) !== undefined
}

function versionIn(node: JsonValue | undefined): JsonObject | undefined {
  if (!isObject(node) || !('data' in node) || !isObject(node.metadata)) return undefined
  const { version, created_time } = node.metadata
  return typeof version === 'number' && typeof created_time === 'string' ? node : undefined
}

function* readVersion({ data, metadata }: JsonObject, place: Place): Generator<FoundRow> {
  const { destroyed, deletion_time, custom_metadata } = isObject(metadata) ? metadata : {}
  const scheduled = typeof deletion_time === 'string' && deletion_time !== ''
  if (!isObject(data)) {
    const deleted = scheduled ? 'its version is deleted' : 'its version holds no data'
    yield skipped(place, destroyed === true ? 'its version is destroyed' : deleted)
    return
  }
  const { tags, left } = tagsOf(custom_metadata)
  yield found(data, place, tags)
  if (left > 0) yield skipped(place, `${left} of its custom_metadata are beyond the limits of tags`)
  if (scheduled) yield skipped(place, 'its deletion_time is not taken over')
}

/** What can be tags, and how many cannot. Vault's own limits are those of tags. */
function tagsOf(customMetadata: JsonValue | undefined) {
  const all = Object.entries(isObject(customMetadata) ? customMetadata : {})
  const sound = all.filter(isTag).slice(0, tagsMax)
  return { tags: Object.fromEntries(sound), left: all.length - sound.length }
}

function isTag(entry: [string, JsonValue]): entry is [string, string] {
  const [name, tag] = entry
  if (typeof tag !== 'string' || name === '' || name === '__proto__') return false
  const sizes =
    Buffer.byteLength(name) <= tagKeyBytesMax && Buffer.byteLength(tag) <= tagValueBytesMax
  return sizes && name.isWellFormed() && tag.isWellFormed()
}

function* readTree(tree: JsonObject, place: Place): Generator<FoundRow> {
  const members = Object.entries(tree)
  const fields = members.filter(([, member]) => !isObject(member))
  if (fields.length > 0) yield found(Object.fromEntries(fields), place)
  if (members.length === 0) yield skipped(place, 'it holds no fields')
  for (const [name, member] of members) {
    if (!isObject(member)) continue
    yield* readNode(member, { ...place, path: `${place.path}/${name}` })
  }
}

function found(
  fields: SecretFields,
  { path, number }: Place,
  tags: Readonly<Record<string, string>> = {},
): FoundRow {
  const sound = foreignPathOf(path)
  const tagged = Object.keys(tags).length > 0
  const meta = { type: 'generic' as const, ...(tagged && { tags }) }
  return {
    row: rowOf(sound, number),
    entry: { path: sound, meta, versions: [{ value: fields }] },
  }
}

function skipped({ path, number }: Place, reason: string): FoundRow {
  return { row: rowOf(foreignPathOf(path), number), reason }
}
