import fc from 'fast-check'
import { rotationTriggers, secretTypes } from '../../../src/events/words.ts'
import type { SecretInput } from '../../../src/secret/value.ts'
import type { VersionsOptions } from '../../../src/vault/change-versions.ts'
import type { HistoryOptions, ListOptions } from '../../../src/vault/inspect.ts'
import type { WriteOptions } from '../../../src/vault/new-value.ts'
import type { ReadOptions } from '../../../src/vault/read.ts'
import type { Vault } from '../../../src/vault/vault.ts'
import type { RotateOptions } from '../../../src/vault/write.ts'
import { type BadCall, badCalls } from './bad-calls.ts'

/** How a rotation comes by its value: given, made by a generator, made by a function, or not made at all. */
type MadeBy = 'value' | 'generator' | 'function' | 'failure'

interface Caller {
  readonly actor?: string
  readonly reason?: string
}

interface On<O> {
  readonly path: string
  readonly options: O
}

interface Fields {
  write: On<WriteOptions> & { readonly value: SecretInput }
  rotate: On<RotateOptions> & { readonly value: SecretInput; readonly by: MadeBy }
  annotate: On<WriteOptions>
  read: On<ReadOptions>
  delete: On<VersionsOptions>
  restore: On<VersionsOptions>
  destroy: On<VersionsOptions & { readonly versions: readonly number[] }>
  purge: On<Caller>
  exists: On<Caller>
  describe: On<Caller>
  history: On<HistoryOptions>
  list: { readonly prefix: string; readonly options: ListOptions }
  bad: { readonly call: BadCall; readonly options: Caller }
}

export type Verb = keyof Fields
export type OperationOf<V extends Verb> = { readonly verb: V } & Fields[V]

/** One call on a vault, as plain data: it is performed, the model judges it, and a counterexample shows it. */
export type Operation = { [V in Verb]: OperationOf<V> }[Verb]

/** When every run begins: the dates that operations name lie around it. */
export const startMs = Date.UTC(2026, 0, 1)
export const hourMs = 3_600_000

/** Performs an operation under a correlation id, by which its events are found. */
export function perform(vault: Vault, operation: Operation, id: string): Promise<unknown> {
  const caller = { correlationId: id }
  switch (operation.verb) {
    case 'write':
      return vault.write(operation.path, operation.value, { ...operation.options, ...caller })
    case 'rotate':
      return vault.rotate(operation.path, newValue(operation), { ...operation.options, ...caller })
    case 'destroy':
      return vault.destroy(operation.path, { ...operation.options, ...caller })
    case 'list':
      return vault.list(operation.prefix, { ...operation.options, ...caller })
    case 'bad':
      return badCalls[operation.call](vault)
    default:
      return vault[operation.verb](operation.path, { ...operation.options, ...caller })
  }
}

function newValue({ value, by }: OperationOf<'rotate'>) {
  if (by === 'value') return value
  if (by === 'generator') return { spec: 'of a test', make: () => value }
  if (by === 'function') return async () => value
  return () => {
    throw new Error('the database is down')
  }
}

/** One of them gets most of it: a history of some length is worth more than many short ones. */
const path = fc.constantFrom('a', 'a', 'a', 'a/b', 'prod/é')
const version = fc.integer({ min: 1, max: 4 })
const limit = fc.integer({ min: 1, max: 3 })
const date = fc.constantFrom(-1, 1, 24, 24 * 30).map((hours) => new Date(startMs + hours * hourMs))

/** Few values, so that one is often written again, and some that are anything. */
const value: fc.Arbitrary<SecretInput> = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom('hunter2', 'correct horse', '') },
  fc.string({ unit: 'grapheme', maxLength: 80 }),
  fc.constantFrom(new Uint8Array([0, 255]), new Uint8Array(60)),
  fc.constantFrom({ user: 'app', password: 'x' }, { password: 'x', user: 'app' }, { port: 1 }),
)

const asker = {
  actor: fc.constantFrom('svc/billing', 'user/ana'),
  reason: fc.constantFrom('start-up', 'incident 7'),
}

const orNull = (arbitrary: fc.Arbitrary<unknown>) => fc.option(arbitrary, { freq: 4 })

const meta = {
  type: fc.constantFrom(...secretTypes),
  description: orNull(fc.constantFrom('of the ledger', '')),
  owner: orNull(fc.constant('team/pay')),
  tags: orNull(fc.constantFrom({ team: 'pay' }, { team: 'ops', tier: '1' }, {})),
  expiresAt: orNull(date),
  notBefore: orNull(date),
  rotateEvery: orNull(fc.constant(30 * 24 * hourMs)),
  maxVersions: orNull(fc.integer({ min: 1, max: 3 })),
  casRequired: orNull(fc.boolean()),
}

type Arbitraries = Record<string, fc.Arbitrary<unknown>>

const all = (fields: Arbitraries) => fc.record(fields, { noNullPrototype: true })

/** What later calls turn on is said more often than the rest. */
const telling = ['expiresAt', 'notBefore', 'maxVersions']

/** At most three of the fields: a secret with all of them would refuse nearly everything. */
function some(fields: Arbitraries): fc.Arbitrary<object> {
  const names = Object.keys(fields)
  const drawn = [...names, ...telling.filter((name) => name in fields)]
  return fc
    .subarray(drawn, { maxLength: Math.min(3, drawn.length) })
    .chain((chosen) =>
      all(Object.fromEntries(chosen.map((name) => [name, fields[name]])) as Arbitraries),
    )
}

const ifVersion = fc.nat(3)
const versions = fc.array(version, { minLength: 1, maxLength: 3 })
const readOptions = some({ ...asker, version, allowExpired: fc.boolean() }).map((options) =>
  'allowExpired' in options ? { reason: 'audit', ...options } : options,
)
const rotateOptions = {
  ...asker,
  ...meta,
  ifVersion,
  trigger: fc.constantFrom(...rotationTriggers),
}
const annotation = fc
  .tuple(some(meta), some({ ...asker, ifVersion }))
  .map(([change, options]) => ({ owner: 'team/db', ...change, ...options }))

const weighted: readonly { readonly weight: number; readonly fields: Arbitraries }[] = [
  {
    weight: 8,
    fields: { verb: is('write'), path, value, options: some({ ...asker, ...meta, ifVersion }) },
  },
  {
    weight: 6,
    fields: {
      verb: is('rotate'),
      path,
      value,
      by: fc.constantFrom('value', 'value', 'generator', 'function', 'failure'),
      options: some(rotateOptions),
    },
  },
  { weight: 3, fields: { verb: is('annotate'), path, options: annotation } },
  { weight: 8, fields: { verb: is('read'), path, options: readOptions } },
  {
    weight: 4,
    fields: { verb: is('delete', 'restore'), path, options: some({ ...asker, versions }) },
  },
  {
    weight: 2,
    fields: {
      verb: is('destroy'),
      path,
      options: fc.tuple(some(asker), all({ versions })).map(([a, b]) => ({ ...a, ...b })),
    },
  },
  { weight: 1, fields: { verb: is('purge'), path, options: some(asker) } },
  { weight: 2, fields: { verb: is('exists', 'describe'), path, options: some(asker) } },
  { weight: 2, fields: { verb: is('history'), path, options: some({ limit }) } },
  {
    weight: 1,
    fields: {
      verb: is('list'),
      prefix: fc.constantFrom('', 'a', 'a/', 'prod/'),
      options: some({ limit, after: path }),
    },
  },
  {
    weight: 1,
    fields: {
      verb: is('bad'),
      call: fc.constantFrom(...(Object.keys(badCalls) as BadCall[])),
      options: fc.constant({}),
    },
  },
]

function is(...verbs: Verb[]): fc.Arbitrary<Verb> {
  return fc.constantFrom(...verbs)
}

const operation = fc.oneof(
  ...weighted.map(({ weight, fields }) => ({ weight, arbitrary: all(fields) })),
) as fc.Arbitrary<unknown> as fc.Arbitrary<Operation>

/** One caller, and what it asks one after the other. */
export const caller: fc.Arbitrary<Operation[]> = fc.array(operation, { minLength: 1, maxLength: 6 })

/** Callers side by side, each of which waits for one answer before it asks again. */
export const callers: fc.Arbitrary<Operation[][]> = fc.array(
  fc.array(operation, { minLength: 1, maxLength: 2 }),
  { minLength: 2, maxLength: 4 },
)
