import { beforeAll, describe, expect, it } from 'vitest'
import type { Moment, Vault } from '../../src/index.ts'
import { testClock } from '../../src/testing/test-clock.ts'
import { testVault } from '../../src/testing/test-vault.ts'
import { eventsOf } from '../fixtures/events.ts'
import { rowsOf } from '../fixtures/report-rows.ts'

const dayMs = 86_400_000

/** A clock that ran ahead, until its owner set it back: 4 March is written before 25 February. */
async function corrected(): Promise<Vault> {
  const clock = testClock(Date.parse('2026-02-20T12:00:00Z'))
  const { vault } = await testVault({ 'prod/db': 'one' }, { clock })
  clock.jump(12 * dayMs)
  await vault.acceptClock({ reason: 'believed it' })
  await vault.read('prod/db', { actor: 'user/march', reason: 'look' })
  await vault.purge('prod/db', { reason: 'asked for' })
  clock.jump(-7 * dayMs)
  await vault.acceptClock({ reason: 'set right' })
  await vault.write('prod/api', 'two')
  clock.jump(14 * dayMs)
  await vault.acceptClock({ reason: 'it was off for long' })
  await vault.write('prod/late', 'three')
  return vault
}

describe('a range of dates across a clock that was set back', () => {
  let vault: Vault
  beforeAll(async () => {
    vault = await corrected()
  })

  const subjectsFrom = async (from: Moment) => {
    const { rows } = await rowsOf(await vault.reports.run('audit-trail', { from }))
    return rows.map(({ type, path }) => [type, path])
  }

  it('leaves out no event of its days in a report: it takes too much rather than too little', async () => {
    const taken = await subjectsFrom({ time: '2026-03-01' })
    expect(taken).toContainEqual(['secret.accessed', 'prod/db'])
    expect(taken).toContainEqual(['secret.purged', 'prod/db'])
    expect(taken).toContainEqual(['secret.written', 'prod/api'])
    expect(taken).toContainEqual(['secret.written', 'prod/late'])
    expect(taken).not.toContainEqual(['secret.written', 'prod/db'])
  })

  it('leaves none out of the audit trail either', async () => {
    const found = await eventsOf(vault, { from: '2026-03-01', subject: 'prod/**' })
    expect(found.map(({ type, subject }) => [type, subject])).toEqual([
      ['secret.accessed', 'prod/db'],
      ['secret.destroyed', 'prod/db'],
      ['secret.purged', 'prod/db'],
      ['secret.written', 'prod/api'],
      ['secret.written', 'prod/late'],
    ])
    expect(await eventsOf(vault, { from: '2026-03-12', subject: 'prod/**' })).toEqual([])
  })

  it('is empty where nothing is so late, and begins with the log where all of it is later', async () => {
    expect(await subjectsFrom({ time: '2027-01-01' })).toEqual([])
    const all = await subjectsFrom({ time: '1970-01-01' })
    expect(all[0]).toEqual(['vault.created', null])
  })
})
