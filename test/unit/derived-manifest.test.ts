import { Packr } from 'msgpackr'
import { describe, expect, it } from 'vitest'
import { keySpace, rowKey, rowKinds } from '../../src/projections/derived/sealed-rows.ts'
import { manifestKey, packManifest, readManifest } from '../../src/projections/manifest.ts'
import { Snapshots } from '../../src/projections/snapshots.ts'
import { keysOf, open, rowTable } from '../fixtures/derived.ts'

const manifest = {
  position: 7,
  frontier: Buffer.from('frontier'),
  folds: new Map([['secrets', { version: 1, position: 7, meta: Buffer.from('meta') }]]),
}
const space = keySpace(rowKinds.snapshot, 'secrets')
const other = rowKey(space, 0x64, 0)

/** A table with a manifest and a row of a snapshot. */
async function tableWith(plain: Uint8Array) {
  const table = await rowTable()
  const rows = open(table)
  await rows.write({ put: [rows.seal(manifestKey, plain), rows.seal(other, Buffer.alloc(8))] })
  return { table, rows }
}

describe('a manifest', () => {
  it('is read as it was packed', () => {
    expect(readManifest(packManifest(manifest))).toEqual(manifest)
  })

  it('that opens is what snapshots begin with', async () => {
    const { table, rows } = await tableWith(packManifest(manifest))
    expect((await Snapshots.open(rows)).manifest).toEqual(manifest)
    expect(await keysOf(table, space)).toEqual([other.toString('hex')])
  })

  it('of another format is none, and every row goes with it', async () => {
    const older = new Packr({ useRecords: false }).pack([1, 7n, Buffer.from('frontier'), []])
    const { table, rows } = await tableWith(older)
    expect((await Snapshots.open(rows)).manifest).toBeUndefined()
    expect(await keysOf(table, space)).toEqual([])
    expect(await table.get(manifestKey)).toBeUndefined()
  })
})
