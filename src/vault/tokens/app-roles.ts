import { randomUUID } from 'node:crypto'
import { checkName } from '../../access/policy.ts'
import { removeAppRole, revokeSecretId } from '../../decide/app-roles.ts'
import { VaultError } from '../../errors.ts'
import { hasEnded, type SecretIdRow } from '../../projections/secret-ids.ts'
import { type AccessChange, byName } from '../access-call.ts'
import type { BuiltIns } from '../built-ins.ts'
import type { CallOptions } from '../call.ts'
import type { Calls } from '../calls.ts'
import type { Session } from '../session.ts'
import { appRoleAggregate, secretIdAggregate } from './aggregates.ts'
import {
  type AppRole,
  type AppRoleOptions,
  appRoleOf,
  type IssuedSecretId,
  type SecretIdInfo,
  type SecretIdOptions,
  secretIdInfoOf,
} from './app-role-info.ts'
import { issueSecretIdOn, readAppRole, takeAway, writeAppRoleOn } from './change-app-role.ts'
import { checkAccessor } from './checked.ts'
import { lookAtTokens, shownRows } from './looks.ts'
import { rowOfText } from './marked.ts'

/**
 * The applications that log in by themselves (`vault.login`): by a role id and, where it is asked for, a secret id. Of a
 * scope every verb takes the right to `token` on the vault itself; to write one that gives more than the scope has, and
 * to hand out a secret id for it, the right to `policy` besides. All verbs can throw `INVALID` and `TOO_LARGE`, naming the
 * argument.
 */
export class AppRoles {
  readonly #calls: Calls
  readonly #session: Session

  constructor(calls: Calls, session: Session) {
    this.#calls = calls
    this.#session = session
  }

  /**
   * An application, in the place of one of that name, whose secret ids and tokens stay. Throws `EXISTS` for a role id that
   * is another one's, `CONFLICT` where it was written or removed since `ifPosition`, and `INVALID` by a token whose uses
   * are counted.
   *
   * @example
   * await vault.appRoles.write('billing', { policies: ['billing'], secretIdUses: 10, tokenTtl: 3_600_000 })
   */
  async write(
    name: string,
    options: AppRoleOptions = {},
    call: CallOptions = {},
  ): Promise<AccessChange> {
    return this.#calls.run(call, (own, engine) => {
      const said = readAppRole(checkName(name, 'name'), options, () => randomUUID())
      return writeAppRoleOn(engine, own, said)
    })
  }

  /** Throws `NOT_FOUND`. */
  async get(name: string, call: CallOptions = {}): Promise<AppRole> {
    const [found] = await lookAtTokens(this.#calls, call, ({ appRoles }) => {
      const row = appRoles.fold.state.get(checkName(name, 'name'))
      return row === undefined ? [] : [appRoleOf(row)]
    })
    if (found === undefined) throw new VaultError('NOT_FOUND', `there is no approle ${name}`)
    return found
  }

  /** All of them, by name. */
  async list(call: CallOptions = {}): Promise<readonly AppRole[]> {
    return lookAtTokens(this.#calls, call, ({ appRoles }) =>
      byName(appRoles.fold.state).map(([, row]) => appRoleOf(row)),
    )
  }

  /** Takes one away, if it is there: its secret ids end with it, and the tokens of its logins. */
  async remove(name: string, call: CallOptions = {}): Promise<AccessChange> {
    return this.#calls.run(call, (own, engine) => {
      const aggregate = appRoleAggregate(checkName(name, 'name'))
      const decide = () => removeAppRole(engine.state.appRoles.fold.state, name)
      return takeAway(engine, own, { aggregate, decide })
    })
  }

  /**
   * A secret id for an application. The log holds a keyed hash of it, so that it is there in this one moment. Throws
   * `NOT_FOUND`, `EXISTS` for a `secretId` that is another one's, `TOO_LARGE` where there are too many, and `INVALID` by a
   * token whose uses are counted.
   *
   * @example
   * const { secretId } = await vault.appRoles.issueSecretId('billing', { uses: 1 })
   * await handOver(secretId.text())
   */
  async issueSecretId(
    name: string,
    options: SecretIdOptions = {},
    call: CallOptions = {},
  ): Promise<IssuedSecretId> {
    return this.#calls.run(call, (own, engine) =>
      issueSecretIdOn(engine, own, { name: checkName(name, 'name'), options }),
    )
  }

  /** Those of an application that hold, in the order in which they were issued. Throws `NOT_FOUND`. */
  async secretIds(name: string, call: CallOptions = {}): Promise<readonly SecretIdInfo[]> {
    let refused: unknown
    const found = await lookAtTokens(this.#calls, call, ({ appRoles, secretIds }) => {
      if (!appRoles.fold.state.has(checkName(name, 'name'))) {
        refused = new VaultError('NOT_FOUND', `there is no approle ${name}`)
        return []
      }
      const isShown = (row: SecretIdRow) => row.approle === name && !hasEnded(row, this.#now())
      return shownRows(secretIds.fold.state, isShown, secretIdInfoOf)
    })
    if (refused !== undefined) throw refused
    return found
  }

  /** What is known of the secret id itself, which is not used by it. Throws `NOT_FOUND`, for one that has ended too. */
  async lookupSecretId(name: string, text: string, call: CallOptions = {}): Promise<SecretIdInfo> {
    const [found] = await lookAtTokens(this.#calls, call, (state) => {
      const row = this.#rowOf(state, checkName(name, 'name'), text)
      return row === undefined ? [] : [secretIdInfoOf(row)]
    })
    if (found === undefined) throw new VaultError('NOT_FOUND', `${name} has no such secret id`)
    return found
  }

  /** Ends a secret id of an application, if it is there; tokens of its logins go on. */
  async revokeSecretId(
    name: string,
    accessor: string,
    call: CallOptions = {},
  ): Promise<AccessChange> {
    return this.#calls.run(call, (own, engine) => {
      checkName(name, 'name')
      const aggregate = secretIdAggregate(checkAccessor(accessor))
      const decide = () => revokeSecretId(engine.state.secretIds.fold.state, { name, accessor })
      return takeAway(engine, own, { aggregate, decide })
    })
  }

  #rowOf({ secretIds }: BuiltIns, name: string, text: string): SecretIdRow | undefined {
    const row = rowOfText(secretIds.fold.state, this.#session.current.handedOut, text)
    return row?.approle === name && !hasEnded(row, this.#now()) ? row : undefined
  }

  #now(): number {
    return this.#session.current.time.judged()
  }
}
