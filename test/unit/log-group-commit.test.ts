import { Subject } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { VaultError } from '../../src/errors.ts'
import type { Fact } from '../../src/events/catalogue.ts'
import { createKeyring } from '../../src/keys/keyring.ts'
import { Timekeeper } from '../../src/log/clock.ts'
import { openEpochs } from '../../src/log/epochs.ts'
import { HeadFile } from '../../src/log/head.ts'
import { KeyRows } from '../../src/log/key-rows.ts'
import { Log } from '../../src/log/log.ts'
import type { Command } from '../../src/log/queue.ts'
import { type Commit, readCommits } from '../../src/log/reader.ts'
import { emptyFrontier } from '../../src/proofs/tree.ts'
import { memoryStore } from '../../src/store/memory.ts'
import { faultStore, testClock } from '../../src/testing.ts'

async function openLog() {
  const opener = faultStore(memoryStore())
  const store = await opener.create()
  const keyring = createKeyring()
  const epochs = openEpochs(keyring)
  const commits: Commit[] = []
  const heads = new Subject<number>()
  const log = new Log({
    store,
    epochs,
    keyRows: new KeyRows(store.keys, keyring),
    head: new HeadFile(store.files, epochs),
    time: new Timekeeper(testClock(), 0),
    frontier: emptyFrontier,
    keepNodes: () => undefined,
    fold: (commit) => commits.push(commit),
    heads,
    onFailed: () => undefined,
  })
  return { log, commits, store, epochs, heads, faults: opener.faults }
}

function accessed(subject: string): Fact {
  return { type: 'secret.accessed', subject, data: { operation: 'read', version: 1 } }
}

function command(subject: string, more: Partial<Command> = {}): Command {
  return { actor: 'test', context: {}, decide: () => ({ facts: [accessed(subject)] }), ...more }
}

const subjects = (commit: Commit | undefined) => commit?.events.map((event) => event.subject)

describe('a batch', () => {
  it('holds all who wait together, those that change nothing first', async () => {
    const { log, commits } = await openLog()
    await Promise.all([
      log.append(command('w1', { aggregate: 'w1' })),
      log.append(command('r1')),
      log.append(command('w2', { aggregate: 'w2' })),
      log.append(command('r2')),
    ])
    expect(commits.map(subjects)).toEqual([['r1', 'r2', 'w1', 'w2']])
  })

  it('holds one change of an aggregate at most, in the order they came', async () => {
    const { log, commits } = await openLog()
    await Promise.all([
      log.append(command('a1', { aggregate: 'a' })),
      log.append(command('a2', { aggregate: 'a' })),
      log.append(command('b1', { aggregate: 'b' })),
      log.append(command('a3', { aggregate: 'a' })),
    ])
    expect(commits.map(subjects)).toEqual([['a1', 'b1'], ['a2'], ['a3']])
  })

  it('holds nothing beside a command that stands alone, and nothing overtakes that', async () => {
    const { log, commits } = await openLog()
    await Promise.all([
      log.append(command('r1')),
      log.append(command('alone', { alone: true, aggregate: '' })),
      log.append(command('r2')),
    ])
    expect(commits.map(subjects)).toEqual([['r1'], ['alone'], ['r2']])
  })

  it('holds 128 events and 64 KiB at most, one larger event excepted', async () => {
    const { log, commits } = await openLog()
    await Promise.all(Array.from({ length: 300 }, (_, i) => log.append(command(`r${i}`))))
    expect(commits.map(({ events }) => events.length)).toEqual([128, 128, 44])
    commits.length = 0
    const large: Fact = {
      type: 'secret.written',
      subject: 'large',
      data: {
        version: 1,
        keyId: Buffer.alloc(32),
        box: Buffer.alloc(40_000),
        changed: true,
        meta: { type: 'generic' },
      },
    }
    const huge = { ...large, data: { ...large.data, box: Buffer.alloc(100_000) } }
    const writing = [large, large, huge, large].map((fact) =>
      log.append(command('large', { decide: () => ({ facts: [fact] }) })),
    )
    await Promise.all(writing)
    expect(commits.map(({ events }) => events.length)).toEqual([1, 1, 1, 1])
  })

  it('takes its turn from callers without number, and drops none', async () => {
    const { log, commits } = await openLog()
    const appending = Promise.all(
      Array.from({ length: 10_000 }, (_, i) => log.append(command(`r${i}`))),
    )
    expect(log.waiting).toBe(10_000)
    await appending
    const order = commits.flatMap(({ events }) => events.map(({ subject }) => subject))
    expect(order).toEqual(Array.from({ length: 10_000 }, (_, i) => `r${i}`))
    expect(log.waiting).toBe(0)
  })

  it('decides each command at the position that its events then have', async () => {
    const { log } = await openLog()
    const seen: number[] = []
    const appended = await Promise.all(
      ['a', 'b', 'c'].map((subject) =>
        log.append(
          command(subject, {
            decide: ({ position }) => {
              seen.push(position)
              return { facts: [accessed(subject), accessed(subject)] }
            },
          }),
        ),
      ),
    )
    expect(seen).toEqual([0, 2, 4])
    expect(appended.map(([event]) => event?.position)).toEqual([0, 2, 4])
  })

  it('answers a caller whose decision throws, and appends the others', async () => {
    const { log, commits } = await openLog()
    const lost = new VaultError('CONFLICT', 'lost')
    const answers = await Promise.allSettled([
      log.append(
        command('a', {
          decide: () => {
            throw lost
          },
        }),
      ),
      log.append(command('b')),
      log.append(command('c', { prepare: () => Promise.reject(lost) })),
      log.append(command('d', { decide: () => ({ facts: [accessed('d')], refused: lost }) })),
    ])
    expect(answers.map(({ status }) => status)).toEqual([
      'rejected',
      'fulfilled',
      'rejected',
      'rejected',
    ])
    expect(commits.map(subjects)).toEqual([['b', 'd']])
  })
})

describe('an append', () => {
  it('is answered once its event is durable and folded, and reads back the same', async () => {
    const { log, commits, store, epochs, faults } = await openLog()
    const release = faults.hang('commit')
    let answered = false
    const appending = log.append(command('a')).then(() => {
      answered = true
    })
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
    expect([answered, commits.length, log.size]).toEqual([false, 0, 0])
    release()
    await appending
    expect([commits.length, log.size]).toEqual([1, 1])
    for await (const commit of readCommits({ store, epochs }, { from: 0 })) {
      expect(commit.events.map(({ id }) => id)).toEqual(commits[0]?.events.map(({ id }) => id))
    }
  })

  it('hands nothing out that was opened beside a commit that failed', async () => {
    const { log, faults } = await openLog()
    faults.fail('commit')
    let opened = 0
    const reading = log.append(
      command('a', {
        during: () => {
          opened++
          return undefined
        },
      }),
    )
    await expect(reading).rejects.toMatchObject({ code: 'UNCERTAIN', retry: 'reopen' })
    expect(opened).toBe(1)
    await expect(log.append(command('b'))).rejects.toMatchObject({ code: 'FAILED' })
  })

  it('is UNCERTAIN to a caller that gives up while its keys are still looked up', async () => {
    const { log, faults } = await openLog()
    await log.append(command('a'))
    const release = faults.hang('keys.get')
    const gone = { keyId: Buffer.alloc(32), first: 0 }
    const destroying = log.append(
      command('a', {
        aggregate: 'a',
        decide: () => ({ facts: [accessed('a')], removeKeys: [gone] }),
      }),
    )
    const writing = log.append(command('b', { aggregate: 'b' }), { timeout: 20 })
    await expect(writing).rejects.toMatchObject({ code: 'UNCERTAIN', retry: 'never' })
    release()
    await destroying
    expect(log.size).toBe(3)
  })

  it('fails the log when a projection cannot fold it', async () => {
    const { store, epochs, heads } = await openLog()
    const keyring = createKeyring()
    const log = new Log({
      store,
      epochs,
      keyRows: new KeyRows(store.keys, keyring),
      head: new HeadFile(store.files, epochs),
      time: new Timekeeper(testClock(), 0),
      frontier: emptyFrontier,
      keepNodes: () => undefined,
      fold: () => {
        throw new Error('a defect')
      },
      heads,
      onFailed: () => undefined,
    })
    await expect(log.append(command('a'))).rejects.toMatchObject({
      code: 'FAILED',
      message: 'the events are on disk, but a projection failed to fold them',
    })
    expect(log.state).toBe('failed')
  })

  it('waits for those before it when the log closes, and none after it is accepted', async () => {
    const { log, commits } = await openLog()
    const appending = Promise.all(
      Array.from({ length: 200 }, (_, i) => log.append(command(`r${i}`))),
    )
    const closing = log.close()
    await expect(log.append(command('late'))).rejects.toMatchObject({ code: 'CLOSED' })
    await Promise.all([appending, closing])
    expect(commits.flatMap(({ events }) => events)).toHaveLength(200)
  })
})
