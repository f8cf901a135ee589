import { strict as assert } from 'node:assert'
import type { Cases } from './material.ts'
import {
  all,
  created,
  hex,
  hexOf,
  keyRow,
  keyring,
  keysOf,
  rejectsWith,
  row,
  rowsOf,
  sealed,
  text,
  utf8,
} from './material.ts'

export const life: Cases = {
  'all of it is there after a close and an open': async (store, place) => {
    await store.commit({ first: 0, sealed: sealed(0, 2), keys: { put: [keyRow(0, 0, 'k')] } })
    await store.close()
    const again = await place.open()
    assert.equal(await again.head(), 2)
    assert.deepEqual((await all(again.read({ from: 0 }))).map(hexOf), [hex(sealed(0, 2))])
    assert.deepEqual(await keysOf(again), [[0, 0, 'k']])
    assert.equal(text(await again.files.read('keyring')), keyring)
    await again.close()
  },

  'a closed store is CLOSED to every call, and closes again in peace': async (store) => {
    await store.commit({ first: 0, sealed: sealed(0, 1) })
    await store.close()
    await store.close()
    const calls: (() => Promise<unknown>)[] = [
      () => store.head(),
      () => store.commit({ first: 1, sealed: sealed(1, 1) }),
      () => all(store.read({ from: 0 })),
      () => store.keys.get({ first: 0, block: 0 }),
      () => keysOf(store),
      () => store.derived.get(utf8('a')),
      () => rowsOf(store, 'a', 'b'),
      () => store.derived.write({ put: [row('a', 'a')] }),
      () => store.derived.clear(),
      () => store.files.read('keyring'),
      () => store.files.replace('keyring', utf8('x')),
      () => store.files.overwrite('keyring', 0, utf8('x')),
      () => store.files.remove('keyring'),
      () => store.files.list(),
    ]
    for (const call of calls) await rejectsWith('CLOSED', call())
  },

  'a close waits for the commits in flight': async (store, place) => {
    const writing = store.commit({ first: 0, sealed: sealed(0, 1) })
    await store.close()
    await writing
    const again = await place.open()
    assert.equal(await again.head(), 1)
    await again.close()
  },

  'a vault is not created over: EXISTS': async (store, place) => {
    await store.close()
    await rejectsWith('EXISTS', place.create())
    const again = await place.open()
    assert.equal(text(await again.files.read('keyring')), keyring)
    await again.close()
  },

  'a create that got no further may be made again': async (store, place) => {
    await store.files.remove('keyring')
    await store.close()
    await rejectsWith('NOT_FOUND', place.open())
    const again = await created(place)
    assert.equal(await again.head(), 0)
    await again.close()
  },

  'what is open is IN_USE to a second open': async (_store, place) => {
    await rejectsWith('IN_USE', place.open())
  },
}
