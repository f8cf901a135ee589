import { VaultError } from '../errors.ts'

/** Counts the refusals that the log does not tell of: bad arguments, and compare-and-sets that lost. */
export class Rejections {
  #invalid = 0
  #conflict = 0

  note(error: unknown): void {
    if (!(error instanceof VaultError)) return
    if (error.code === 'CONFLICT') this.#conflict++
    else if (error.code === 'INVALID' || error.code === 'TOO_LARGE') this.#invalid++
  }

  get counts(): { readonly invalid: number; readonly conflict: number } {
    return { invalid: this.#invalid, conflict: this.#conflict }
  }
}
