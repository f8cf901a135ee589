import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** What somebody is told who opens a vault and asks it everything. */
export interface Outcome {
  /** What was told before the refusal, or all of it, by what was asked. */
  readonly parts: Readonly<Record<string, string>>
  /** The refusal, if it came to one. */
  readonly code?: string
  readonly message?: string
}

/**
 * LevelDB does not verify the checksums of its tables when it reads, and is built with its assertions: a length that
 * was changed can end the process. Nobody can catch that, and nobody is told anything wrong by it.
 */
export const assertion = 'an assertion of LevelDB'

const script = fileURLToPath(new URL('vault-outcome.mjs', import.meta.url))
const hangMs = 20_000

/** Opens vaults in a process of its own, which is started again where LevelDB ended it. */
export class Teller {
  #process: ChildProcess | undefined
  #complaint = ''

  /** Throws where there is no answer in time, and for any end of the process but an assertion of LevelDB's. */
  async outcomeOf(path: string, size: number): Promise<Outcome> {
    const process = this.#started()
    const answer = await new Promise<Outcome | undefined>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no answer in ${hangMs} ms`)), hangMs)
      const settle = (outcome?: Outcome) => {
        clearTimeout(timer)
        process.removeAllListeners()
        resolve(outcome)
      }
      process.once('message', (message) => settle(message as Outcome))
      process.once('close', () => settle())
      process.send({ path, size })
    })
    if (answer !== undefined) return answer
    this.#process = undefined
    if (/leveldb.*Assertion/s.test(this.#complaint)) return { parts: {}, code: assertion }
    throw new Error(`the process that opened ${path} ended: ${this.#complaint}`)
  }

  end(): void {
    this.#process?.kill()
  }

  #started(): ChildProcess {
    if (this.#process !== undefined) return this.#process
    this.#process = fork(script, { stdio: ['ignore', 'inherit', 'pipe', 'ipc'] })
    this.#complaint = ''
    this.#process.stderr?.on('data', (text) => {
      this.#complaint += text
    })
    return this.#process
  }
}
