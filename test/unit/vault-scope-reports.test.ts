import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { defineReport, type Vault } from '../../src/index.ts'
import { testVault } from '../../src/testing.ts'
import { eventsOf } from '../fixtures/events.ts'

const eve = { actor: 'user/eve' }

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muniment-scope-reports-'))
})
afterAll(() => rm(folder, { recursive: true }))

async function reporter(vault: Vault) {
  await vault.policies.write('p', {
    rules: [{ effect: 'allow', capabilities: ['report'], paths: ['**'] }],
  })
  await vault.roles.write('r', { policies: ['p'] })
  await vault.roles.grant(eve.actor, 'r')
  return vault.as(eve)
}

function own(name: string, projected: () => void) {
  return defineReport({
    name,
    columns: [{ name: 'actor', title: 'actor', type: 'text' }],
    projection: () => {
      projected()
      return { name: 'own', version: 1, initial: () => ({}), on: {} }
    },
    rows: () => [],
  })
}

describe('reports, in a scope', () => {
  it('are verified by who may make them, and no refusal is on record', async () => {
    const { vault } = await testVault({ a: 'x' })
    const scope = await reporter(vault)
    await scope.reports.write('rotation', { formats: ['csv'], to: folder })
    const manifest = await readFile(join(folder, 'rotation.manifest'))
    expect(await scope.reports.verify(manifest)).toMatchObject({ ok: true, problems: [] })
    expect(await eventsOf(vault, { type: 'secret.denied' })).toEqual([])
    const [read] = await eventsOf(vault, { type: 'audit.read' })
    expect(read).toMatchObject({ ...eve, context: { decision: { rule: 'p#0' } } })
  })

  it('of somebody’s own are not made under the name of one of the vault’s', async () => {
    const { vault } = await testVault({ a: 'x' })
    const scope = await reporter(vault)
    const impostor = own('rotation', () => undefined)
    for (const { reports } of [scope, vault]) {
      await expect(reports.run(impostor)).rejects.toMatchObject({
        code: 'INVALID',
        message: 'rotation is a report of the vault’s own: give another name'.replace('’', "'"),
      })
    }
    let asked = 0
    const turning = Object.defineProperty({ ...own('mine', () => undefined) }, 'name', {
      enumerable: true,
      get: () => (asked++ === 0 ? 'mine' : 'rotation'),
    })
    expect((await scope.reports.run(turning)).head.report).toBe('mine')
    const made = await eventsOf(vault, { type: 'report.generated' })
    expect(made.map(({ data }) => data)).toMatchObject([{ report: 'mine' }])
  })

  it('of somebody’s own see nothing of the log before that is on record', async () => {
    const { vault } = await testVault({ a: 'x' })
    const scope = await reporter(vault)
    let projected = 0
    const asOf = { asOf: { position: 1 } }
    const run = scope.reports.run(
      own('mine', () => projected++),
      asOf,
    )
    await vault.roles.withdraw(eve.actor, 'r')
    await expect(run).rejects.toMatchObject({ code: 'DENIED' })
    expect(projected).toBe(0)
    await vault.reports.run(
      own('mine', () => projected++),
      asOf,
    )
    expect(projected).toBe(1)
  })
})
