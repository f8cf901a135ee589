import { Worker } from 'node:worker_threads'
import { VaultError } from '../../errors.ts'
import type { KeyRow } from '../../store/port.ts'
import { type Answer, type Message, packCommits, type WorkerData } from './protocol.ts'
import type { Brief, Findings, ReadItem } from './verifier.ts'

/** Messages under way: one that is worked on, and the next at hand. */
const underWayMax = 3

interface Waiting {
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: VaultError) => void
}

/** A worker that has read its brief; undefined where the process gives none, or none can load there. */
export async function startWorker(brief: Brief): Promise<WorkerThread | undefined> {
  try {
    return await WorkerThread.start(brief)
  } catch (error) {
    // Nothing has been verified yet: this thread can do it instead.
    if (error instanceof VaultError) return undefined
    throw error
  }
}

/** The other end of `worker.ts`, which answers each message in its turn. */
export class WorkerThread {
  readonly #worker: Worker
  /** Who waits for which answer, in order. */
  readonly #waiting: Waiting[] = []
  readonly #underWay: Promise<Answer>[] = []
  #failure: VaultError | undefined

  private constructor(worker: Worker) {
    this.#worker = worker
    worker.on('message', (answer: Answer) => this.#waiting.shift()?.resolve(answer))
    worker.on('error', (cause) => this.#fail(cause))
    worker.on('exit', () => this.#fail(undefined))
  }

  static async start(brief: Brief): Promise<WorkerThread> {
    const thread = new WorkerThread(spawn({ brief }))
    await thread.#answer()
    return thread
  }

  keyRows(rows: readonly KeyRow[]): Promise<void> {
    return this.#send({ kind: 'keyRows', rows })
  }

  loseKeyRows(fault: string): Promise<void> {
    return this.#send({ kind: 'keyRowsLost', fault })
  }

  commits(items: readonly ReadItem[]): Promise<void> {
    const packed = packCommits(items)
    return this.#send({ kind: 'commits', packed }, [packed.bytes])
  }

  async end(): Promise<Findings> {
    await Promise.all(this.#underWay)
    this.#worker.postMessage({ kind: 'end' } satisfies Message)
    const answer = await this.#answer()
    if (answer.kind === 'findings') return answer.findings
    throw new TypeError('the end is answered with findings')
  }

  async close(): Promise<void> {
    await this.#worker.terminate()
  }

  /** Resolves once there is room for another message. */
  async #send(message: Message, transfer: readonly ArrayBuffer[] = []): Promise<void> {
    this.#worker.postMessage(message, transfer)
    this.#underWay.push(this.#answer())
    if (this.#underWay.length >= underWayMax) await this.#underWay.shift()
  }

  #answer(): Promise<Answer> {
    const answer = new Promise<Answer>((resolve, reject) => {
      if (this.#failure !== undefined) reject(this.#failure)
      else this.#waiting.push({ resolve, reject })
    })
    // Whoever has given up meanwhile does not come back for it.
    answer.catch(() => undefined)
    return answer
  }

  #fail(cause: unknown): void {
    this.#failure ??= failed(cause)
    for (const { reject } of this.#waiting.splice(0)) reject(this.#failure)
  }
}

function spawn(workerData: WorkerData): Worker {
  try {
    // Neither the host's environment nor its flags are the worker's business.
    const options = { workerData, env: {}, argv: [], execArgv: [], name: 'muniment verify' }
    return new Worker(new URL('./worker.js', import.meta.url), options)
  } catch (cause) {
    throw failed(cause)
  }
}

function failed(cause: unknown): VaultError {
  return new VaultError('FAILED', 'the thread that verifies has failed', { cause, retry: 'now' })
}
