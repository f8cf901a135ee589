import { deepStrictEqual, equal, ok } from 'node:assert/strict'
import fc from 'fast-check'
import { describe, it } from 'vitest'
import { uuidv7 } from '../../src/events/uuid.ts'
import { memoryStore, Vault, VaultError } from '../../src/index.ts'
import { noKdf } from '../../src/keys/no-kdf.ts'
import { type GivenIdsState, givenIds } from '../../src/projections/given-ids.ts'
import { faultStore } from '../../src/testing/fault-store.ts'
import { type TestClock, testClock } from '../../src/testing.ts'
import { checkStore } from '../fixtures/check-vault.ts'
import { assertProperty, forProperties } from './model/runs.ts'

forProperties()

const hourMs = 3_600_000

type Verb = 'write' | 'rotate' | 'annotate' | 'delete' | 'restore' | 'destroy' | 'purge'

interface Change {
  readonly do: Verb
  readonly path: string
  readonly value: string
  readonly owner: string | null
  /** Which id of the pool; none where it is beyond it. */
  readonly id: number
}

type Step =
  | Change
  | { readonly do: 'at once'; readonly changes: readonly Change[] }
  | { readonly do: 'fail'; readonly when: 'before' | 'after'; readonly change: Change }
  | { readonly do: 'reopen' }
  | { readonly do: 'close and open' }
  | { readonly do: 'let time pass'; readonly ms: number }

const poolSize = 6

const change: fc.Arbitrary<Change> = fc.record({
  do: fc.constantFrom<Verb>(
    'write',
    'write',
    'rotate',
    'annotate',
    'delete',
    'restore',
    'destroy',
    'purge',
  ),
  path: fc.constantFrom('a', 'b'),
  value: fc.constantFrom('one', 'two'),
  owner: fc.constantFrom('ana', null),
  id: fc.nat(poolSize),
})

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: change },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('at once' as const),
      changes: fc.array(change, { minLength: 2, maxLength: 6 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('fail' as const),
      when: fc.constantFrom('before' as const, 'after' as const),
      change,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom<Step>({ do: 'reopen' }, { do: 'close and open' }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('let time pass' as const),
      ms: fc.constantFrom(1, 20 * 60_000, hourMs, 3 * hourMs),
    }),
  },
)

function ask(vault: Vault, { do: verb, path, value, owner }: Change, id?: string): Promise<object> {
  const options = id === undefined ? {} : { id }
  switch (verb) {
    case 'write':
      return vault.write(path, value, { ...options, owner })
    case 'rotate':
      return vault.rotate(path, value, { ...options, owner })
    case 'annotate':
      return vault.annotate(path, { ...options, owner })
    case 'delete':
      return vault.delete(path, options)
    case 'restore':
      return vault.restore(path, options)
    case 'destroy':
      return vault.destroy(path, { ...options, versions: [1] })
    case 'purge':
      return vault.purge(path, options)
  }
}

/** All that has to be the same. */
function contentOf({ do: verb, path, value, owner }: Change): string {
  const hasOwner = ['write', 'rotate', 'annotate'].includes(verb)
  const hasValue = ['write', 'rotate'].includes(verb)
  return JSON.stringify([verb, path, hasOwner && owner, hasValue && value])
}

/** Of the newest event that an answer knows of. */
function positionIn(answer: object): number {
  if ('position' in answer && typeof answer.position === 'number') return answer.position
  throw new TypeError('an answer to a change says a position')
}

/** What was done under each id: the answer, or that it landed and nobody was told. */
interface Done {
  readonly content: string
  answer: object | undefined
}

class World {
  readonly #store = faultStore(memoryStore())
  readonly #clock: TestClock = testClock()
  readonly #done = new Map<string, Done>()
  readonly #ids: string[] = []
  #vault: Vault | undefined

  get vault(): Vault {
    if (this.#vault === undefined) throw new Error('it is open')
    return this.#vault
  }

  async open(): Promise<void> {
    const options = { store: this.#store, unlock: noKdf, actor: 'test', clock: this.#clock }
    const isFirst = this.#ids.length === 0
    this.#vault = await (isFirst ? Vault.create(options) : Vault.open(options))
    if (isFirst) for (let i = 0; i < poolSize; i++) this.#ids.push(this.#idAt(i))
  }

  /** Some lie before the vault's time and some behind it. */
  #idAt(i: number): string {
    return uuidv7(this.#clock.now() + (i - 2) * 15 * 60_000, Buffer.alloc(10, i + 1))
  }

  async run(step: Step): Promise<void> {
    if (step.do === 'let time pass') this.#clock.advance(step.ms)
    else if (step.do === 'reopen') await this.vault.reopen()
    else if (step.do === 'close and open') {
      await this.vault.close()
      await this.open()
    } else if (step.do === 'at once') await this.#runAtOnce(step.changes)
    else if (step.do === 'fail') await this.#fail(step.change, step.when)
    else await this.#runOne(step)
  }

  #isAdmitted(id: string): boolean {
    const time = Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16)
    return Math.abs(time - this.#clock.now()) <= hourMs
  }

  async #runOne(change: Change): Promise<void> {
    const id = this.#ids[change.id]
    const { position } = this.vault
    const answer = await ask(this.vault, change, id).catch((error: VaultError) => error)
    if (id === undefined) return
    this.#judge(change, id, { answer, grew: this.vault.position > position })
  }

  #judge(change: Change, id: string, { answer, grew }: { answer: object; grew: boolean }): void {
    const done = this.#done.get(id)
    if (!this.#isAdmitted(id)) {
      ok(answer instanceof VaultError && answer.code === 'INVALID', 'the id is too far')
      equal(grew, false)
    } else if (done === undefined) {
      const isUsed =
        answer instanceof VaultError && answer.retry === 'never' && answer.code === 'CONFLICT'
      ok(!isUsed, 'an id that was not used is admitted')
      const isDone = grew && !(answer instanceof VaultError)
      if (isDone) this.#done.set(id, { content: contentOf(change), answer })
    } else {
      equal(grew, false, 'nothing is done twice')
      if (done.content === contentOf(change)) this.#expectSame(done, answer)
      else this.#expectConflict(answer, /was used for another request|cannot be told/)
    }
  }

  #expectSame(done: Done, answer: object): void {
    // The version may have been destroyed since.
    if (answer instanceof VaultError) this.#expectConflict(answer, /cannot be told/)
    else if (done.answer === undefined) done.answer = answer
    else deepStrictEqual(answer, done.answer)
  }

  #expectConflict(answer: object, words: RegExp): void {
    ok(answer instanceof VaultError)
    equal(answer.code, 'CONFLICT')
    ok(words.test(answer.message), answer.message)
  }

  /** Of those that are asked for at once under one id one is done, and all of the same are answered alike. */
  async #runAtOnce(changes: readonly Change[]): Promise<void> {
    const { position } = this.vault
    const answers = await Promise.all(
      changes.map((each) =>
        ask(this.vault, each, this.#ids[each.id]).catch((error: VaultError) => error),
      ),
    )
    for (const [i, each] of changes.entries()) {
      const id = this.#ids[each.id]
      const answer = answers[i] as object
      if (id === undefined || !this.#isAdmitted(id) || answer instanceof VaultError) continue
      const landed = await this.vault.outcome(id)
      if (landed === undefined) continue
      // What came to nothing left the id unused, and another may have landed under it after that.
      const cameToNothing = landed.position > position && positionIn(answer) < landed.position
      if (cameToNothing) continue
      const done = this.#done.get(id)
      if (done === undefined) {
        ok(landed.position > position, 'it landed by now')
        this.#done.set(id, { content: contentOf(each), answer })
      } else if (done.content === contentOf(each)) this.#expectSame(done, answer)
      else this.#expectConflict(answer, /was used for another request/)
    }
    await this.#expectOneEach()
  }

  async #fail(change: Change, when: 'before' | 'after'): Promise<void> {
    const id = this.#ids[change.id]
    this.#store.faults.fail('commit', { when })
    const answer = await ask(this.vault, change, id).catch((error: VaultError) => error)
    if (!(answer instanceof VaultError) || answer.code !== 'UNCERTAIN') {
      if (id !== undefined) this.#judge(change, id, { answer, grew: false })
      // It appended nothing: another commit takes the failure.
      await this.vault.write('other', 'x').catch(() => undefined)
      await this.vault.reopen()
      return
    }
    await this.vault.reopen()
    if (id === undefined || !answer.eventIds?.includes(id)) return
    ok(!this.#done.has(id), 'what was done is not done again')
    const landed = await this.vault.outcome(id)
    equal(landed !== undefined, when === 'after')
    if (landed !== undefined) this.#done.set(id, { content: contentOf(change), answer: undefined })
  }

  /** No id has two events, and each that was used has one. */
  async #expectOneEach(): Promise<void> {
    const counts = new Map<string, number>()
    for await (const { events } of this.vault.audit.query({ limit: 1000 })) {
      for (const { id } of events) counts.set(id, (counts.get(id) ?? 0) + 1)
    }
    for (const id of this.#ids) equal(counts.get(id) ?? 0, this.#done.has(id) ? 1 : 0)
  }

  async end(): Promise<void> {
    await this.#expectOneEach()
    for (const [id, { content }] of this.#done) {
      const event = await this.vault.outcome(id)
      ok(event !== undefined, `${content} is found by its id`)
    }
    const live = (await this.vault.project<GivenIdsState>(givenIds)).view
    const { view } = await this.vault.replay<GivenIdsState>(givenIds)
    deepStrictEqual(new Map(live), new Map(view))
    await this.vault.close()
    const opened = await this.#store.open()
    await checkStore(opened)
    await opened.close()
  }
}

async function runAll(steps: readonly Step[]): Promise<void> {
  const world = new World()
  await world.open()
  for (const each of steps) await world.run(each)
  await world.end()
}

describe('changes under ids that are used again at random', () => {
  it('are done once each, and answered alike, across closings and failures', async () => {
    await assertProperty(
      fc.asyncProperty(fc.array(step, { maxLength: 40, size: 'max' }), async (steps) => {
        await runAll(steps)
      }),
    )
  })

  it('may be used at once by what comes to nothing and by what does not', async () => {
    const of = { path: 'b', value: 'one', owner: 'ana' }
    await runAll([
      { do: 'write', ...of, id: 0 },
      { do: 'destroy', ...of, id: 1 },
      {
        do: 'at once',
        changes: [
          { do: 'destroy', ...of, id: 4 },
          { do: 'write', ...of, path: 'a', id: 4 },
        ],
      },
      { do: 'destroy', ...of, id: 4 },
      { do: 'write', ...of, path: 'a', id: 4 },
    ])
  })
})
