import { describe, expect, it } from 'vitest'
import { memoryStore, VaultError } from '../../src/index.ts'
import { faultStore, testVault } from '../../src/testing.ts'
import { FailedAuth, type Failure, type FailureRecord } from '../../src/vault/tokens/failed-auth.ts'
import { sourceGroup } from '../../src/vault/tokens/source-group.ts'
import { eventsOf } from '../fixtures/events.ts'

const unknown: Failure = { method: 'token', cause: 'unknown', source: '10.0.0.7' }

/** Failures on a clock that the test moves, with a record that may be refused. */
function failures() {
  let now = 1_000_000
  const records: FailureRecord[] = []
  const waits: number[] = []
  const timers = new Set<{ at: number; work: () => void }>()
  const state = { refuses: false, holds: false }
  const released: (() => void)[] = []
  const failed = new FailedAuth({
    now: () => now,
    monotonic: () => now,
    record: async (record) => {
      if (state.refuses) throw new Error('no record')
      records.push(record)
    },
    wait: async (ms, signal) => {
      signal?.throwIfAborted()
      waits.push(ms)
      if (state.holds) await new Promise<void>((resolve) => released.push(resolve))
    },
    later: (ms, work) => {
      const timer = { at: now + ms, work }
      timers.add(timer)
      return () => timers.delete(timer)
    },
  })
  const advance = async (ms: number) => {
    now += ms
    for (const timer of timers) {
      if (timer.at > now) continue
      timers.delete(timer)
      timer.work()
    }
    await new Promise((resolve) => setImmediate(resolve))
  }
  const fail = async (times: number, failure: Failure = unknown) => {
    for (let i = 0; i < times; i++) await failed.take(failure)
  }
  return { failed, fail, advance, records, waits, timers, state, released, now: () => now }
}

const counted = (records: readonly FailureRecord[]) => records.map(({ count }) => count)

describe('failures of one source', () => {
  it('are told one by one up to ten a minute, and counted past that', async () => {
    const { fail, advance, records, now } = failures()
    const start = now()
    await fail(10)
    expect(records).toEqual(Array(10).fill({ ...unknown, triedAt: start, count: 1 }))
    await advance(1000)
    await fail(30)
    await fail(1, { ...unknown, cause: 'expired' })
    expect(records).toHaveLength(10)
    await advance(58_999)
    await fail(1)
    expect(records).toHaveLength(10)
    await advance(1)
    await fail(1)
    expect(records.slice(10)).toEqual([
      { ...unknown, triedAt: start + 60_000, count: 1 },
      { ...unknown, triedAt: start + 1000, count: 32 },
    ])
  })

  it('are on record within two minutes where nobody fails again', async () => {
    const { fail, advance, records, timers } = failures()
    await fail(10)
    await advance(59_000)
    await fail(5)
    expect(timers.size).toBe(1)
    await advance(60_000)
    expect(counted(records)).toEqual([...Array(10).fill(1), 5])
    expect(timers.size).toBe(0)
  })

  it('of two methods are counted for each', async () => {
    const { fail, failed, records } = failures()
    await fail(12)
    await fail(3, { ...unknown, method: 'approle', cause: 'spent' })
    await failed.flush()
    expect(records.slice(10)).toMatchObject([
      { method: 'token', count: 2 },
      { method: 'approle', cause: 'spent', count: 3 },
    ])
  })

  it('keep a correlation id where they are told one by one', async () => {
    const { fail, failed, records } = failures()
    await fail(11, { ...unknown, correlationId: 'r1' })
    await failed.flush()
    expect(records[0]).toMatchObject({ correlationId: 'r1' })
    expect(records[10]).not.toHaveProperty('correlationId')
  })

  it('of a network of IPv6 are those of one', async () => {
    const { fail, failed, records } = failures()
    for (let i = 0; i < 15; i++) await fail(1, { ...unknown, source: `2001:db8::${i}` })
    await failed.flush()
    expect(records[9]).toMatchObject({ source: '2001:db8::9', count: 1 })
    expect(records[10]).toMatchObject({ source: '2001:db8:0:0::/64', count: 5 })
  })
})

describe('failures of many sources', () => {
  it('are told one by one up to sixty a minute, and counted together past that', async () => {
    const { fail, failed, advance, records } = failures()
    for (let i = 0; i < 500; i++) await fail(1, { ...unknown, source: `10.0.${i >> 8}.${i & 255}` })
    expect(records).toHaveLength(60)
    await failed.flush()
    expect(records).toHaveLength(61)
    expect(records[60]).toMatchObject({ method: 'token', count: 440 })
    expect(records[60]).not.toHaveProperty('source')
    await advance(60_000)
    await fail(1)
    expect(records).toHaveLength(62)
  })

  it('are told apart as far as there is room, and lost count of never', async () => {
    const { fail, failed, records } = failures()
    await fail(12)
    const counting = 5000
    for (let i = 0; i < counting; i++) await fail(1, { ...unknown, source: `host-${i}` })
    await failed.flush()
    expect(counted(records).reduce((sum, count) => sum + count)).toBe(12 + counting)
    expect(records.length).toBeLessThan(70)
  })

  it('without a source are those of one', async () => {
    const { fail, failed, records } = failures()
    await fail(12, { method: 'token', cause: 'missing' })
    await failed.flush()
    expect(counted(records)).toEqual([...Array(10).fill(1), 2])
    expect(records[10]).toEqual({
      method: 'token',
      cause: 'missing',
      triedAt: expect.any(Number),
      count: 2,
    })
  })
})

describe('failures of a day', () => {
  /** So many as are told in a minute, of as many sources that were not there before. */
  async function busyMinutes({ fail, advance }: ReturnType<typeof failures>, minutes: number) {
    for (let minute = 0; minute < minutes; minute++) {
      for (let n = 0; n < 60; n++) await fail(1, { ...unknown, source: `${minute}-${n}` })
      await advance(60_000)
    }
  }
  const minute = 60_000
  const day = 24 * 60 * minute

  it('are told one by one up to a thousand, and counted once an hour past that', async () => {
    const made = failures()
    const { advance, records, fail } = made
    await busyMinutes(made, 17)
    expect(counted(records)).toEqual([...Array(1000).fill(1)])
    // The last of them were counted before this.
    await busyMinutes(made, 180)
    const later = records.slice(1000)
    expect(later).toHaveLength(3)
    for (const record of later) expect(record).not.toHaveProperty('source')
    await advance(60 * minute)
    const total = counted(records).reduce((sum, count) => sum + count)
    expect(total).toBe(197 * 60)
    await advance(day)
    const before = records.length
    await fail(1)
    expect(records.slice(before)).toMatchObject([{ source: '10.0.0.7', count: 1 }])
  })

  it('are no more events than that, whoever fails how often', async () => {
    const made = failures()
    const { advance, records, fail } = made
    for (let at = 0; at < day; at += minute) {
      for (let n = 0; n < 80; n++) await fail(1, { ...unknown, source: `10.0.0.${n % 7}` })
      await advance(minute)
    }
    expect(records.length).toBeLessThan(1250)
    await made.failed.flush()
    expect(counted(records).reduce((sum, count) => sum + count)).toBe(80 * 24 * 60)
  })
})

describe('a refusal', () => {
  it('waits twice as long after each failure in a row, up to two seconds', async () => {
    const { fail, failed, waits, advance } = failures()
    await fail(9)
    expect(waits).toEqual([25, 50, 100, 200, 400, 800, 1600, 2000, 2000])
    await fail(1, { ...unknown, source: '10.0.0.8' })
    expect(waits.at(-1)).toBe(25)
    failed.succeeded('10.0.0.8')
    failed.succeeded('10.0.0.9')
    await fail(1)
    expect(waits.at(-1)).toBe(2000)
    failed.succeeded('10.0.0.7')
    await fail(2)
    expect(waits.slice(-2)).toEqual([25, 50])
    await advance(60_000)
    await fail(1)
    expect(waits.at(-1)).toBe(25)
  })

  it('is not waited with by more than 256 at one time', async () => {
    const { failed, waits, state, released } = failures()
    state.holds = true
    const taken = Array.from({ length: 300 }, (_, i) =>
      failed.take({ ...unknown, source: `10.0.${i >> 8}.${i & 255}` }),
    )
    let answered = 0
    for (const each of taken) void each.then(() => answered++)
    await new Promise((resolve) => setImmediate(resolve))
    expect(waits).toHaveLength(256)
    expect(answered).toBe(44)
    for (const release of released) release()
    await Promise.all(taken)
    state.holds = false
    await failed.take(unknown)
    expect(waits).toHaveLength(257)
  })

  it('waits for nobody who gave up', async () => {
    const { failed, records } = failures()
    await expect(failed.take(unknown, AbortSignal.abort())).rejects.toMatchObject({
      code: 'ABORTED',
    })
    expect(records).toHaveLength(1)
  })
})

describe('what cannot be recorded', () => {
  it('is counted, and recorded with what comes', async () => {
    const { fail, failed, records, state, advance } = failures()
    state.refuses = true
    await expect(fail(1)).rejects.toThrow('no record')
    await failed.flush()
    await advance(120_000)
    state.refuses = false
    expect(records).toEqual([])
    await advance(60_000)
    expect(records).toEqual([{ ...unknown, triedAt: 1_000_000, count: 1 }])
  })

  it('is given up once the vault has ended', async () => {
    const { fail, failed, records, timers } = failures()
    await fail(11)
    await failed.flush()
    failed.end()
    await fail(11)
    expect(records).toHaveLength(11)
    expect(timers.size).toBe(0)
  })
})

describe('sourceGroup', () => {
  it('is the address, or the network of one of IPv6', () => {
    const groups = {
      '10.0.0.7': '10.0.0.7',
      '::ffff:10.0.0.7': '10.0.0.7',
      '::1': '0:0:0:0::/64',
      '2001:db8:0001:0002:3:4:5:6': '2001:db8:1:2::/64',
      '2001:DB8:1:2::9': '2001:db8:1:2::/64',
      '64:ff9b::192.0.2.33': '64:ff9b:0:0::/64',
      '1:2:3:4:5::': '1:2:3:4::/64',
      'fe80::1%eth0': 'fe80:0:0:0::/64%eth0',
      local: 'local',
      '': '',
    }
    for (const [source, group] of Object.entries(groups)) expect(sourceGroup(source)).toBe(group)
    expect(sourceGroup('x'.repeat(500))).toHaveLength(128)
    expect(sourceGroup(`${'x'.repeat(127)}\u{1F600}`).isWellFormed()).toBe(true)
  })
})

describe('a vault that lets nobody in', () => {
  it('has each refusal on record before it is answered, as its own', async () => {
    const { vault, clock } = await testVault()
    const shown = [undefined, '', 'mun_unknown', 'x', 'x'.repeat(300)]
    const messages: string[] = []
    for (const text of shown) {
      const from = { source: '10.0.0.7', correlationId: 'r1' }
      const refused = await vault.authenticate(text, from).catch((error: Error) => error)
      expect(refused).toMatchObject({ code: 'DENIED' })
      messages.push((refused as Error).message)
    }
    expect(messages).toEqual([
      ...Array(2).fill('no token was shown'),
      ...Array(3).fill('the token is not known, or was revoked'),
    ])
    const events = await eventsOf(vault, { type: 'auth.failed' })
    expect(events.map(({ data }) => (data as { cause: string }).cause)).toEqual([
      ...Array(2).fill('missing'),
      ...Array(3).fill('unknown'),
    ])
    expect(events[0]).toMatchObject({
      actor: 'unknown',
      subject: '',
      context: { source: '10.0.0.7', correlationId: 'r1' },
      data: { method: 'token', cause: 'missing', triedAt: clock.now(), count: 1 },
    })
    expect(events[0]?.context).not.toHaveProperty('auth')
    // What was guessed at an open vault is no passphrase.
    expect((await vault.health()).failedUnlocks).toBe(0)
    await expect(vault.authenticate('x', { source: '' })).rejects.toMatchObject({ code: 'INVALID' })
  })

  it('loses no count where it is closed, nor where it is opened again', async () => {
    const { vault } = await testVault()
    const guess = async (times: number) => {
      for (let i = 0; i < times; i++) await vault.authenticate('x').catch(() => undefined)
    }
    await guess(15)
    await vault.reopen()
    const counts = async () =>
      (await eventsOf(vault, { type: 'auth.failed' })).map(
        ({ data }) => (data as { count: number }).count,
      )
    expect(await counts()).toEqual([...Array(10).fill(1), 5])
    await guess(3)
    const last: unknown[] = []
    vault.events$.subscribe(({ events }) => {
      last.push(...events.filter(({ type }) => type === 'auth.failed'))
    })
    await vault.close()
    expect(last.at(-1)).toMatchObject({ data: { count: 3 } })
  })

  it('says what is wrong with it where it can record nothing, and counts until it can', async () => {
    const store = faultStore(memoryStore())
    const { vault } = await testVault({}, { store })
    store.faults.fail('commit', { error: new VaultError('NO_SPACE', 'the disk is full') })
    await expect(vault.authenticate('x')).rejects.toMatchObject({ code: 'NO_SPACE' })
    await vault.reopen()
    const events = await eventsOf(vault, { type: 'auth.failed' })
    expect(events).toMatchObject([{ data: { count: 1, cause: 'unknown' } }])
  })
})
