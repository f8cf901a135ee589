import { Concealed } from './concealed.ts'

/**
 * A token or a secret id as it is handed out, once: the vault keeps a keyed hash of it and can never show it again. Like a
 * `SecretValue` it shows itself only when asked by name, and prints as `[secret]` everywhere else.
 *
 * @example
 * const { token, accessor } = await vault.tokens.issue({ actor: 'svc/billing', ttl: 3_600_000 })
 * await handOver(token.text())
 */
export class HandedOutText extends Concealed {
  readonly #text: string

  constructor(text: string) {
    super()
    this.#text = text
  }

  /** The text itself. A JavaScript string cannot be wiped from memory: it stays there until it is collected. */
  text(): string {
    return this.#text
  }
}
