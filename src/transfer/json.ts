import { VaultError } from '../errors.ts'
import {
  boolean,
  type Check,
  describeFault,
  dictionary,
  integer,
  map,
  oneOf,
  optional,
  text as textUpTo,
} from '../events/check.ts'
import { isoTime } from '../events/iso-time.ts'
import { secretTypes } from '../events/words.ts'
import {
  descriptionBytesMax,
  ownerBytesMax,
  rotateEveryMsMax,
  tagKeyBytesMax,
  tagsMax,
  tagValueBytesMax,
  versionsMax,
} from '../limits.ts'
import type { JsonValue, SecretInput } from '../secret/value.ts'
import { type FoundRow, simpleEntry } from './admit.ts'
import type { EntryVersion, TransferEntry } from './entry.ts'
import { isObject, type JsonObject, kindOfJson, parseJson } from './json-text.ts'
import { rowOf } from './paths.ts'
import { refuseFile } from './text.ts'

/**
 * file    := { format: "muniment-export", version: 1, vaultId: string, position: integer, secrets: [ secret… ] }
 * secret  := { path: string, type: string, versions: [ version… ],
 *              description?, owner?: string, tags?: { name: string… }, rotateEvery?: milliseconds,
 *              maxVersions?: integer, casRequired?: boolean }
 * version := { one of value: string | valueBase64: string | fields: object, notBefore?, expiresAt?: date }
 * date    := ISO 8601, with a zone or a date alone
 * plain   := { path: string | fields… }
 *
 * Versions stand oldest first and are at least one. `valueBase64` is that of RFC 4648 §4, padded. Members of other
 * names are refused, with the whole file: whoever passes over one may lose what it means. A file without that
 * `format` is a `plain` one.
 */
export const exportFormat = 'muniment-export'
export const exportVersion = 1

const format = 'json'

export function readJson(text: string): Iterable<FoundRow> {
  const file = parseJson(text, format)
  if (!isObject(file)) throw refuseFile(format, '', `expected an object, found ${kindOfJson(file)}`)
  return file.format === exportFormat ? readExport(file) : readPlain(file)
}

function* readPlain(file: JsonObject): Generator<FoundRow> {
  for (const [at, [path, value]] of Object.entries(file).entries()) {
    const row = rowOf(path, at + 1)
    if (typeof value === 'string' || isObject(value)) yield { row, entry: simpleEntry(path, value) }
    else yield { row, reason: `expected a string or an object, found ${kindOfJson(value)}` }
  }
}

const fileMembers = ['format', 'version', 'vaultId', 'position', 'secrets']

function* readExport(file: JsonObject): Generator<FoundRow> {
  const { version, secrets } = file
  if (typeof version !== 'number' || !Number.isSafeInteger(version) || version < 1) {
    throw refuseFile(format, '', 'expected a version from 1')
  }
  if (version > exportVersion) {
    const message = `${format} file: expected version ${exportVersion} of ${exportFormat}, found ${version}: a newer Muniment reads it`
    throw new VaultError('UNSUPPORTED', message, { expected: exportVersion, found: version })
  }
  expectMembers(file, '', fileMembers)
  if (!Array.isArray(secrets)) {
    throw refuseFile(format, '', `expected a list of secrets, found ${kindOfJson(secrets)}`)
  }
  for (const [at, secret] of secrets.entries()) yield readSecret(secret, `secrets[${at}]`)
}

function expectMembers(object: JsonObject, where: string, known: readonly string[]): void {
  if (Object.keys(object).every((name) => known.includes(name))) return
  throw refuseFile(format, where, `expected no members but ${known.join(', ')}`)
}

/** As `text` of an event, and well-formed: a file can name half a surrogate pair. */
function text(bytesMax: number, bytesMin = 0): Check {
  const sized = textUpTo(bytesMax, bytesMin)
  return (value) => {
    const fault = sized(value)
    if (fault !== undefined || (value as string).isWellFormed()) return fault
    return {
      code: 'INVALID',
      path: [],
      expected: 'well-formed text',
      found: 'half a surrogate pair',
    }
  }
}

const metaFields = {
  type: oneOf(...secretTypes),
  description: optional(text(descriptionBytesMax)),
  owner: optional(text(ownerBytesMax)),
  tags: optional(dictionary(text(tagKeyBytesMax, 1), text(tagValueBytesMax), tagsMax)),
  rotateEvery: optional(integer(1, rotateEveryMsMax)),
  maxVersions: optional(integer(1, versionsMax)),
  casRequired: optional(boolean),
  expireAfter: optional(integer(1, rotateEveryMsMax)),
}
const checkMeta = map<TransferEntry['meta']>(metaFields)
const secretMembers = ['path', ...Object.keys(metaFields), 'versions']

function readSecret(secret: JsonValue, row: string): FoundRow {
  if (!isObject(secret)) return { row, reason: `expected an object, found ${kindOfJson(secret)}` }
  expectMembers(secret, `, ${row}`, secretMembers)
  const { path, versions, ...meta } = secret
  if (typeof path !== 'string') {
    return { row, reason: `path: expected a string, found ${kindOfJson(path)}` }
  }
  const reason = metaFault(meta)
  if (reason !== undefined) return { row, reason }
  if (!Array.isArray(versions) || versions.length === 0) {
    return { row, reason: 'versions: expected a list of at least one' }
  }
  const read: EntryVersion[] = []
  for (const [at, version] of versions.entries()) {
    const each = readVersion(version, `, ${row}.versions[${at}]`)
    if (typeof each === 'string') return { row, reason: `versions[${at}]: ${each}` }
    read.push(each)
  }
  return { row, entry: { path, meta: meta as unknown as TransferEntry['meta'], versions: read } }
}

function metaFault(meta: JsonObject): string | undefined {
  const fault = checkMeta(meta)
  if (fault === undefined) {
    const named = isObject(meta.tags) && Object.hasOwn(meta.tags, '__proto__')
    return named ? 'tags: a tag may not be called __proto__' : undefined
  }
  // Below the member it would name a tag.
  const [member = '', ...below] = fault.path
  return describeFault(member, { ...fault, path: below.length > 0 ? [] : below })
}

const versionMembers = ['value', 'valueBase64', 'fields', 'notBefore', 'expiresAt']

/** A version, or why it is none. */
function readVersion(version: JsonValue, where: string): EntryVersion | string {
  if (!isObject(version)) return `expected an object, found ${kindOfJson(version)}`
  expectMembers(version, where, versionMembers)
  const value = readValue(version)
  const notBefore = readDate(version.notBefore)
  const expiresAt = readDate(version.expiresAt)
  if (value === undefined) return 'expected one of value (text), valueBase64, fields (an object)'
  if (Number.isNaN(notBefore) || Number.isNaN(expiresAt)) {
    return 'expected ISO 8601 dates with a zone, from 1970 to 9999'
  }
  return {
    value,
    ...(notBefore !== undefined && { notBefore }),
    ...(expiresAt !== undefined && { expiresAt }),
  }
}

function readValue({ value, valueBase64, fields }: JsonObject): SecretInput | undefined {
  const given = [value, valueBase64, fields].filter((each) => each !== undefined)
  if (given.length !== 1) return undefined
  if (typeof value === 'string') return value
  if (isObject(fields)) return fields
  if (typeof valueBase64 !== 'string') return undefined
  const bytes = Buffer.from(valueBase64, 'base64')
  return bytes.toString('base64') === valueBase64 ? bytes : undefined
}

/** Milliseconds since the epoch, NaN for what is no date of ours. */
function readDate(date: JsonValue | undefined): number | undefined {
  if (date === undefined) return undefined
  return typeof date === 'string' ? isoTime(date) : Number.NaN
}
