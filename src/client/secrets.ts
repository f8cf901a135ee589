import { VaultError } from '../errors.ts'
import type {
  Annotated,
  HistoryOptions,
  ListOptions,
  MetaOptions,
  Moment,
  NewValue,
  ReadOptions,
  Rotated,
  RotateOptions,
  Scope,
  SecretInfo,
  SecretInspector,
  SecretPage,
  VersionInfo,
  VersionsChanged,
  VersionsOptions,
  WriteOptions,
  Written,
} from '../index.ts'
import { type SecretInput, SecretValue } from '../secret/value.ts'
import { at } from './at.ts'
import { callAnd } from './call.ts'
import { dated } from './dated.ts'
import { eventId } from './event-id.ts'
import { noVault } from './failure.ts'
import { momentQuery, wiredDate } from './moments.ts'
import type { Server } from './server.ts'
import { contentOf, type SaidValue, sentValue } from './value.ts'

/** By as much a clock is off whose ids a vault may refuse: it takes those of an hour. */
const clockOffMs = 30 * 60_000

type Changes = Pick<
  Scope,
  'write' | 'rotate' | 'annotate' | 'delete' | 'restore' | 'destroy' | 'purge'
>

/** The verbs that change secrets. Each has an id of its own, so that it can be sent again. */
export function secretChanges(server: Server): Changes {
  const change = async <T extends object>(
    method: 'POST' | 'PUT' | 'PATCH',
    path: string,
    {
      options,
      ...own
    }: { readonly options: WriteOptions | VersionsOptions; readonly value?: SaidValue },
  ) => {
    const { call, rest } = callAnd(options)
    const body = { ...wiredMeta(rest), ...own }
    const send = (id: string) => server.json<T>({ method, path, body, call: { id, ...call } })
    const { now } = server
    try {
      return await send(eventId(now))
    } catch (error) {
      // The answer told the server's time: an id that this machine's clock made useless is made anew, once.
      const isOff = Math.abs(server.now - now) > clockOffMs && call.id === undefined
      if (isOff && error instanceof VaultError && error.code === 'INVALID') {
        return send(eventId(server.now))
      }
      throw error
    }
  }
  return {
    write: async (path, value, options = {}) =>
      change<Written>('PUT', at`/secrets/${path}`, { options, value: sentValue(value) }),
    rotate: async (path, value, options = {}) => {
      const typed = { ...typeOf(value), ...options }
      const sent = sentValue(await madeValue(value))
      return change<Rotated>('POST', at`/secrets/${path}/rotate`, { options: typed, value: sent })
    },
    annotate: async (path, options) =>
      change<Annotated>('PATCH', at`/secrets/${path}`, { options }),
    delete: async (path, options = {}) =>
      change<VersionsChanged>('POST', at`/secrets/${path}/delete`, { options }),
    restore: async (path, options = {}) =>
      change<VersionsChanged>('POST', at`/secrets/${path}/restore`, { options }),
    destroy: async (path, options) =>
      change<VersionsChanged>('POST', at`/secrets/${path}/destroy`, { options }),
    purge: async (path, options = {}) =>
      change<VersionsChanged>('POST', at`/secrets/${path}/purge`, { options }),
  }
}

/** Looks at secrets and the reading of one, now or as of a moment. */
export function secretLooks(
  server: Server,
  moment?: Moment,
): SecretInspector & Pick<Scope, 'read'> {
  const then = moment === undefined ? {} : momentQuery(moment)
  const look = async <S extends object, T>(
    path: string,
    options: object,
    read: (said: S) => T,
  ): Promise<T> => {
    const { call, rest } = callAnd(options)
    return server.json({ path, query: { ...rest, ...then }, call }, read)
  }
  return {
    list: async (prefix = '', options: ListOptions = {}): Promise<SecretPage> => {
      const asked = { ...options, ...(prefix !== '' && { prefix }) }
      return look('/secrets', asked, ({ items, ...page }: SecretPage) => ({
        ...page,
        items: items.map(secretInfoOf),
      }))
    },
    describe: async (path, options = {}) => look(at`/secrets/${path}`, options, secretInfoOf),
    history: async (path, options: HistoryOptions = {}) =>
      look(
        at`/secrets/${path}/history`,
        options,
        ({ versions }: { readonly versions: readonly object[] }) => versions.map(versionInfoOf),
      ),
    exists: async (path, options = {}) => look(at`/secrets/${path}/exists`, options, existsOf),
    read: async (path, options: ReadOptions = {}) =>
      look(at`/secrets/${path}/value`, options, secretOf),
  }
}

function existsOf({ exists }: { readonly exists: boolean }): boolean {
  if (typeof exists === 'boolean') return exists
  throw noVault('it answered with neither yes nor no')
}

function wiredMeta(options: object): object {
  const { expiresAt, notBefore }: MetaOptions = options
  return {
    ...options,
    ...(expiresAt instanceof Date && { expiresAt: wiredDate(expiresAt) }),
    ...(notBefore instanceof Date && { notBefore: wiredDate(notBefore) }),
  }
}

/** A value is made here: its maker is code. What its maker throws may quote it, and is not passed on. */
async function madeValue(value: NewValue): Promise<SecretInput> {
  try {
    if (typeof value === 'function') return await value()
    return isGenerator(value) ? value.make() : value
  } catch {
    throw new VaultError('INVALID', 'the generator of a new value failed; the old one stands')
  }
}

function isGenerator(value: object | string): value is { make(): SecretInput; type?: string } {
  return typeof value === 'object' && 'make' in value && typeof value.make === 'function'
}

function typeOf(value: NewValue): Pick<RotateOptions, 'type'> {
  const { type } = typeof value === 'object' && isGenerator(value) ? value : {}
  return type === undefined ? {} : { type: type as NonNullable<RotateOptions['type']> }
}

export interface ShownSecret {
  readonly path: string
  readonly version: number
  readonly position: number
  readonly type: string
  readonly value: SaidValue
}

/** A value as it was shown. */
export function secretOf({ value, ...about }: ShownSecret): SecretValue {
  return new SecretValue(contentOf(value), about)
}

function secretInfoOf(said: object): SecretInfo {
  return dated<SecretInfo>(said, [
    'createdAt',
    'updatedAt',
    'valueChangedAt',
    'expiresAt',
    'notBefore',
    'lastRotatedAt',
    'lastAccessedAt',
    'dueAt',
  ])
}

function versionInfoOf(said: object): VersionInfo {
  return dated<VersionInfo>(said, ['createdAt', 'expiresAt', 'notBefore', 'stateChangedAt'])
}
