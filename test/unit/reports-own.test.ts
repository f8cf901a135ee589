import { beforeAll, describe, expect, it } from 'vitest'
import { defineProjection, defineReport, type OwnReport, type Vault } from '../../src/index.ts'
import { testVault } from '../../src/testing/test-vault.ts'
import { rowsOf } from '../fixtures/report-rows.ts'

const projection = defineProjection({ name: 'none', version: 1, initial: () => ({}), on: {} })
const columns = [{ name: 'what', title: 'what', type: 'text' }] as const

function reportOf(row: object, more: Partial<OwnReport<object>> = {}) {
  return defineReport({
    name: 'own',
    columns,
    projection,
    rows: () => [{ position: null, cells: { what: 'first' } }, row as never],
    ...more,
  })
}

let vault: Vault
beforeAll(async () => {
  vault = (await testVault({ a: '1' })).vault
})

describe('the rows of a report of the host’s own', () => {
  it.each<[string, object, string]>([
    [
      'an object',
      { cells: { what: {} } },
      'what: expected a string, a finite number, a list of strings or null, found another object',
    ],
    [
      'a date',
      { cells: { what: new Date(0) } },
      'what: expected a string, a finite number, a list of strings or null, found another object',
    ],
    [
      'no number',
      { cells: { what: Number.NaN } },
      'what: expected a string, a finite number, a list of strings or null, found NaN',
    ],
    [
      'a big integer',
      { cells: { what: 1n } },
      'what: expected a string, a finite number, a list of strings or null, found another bigint',
    ],
    [
      'true',
      { cells: { what: true } },
      'what: expected a string, a finite number, a list of strings or null, found another boolean',
    ],
    [
      'a list of numbers',
      { cells: { what: [1] } },
      'what: expected a string, a finite number, a list of strings or null, found a list of others',
    ],
    [
      'a position behind its end',
      { position: 2, cells: {} },
      'position: expected null or an integer from 0 to 1, found another number',
    ],
    [
      'a part of a position',
      { position: 0.5, cells: {} },
      'position: expected null or an integer from 0 to 1, found another number',
    ],
    [
      'no position',
      { position: undefined, cells: {} },
      'position: expected null or an integer from 0 to 1, found another undefined',
    ],
  ])('hold no %s', async (_, row, words) => {
    const run = vault.reports.run(reportOf({ position: null, ...row }), { asOf: { position: 1 } })
    await expect(run.then(rowsOf)).rejects.toMatchObject({
      code: 'INVALID',
      message: `report own, row 2, column ${words}`,
    })
  })

  it('are rows with cells', async () => {
    await expect(vault.reports.run(reportOf({ cells: null })).then(rowsOf)).rejects.toMatchObject({
      code: 'INVALID',
      message: 'report own, row 2: expected a row with cells',
    })
  })

  it('have no cells but their own, and those that are absent are null', async () => {
    const named = [...columns, { name: 'constructor', title: 'c', type: 'text' }] as const
    const run = await vault.reports.run(reportOf({ position: 0, cells: {} }, { columns: named }))
    const { rows } = await rowsOf(run)
    expect(rows[1]).toMatchObject({ what: null, constructor: null, position: 0 })
  })

  it('have findings only where the report judges, and in words', async () => {
    const found = { position: null, cells: {}, finding: 'look here' }
    const totals = async (row: object, judges: boolean) =>
      (await rowsOf(await vault.reports.run(reportOf(row, { judges })))).totals.findings
    expect(await totals(found, true)).toBe(1)
    expect(await totals(found, false)).toBe(0)
    expect(await totals({ ...found, finding: '' }, true)).toBe(0)
    await expect(totals({ ...found, finding: 7 }, true)).rejects.toMatchObject({
      message: 'report own, row 2, column finding: expected a string, found another number'.replace(
        'another number',
        '7',
      ),
    })
  })
})

describe('a definition that comes from where no types are', () => {
  const whole = { ...reportOf({}) }

  it.each<[string, object, string]>([
    ['title', { title: undefined }, 'title of report own must be a text'],
    ['question', { question: 7 }, 'question of report own must be a text'],
    ['span', { span: 'day' }, 'span of report own must be moment or range'],
    ['params', { params: 'subject' }, 'params of report own must be a list'],
    ['judges', { judges: 'yes' }, 'judges of report own must be true or false'],
    ['columns', { columns: {} }, 'columns of report own must be a list'],
    ['rows', { rows: [] }, 'rows of report own must be a function'],
    ['charts', { charts: [] }, 'charts of report own must be a function'],
    [
      'a title of a column',
      { columns: [{ name: 'a', type: 'text' }] },
      'column a of report own needs a title, and a type that is one of text, id, number, position, hash, time, duration, list, status',
    ],
    [
      'a type of a column',
      { columns: [{ name: 'a', title: 'a', type: 'colour' }] },
      'column a of report own needs a title, and a type that is one of text, id, number, position, hash, time, duration, list, status',
    ],
    [
      'a column',
      { columns: [null] },
      'columns of report own need distinct names of the form ^[a-z][a-z0-9_]{0,63}$, none of row, finding, position, leaf_hash',
    ],
    [
      'projection',
      { projection: 7 },
      'projection of report own must be a projection, or a function that gives one',
    ],
  ])('is refused for its %s, whether it was defined before or not', async (_, wrong, message) => {
    const given = { ...whole, ...wrong } as never
    expect(() => defineReport(given)).toThrow(expect.objectContaining({ code: 'INVALID', message }))
    await expect(vault.reports.run(given)).rejects.toMatchObject({ code: 'INVALID', message })
  })

  it('is refused where it is nothing', async () => {
    for (const nothing of [null, undefined, 7, {}]) {
      await expect(vault.reports.run(nothing as never)).rejects.toMatchObject({ code: 'INVALID' })
    }
  })
})
