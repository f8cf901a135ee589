import { noKdf } from '../keys/no-kdf.ts'
import type { SecretInput } from '../secret/value.ts'
import { memoryStore } from '../store/memory.ts'
import type { StoreOpener } from '../store/port.ts'
import { Vault } from '../vault/vault.ts'
import { type TestClock, testClock } from './test-clock.ts'

export interface TestVaultOptions {
  /** A store in memory unless said; `faultStore(memoryStore())` to let writes fail. */
  readonly store?: StoreOpener
  readonly clock?: TestClock
  /** `test` unless said. */
  readonly actor?: string
  readonly inspections?: boolean
}

export interface TestVault {
  readonly vault: Vault
  readonly clock: TestClock
  readonly store: StoreOpener
}

/**
 * A vault for the tests of a service that embeds one: in memory, without a KDF, with a clock to advance, and
 * otherwise the real thing.
 *
 * @example
 * const { vault, clock } = await testVault({ 'prod/db/password': 'hunter2' })
 * clock.advance(3_600_000)
 */
export async function testVault(
  secrets: Readonly<Record<string, SecretInput>> = {},
  options: TestVaultOptions = {},
): Promise<TestVault> {
  const {
    clock = testClock(),
    store = memoryStore(),
    actor = 'test',
    inspections = false,
  } = options
  const vault = await Vault.create({ store, unlock: noKdf, actor, clock, inspections })
  for (const [path, value] of Object.entries(secrets)) await vault.write(path, value)
  return { vault, clock, store }
}
