import type { VaultAsOf } from '../as-of.ts'
import type { Calls } from '../calls.ts'
import type { Scope } from '../scope.ts'
import type { ControlledVault } from './controlled-vault.ts'

/** A vault as an operator has it who is not at hand: every look is on record. */
export type OperatedVault = Omit<ControlledVault, 'close'> & Pick<Scope, 'backupBytes'>

/** What a verb is called with. */
export interface Called {
  readonly vault: OperatedVault
  readonly calls: Calls
  /** Id of the operator's keyslot. */
  readonly slot: string
  readonly args: readonly unknown[]
  /** The moment that he looked at last: finding what was known then takes longer than a look at it. */
  readonly moment: { known?: VaultAsOf }
  /** Aborts when the caller goes away, or the vault closes. */
  readonly signal: AbortSignal
  /** Hands the caller a piece of a file that it makes. */
  readonly file: (step: FileStep) => Promise<void>
}

/** One step in the making of a file at the other end; files are numbered. */
export type FileStep =
  | readonly ['open', number, string]
  | readonly ['write', number, Uint8Array]
  | readonly ['end', number]
  | readonly ['abort', number]
