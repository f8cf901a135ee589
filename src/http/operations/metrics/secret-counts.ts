import { setImmediate as turn } from 'node:timers/promises'
import {
  byPrecedence,
  isUsable,
  type LiveProjection,
  maxAgeOf,
  type RotationPoliciesState,
  type RotationPolicyRow,
  rotationPolicies,
  rotationStatusOf,
  type SecretRow,
  type SecretsState,
  secrets,
  type TokensState,
  tokens,
  type Vault,
} from '../../../index.ts'

/** What of the secrets and tokens takes a look at each of them to count. */
export interface SecretCounts {
  /** Whose newest value is as old as it may get, or older. */
  readonly overdue: number
  /** Whose newest value has expired. */
  readonly expired: number
  /** Tokens that let somebody in. */
  readonly tokens: number
}

interface Folds {
  readonly secrets: LiveProjection<SecretsState>
  readonly policies: LiveProjection<RotationPoliciesState>
  readonly tokens: LiveProjection<TokensState>
}

/** Counted anew at the most so often, however often it is asked for. */
const countEveryMs = 60_000
/** Rows that are looked at before other work gets its turn. */
const sliceRows = 1000

/** Counts what a vault holds, now and then and in slices: a scrape neither waits for it nor holds up anybody. */
export class SecretCounter {
  readonly #now: () => number
  readonly #vault: Vault
  #folds: Promise<Folds> | undefined
  #newest: SecretCounts | undefined
  #counting: Promise<SecretCounts> | undefined
  #countedAt = Number.NEGATIVE_INFINITY

  /** @param now milliseconds since the epoch, to judge by */
  constructor(vault: Vault, now: () => number) {
    this.#vault = vault
    this.#now = now
  }

  /** As counted last; the first time, once it is counted. Undefined where the vault lets nobody look at it any more. */
  async counts(): Promise<SecretCounts | undefined> {
    if (performance.now() - this.#countedAt >= countEveryMs) this.#begin()
    return this.#newest ?? this.#counting?.catch(() => undefined)
  }

  #begin(): void {
    if (this.#counting !== undefined) return
    const counting = this.#count()
    this.#counting = counting
    counting
      .then((counts) => {
        this.#newest = counts
        this.#countedAt = performance.now()
      })
      .catch(() => undefined)
      .finally(() => {
        this.#counting = undefined
      })
  }

  async #count(): Promise<SecretCounts> {
    this.#folds ??= foldsOf(this.#vault)
    const folds = await this.#folds
    const now = this.#now()
    const policies = byPrecedence(folds.policies.view)
    let overdue = 0
    let expired = 0
    await inSlices(folds.secrets.view, ([path, row]) => {
      if (row.state !== 'live') return
      if (isOverdue(path, row, { policies, now })) overdue++
      if (row.meta.expiresAt !== undefined && row.meta.expiresAt <= now) expired++
    })
    let usable = 0
    const rows = folds.tokens.view
    await inSlices(rows, ([, token]) => {
      if (isUsable(rows, token, now)) usable++
    })
    return { overdue, expired, tokens: usable }
  }
}

async function foldsOf(vault: Vault): Promise<Folds> {
  return {
    secrets: await vault.project(secrets),
    policies: await vault.project(rotationPolicies),
    tokens: await vault.project(tokens),
  }
}

function isOverdue(
  path: string,
  { meta, state, valueChangedAt }: SecretRow,
  { policies, now }: { readonly policies: readonly RotationPolicyRow[]; readonly now: number },
): boolean {
  const facts = { state, valueChangedAt, rotations: 0, maxAge: maxAgeOf(path, meta, policies) }
  const { status } = rotationStatusOf(facts, { now })
  return status === 'overdue' || status === 'never'
}

/** What is added meanwhile is looked at too, and what is taken away is not. */
async function inSlices<K, V>(
  rows: ReadonlyMap<K, V>,
  look: (row: readonly [K, V]) => void,
): Promise<void> {
  let left = sliceRows
  for (const row of rows) {
    look(row)
    if (--left > 0) continue
    left = sliceRows
    await turn()
  }
}
