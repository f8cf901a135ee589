import { VaultError } from '../errors.ts'
import type { SecretFields, SecretValue } from '../secret/value.ts'
import type { WriteOptions } from './new-value.ts'
import type { ReadOptions } from './read.ts'
import type { Rotated, RotateOptions, Written } from './write.ts'

/** What it takes to reach a database. */
export interface DatabaseCredential {
  readonly host: string
  /** 1 to 65535. */
  readonly port: number
  readonly database: string
  readonly user: string
  readonly password: string
}

/** A key of somebody's API. */
export interface ApiKeyCredential {
  readonly key: string
  /** Whose API it is. */
  readonly service?: string
  /** Where the API answers. */
  readonly url?: string
}

/** The part of a vault that credentials need; a client over a network has it too. */
export interface SecretStore {
  read(path: string, options?: ReadOptions): Promise<SecretValue>
  write(path: string, value: SecretFields, options?: WriteOptions): Promise<Written>
  rotate(path: string, value: SecretFields, options?: RotateOptions): Promise<Rotated>
}

/** Credentials of one kind, as typed objects. Each is one secret, each call one audited operation of the vault. */
export interface Credentials<T> {
  write(path: string, credential: T, options?: WriteOptions): Promise<Written>
  rotate(path: string, credential: T, options?: RotateOptions): Promise<Rotated>
  /** Throws what the vault's `read` throws, and `INVALID` where the secret is not of this kind. */
  read(path: string, options?: ReadOptions): Promise<T>
}

type Kind = 'string' | 'port'
type Form<T> = { readonly [F in keyof T]-?: { readonly kind: Kind; readonly optional?: true } }

const databaseForm: Form<DatabaseCredential> = {
  host: { kind: 'string' },
  port: { kind: 'port' },
  database: { kind: 'string' },
  user: { kind: 'string' },
  password: { kind: 'string' },
}

const apiKeyForm: Form<ApiKeyCredential> = {
  key: { kind: 'string' },
  service: { kind: 'string', optional: true },
  url: { kind: 'string', optional: true },
}

/**
 * The two kinds of credential that most services start with.
 *
 * @example
 * const { database, apiKey } = credentials(vault)
 * await database.write('prod/db', { host: 'db.internal', port: 5432, database: 'app', user: 'app', password })
 * const { user, password } = await database.read('prod/db', { reason: 'start-up' })
 */
export function credentials(vault: SecretStore): {
  readonly database: Credentials<DatabaseCredential>
  readonly apiKey: Credentials<ApiKeyCredential>
} {
  return {
    database: credentialsOf(vault, databaseForm, 'database_password'),
    apiKey: credentialsOf(vault, apiKeyForm, 'api_key'),
  }
}

function credentialsOf<T extends object>(
  vault: SecretStore,
  form: Form<T>,
  type: 'database_password' | 'api_key',
): Credentials<T> {
  return {
    write: async (path, credential, options) =>
      vault.write(path, checked(form, credential, path), { type, ...options }),
    rotate: async (path, credential, options) =>
      vault.rotate(path, checked(form, credential, path), { type, ...options }),
    read: async (path, options) => {
      const secret = await vault.read(path, options)
      if (secret.kind !== 'fields')
        throw new VaultError('INVALID', `${path} holds no credential`, { path })
      return checked(form, secret.fields(), path) as unknown as T
    },
  }
}

/** The fields of a form, and no others. Throws `INVALID`, naming the field and never what it holds. */
function checked<T extends object>(form: Form<T>, value: object, path: string): SecretFields {
  if (typeof value !== 'object' || value === null) {
    throw new VaultError('INVALID', `the credential for ${path} must be an object`, { path })
  }
  const given = value as Record<string, unknown>
  const unknown = Object.keys(given).find((field) => !Object.hasOwn(form, field))
  if (unknown !== undefined) {
    throw new VaultError('INVALID', `the credential at ${path} has a field that its kind has not`, {
      path,
    })
  }
  const fields: Record<string, string | number> = {}
  for (const [field, { kind, optional }] of Object.entries<{ kind: Kind; optional?: true }>(form)) {
    const found = given[field]
    if (found === undefined && optional) continue
    if (!isOf(kind, found)) {
      throw new VaultError('INVALID', `${field} of the credential at ${path} must be a ${kind}`, {
        path,
      })
    }
    fields[field] = found
  }
  return fields
}

function isOf(kind: Kind, value: unknown): value is string | number {
  if (kind === 'string') return typeof value === 'string' && value.length > 0
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= 65_535
}
