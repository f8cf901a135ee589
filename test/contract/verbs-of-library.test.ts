import { describe } from 'vitest'
import { testClock, testVault } from '../../src/testing.ts'
import { auditVerbs } from './verbs/audit.ts'
import { diffVerbs } from './verbs/diff.ts'
import { explainVerbs } from './verbs/explain.ts'
import { keyVerbs } from './verbs/keys.ts'
import { policyVerbs } from './verbs/policies.ts'
import { projectionVerbs } from './verbs/projections.ts'
import { proofVerbs } from './verbs/proofs.ts'
import { reportVerbs } from './verbs/reports.ts'
import { secretVerbs } from './verbs/secrets.ts'
import type { OpenSubject, SharedVault } from './verbs/subject.ts'
import { tokenVerbs } from './verbs/tokens.ts'
import { transferVerbs } from './verbs/transfer.ts'
import { watchVerbs } from './verbs/watch.ts'

/** As a service embeds it, by a token as well: held to policy, and every look on record. */
const open: OpenSubject = async () => {
  const { vault: host, clock } = await testVault({}, { clock: testClock(Date.now()) })
  const { token } = await host.tokens.issue({ actor: 'svc/contract', policies: ['root'] })
  const vault: SharedVault = await host.authenticate(token.text())
  return { vault, host, clock, close: () => host.close() }
}

describe('the library', () => {
  secretVerbs(open)
  watchVerbs(open)
  auditVerbs(open)
  projectionVerbs(open)
  diffVerbs(open)
  reportVerbs(open)
  proofVerbs(open)
  transferVerbs(open)
  policyVerbs(open)
  tokenVerbs(open)
  explainVerbs(open)
  keyVerbs(open)
})
