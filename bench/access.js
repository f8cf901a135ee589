import { judge } from '../dist/access/judge.js'
import { memoryStore, Vault } from '../dist/index.js'
import { access } from '../dist/projections/access.js'
import { startFold } from '../dist/projections/projection.js'
import { median, options, pathOf, readAll, timed } from './material.js'

const rulesOf = (i) => [
  {
    effect: 'allow',
    capabilities: ['read', 'list', 'describe'],
    paths: [`prod/app-${i}/**`, `test/*/app-${i}`],
  },
  { effect: 'deny', capabilities: ['read'], paths: [`prod/app-${i}/root`, 'prod/*/sealed/**'] },
]

/** What is known of an actor with so many policies, of two roles. */
function accessWith(policies) {
  const fold = startFold(access)
  const names = Array.from({ length: policies }, (_, i) => `policy-${i}`)
  const half = Math.ceil(policies / 2)
  const facts = [
    ...names.map((name, i) => ({ type: 'policy.written', data: { name, rules: rulesOf(i) } })),
    { type: 'role.written', data: { name: 'first', policies: names.slice(0, half) } },
    { type: 'role.written', data: { name: 'second', policies: names.slice(half) } },
    { type: 'role.granted', data: { name: 'first', actor: 'user/ana' } },
    { type: 'role.granted', data: { name: 'second', actor: 'user/ana' } },
  ]
  fold.apply(facts.map((fact, position) => ({ ...fact, position, time: 0, actor: 'user/root' })))
  return fold.state
}

/** One decision of policy, in microseconds: for a scope that lasts, for one made anew, and after a change of policy. */
export async function deciding(policies) {
  const state = accessWith(policies)
  const paths = Array.from({ length: 1024 }, (_, i) => `prod/app-${(i * 7) % policies}/secret-${i}`)
  const run = async (times, { holder, changed }) => {
    let allowed = 0
    const { ms } = await timed(() => {
      for (let i = 0; i < times; i++) {
        if (changed) state.rulesChanged = state.changed = state.changed + 1
        const question = { capability: 'read', path: paths[i % paths.length], now: i }
        if (judge(state, holder(), question).allowed) allowed++
      }
    })
    if (allowed !== times) throw new Error('the bench decides otherwise than it should')
    return (ms * 1000) / times
  }
  const lasting = { actor: 'user/ana', asserted: [] }
  const each = async (times, about) => {
    const runs = []
    for (let round = 0; round < 5; round++) runs.push(await run(times, about))
    return median(runs)
  }
  return {
    decision: await each(500_000, { holder: () => lasting }),
    anew: await each(100_000, { holder: () => ({ ...lasting }) }),
    compiled: await each(500, { holder: () => lasting, changed: true }),
  }
}
/** Audited reads from a store in memory, as the host and in a scope: what policy adds to a read, in microseconds. */
export async function scopedReads(total = 40_000) {
  const vault = await Vault.create(options(undefined, { store: memoryStore() }))
  for (let i = 0; i < 1_000; i++) await vault.write(pathOf(i), 'x'.repeat(64))
  await vault.policies.write('p', {
    rules: [{ effect: 'allow', capabilities: ['read'], paths: ['prod/**'] }],
  })
  await vault.roles.write('p', { policies: ['p'] })
  await vault.roles.grant('user/ana', 'p')
  const scope = vault.as({ actor: 'user/ana' })
  const of = async (reader) => {
    const { ms } = await timed(() => readAll(reader, { callers: 64, total, secrets: 1_000 }))
    return (ms * 1000) / total
  }
  await of(vault)
  const host = []
  const scoped = []
  for (let round = 0; round < 5; round++) {
    host.push(await of(vault))
    scoped.push(await of(scope))
  }
  await vault.close()
  return { host: median(host), scoped: median(scoped) }
}
