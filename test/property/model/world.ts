import { deepStrictEqual, ok } from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import { vi } from 'vitest'
import { VaultError } from '../../../src/errors.ts'
import { noKdf } from '../../../src/keys/no-kdf.ts'
import type { Unlock } from '../../../src/keys/unlock.ts'
import { memoryStore } from '../../../src/store/memory.ts'
import type { StoreOpener } from '../../../src/store/port.ts'
import { faultStore } from '../../../src/testing/fault-store.ts'
import { testClock } from '../../../src/testing/test-clock.ts'
import type { AuditEvent } from '../../../src/vault/audit.ts'
import { Vault } from '../../../src/vault/vault.ts'
import { codeOf, plainAnswer } from './answers.ts'
import { type Break, crashAt, failCommit, type Power } from './breaks.ts'
import { Followers, type Moment, type Views } from './followers.ts'
import { type Asked, type Held, judge } from './judge.ts'
import { type Operation, perform, startMs } from './operations.ts'
import type { Model } from './secrets.ts'

export interface WorldOptions {
  readonly held?: readonly Held[]
  /** Whether projections and a stream of events follow the vault; they cost as much as all the rest. */
  readonly followed?: boolean
  /** What stands between the vault and its store. */
  readonly through?: (store: StoreOpener) => StoreOpener
}

/** A vault in memory beside the model that it has to agree with. After each call both are compared. */
export class World {
  readonly clock = testClock(startMs)
  readonly store = faultStore(memoryStore())
  /** Every event, in order, each judged when it came. */
  readonly trail: AuditEvent[] = []
  readonly moments: Moment[] = []
  /** The operations that left events, in the order in which they took effect. */
  readonly order: Operation[] = []
  model: Model = new Map()
  readonly #place: StoreOpener
  readonly #held: readonly Held[]
  readonly #isFollowed: boolean
  #vault: Vault | undefined
  #followers: Followers | undefined
  #ticks = 0
  #rejected = { invalid: 0, conflict: 0 }
  #wrongKeys = 0
  /** Size of the log when it last rested. */
  #restedAt = 0

  private constructor(options: WorldOptions) {
    const { held = ['answers', 'trail'], followed = false, through = (store) => store } = options
    this.#held = held
    this.#isFollowed = followed
    this.#place = through(this.store)
  }

  static async create(options: WorldOptions = {}): Promise<World> {
    const world = new World(options)
    world.#begin(await Vault.create(world.#options()))
    await world.#agree([], { lifecycle: ['vault.created', 'vault.opened'] })
    return world
  }

  get vault(): Vault {
    if (this.#vault === undefined) throw new RangeError('the vault is closed')
    return this.#vault
  }

  get followers(): Followers {
    if (this.#followers === undefined) throw new RangeError('nothing follows the vault')
    return this.#followers
  }

  get size(): number {
    return this.trail.length
  }

  /** What the projections show. */
  get shown(): Views {
    return (this.moments.at(-1) as Moment).views
  }

  /** Time of the newest event: the log's time never falls below it. */
  get newest(): number {
    return this.trail.at(-1)?.time ?? 0
  }

  /** Callers side by side, each of which asks again once it is answered. */
  async ask(callers: readonly (readonly Operation[])[]): Promise<readonly Asked[]> {
    const asked = callers.map(async (operations) => {
      const answers: Asked[] = []
      for (const operation of operations) answers.push(await this.#askOne(operation))
      return answers
    })
    return (await Promise.all(asked)).flat()
  }

  /** Asks, and holds what came of it to the model. */
  async perform(callers: readonly (readonly Operation[])[]): Promise<void> {
    await this.agree(await this.ask(callers))
  }

  async agree(asked: readonly Asked[]): Promise<void> {
    await this.#agree(asked, {})
  }

  /** Asks while the store fails one commit, then reopens and finds out what is on disk. */
  async performThroughFailure(callers: readonly (readonly Operation[])[], at: Break) {
    const failed = failCommit(this.store.faults, at)
    const asked = await this.ask(callers)
    if (!failed()) return this.agree(asked)
    deepStrictEqual((await this.vault.health()).status, 'failed')
    await this.#refusesAll()
    await this.vault.reopen()
    await this.#agree(asked, { interrupted: true, lifecycle: ['vault.opened'] })
    return this.#askOutcomes(asked)
  }

  /** Asks while the process is killed at one of the store's steps, then opens what is left. */
  async performThroughCrash(callers: readonly (readonly Operation[])[], at: Break & Power) {
    const crashed = crashAt(this.store.faults, at)
    const asked = await this.ask(callers)
    if ((await crashed()) === undefined) return this.agree(asked)
    await this.#bury()
    await this.#reopened(asked, { interrupted: true, lifecycle: [] })
    return this.#askOutcomes(asked)
  }

  async crash(unsynced: 'kept' | 'dropped'): Promise<void> {
    await this.store.faults.crash({ unsynced })
    await this.#bury()
    await this.#reopened([], { lifecycle: [] })
  }

  /** Closes; `meanwhile` is done to what then lies in the store. */
  async closeAndOpen(meanwhile?: (store: StoreOpener) => Promise<void>): Promise<void> {
    await this.close()
    await meanwhile?.(this.store)
    await this.#reopened([], { lifecycle: ['vault.closed'] })
  }

  async crashWhileClosing(at: Break & Power): Promise<void> {
    const crashed = crashAt(this.store.faults, at)
    await this.#bury()
    const written = await crashed()
    const isClosed = written === undefined || written.includes('commit')
    await this.#reopened([], { lifecycle: isClosed ? ['vault.closed'] : [] })
  }

  async crashWhileOpening(at: Break & Power): Promise<void> {
    await this.close()
    const crashed = crashAt(this.store.faults, at)
    const opening = await Vault.open(this.#options()).catch(() => undefined)
    const written = await crashed()
    await opening?.close().catch(() => undefined)
    const isOpened = written === undefined || written.includes('commit')
    const first = isOpened ? [...this.#failedUnlocks(), 'vault.opened'] : []
    const last = written === undefined ? ['vault.closed'] : []
    await this.#reopened([], { lifecycle: ['vault.closed', ...first, ...last] })
  }

  async reopen(): Promise<void> {
    await this.vault.reopen()
    await this.#agree([], { lifecycle: ['vault.closed', 'vault.opened'] })
  }

  /** Somebody guesses while the vault is closed. */
  async openWithWrongKey(): Promise<void> {
    await this.close()
    const wrong: Unlock = { kinds: ['none'], key: async () => Buffer.alloc(32) }
    const code = await Vault.open({ ...this.#options(), unlock: wrong }).catch(codeOf)
    deepStrictEqual(code, 'WRONG_KEY')
    this.#wrongKeys++
    await this.#reopened([], { lifecycle: ['vault.closed'] })
  }

  /** Lets the vault rest until its projections are kept, or could not be. */
  async rest(fault?: 'before' | 'after'): Promise<void> {
    // Nothing is kept again until something was appended.
    if (this.size === this.#restedAt) return
    this.#restedAt = this.size
    const { faults } = this.store
    let failed = false
    faults.onStep = (step) => {
      if (fault === undefined || failed || step !== 'derived.write') return
      failed = true
      faults.fail(step, { when: fault })
    }
    // Once for the timer that ran when the newest event came, once for the one that it sets then.
    vi.advanceTimersByTime(2 * restMs)
    await until(async () => {
      const { keptTo, size } = await this.vault.health()
      return failed || keptTo === size
    })
    await turn()
    faults.onStep = undefined
  }

  async close(): Promise<void> {
    await this.vault.close()
    await this.#followers?.ended(this.size)
    this.#vault = undefined
  }

  #begin(vault: Vault): void {
    this.#vault = vault
    if (this.#isFollowed) this.#followers = new Followers(vault)
    this.#rejected = { invalid: 0, conflict: 0 }
  }

  #options() {
    return { store: this.#place, unlock: noKdf, actor: 'host', clock: this.clock }
  }

  async #askOne(operation: Operation): Promise<Asked> {
    const { actor = 'host' } = operation.options
    const began = this.#ticks++
    const id = `call-${began}`
    const ending = () => ({ id, operation, actor, began, ended: this.#ticks++ })
    try {
      const { answer, eventId } = plainAnswer(await perform(this.vault, operation, id))
      const eventIds = eventId === undefined ? [] : [eventId]
      return { answer: { returns: answer }, eventIds, ...ending() }
    } catch (error) {
      const throws = codeOf(error)
      if (throws === 'CONFLICT') this.#rejected.conflict++
      if (throws === 'INVALID') this.#rejected.invalid++
      const eventIds = error instanceof VaultError ? (error.eventIds ?? []) : []
      return { answer: { throws }, eventIds, ...ending() }
    }
  }

  async #refusesAll(): Promise<void> {
    const codes = [
      await this.vault.read('a').catch(codeOf),
      await this.vault.write('a', 'x').catch(codeOf),
      await this.vault.list().catch(codeOf),
    ]
    deepStrictEqual(codes, ['FAILED', 'FAILED', 'FAILED'], 'nothing is accepted until a reopen')
  }

  /** `outcome` knows just those events that landed, and those of one operation landed together. */
  async #askOutcomes(asked: readonly Asked[]): Promise<void> {
    for (const { eventIds, answer, operation } of asked) {
      if ('throws' in answer && answer.throws === 'UNCERTAIN') {
        ok(eventIds.length > 0, `an uncertain ${operation.verb} names its events`)
      }
      const found = await Promise.all(eventIds.map((id) => this.vault.outcome(id)))
      const landed = eventIds.map((id) => this.trail.find((event) => event.id === id))
      deepStrictEqual(found, landed, `the outcome of ${operation.verb}`)
      const isWhole = landed.every((event) => (event === undefined) === (landed[0] === undefined))
      ok(isWhole, `the events of ${operation.verb} landed together or not at all`)
    }
  }

  /** Lets go of a vault whose store has crashed under it. */
  async #bury(): Promise<void> {
    await this.vault.close().catch(() => undefined)
    this.#vault = undefined
  }

  async #reopened(
    asked: readonly Asked[],
    { interrupted = false, lifecycle }: { interrupted?: boolean; lifecycle: readonly string[] },
  ): Promise<void> {
    this.#begin(await Vault.open(this.#options()))
    const opening = [...this.#failedUnlocks(), 'vault.opened']
    await this.#agree(asked, { interrupted, lifecycle: [...lifecycle, ...opening] })
  }

  #failedUnlocks(): readonly string[] {
    const failed = Array.from({ length: this.#wrongKeys }, () => 'auth.failed')
    this.#wrongKeys = 0
    return failed
  }

  /** Reads what the log gained: the events of what was asked, then those of the vault itself, as said. */
  async #agree(
    asked: readonly Asked[],
    about: { interrupted?: boolean; lifecycle?: readonly string[] },
  ): Promise<void> {
    const { interrupted = false, lifecycle = [] } = about
    const gained = await this.#gained()
    const events = gained.slice(0, gained.length - lifecycle.length)
    const own = gained.slice(events.length)
    deepStrictEqual(
      own.map(({ type }) => type),
      lifecycle,
      'the events of the vault itself',
    )
    const { model, order } = judge({
      model: this.model,
      asked,
      events,
      from: this.size,
      ...this.#present(gained),
      interrupted,
      held: this.#held,
    })
    this.model = model
    this.order.push(...order)
    for (const event of gained) this.#append(event)
    await this.#expectHealth()
    if (this.#isFollowed) this.moments.push(await this.followers.moment(this.size))
  }

  async #gained(): Promise<readonly AuditEvent[]> {
    const gained: AuditEvent[] = []
    const after = this.size === 0 ? {} : { after: this.size - 1 }
    for await (const { events } of this.vault.audit.query(after)) gained.push(...events)
    return gained
  }

  /** What every event of a call bears at this moment: the log's time, and who vouches for the actor. */
  #present(gained: readonly AuditEvent[]) {
    const now = Math.max(this.clock.now(), this.newest)
    const [first = this.trail[0]] = gained
    const created = this.trail[0] ?? first
    const slot = created?.type === 'vault.created' ? created.data.keyslots[0]?.slot : undefined
    const skew = now - this.clock.now()
    const auth = { method: 'claimed', id: slot }
    return { now, context: { auth, ...(skew > 0 && { clockSkewMs: skew }) } }
  }

  #append(event: AuditEvent): void {
    deepStrictEqual(event.position, this.size, 'positions are dense')
    if (event.type === 'vault.opened') {
      const last = this.trail.findLast(({ type }) => lifecycleTypes.includes(type))
      deepStrictEqual(event.data.clean, last?.type !== 'vault.opened', 'whether it was closed')
    }
    this.trail.push(event)
  }

  async #expectHealth(): Promise<void> {
    const { status, size, secrets, waiting, rejected } = await this.vault.health()
    deepStrictEqual(
      { status, size, secrets, waiting, rejected },
      {
        status: 'ok',
        size: this.size,
        secrets: this.model.size,
        waiting: 0,
        rejected: this.#rejected,
      },
    )
  }
}

const restMs = 2_000
const lifecycleTypes: readonly string[] = ['vault.opened', 'vault.closed']

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let turns = 0; !(await condition()); turns++) {
    if (turns > 1000) throw new Error('it never came to be')
    await turn()
  }
}
