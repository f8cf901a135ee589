import type { SecretFields } from '../../secret/value.ts'
import type { AccessChange } from '../access-call.ts'
import type { CallOptions } from '../call.ts'
import type { Calls } from '../calls.ts'
import { annotateKv } from './kv-annotate.ts'
import { childrenOf } from './kv-children.ts'
import { metadataOf } from './kv-metadata.ts'
import { patchKv, putKv } from './kv-put.ts'
import { readKv } from './kv-read.ts'
import type {
  KvAnnotateOptions,
  KvAnnotation,
  KvChildren,
  KvChildrenOptions,
  KvMetadata,
  KvRead,
  KvReadOptions,
  KvSettings,
  KvWriteOptions,
  KvWritten,
} from './kv-shape.ts'
import { changeKvVersions, removeKv } from './kv-versions.ts'
import { changeMount, mountSettings } from './mount.ts'

/**
 * The secrets of a vault as Vault's KV v2 wire has them. What differs from the verbs of the vault itself:
 *
 * - A secret may be declared before it has a version: `annotate` does, and the first version takes over what was said.
 * - A new version drops the older ones beyond the bound that the secret or its mount has, expires as either says and
 *   inherits no date of the value before. Where nobody said how many are kept, all are, and a mount shows the newest 10. Where the value of a live version changes it is a rotation, trigger `wire`.
 * - What is not there, or cannot be done to it, is passed over by `deleteVersions`, `undelete`, `destroy`, `remove`.
 *
 * Every verb can throw `INVALID` and `TOO_LARGE` (an argument, named), and to a scope `DENIED`.
 */
export class Kv {
  readonly #calls: Calls
  readonly #now: () => number

  /** @param now the time that dates are judged at, in milliseconds since the epoch */
  constructor(calls: Calls, now: () => number) {
    this.#calls = calls
    this.#now = now
  }

  /** What holds for the secrets of a mount. A scope takes the right to `policy`. */
  async settings(mount: string, options: CallOptions = {}): Promise<KvSettings> {
    return mountSettings(this.#calls, options, mount)
  }

  /**
   * Changes what holds for the secrets of a mount, from its event on; what is not named stays. A scope takes the right to
   * `policy`.
   *
   * @example
   * await vault.kv.configure('secret', { maxVersions: 5, expireAfter: 0 })
   */
  async configure(
    mount: string,
    settings: Partial<KvSettings>,
    options: CallOptions = {},
  ): Promise<AccessChange> {
    return changeMount(this.#calls, options, { mount, settings })
  }

  /**
   * A version, the newest unless said, once the record of this access is on disk. Throws `NOT_FOUND` for a secret or a
   * version that is not there or was dropped, `NOT_YET_VALID`; each refusal is recorded as `secret.denied`, also of what
   * is given without a value.
   *
   * @example
   * const { secret, version, tags } = await vault.kv.read('prod/db')
   * if (secret !== undefined) connect(secret.fields())
   */
  async read(
    path: string,
    { version, mount }: KvReadOptions = {},
    options: CallOptions = {},
  ): Promise<KvRead> {
    return this.#calls.run(options, (call, engine) =>
      readKv(engine, call, { path, version, mount }),
    )
  }

  /**
   * A first version, or the next. Throws `CONFLICT` where `ifVersion` is not what is there, `INVALID` with
   * `expected: 'ifVersion'` where the secret or its mount requires it and it is absent.
   */
  async put(path: string, fields: SecretFields, options: KvWriteOptions): Promise<KvWritten> {
    return this.#calls.run(options, (call, engine) =>
      putKv(engine, call, { path, fields, options }),
    )
  }

  /**
   * A next version: the newest one with a patch merged into its fields (RFC 7396), in the log's writer, so that no other
   * change comes in between. Throws as `put` does, and `NOT_FOUND`, `DELETED`, `DESTROYED`, `EXPIRED`; `INVALID` where
   * the newest version is not of fields.
   *
   * @example
   * await vault.kv.patch('prod/db', { password: 'new', old: null }, { mount: 'secret' })
   */
  async patch(path: string, fields: SecretFields, options: KvWriteOptions): Promise<KvWritten> {
    return this.#calls.run(options, (call, engine) =>
      patchKv(engine, call, { path, fields, options }),
    )
  }

  /**
   * What stands directly in a folder, `prod/` or the empty prefix: `db` for a secret, `db/` for a folder. A scope is
   * shown what it may `list`, and folders in which there is any of it.
   */
  async children(
    prefix: string,
    page: KvChildrenOptions = {},
    options: CallOptions = {},
  ): Promise<KvChildren> {
    return this.#calls.inspect(options, (inspector) => childrenOf(inspector, prefix, page))
  }

  /** What is known of a secret and of its versions. Throws `NOT_FOUND`. */
  async metadata(
    path: string,
    { mount, ...options }: CallOptions & Pick<KvReadOptions, 'mount'> = {},
  ): Promise<KvMetadata> {
    return this.#calls.inspect(options, (inspector) =>
      metadataOf(inspector, { path, mount }, this.#now),
    )
  }

  /**
   * Changes what is known of a secret, and declares it where it is not there; no event where nothing changes. A scope
   * takes the right to `annotate`, and for another `maxVersions` of a secret that has versions that to `destroy`. Throws
   * `NOT_FOUND` with `mustExist`.
   *
   * @example
   * await vault.kv.annotate('prod/db', { maxVersions: 3, patchTags: { team: 'pay', old: null } })
   */
  async annotate(
    path: string,
    annotation: KvAnnotation,
    options: KvAnnotateOptions = {},
  ): Promise<void> {
    return this.#calls.run(options, (call, engine) =>
      annotateKv(engine, call, { path, annotation, options }),
    )
  }

  /** Withdraws versions, the newest where none are named, until `undelete`. */
  async deleteVersions(
    path: string,
    versions: readonly number[] | undefined,
    options: CallOptions = {},
  ): Promise<void> {
    return this.#calls.run(options, (call, engine) =>
      changeKvVersions(engine, call, { path, change: 'delete', versions }),
    )
  }

  /** Brings deleted versions back; those that have expired stay so. */
  async undelete(
    path: string,
    versions: readonly number[],
    options: CallOptions = {},
  ): Promise<void> {
    return this.#calls.run(options, (call, engine) =>
      changeKvVersions(engine, call, { path, change: 'restore', versions: named(versions) }),
    )
  }

  /** Destroys the keys of versions, for good. */
  async destroy(
    path: string,
    versions: readonly number[],
    options: CallOptions = {},
  ): Promise<void> {
    return this.#calls.run(options, (call, engine) =>
      changeKvVersions(engine, call, { path, change: 'destroy', versions: named(versions) }),
    )
  }

  /** Destroys all versions and frees the path, and takes back what was declared of it; the record of what was stays. */
  async remove(path: string, options: CallOptions = {}): Promise<void> {
    return this.#calls.run(options, (call, engine) => removeKv(engine, call, path))
  }
}

/** No list stands for none, not for the newest version: what is destroyed by mistake stays destroyed. */
function named(versions: readonly number[] | undefined): readonly number[] {
  return versions ?? []
}
