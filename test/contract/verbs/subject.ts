import type { RemoteVault } from '../../../src/client.ts'
import type { Vault } from '../../../src/index.ts'
import type { TestClock } from '../../../src/testing.ts'

/** What a client has and a scope of the library has as well, under the same names. */
export type SharedVault = Omit<RemoteVault, 'self' | 'identity'>

/** A vault as its users have it, whichever way they reach it: what the suites beside this file hold every way to. */
export interface Subject {
  readonly vault: SharedVault
  /** The vault itself, for what a suite prepares and looks at afterwards. */
  readonly host: Vault
  readonly clock: TestClock
  close(): Promise<void>
}

export type OpenSubject = () => Promise<Subject>
