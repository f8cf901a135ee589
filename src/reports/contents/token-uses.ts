import type { VaultEvent } from '../../events/catalogue.ts'
import { defineProjection } from '../../projections/projection.ts'
import { type TokensState, tokens } from '../../projections/tokens.ts'
import { ruleKey, type Use, used } from './uses.ts'

/** How often each rule decided, and when last; by rule. */
type Uses = Map<string, Use>

export interface TokenUses {
  /** Those that were issued and not revoked. */
  readonly tokens: TokensState
  /** What tokens with policies of their own were used for, by accessor; of some that have ended, too. */
  readonly own: Map<string, Uses>
  /** The same of all tokens of an application's logins, by its name. */
  readonly applications: Map<string, Uses>
}

/** Which rules decided for which tokens that are held to policies of their own. */
export const tokenUses = defineProjection<TokenUses>({
  name: 'report-token-uses',
  version: 1,
  initial: () => ({ tokens: tokens.initial(), own: new Map(), applications: new Map() }),
  on: {},
  // A token that ends itself has used its right before it has ended.
  each: (state, event) => {
    noteUse(state, event)
    const step = tokens.on[event.type] as
      | ((rows: TokensState, event: VaultEvent) => void)
      | undefined
    step?.(state.tokens, event)
    forget(state, event)
  },
})

function noteUse({ tokens, own, applications }: TokenUses, event: VaultEvent): void {
  const { auth, decision } = event.context
  if (decision === undefined || decision.role !== '' || decision.rule === '') return
  const row = auth && tokens.get(auth.id)
  if (row === undefined || (auth?.method !== 'token' && auth?.method !== 'approle')) return
  const rule = ruleKey(decision.rule, decision.policy)
  count(own, row.accessor, { rule, event })
  if (row.approle !== undefined) count(applications, row.approle, { rule, event })
}

function count(
  all: Map<string, Uses>,
  key: string,
  { rule, event }: { readonly rule: string; readonly event: VaultEvent },
): void {
  const uses = all.get(key) ?? new Map<string, Use>()
  all.set(key, uses.set(rule, used(uses.get(rule), event)))
}

/** Of tokens that have ended, no more is kept than there are others. */
const endedMax = 1024

function forget({ tokens, own, applications }: TokenUses, { type, data }: VaultEvent): void {
  if (type === 'token.revoked') own.delete(data.accessor)
  if (type === 'vault.restored') own.clear()
  if (type === 'approle.removed') applications.delete(data.name)
  if (type !== 'token.issued') return
  // A text that was issued before has the accessor of then.
  own.delete(data.accessor)
  if (own.size <= 2 * tokens.size + endedMax) return
  for (const accessor of own.keys()) if (!tokens.has(accessor)) own.delete(accessor)
}
