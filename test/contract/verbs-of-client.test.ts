import { describe } from 'vitest'
import { connect } from '../../src/client.ts'
import { createApp, embedded, listen } from '../../src/server.ts'
import { testClock, testVault } from '../../src/testing.ts'
import { heldFetch } from '../fixtures/held-answers.ts'
import { auditVerbs } from './verbs/audit.ts'
import { diffVerbs } from './verbs/diff.ts'
import { explainVerbs } from './verbs/explain.ts'
import { keyVerbs } from './verbs/keys.ts'
import { policyVerbs } from './verbs/policies.ts'
import { projectionVerbs } from './verbs/projections.ts'
import { proofVerbs } from './verbs/proofs.ts'
import { reportVerbs } from './verbs/reports.ts'
import { secretVerbs } from './verbs/secrets.ts'
import type { OpenSubject } from './verbs/subject.ts'
import { tokenVerbs } from './verbs/tokens.ts'
import { transferVerbs } from './verbs/transfer.ts'
import { watchVerbs } from './verbs/watch.ts'

/** Through `muniment/client`, over a real connection, with a token that may do everything. */
const open: OpenSubject = async () => {
  const { vault: host, clock } = await testVault({}, { clock: testClock(Date.now()) })
  const { token } = await host.tokens.issue({ actor: 'svc/contract', policies: ['root'] })
  const server = await listen(createApp(embedded(host)), { port: 0 })
  const vault = connect({ server: server.address, token: token.text(), fetch: heldFetch })
  return {
    vault,
    host,
    clock,
    close: async () => {
      await server.close({ graceMs: 0 })
      await host.close()
    },
  }
}

describe('the client', () => {
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
