import { describe } from 'vitest'
import { connect } from '../../src/client.ts'
import { createApp, embedded, listen } from '../../src/server.ts'
import { testClock, testVault } from '../../src/testing.ts'
import { heldFetch } from '../fixtures/held-answers.ts'
import { allVerbs } from './verbs/all.ts'
import type { OpenSubject } from './verbs/subject.ts'

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
  allVerbs(open)
})
