import { strict as assert } from 'node:assert'
import { setImmediate } from 'node:timers/promises'
import { commitCount } from '../../store/port.ts'
import type { Cases } from './material.ts'
import {
  all,
  commitAll,
  endOf,
  hex,
  hexOf,
  keyRow,
  manyCommits,
  rejectsWith,
  sealed,
  text,
} from './material.ts'

export const log: Cases = {
  'an empty log has its head at 0 and nothing to read': async (store) => {
    assert.equal(await store.head(), 0)
    assert.deepEqual(await all(store.read({ from: 0 })), [])
  },

  'gives back what was committed, from and to within a commit': async (store) => {
    const commits = [sealed(0, 3), sealed(3, 1), sealed(4, 5), sealed(9, 2)]
    await commitAll(store, commits)
    assert.equal(await store.head(), 11)
    const firsts = async (range: { from: number; to?: number }) =>
      (await all(store.read(range))).map(({ first }) => first)
    assert.deepEqual((await all(store.read({ from: 0 }))).map(hexOf), commits.map(hex))
    assert.deepEqual(await firsts({ from: 5 }), [4, 9])
    assert.deepEqual(await firsts({ from: 2, to: 4 }), [0, 3])
    assert.deepEqual(await firsts({ from: 3, to: 5 }), [3, 4])
    assert.deepEqual(await firsts({ from: 8, to: 9 }), [4])
    assert.deepEqual(await firsts({ from: 10, to: 99 }), [9])
    assert.deepEqual(await firsts({ from: 11 }), [])
    assert.deepEqual(await firsts({ from: 4, to: 4 }), [])
  },

  'a read ends at the head that it began at': async (store) => {
    await commitAll(store, [sealed(0, 1), sealed(1, 1)])
    const reading = store.read({ from: 0 })[Symbol.asyncIterator]()
    const commits = [...(await reading.next()).value]
    await store.commit({ first: 2, sealed: sealed(2, 1) })
    for (let step = await reading.next(); step.done !== true; step = await reading.next()) {
      commits.push(...step.value)
    }
    assert.equal(endOf(commits), 2)
  },

  'a commit that is not at the head is CONFLICT and leaves nothing': async (store) => {
    await store.commit({ first: 0, sealed: sealed(0, 2) })
    const keys = { put: [keyRow(0, 0, 'lost')] }
    for (const first of [0, 1, 3]) {
      await rejectsWith('CONFLICT', store.commit({ first, sealed: sealed(first, 1), keys }))
      await rejectsWith('CONFLICT', store.commit({ first, keys }))
    }
    assert.equal(await store.head(), 2)
    assert.equal((await all(store.read({ from: 0 }))).length, 1)
    assert.equal(await store.keys.get({ first: 0, block: 0 }), undefined)
    await store.commit({ first: 2, sealed: sealed(2, 1) })
  },

  'of two commits at once for one position, one is in and one is CONFLICT': async (store) => {
    const both = [store.commit({ first: 0, sealed: sealed(0, 1) })]
    both.push(store.commit({ first: 0, sealed: sealed(0, 2) }))
    const outcomes = await Promise.allSettled(both)
    const refused = outcomes.filter((outcome) => outcome.status === 'rejected')
    assert.deepEqual(
      refused.map(({ reason }) => reason.code),
      ['CONFLICT'],
    )
    const [winner, ...others] = await all(store.read({ from: 0 }))
    assert.deepEqual(others, [])
    assert.equal(await store.head(), winner && commitCount(winner.sealed))
  },

  'commits that need not be durable by themselves are so with the next': async (store, place) => {
    const commits = manyCommits(200)
    for (const [first, bytes] of commits.entries()) {
      const last = first === commits.length - 1
      await store.commit({ first, sealed: bytes, ...(!last && { durable: false }) })
    }
    assert.equal(endOf(await all(store.read({ from: 0 }))), commits.length)
    await store.close()
    const again = await place.open()
    assert.deepEqual((await all(again.read({ from: 0 }))).map(hexOf), commits.map(hex))
    await again.close()
  },

  'bytes belong to the caller again once written, and when read': async (store) => {
    const [given, row] = [sealed(0, 1), keyRow(0, 0, 'key')]
    const expected = hex(given)
    await store.commit({ first: 0, sealed: given, keys: { put: [row] } })
    for (const bytes of [given, row.bytes]) bytes.fill(0xff)
    const [read] = await all(store.read({ from: 0 }))
    assert.equal(read && hexOf(read), expected)
    read?.sealed.fill(0xff)
    assert.deepEqual((await all(store.read({ from: 0 }))).map(hexOf), [expected])
    assert.equal(text(await store.keys.get(row.id)), 'key')
  },

  'readers see a dense prefix while commits go on': async (store) => {
    let going = true
    const writing = commitAll(store, manyCommits(100)).finally(() => {
      going = false
    })
    while (going) {
      const before = await store.head()
      const end = endOf(await all(store.read({ from: 0 })))
      assert.ok(end >= before, `a read begun at head ${before} ended at ${end}`)
      // A read that finds nothing may never leave the microtasks, and the disk would never be heard.
      await setImmediate()
    }
    await writing
  },

  'keeps 1,200 commits in order, over a close': async (store, place) => {
    await Promise.all(
      manyCommits(1200).map((bytes, first) => store.commit({ first, sealed: bytes })),
    )
    await store.close()
    const again = await place.open()
    assert.equal(await again.head(), 1200)
    assert.equal(endOf(await all(again.read({ from: 0 }))), 1200)
    const tail = await all(again.read({ from: 1199 }))
    assert.deepEqual(tail.map(hexOf), [hex(sealed(1199, 1))])
    await again.commit({ first: 1200, sealed: sealed(1200, 1) })
    await again.close()
  },
}
