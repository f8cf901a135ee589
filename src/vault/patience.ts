import { VaultError } from '../errors.ts'

/**
 * How long a caller waits for work that has to go on without him: a change that is given up in its middle would leave the
 * vault to be opened again.
 */
export class Patience {
  readonly #ms: number | undefined
  readonly #late: Promise<never>
  #giveUp: (error: VaultError) => void = () => undefined

  /** @param ms that each step may take until he is told; undefined for as long as it takes */
  constructor(ms: number | undefined) {
    this.#ms = ms
    this.#late = new Promise((_, reject) => {
      this.#giveUp = reject
    })
    // He may be answered before he loses it.
    this.#late.catch(() => undefined)
  }

  /** What the work comes to, or `UNCERTAIN` where one of its steps takes too long for him; the work goes on. */
  of<T>(work: Promise<T>): Promise<T> {
    return Promise.race([work, this.#late])
  }

  async step<T>(work: () => Promise<T>): Promise<T> {
    const timer = this.#ms === undefined ? undefined : setTimeout(() => this.#tell(), this.#ms)
    try {
      return await work()
    } finally {
      clearTimeout(timer)
    }
  }

  #tell(): void {
    const message = `a change of the keyring did not end within ${this.#ms} ms; it goes on: look before trying again`
    this.#giveUp(new VaultError('UNCERTAIN', message, { retry: 'never' }))
  }
}
