import { beforeEach, describe, expect, it } from 'vitest'
import { memoryStore, type StoreOpener, type Vault } from '../../src/index.ts'
import { type TestClock, testClock } from '../../src/testing/test-clock.ts'
import { checkStore } from '../fixtures/check-vault.ts'
import { create, open, refusal } from './vault-material.ts'

const hour = 3_600_000
const start = Date.UTC(2026, 0, 1)

let store: StoreOpener
let clock: TestClock
let vault: Vault
beforeEach(async () => {
  store = memoryStore()
  clock = testClock(start)
  vault = await create({ store }, { clock })
  await vault.write('a', 'one')
})

async function checked() {
  await vault.close()
  const opened = await store.open()
  const { events } = await checkStore(opened)
  await opened.close()
  return events
}

describe('a clock that jumped by more than an hour', () => {
  it.each([
    ['forward', hour + 1, `jumped by 3600 s to 2026-01-01T01:00:00.001Z`],
    ['back', -hour - 1, `jumped by -3600 s to 2025-12-31T22:59:59.999Z`],
  ])('%s is refused with CLOCK until an owner accepts it', async (_way, ms, message) => {
    clock.jump(ms)
    const { size } = await vault.health()
    for (const call of [() => vault.write('a', 'two'), () => vault.read('a')]) {
      expect(await refusal(call())).toMatchObject({
        code: 'CLOCK',
        message: expect.stringContaining(message),
        expected: start,
        found: start + ms,
      })
    }
    // Nothing is appended by what shows no value, and nothing was by what was refused.
    expect((await vault.list()).items).toHaveLength(1)
    expect((await vault.health()).size).toBe(size)
    await vault.acceptClock({ actor: 'user/ana', reason: 'it was wrong before' })
    expect((await vault.read('a')).text()).toBe('one')
    const corrected = (await checked()).find(({ type }) => type === 'clock.corrected')
    expect(corrected).toMatchObject({
      time: start + ms,
      actor: 'user/ana',
      context: { reason: 'it was wrong before' },
      data: { from: start, to: start + ms },
    })
  })

  it('is no jump where time went by as well', async () => {
    clock.advance(30 * 24 * hour)
    expect((await vault.write('a', 'two')).version).toBe(2)
    await checked()
  })

  it('drifts of less than an hour do not add up', async () => {
    for (let n = 0; n < 10; n++) {
      clock.jump(hour / 2)
      await vault.write('a', `value ${n}`)
    }
    await checked()
  })
})

describe('a head that lies in the future', () => {
  it('is refused at open unless an owner accepts the clock, which is recorded', async () => {
    clock.advance(hour)
    await vault.write('a', 'two')
    await vault.close()
    const behind = testClock(start)
    expect(await refusal(open({ store }, { clock: behind }))).toMatchObject({
      code: 'CLOCK',
      message: expect.stringContaining('acceptClock'),
      expected: start + hour,
      found: start,
    })
    vault = await open({ store }, { clock: behind, acceptClock: true })
    const { position } = await vault.write('a', 'three')
    const events = await checked()
    expect(events[position]?.time).toBe(start)
    expect(events.filter(({ type }) => type === 'clock.corrected')).toMatchObject([
      { time: start, data: { from: start + hour, to: start } },
    ])
  })

  it('by no more than five minutes is waited out: the time stands still, and the skew is recorded', async () => {
    clock.advance(299_000)
    await vault.write('a', 'two')
    await vault.close()
    vault = await open({ store }, { clock: testClock(start) })
    const { position } = await vault.write('a', 'three')
    const events = await checked()
    expect(events[position]).toMatchObject({
      time: start + 299_000,
      context: { clockSkewMs: 299_000 },
    })
    expect(events.some(({ type }) => type === 'clock.corrected')).toBe(false)
  })
})

it('a small step back never lets time decrease, and is recorded as a skew', async () => {
  clock.advance(10_000)
  const before = await vault.write('a', 'two')
  clock.jump(-4_000)
  const during = await vault.write('a', 'three')
  clock.advance(5_000)
  const after = await vault.write('a', 'four')
  const events = await checked()
  expect(events[before.position]).toMatchObject({ time: start + 10_000 })
  expect(events[before.position]?.context).not.toHaveProperty('clockSkewMs')
  expect(events[during.position]).toMatchObject({
    time: start + 10_000,
    context: { clockSkewMs: 4_000 },
  })
  expect(events[after.position]).toMatchObject({ time: start + 11_000 })
  expect(events[after.position]?.context).not.toHaveProperty('clockSkewMs')
})

describe('an end that a jumped clock cannot date', () => {
  it('lets go of the store all the same', async () => {
    clock.jump(-2 * hour)
    expect(await refusal(vault.close())).toMatchObject({ code: 'CLOCK' })
    expect(await refusal(open({ store }, { clock }))).toMatchObject({ code: 'CLOCK' })
    vault = await open({ store }, { clock, acceptClock: true })
    expect((await vault.read('a')).text()).toBe('one')
    await checked()
  })

  it('leaves a vault that says so, and that a second reopen brings back', async () => {
    clock.jump(2 * hour)
    expect(await refusal(vault.reopen())).toMatchObject({ code: 'CLOCK' })
    expect(await vault.health()).toMatchObject({ status: 'failed' })
    expect(await refusal(vault.list())).toMatchObject({ code: 'FAILED' })
    await vault.reopen()
    expect((await vault.read('a')).text()).toBe('one')
    await checked()
  })
})
