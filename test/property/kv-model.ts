import { VaultError, type VaultErrorCode } from '../../src/errors.ts'
import type { KvAnnotation, KvMetadata, KvSettings, KvVersion } from '../../src/index.ts'

/*
 * KV v2 as simply as it can be said: maps in memory. Two things are the vault's own way. An expiry is a date of the
 * version, which bringing it back does not take away; and a version that was destroyed on purpose is dropped from the
 * list only together with a later one that still had its value.
 */

export type Json = null | boolean | number | string | readonly Json[] | JsonObject
export interface JsonObject {
  readonly [field: string]: Json
}

interface Version {
  readonly value: JsonObject
  readonly createdAt: number
  readonly expiresAt: number | undefined
  deletedAt: number | undefined
  isDestroyed: boolean
}

interface Key {
  current: number
  pruned: number
  createdAt: number
  settings: KvSettings
  tags: Readonly<Record<string, string>>
  readonly versions: Map<number, Version>
}

const none: KvSettings = { maxVersions: 0, casRequired: false, expireAfter: 0 }

export class KvModel {
  readonly #keys = new Map<string, Key>()
  readonly #now: () => number
  mount: KvSettings = none

  constructor(now: () => number) {
    this.#now = now
  }

  configure(settings: Partial<KvSettings>): void {
    this.mount = { ...this.mount, ...settings }
  }

  put(path: string, value: JsonObject, ifVersion: number | undefined): number {
    const key = this.#keys.get(path)
    this.#compare(key, ifVersion)
    const found = key ?? this.#declare(path)
    if (found.current === 0) found.createdAt = this.#now()
    found.current += 1
    const after = [found.settings.expireAfter, this.mount.expireAfter].filter((ms) => ms > 0)
    found.versions.set(found.current, {
      value,
      createdAt: this.#now(),
      expiresAt: after.length === 0 ? undefined : this.#now() + Math.min(...after),
      deletedAt: undefined,
      isDestroyed: false,
    })
    this.#prune(found)
    return found.current
  }

  patch(path: string, patch: JsonObject, ifVersion: number | undefined): number {
    const key = this.#keys.get(path)
    const newest = key?.versions.get(key.current)
    if (newest === undefined) throw refusal('NOT_FOUND')
    if (newest.isDestroyed) throw refusal('DESTROYED')
    if (newest.deletedAt !== undefined) throw refusal('DELETED')
    if (this.#isExpired(newest)) throw refusal('EXPIRED')
    return this.put(path, merged(newest.value, patch) as JsonObject, ifVersion)
  }

  read(path: string, version: number | undefined) {
    const key = this.#keys.get(path)
    const number = version ?? key?.current ?? 0
    const found = key?.versions.get(number)
    if (key === undefined || found === undefined) throw refusal('NOT_FOUND')
    const shown = this.#shown(number, found)
    const value = shown.state === 'live' ? found.value : undefined
    return { value, version: shown, tags: key.tags }
  }

  metadata(path: string): KvMetadata {
    const key = this.#keys.get(path)
    if (key === undefined) throw refusal('NOT_FOUND')
    const versions = [...key.versions].map(([number, version]) => this.#shown(number, version))
    const newest = versions.at(-1)
    return {
      path,
      currentVersion: key.current,
      oldestVersion: key.pruned === 0 ? 0 : key.pruned + 1,
      createdAt: new Date(key.createdAt),
      updatedAt: newest?.createdAt ?? new Date(key.createdAt),
      ...(key.pruned === 0 && { createdBy: 'test' }),
      ...(newest && { updatedBy: 'test' }),
      ...key.settings,
      tags: key.tags,
      versions,
    }
  }

  annotate(path: string, annotation: KvAnnotation, mustExist: boolean): void {
    if (mustExist && !this.#keys.has(path)) throw refusal('NOT_FOUND')
    const key = this.#keys.get(path) ?? this.#declare(path)
    const { tags, patchTags = {}, ...settings } = annotation
    key.settings = { ...key.settings, ...settings }
    const after = { ...(tags ?? key.tags), ...patchTags }
    key.tags = Object.fromEntries(
      Object.entries(after).filter((tag): tag is [string, string] => tag[1] !== null),
    )
  }

  deleteVersions(path: string, versions: readonly number[] | undefined): void {
    const key = this.#keys.get(path)
    for (const number of versions ?? [key?.current ?? 0]) {
      const version = key?.versions.get(number)
      if (version !== undefined && !version.isDestroyed) version.deletedAt ??= this.#now()
    }
  }

  undelete(path: string, versions: readonly number[]): void {
    for (const number of versions) {
      const version = this.#keys.get(path)?.versions.get(number)
      if (version !== undefined && !version.isDestroyed) version.deletedAt = undefined
    }
  }

  destroy(path: string, versions: readonly number[]): void {
    for (const number of versions) {
      const version = this.#keys.get(path)?.versions.get(number)
      if (version !== undefined) version.isDestroyed = true
    }
  }

  remove(path: string): void {
    this.#keys.delete(path)
  }

  children(folder: string): readonly string[] {
    const inside = [...this.#keys.keys()].filter((path) => path.startsWith(folder))
    const keys = inside.map((path) => {
      const [first = '', ...more] = path.slice(folder.length).split('/')
      return more.length === 0 ? first : `${first}/`
    })
    return [...new Set(keys)].sort()
  }

  #compare(key: Key | undefined, ifVersion: number | undefined): void {
    const isRequired = this.mount.casRequired || key?.settings.casRequired === true
    if (isRequired && ifVersion === undefined) throw refusal('INVALID')
    if (ifVersion !== undefined && ifVersion !== (key?.current ?? 0)) throw refusal('CONFLICT')
  }

  #declare(path: string): Key {
    const key: Key = {
      current: 0,
      pruned: 0,
      createdAt: this.#now(),
      settings: none,
      tags: {},
      versions: new Map(),
    }
    this.#keys.set(path, key)
    return key
  }

  #prune(key: Key): void {
    const most =
      Math.max(key.settings.maxVersions, this.mount.maxVersions) || Number.POSITIVE_INFINITY
    const beyond = [...key.versions].filter(([number]) => number <= key.current - most)
    const dropped = beyond.filter(([, { isDestroyed }]) => !isDestroyed).map(([number]) => number)
    key.pruned = Math.max(key.pruned, ...dropped)
    for (const [number] of beyond) if (number <= key.pruned) key.versions.delete(number)
  }

  #isExpired({ expiresAt }: Version): boolean {
    return expiresAt !== undefined && expiresAt <= this.#now()
  }

  #shown(number: number, version: Version): KvVersion {
    const { createdAt, deletedAt, expiresAt, isDestroyed } = version
    const ends = [deletedAt, expiresAt].filter((time) => time !== undefined)
    const isDeleted = deletedAt !== undefined || this.#isExpired(version)
    return {
      version: number,
      state: isDestroyed ? 'destroyed' : isDeleted ? 'deleted' : 'live',
      createdAt: new Date(createdAt),
      createdBy: 'test',
      ...(ends.length > 0 && { deletedAt: new Date(Math.min(...ends)) }),
      ...(deletedAt !== undefined && { deletedBy: 'test' }),
    }
  }
}

function refusal(code: VaultErrorCode): VaultError {
  return new VaultError(code, 'the model refuses it')
}

/** The pseudocode of RFC 7396 §2, word for word. */
function merged(target: Json | undefined, patch: Json): Json {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch
  const isObject = typeof target === 'object' && target !== null && !Array.isArray(target)
  const result: Record<string, Json> = isObject ? { ...(target as JsonObject) } : {}
  for (const [name, value] of Object.entries(patch as JsonObject)) {
    if (value === null) delete result[name]
    else result[name] = merged(result[name], value)
  }
  return result
}
