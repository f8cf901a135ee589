// Opens vaults and tells everything that they tell: started with `fork`, it takes `{ path, size }` and answers
// `{ parts, code, message }`, one at a time. In a process of its own, because a damaged table can end it.
import { Vault, VaultError } from '../../dist/index.js'
import { noKdf } from '../../dist/keys/no-kdf.js'
import { testClock } from '../../dist/testing.js'

const actor = 'svc/test'

/** All that a vault tells, as text, by what was asked. Reads come last, since they add to the log. */
async function readOut(vault, size, parts) {
  const { items } = await vault.list()
  parts.list = JSON.stringify(items)
  for (const { path } of items) {
    parts[`history of ${path}`] = JSON.stringify(await vault.history(path))
  }
  for (const query of [{}, { subject: 'prod/**', order: 'newest' }, { actor }]) {
    const events = []
    for await (const page of vault.audit.query(query)) events.push(...page.events)
    const known = events.filter(({ position }) => position < size)
    parts[`audit trail of ${JSON.stringify(query)}`] = JSON.stringify(known)
  }
  for (const { path } of items) {
    for (const { version, state } of await vault.history(path)) {
      if (state !== 'live') continue
      const secret = await vault.read(path, { version })
      const value = secret.kind === 'fields' ? secret.fields() : secret.bytes()
      parts[`value ${version} of ${path}`] = JSON.stringify(value)
    }
  }
}

async function outcomeOf({ path, size }) {
  const parts = {}
  try {
    const clock = testClock(Date.UTC(2026, 0, 3))
    const vault = await Vault.open({ path, unlock: noKdf, actor, clock })
    try {
      await readOut(vault, size, parts)
    } finally {
      await vault.close()
    }
    return { parts }
  } catch (error) {
    if (error instanceof VaultError) return { parts, code: error.code, message: error.message }
    return { parts, code: 'a raw error', message: String(error.stack) }
  }
}

process.on('message', async (job) => process.send(await outcomeOf(job)))
process.on('disconnect', () => process.exit())
