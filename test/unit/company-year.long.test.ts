import { expect, it } from 'vitest'
import { companyYear } from '../fixtures/company-year/company-year.ts'

it('tells a year of a million events', async () => {
  const { vault, story } = await companyYear({ seed: 1, events: 1_000_000 })
  const { size } = await vault.health()
  expect(Math.abs(size - 1_000_000)).toBeLessThan(20_000)
  expect(story.cast.secrets).toHaveLength(3_000)
  await vault.close()
})
