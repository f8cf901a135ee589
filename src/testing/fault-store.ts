import { VaultError } from '../errors.ts'
import { Gate } from '../store/gate.ts'
import type { FileTable, KeyTable, RowTable, Store, StoreOpener } from '../store/port.ts'

/** The steps that change what is stored. A crash can come before and after each. */
export type WriteStep =
  | 'commit'
  | 'derived.write'
  | 'derived.clear'
  | 'files.replace'
  | 'files.overwrite'
  | 'files.remove'

export type ReadStep =
  | 'head'
  | 'read'
  | 'keys.get'
  | 'keys.entries'
  | 'derived.get'
  | 'derived.range'
  | 'files.read'
  | 'files.list'

export type StoreStep = WriteStep | ReadStep

export interface Fault {
  /** Whether the step fails, or hangs, before anything is stored (the default) or once all of it is. */
  readonly when?: 'before' | 'after'
  /** Which of the steps of this name to come: 1, the default, is the next. */
  readonly nth?: number
  /** What a failing step throws: by default `UNCERTAIN` for a commit and `FAILED` for the rest. */
  readonly error?: Error
}

/** What a test can make a store do. */
export interface Faults {
  fail(step: StoreStep, fault?: Fault): void
  /** Holds a step up until the function that comes back is called; a crash ends the wait too. */
  hang(step: StoreStep, fault?: Fault): () => void
  /** Answers a write without writing anything, as a disk does that lies about what it keeps. */
  drop(step: WriteStep, fault?: Pick<Fault, 'nth'>): void
  /**
   * Ends the open store as kill -9 does: every call on it fails, those in flight too, and then the opener can open
   * it again. With `unsynced: 'dropped'` the power fails with it: what `files.overwrite` wrote since the file was
   * last replaced is lost.
   */
  crash(options?: { unsynced?: 'kept' | 'dropped' }): Promise<void>
  /** Called before each step that writes; it may throw, or crash the store. */
  onStep: ((step: WriteStep) => void | Promise<void>) | undefined
}

/**
 * Wraps a store so that a test can make it fail, hang, lie and crash. After a commit that failed, later ones are
 * `FAILED` until the store is opened again, as the port asks.
 *
 * @example
 * const store = faultStore(memoryStore())
 * store.faults.fail('commit', { when: 'after', nth: 3 })
 *
 * @example
 * // Crash before the n-th step that writes, for every n.
 * let left = n
 * store.faults.onStep = async () => { if (left-- === 0) await store.faults.crash() }
 */
export function faultStore(inner: StoreOpener): StoreOpener & { readonly faults: Faults } {
  const injector = new Injector()
  return {
    faults: injector,
    create: async () => injector.wrap(await injector.afterCrash(() => inner.create())),
    open: async () => injector.wrap(await injector.afterCrash(() => inner.open())),
  }
}

/** What happens to a step instead of `work` alone. */
type Effect = (work: () => Promise<unknown>, life: Life) => Promise<unknown>

interface Plan {
  readonly step: StoreStep
  left: number
  readonly effect: Effect
}

/** One life of the inner store, from an open to its close or crash. */
interface Life {
  readonly store: Store
  readonly gate: Gate
  /** Rejects on a crash. */
  readonly crashed: Promise<never>
  readonly kill: () => void
  dead: boolean
  failed: boolean
  /** Files as they stood before the first overwrite since they were last synced; undefined: absent. */
  readonly synced: Map<string, Promise<Uint8Array | undefined>>
}

class Injector implements Faults {
  onStep: Faults['onStep'] = undefined
  readonly #plans: Plan[] = []
  #life: Life | undefined
  #crashing: Promise<void> = Promise.resolve()

  fail(step: StoreStep, { when = 'before', nth = 1, error }: Fault = {}): void {
    const code = step === 'commit' ? 'UNCERTAIN' : 'FAILED'
    const thrown = error ?? new VaultError(code, `${step} failed ${when} it was stored (injected)`)
    this.#plan(step, nth, async (work) => {
      if (when === 'after') await work()
      throw thrown
    })
  }

  hang(step: StoreStep, { when = 'before', nth = 1 }: Fault = {}): () => void {
    const { promise: released, resolve: release } = withResolvers()
    this.#plan(step, nth, async (work, { crashed }) => {
      if (when === 'before') await Promise.race([released, crashed])
      const result = await work()
      if (when === 'after') await Promise.race([released, crashed])
      return result
    })
    return release
  }

  drop(step: WriteStep, { nth = 1 }: Pick<Fault, 'nth'> = {}): void {
    this.#plan(step, nth, async () => undefined)
  }

  crash({ unsynced = 'kept' }: { unsynced?: 'kept' | 'dropped' } = {}): Promise<void> {
    const life = this.#life
    if (life === undefined || life.dead) return this.#crashing
    life.dead = true
    life.kill()
    this.#crashing = bury(life, unsynced === 'dropped')
    return this.#crashing
  }

  async afterCrash(open: () => Promise<Store>): Promise<Store> {
    await this.#crashing
    return open()
  }

  wrap(store: Store): Store {
    const life = lifeOf(store)
    this.#life = life
    return {
      location: store.location,
      head: () => this.#at(life, 'head', () => store.head()),
      commit: (write) => this.#commit(life, () => store.commit(write)),
      read: (range) => this.#each(life, 'read', () => store.read(range)),
      keys: this.#keys(life),
      derived: this.#derived(life),
      files: this.#files(life),
      free: async () => (life.dead ? life.crashed : store.free?.()),
      // Who was killed closes nothing; what the crash left has been let go of.
      close: () => (life.dead ? this.#crashing : life.gate.close(() => store.close())),
    }
  }

  #plan(step: StoreStep, nth: number, effect: Effect): void {
    this.#plans.push({ step, left: nth, effect })
  }

  async #commit(life: Life, commit: () => Promise<void>): Promise<void> {
    if (life.failed) throw new VaultError('FAILED', 'an earlier commit failed (injected)')
    try {
      await this.#write(life, 'commit', commit)
    } catch (error) {
      life.failed = !(error instanceof VaultError) || !harmless.includes(error.code)
      throw error
    }
  }

  #write(life: Life, step: WriteStep, work: () => Promise<void>): Promise<void> {
    return life.gate.pass(async () => {
      if (this.onStep !== undefined && !life.dead) await this.onStep(step)
      await this.#run(life, step, work)
    })
  }

  #at<T>(life: Life, step: StoreStep, work: () => Promise<T>): Promise<T> {
    return life.gate.pass(() => this.#run(life, step, work))
  }

  /** One step of a life: what is planned for it, unless a crash comes first. */
  async #run<T>(life: Life, step: StoreStep, work: () => Promise<T>): Promise<T> {
    const effect = this.#effectOn(step)
    const alive = async () => (life.dead ? life.crashed : work())
    const result = await (effect === undefined ? alive() : (effect(alive, life) as Promise<T>))
    // What was in flight when the crash came may be stored or not; nobody hears of it.
    return life.dead ? life.crashed : result
  }

  #effectOn(step: StoreStep): Effect | undefined {
    for (const plan of this.#plans) if (plan.step === step) plan.left -= 1
    const due = this.#plans.findIndex((plan) => plan.step === step && plan.left <= 0)
    return due < 0 ? undefined : this.#plans.splice(due, 1)[0]?.effect
  }

  async *#each<T>(
    life: Life,
    step: ReadStep,
    items: () => AsyncIterable<T>,
  ): AsyncGenerator<T, void, undefined> {
    await this.#at(life, step, async () => undefined)
    for await (const item of items()) {
      if (life.dead) return life.crashed
      yield item
    }
  }

  #keys(life: Life): KeyTable {
    const { keys } = life.store
    return {
      get: (id) => this.#at(life, 'keys.get', () => keys.get(id)),
      entries: () => this.#each(life, 'keys.entries', () => keys.entries()),
    }
  }

  #derived(life: Life): RowTable {
    const { derived } = life.store
    return {
      get: (key) => this.#at(life, 'derived.get', () => derived.get(key)),
      range: (from, to) => this.#each(life, 'derived.range', () => derived.range(from, to)),
      write: (changes) => this.#write(life, 'derived.write', () => derived.write(changes)),
      clear: () => this.#write(life, 'derived.clear', () => derived.clear()),
    }
  }

  #files(life: Life): FileTable {
    const { store, synced } = life
    const { files } = store
    return {
      read: (name) => this.#at(life, 'files.read', () => files.read(name)),
      list: () => this.#at(life, 'files.list', () => files.list()),
      replace: (name, bytes) =>
        this.#write(life, 'files.replace', async () => {
          await files.replace(name, bytes)
          synced.delete(name)
        }),
      overwrite: (name, offset, bytes) =>
        this.#write(life, 'files.overwrite', async () => {
          const before = synced.get(name) ?? files.read(name)
          synced.set(name, before)
          await before
          await files.overwrite(name, offset, bytes)
        }),
      remove: (name) =>
        this.#write(life, 'files.remove', async () => {
          await files.remove(name)
          synced.delete(name)
        }),
    }
  }
}

/** Refusals that write nothing and poison nothing. */
const harmless: readonly string[] = ['CONFLICT', 'NO_SPACE', 'CLOSED', 'INVALID', 'TOO_LARGE']

function lifeOf(store: Store): Life {
  let kill = () => {}
  const crashed = new Promise<never>((_, reject) => {
    kill = () => reject(new VaultError('FAILED', 'the store crashed (injected)'))
  })
  crashed.catch(() => undefined)
  return {
    store,
    gate: new Gate(store.location),
    crashed,
    kill,
    dead: false,
    failed: false,
    synced: new Map(),
  }
}

/** Takes back what the power took, then closes the inner store so that it can be opened again. */
async function bury({ store, synced }: Life, dropUnsynced: boolean): Promise<void> {
  for (const [name, before] of dropUnsynced ? synced : []) {
    const bytes = await before
    if (bytes === undefined) await store.files.remove(name)
    else await store.files.replace(name, bytes)
  }
  await store.close()
}

function withResolvers(): { promise: Promise<void>; resolve: () => void } {
  let resolve = () => {}
  const promise = new Promise<void>((done) => {
    resolve = done
  })
  return { promise, resolve }
}
