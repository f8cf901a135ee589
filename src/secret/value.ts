import { VaultError } from '../errors.ts'
import { Concealed } from './concealed.ts'
import { ownBuffer } from './own-buffer.ts'

export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue }

/** A JSON object: a secret of several fields. */
export interface SecretFields {
  readonly [field: string]: JsonValue
}

/** What a secret can hold: text, bytes, or fields. */
export type SecretInput = string | Uint8Array | SecretFields

/** Which version of which secret a value is. */
export interface SecretAbout {
  readonly path: string
  readonly version: number
  /** Position of the event that wrote it. */
  readonly position: number
  readonly type: string
}

export type SecretKind = 'string' | 'bytes' | 'fields'

/** Which of the three a value is. */
export function kindOf(value: SecretInput): SecretKind {
  if (typeof value === 'string') return 'string'
  return value instanceof Uint8Array ? 'bytes' : 'fields'
}

/**
 * A secret's value, which shows itself only when asked by name: `text()`, `bytes()` or `fields()`.
 *
 * Everywhere else (`console.log`, `util.inspect`, `JSON.stringify`, string concatenation, loggers) it prints as
 * `[secret]`; so interpolating it, `` `postgres://app:${secret}@db` ``, yields the text `[secret]` and not the value.
 * A JavaScript string cannot be wiped from memory: what `text()` returns stays there until it is collected.
 *
 * @example
 * const secret = await vault.read('prod/db/password')
 * connect({ password: secret.text() })
 */
export class SecretValue extends Concealed {
  readonly #content: SecretInput
  readonly #about: SecretAbout

  /** Takes `content` over: the caller does not change it afterwards. */
  constructor(content: SecretInput, about: SecretAbout) {
    super()
    this.#content = content
    this.#about = about
  }

  /** What the value is, and so which of `text`, `bytes` and `fields` gives it whole. */
  get kind(): SecretKind {
    return kindOf(this.#content)
  }

  get path(): string {
    return this.#about.path
  }

  get version(): number {
    return this.#about.version
  }

  get position(): number {
    return this.#about.position
  }

  get type(): string {
    return this.#about.type
  }

  /** The text; of bytes, their UTF-8 reading. `INVALID` for fields and for bytes that are not UTF-8. */
  text(): string {
    const content = this.#content
    if (typeof content === 'string') return content
    if (!(content instanceof Uint8Array)) throw this.#refusal('holds fields: use fields()')
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(content)
    } catch {
      throw this.#refusal('holds bytes that are not UTF-8: use bytes()')
    }
  }

  /**
   * A fresh copy of the bytes, the caller's to wipe; of a string, its UTF-8. `INVALID` for fields. In a browser, which has
   * no `Buffer`, a `Uint8Array`.
   */
  bytes(): Buffer {
    const content = this.#content
    if (typeof content === 'string') return ownBuffer(new TextEncoder().encode(content))
    if (!(content instanceof Uint8Array)) throw this.#refusal('holds fields: use fields()')
    return ownBuffer(new Uint8Array(content))
  }

  /** A fresh copy of the fields. `INVALID` for a string and for bytes. */
  fields(): Record<string, JsonValue> {
    const content = this.#content
    if (typeof content === 'string') throw this.#refusal('holds a string: use text()')
    if (content instanceof Uint8Array) throw this.#refusal('holds bytes: use bytes()')
    return structuredClone(content)
  }

  #refusal(what: string): VaultError {
    const { path } = this.#about
    return new VaultError('INVALID', `secret ${path} ${what}`, { path })
  }
}
