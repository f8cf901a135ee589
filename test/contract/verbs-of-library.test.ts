import { describe } from 'vitest'
import { testClock, testVault } from '../../src/testing.ts'
import { allVerbs } from './verbs/all.ts'
import type { OpenSubject, SharedVault } from './verbs/subject.ts'

/** As a service embeds it, by a token as well: held to policy, and every look on record. */
const open: OpenSubject = async () => {
  const { vault: host, clock } = await testVault({}, { clock: testClock(Date.now()) })
  const { token } = await host.tokens.issue({ actor: 'svc/contract', policies: ['root'] })
  const vault: SharedVault = await host.authenticate(token.text())
  return { vault, host, clock, close: () => host.close() }
}

describe('the library', () => {
  allVerbs(open)
})
