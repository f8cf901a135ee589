import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { begun } from '../../src/http/api/begun.ts'
import { handed, progressBy } from '../../src/http/api/handed.ts'
import { paced } from '../../src/http/api/paced.ts'
import { slicedJson } from '../../src/http/api/sliced-json.ts'

const never = new AbortController().signal

async function textOf(pieces: AsyncIterable<string>): Promise<string> {
  let text = ''
  for await (const piece of pieces) text += piece
  return text
}

describe('what a work hands out', () => {
  it('waits until it is taken, and ends with what the work comes to', async () => {
    const given: number[] = []
    const items = handed<number, string>(async (give) => {
      for (const item of [1, 2, 3]) {
        await give(item)
        given.push(item)
      }
      return 'all'
    }, never)
    expect(await items.next()).toEqual({ done: false, value: 1 })
    await turn()
    expect(given).toEqual([])
    expect(await items.next()).toEqual({ done: false, value: 2 })
    expect(given).toEqual([1])
    expect(await items.next()).toEqual({ done: false, value: 3 })
    expect(await items.next()).toEqual({ done: true, value: 'all' })
  })

  it('fails as the work does, behind what was handed out before', async () => {
    const items = handed<number, never>(async (give) => {
      await give(1)
      throw new Error('it failed')
    }, never)
    expect((await items.next()).value).toBe(1)
    await expect(items.next()).rejects.toThrow('it failed')
  })

  it.each(['who reads stops', 'who reads is gone'])('ends the work where %s', async (how) => {
    const gone = new AbortController()
    let ended = ''
    const items = handed<number, void>(async (give, signal) => {
      try {
        for (;;) await give(1)
      } catch (error) {
        ended = `${Object(error).code} ${signal.aborted}`
        throw error
      }
    }, gone.signal)
    await items.next()
    if (how === 'who reads stops') await items.return(undefined)
    else {
      gone.abort()
      await expect(items.next()).rejects.toMatchObject({ code: 'ABORTED' })
    }
    expect(ended).toBe('ABORTED true')
  })

  it('tells how far it has come to whoever keeps up', async () => {
    const told: number[] = []
    const taken: (() => void)[] = []
    const tell = progressBy<number>((at) => {
      told.push(at)
      return new Promise((resolve) => taken.push(resolve))
    })
    tell(1)
    tell(2)
    taken[0]?.()
    await turn()
    tell(3)
    expect(told).toEqual([1, 3])
  })
})

describe('an answer that has begun', () => {
  it('has its first item still, and is refused before it', async () => {
    async function* items() {
      yield 1
      yield 2
    }
    const found: number[] = []
    for await (const item of paced(await begun(items()))) found.push(item)
    expect(found).toEqual([1, 2])
    async function* refused(): AsyncGenerator<number, void, void> {
      yield* []
      throw new Error('refused')
    }
    await expect(begun(refused())).rejects.toThrow('refused')
  })

  it('is let go of although nobody read on', async () => {
    let isLetGo = false
    async function* items() {
      try {
        yield 1
      } finally {
        isLetGo = true
      }
    }
    await paced(await begun(items()))
      [Symbol.asyncIterator]()
      .return?.()
    expect(isLetGo).toBe(true)
  })

  it('lets other work have its turn', async () => {
    async function* items() {
      for (let i = 0; i < 40; i++) {
        const until = performance.now() + 1
        while (performance.now() < until);
        yield i
      }
    }
    let turns = 0
    const count = setInterval(() => turns++, 0)
    for await (const _ of paced(items())) void _
    clearInterval(count)
    expect(turns).toBeGreaterThan(3)
  })
})

describe('the JSON of long lists', () => {
  it.each([
    [{ a: 1 }, { list: [] }],
    [{}, { list: Array.from({ length: 100 }, (_, i) => ({ i })) }],
    [{ a: { b: [] } }, { one: [1], two: [], three: Array(16).fill('x') }],
    [{ a: 1 }, {}],
    [{}, {}],
  ])('is that of the whole: %j', async (others, lists) => {
    expect(JSON.parse(await textOf(slicedJson(others, lists)))).toEqual({ ...others, ...lists })
  })
})
