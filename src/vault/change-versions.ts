import type { Outcome, Secrets } from '../decide/outcome.ts'
import { destroy, purge, remove, restore, type VersionsIntent } from '../decide/versions.ts'
import { VaultError } from '../errors.ts'
import { checkPath } from '../events/path.ts'
import type { Operation } from '../events/words.ts'
import type { Command } from '../log/queue.ts'
import type { SecretRow } from '../projections/secrets.ts'
import type { Call } from './call.ts'
import type { Engine } from './engine.ts'
import { appendOnce, type ChangeOptions, checkId, type Once } from './given-id.ts'
import { versionsDownTo } from './history.ts'
import { checkVersions, type Named, nameVersions } from './named-versions.ts'

export interface VersionsOptions extends ChangeOptions {
  /** The newest unless said. */
  readonly versions?: readonly number[]
}

export interface VersionsChanged {
  readonly path: string
  /** Those that changed: naming a version that is there already changes nothing. */
  readonly versions: readonly number[]
  /** Of the newest event about the secret. */
  readonly position: number
}

const changes = { delete: remove, restore, destroy } as const

export async function changeVersions(
  engine: Engine,
  call: Call,
  request: { path: string; change: keyof typeof changes; options: VersionsOptions },
): Promise<VersionsChanged> {
  const { path, change, options } = request
  checkPath(path)
  if (change === 'destroy' && options.versions === undefined) {
    throw new VaultError('INVALID', 'destroy needs versions: what is destroyed stays destroyed')
  }
  const versions = options.versions && checkVersions(options.versions)
  return applyChange(engine, call, {
    path,
    once: { id: checkId(options.id), verb: change, path, options: { versions } },
    operation: change,
    load: (row) => nameVersions(engine, { path, row, versions: versions ?? [row.version] }),
    decide: changes[change],
  })
}

export async function purgeSecret(
  engine: Engine,
  call: Call,
  { path, options }: { readonly path: string; readonly options: ChangeOptions },
): Promise<VersionsChanged> {
  checkPath(path)
  return applyChange(engine, call, {
    path,
    once: { id: checkId(options.id), verb: 'purge', path, options: {} },
    operation: 'purge',
    load: (row) => versionsDownTo(engine, { path, row, down: row.oldest }),
    decide: purge,
  })
}

/** A change that is decided once it is known what became of the versions that it is about. */
export async function applyChange(
  engine: Engine,
  call: Call,
  request: {
    path: string
    operation: Operation
    once?: Once
    load: (row: SecretRow) => Promise<readonly Named[]>
    decide: (
      secrets: Secrets,
      intent: VersionsIntent,
      at: { now: number; position: number },
    ) => Outcome
  },
): Promise<VersionsChanged> {
  const { path, operation } = request
  const secrets = engine.state.secrets.fold
  let named: readonly Named[] = []
  let last = -1

  const command: Command = {
    actor: call.actor,
    context: call.context,
    aggregate: path,
    prepare: () => {
      const row = secrets.state.get(path)
      if (row === undefined) return undefined
      last = row.last
      return request.load(row).then((versions) => {
        named = versions
      })
    },
    decide: (at) => {
      const outcome = request.decide(secrets.state, { path, versions: named }, at)
      const gone = new Set(touched(outcome, 'secret.destroyed'))
      const removeKeys = named.filter(({ version }) => gone.has(version))
      return removeKeys.length > 0 ? { ...outcome, removeKeys } : outcome
    },
  }
  const wanted = { operation, subject: path }
  const { once = { id: undefined, verb: operation, path, options: {} } } = request
  const events = await appendOnce(engine, call, { wanted, command, once })
  return {
    path,
    versions: touched({ facts: events }),
    position: events.at(-1)?.position ?? last,
  }
}

/** The versions that these events changed. */
function touched({ facts }: Pick<Outcome, 'facts'>, only?: 'secret.destroyed'): readonly number[] {
  return facts.flatMap((fact) => {
    if (only !== undefined && fact.type !== only) return []
    if (fact.type === 'secret.destroyed') return fact.data.versions.map(({ version }) => version)
    if (fact.type === 'secret.deleted' || fact.type === 'secret.restored') return fact.data.versions
    return []
  })
}
