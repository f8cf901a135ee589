import { strict as assert } from 'node:assert'
import type { Cases } from './material.ts'
import { keyRow, keysOf, rejectsWith, row, rowsOf, sealed, text, utf8 } from './material.ts'

export const keyRows: Cases = {
  'key rows are written, replaced and removed with their commit': async (store) => {
    const keys = { put: [keyRow(0, 0, 'a'), keyRow(0, 1, 'b')] }
    await store.commit({ first: 0, sealed: sealed(0, 1), keys })
    const changes = { put: [keyRow(0, 1, 'B')], remove: [{ first: 0, block: 0 }] }
    await store.commit({ first: 1, sealed: sealed(1, 1), keys: changes })
    assert.equal(await store.keys.get({ first: 0, block: 0 }), undefined)
    assert.deepEqual(await keysOf(store), [[0, 1, 'B']])
  },

  'a commit of key rows alone leaves the head where it is': async (store) => {
    await store.commit({ first: 0, sealed: sealed(0, 4) })
    await store.commit({ first: 4, keys: { put: [keyRow(0, 0, 'a')] } })
    await store.commit({ first: 4, keys: { remove: [{ first: 7, block: 7 }] } })
    assert.equal(await store.head(), 4)
    assert.deepEqual(await keysOf(store), [[0, 0, 'a']])
  },

  'key rows come by position, then block, as numbers': async (store) => {
    const ids = [
      [2 ** 40, 0],
      [256, 2],
      [9, 10],
      [10, 0],
      [256, 1],
      [9, 9],
      [255, 65_535],
    ] as const
    const put = ids.map(([first, block]) => keyRow(first, block, 'x'))
    await store.commit({ first: 0, keys: { put } })
    const sorted = ids.toSorted((a, b) => a[0] - b[0] || a[1] - b[1])
    assert.deepEqual(
      (await keysOf(store)).map(([first, block]) => [first, block]),
      sorted,
    )
  },

  'key rows come as they were when the first was asked for': async (store) => {
    const ids = Array.from({ length: 3000 }, (_, first) => first)
    await store.commit({ first: 0, keys: { put: ids.map((first) => keyRow(first, 0, 'old')) } })
    const rows = store.keys.entries()[Symbol.asyncIterator]()
    const seen = [(await rows.next()).value]
    const put = [keyRow(1, 0, 'new'), keyRow(2998, 0, 'new'), keyRow(3000, 0, 'new')]
    const remove = [
      { first: 2, block: 0 },
      { first: 2999, block: 0 },
    ]
    await store.commit({ first: 0, keys: { put, remove } })
    for (let step = await rows.next(); step.done !== true; step = await rows.next()) {
      seen.push(step.value)
    }
    assert.deepEqual(
      seen.map(({ id, bytes }) => [id.first, text(bytes)]),
      ids.map((first) => [first, 'old']),
    )
    assert.equal(text(await store.keys.get({ first: 2998, block: 0 })), 'new')
  },

  'key rows that nobody reads to their end are let go of': async (store) => {
    const put = [keyRow(0, 0, 'a'), keyRow(1, 0, 'b')]
    await store.commit({ first: 0, keys: { put } })
    for await (const { id } of store.keys.entries()) {
      if (id.first === 0) break
    }
    const begun = store.keys.entries()[Symbol.asyncIterator]()
    await begun.next()
    // The store closes under a reader that never comes back.
    await store.close()
  },
}

export const derived: Cases = {
  'derived rows come in the order of their bytes, within bounds': async (store) => {
    const names = ['b', 'a', 'ab', 'B', 'é', 'b\u0000']
    await store.derived.write({ put: names.map((name) => row(name, name)) })
    assert.deepEqual(await rowsOf(store, 'a', 'b\u0000'), ['a', 'ab', 'b'])
    assert.deepEqual(await rowsOf(store, 'A', '\uffff'), ['B', 'a', 'ab', 'b', 'b\u0000', 'é'])
    assert.deepEqual(await rowsOf(store, 'b', 'a'), [])
    assert.equal(text(await store.derived.get(utf8('ab'))), 'ab')
    assert.equal(await store.derived.get(utf8('abc')), undefined)
  },

  'derived rows are replaced and removed in one write, and all cleared': async (store, place) => {
    await store.derived.write({ put: [row('a', '1'), row('b', '1')] })
    await store.derived.write({ put: [row('b', '2')], remove: [utf8('a'), utf8('none')] })
    assert.deepEqual(await rowsOf(store, 'a', 'z'), ['b'])
    await store.close()
    const again = await place.open()
    assert.equal(text(await again.derived.get(utf8('b'))), '2')
    await again.derived.clear()
    assert.deepEqual(await rowsOf(again, 'a', 'z'), [])
    await again.derived.write({ put: [row('c', '3')] })
    assert.deepEqual(await rowsOf(again, 'a', 'z'), ['c'])
    await again.close()
  },
}

export const files: Cases = {
  'files are replaced whole, listed in order and removed': async (store) => {
    await store.files.replace('note.2', utf8('a long first text'))
    await store.files.replace('note.2', utf8('short'))
    await store.files.replace('a-note', utf8(''))
    assert.equal(text(await store.files.read('note.2')), 'short')
    assert.equal(text(await store.files.read('a-note')), '')
    assert.equal(await store.files.read('absent'), undefined)
    assert.deepEqual(await store.files.list(), ['a-note', 'keyring', 'note.2'])
    await store.files.remove('note.2')
    await store.files.remove('absent')
    assert.deepEqual(await store.files.list(), ['a-note', 'keyring'])
  },

  'files are overwritten in place, with zeros up to where they were': async (store, place) => {
    await store.files.overwrite('slots', 2, utf8('bb'))
    await store.files.overwrite('slots', 3, utf8('cc'))
    assert.equal(text(await store.files.read('slots')), '\0\0bcc')
    await store.files.replace('slots', utf8('new'))
    await store.files.overwrite('slots', 1, utf8('E'))
    await store.close()
    const again = await place.open()
    assert.equal(text(await again.files.read('slots')), 'nEw')
    await again.close()
  },

  'a file name that could lead elsewhere is INVALID': async (store) => {
    for (const name of ['', '.', '../up', 'a/b', 'a\\b', '.hidden', 'Upper', 'nul\0', 'ü']) {
      await rejectsWith('INVALID', store.files.replace(name, utf8('x')))
      await rejectsWith('INVALID', store.files.overwrite(name, 0, utf8('x')))
      await rejectsWith('INVALID', store.files.read(name))
      await rejectsWith('INVALID', store.files.remove(name))
    }
  },
}
