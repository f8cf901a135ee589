/**
 * How long keys are used: NIST SP 800-57 Part 1 Rev. 5, §5.3.6, table 1. In milliseconds, a year being 365 days.
 *
 * `protect` is the originator usage period, counted from the key's beginning: to encrypt, wrap, sign or derive with
 * it. `process` runs from the same moment to the end of the recipient usage period: to decrypt, unwrap or check what
 * it protected. A key type without one has no such end there.
 */
export interface Cryptoperiod {
  readonly protect: number
  readonly process?: number
}

export const dayMs = 24 * 3600 * 1000
const yearMs = 365 * dayMs

export const cryptoperiods = {
  /** Type 1, private signature key: 1 to 3 years. Its public key checks signatures for as long as they are kept. */
  signature: { protect: 2 * yearMs },
  /** Type 3, symmetric authentication key: 2 years at most, and 3 more to check. */
  authentication: { protect: 2 * yearMs, process: 5 * yearMs },
  /** Type 6, symmetric data-encryption key: 2 years at most, and 3 more to decrypt. */
  dataEncryption: { protect: 2 * yearMs, process: 5 * yearMs },
  /** Type 7, symmetric key-wrapping key: 2 years at most, and 3 more to unwrap. */
  keyWrapping: { protect: 2 * yearMs, process: 5 * yearMs },
  /** Type 9, symmetric master key, key derivation key: about a year; it has no recipient. */
  master: { protect: yearMs },
} as const satisfies Record<string, Cryptoperiod>
