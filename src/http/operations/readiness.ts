import { VaultError } from '../../index.ts'
import type { Served } from '../served.ts'

/** How long an answer is good for: whoever asks all the time does not have the disk asked all the time. */
const goodForMs = 1000

/** Whether a served vault accepts. */
export class Readiness {
  readonly #served: Served
  #asked: Promise<VaultError | undefined> | undefined
  #at = Number.NEGATIVE_INFINITY

  constructor(served: Served) {
    this.#served = served
  }

  /** Why it does not: `CLOSED`, `FAILED` or `CLOCK`, with nothing that a stranger should not know. */
  async refusal(): Promise<VaultError | undefined> {
    const { state } = this.#served
    if (state !== 'open') return new VaultError('CLOSED', 'the vault is not open')
    const now = performance.now()
    if (this.#asked === undefined || now - this.#at >= goodForMs) {
      this.#at = now
      this.#asked = this.#ask()
    }
    return this.#asked
  }

  async #ask(): Promise<VaultError | undefined> {
    try {
      const vault = this.#served.vault()
      // Throws by itself where the vault has failed or is closed, and asks no disk for it.
      vault.identity()
      const { clockFailure } = await vault.health()
      if (clockFailure === undefined) return undefined
      return new VaultError('CLOCK', 'the clock cannot be right')
    } catch (error) {
      // Where nobody is sent because the vault is not ready, nobody else would have it opened again.
      this.#served.recover?.()
      return error instanceof VaultError ? error : new VaultError('FAILED', 'the vault failed')
    }
  }
}
