import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { issueSecretId } from '../../src/decide/app-roles.ts'
import { issueToken, revokeToken, useToken } from '../../src/decide/tokens.ts'
import type { EventData, Fact, VaultEvent } from '../../src/events/catalogue.ts'
import { memoryStore, Vault } from '../../src/index.ts'
import { noKdf } from '../../src/keys/no-kdf.ts'
import { handedOutMax, tokenDepthMax } from '../../src/limits.ts'
import { access } from '../../src/projections/access.ts'
import { startFold } from '../../src/projections/projection.ts'
import { secretIds } from '../../src/projections/secret-ids.ts'
import { tokenHoldsUntil, tokens } from '../../src/projections/tokens.ts'
import { testClock, testVault } from '../../src/testing.ts'
import { HandedOutKeys } from '../../src/vault/tokens/handed-out-keys.ts'
import { checkVault } from '../fixtures/check-vault.ts'

const hash = Buffer.alloc(32)
const accessorOf = (n: number) => n.toString(16).padStart(32, '0')

/** A fold of tokens, and what is decided against it, at times that a test says. */
function world() {
  const fold = startFold(tokens)
  let position = 0
  const append = (facts: readonly Fact[], time: number) => {
    const events = facts.map((fact) => ({
      ...fact,
      schema: 1,
      id: '',
      time,
      actor: 'test',
      context: {},
      position: position++,
    }))
    fold.apply(events as VaultEvent[])
  }
  const issue = (n: number, time: number, data: Partial<EventData['token.issued']> = {}) => {
    const issued = { accessor: accessorOf(n), hash, epoch: 1, actor: 'a', ...data }
    append([{ type: 'token.issued', subject: '', data: issued }], time)
  }
  const rowOf = (n: number) => fold.state.get(accessorOf(n))
  return { fold, append, issue, rowOf }
}

const states = (state: ReturnType<typeof world>['fold']['state']) => ({
  tokens: state,
  access: access.initial(),
})
const marked = (n: number) => ({
  mark: { accessor: accessorOf(n), hash, epoch: 1 },
  accessors: [accessorOf(n)],
  actor: 'a',
  renewable: true,
})
const at = (now: number) => ({ now, position: 0 })

describe('tokens that are worth nothing any more', () => {
  it('are dropped each time their number has doubled, and others are not', () => {
    const { fold, append, issue, rowOf } = world()
    issue(0, 0, { expiresAt: 1000 })
    issue(1, 0, { expiresAt: 1001 })
    issue(2, 0, { parent: accessorOf(0) })
    issue(3, 0, { uses: 1 })
    issue(4, 0, { uses: 1 })
    issue(5, 0)
    issue(6, 0, { parent: accessorOf(5) })
    append([{ type: 'token.used', subject: '', data: { accessor: accessorOf(3), left: 0 } }], 0)
    const revoked = { accessor: accessorOf(5), actor: 'a' }
    append([{ type: 'token.revoked', subject: '', data: revoked }], 0)
    const used = { accessor: accessorOf(4), left: 0 }
    append([{ type: 'token.used', subject: '', data: used }], 59_000)
    for (let n = 7; fold.state.size < 1023; n++) issue(n, 59_000)
    expect(rowOf(0)).toBeDefined()
    issue(5000, 60_000)
    expect([0, 1, 2, 3, 4, 5, 6].filter((n) => rowOf(n))).toEqual([4])
    expect(fold.state.size).toBe(1024 - 5)
  })

  it('stay where all that come do', () => {
    const { fold, issue } = world()
    for (let n = 0; n < 5000; n++) issue(n, n, { expiresAt: 10_000 })
    expect(fold.state.size).toBe(5000)
  })

  it('make room for others', () => {
    const { fold, issue } = world()
    for (let n = 0; n < handedOutMax; n++) issue(n, 0, n === 7 ? { expiresAt: 1000 } : {})
    expect(fold.state.size).toBe(handedOutMax)
    expect(() => issueToken(states(fold.state), marked(handedOutMax), at(999))).toThrow(
      expect.objectContaining({
        code: 'TOO_LARGE',
        message: `expected at most ${handedOutMax} tokens that hold, found as many`,
      }),
    )
    expect(() => issueToken(states(fold.state), marked(handedOutMax), at(999))).toThrow()
    expect(issueToken(states(fold.state), marked(handedOutMax), at(1000)).facts).toHaveLength(1)
    issue(handedOutMax, 1000)
    expect(fold.state.size).toBe(handedOutMax)
    expect(fold.state.has(accessorOf(7))).toBe(false)
  })
})

describe('secret ids that are worth nothing any more', () => {
  it('are dropped, and take up no room', () => {
    const fold = startFold(secretIds)
    const role = { name: 'r', roleId: 'id', actor: 'a', bindSecretId: true }
    const appRoles = new Map([['r', { ...role, position: 0, writtenAt: 0, writtenBy: 'test' }]])
    const issue = (n: number, data: Partial<EventData['approle.secret_id_issued']> = {}) => {
      const issued = { name: 'r', accessor: accessorOf(n), hash, epoch: 1, ...data }
      const event = { type: 'approle.secret_id_issued', subject: '', data: issued, schema: 1 }
      const about = { id: '', time: n, actor: 'test', context: {}, position: n }
      fold.apply([{ ...event, ...about } as VaultEvent])
    }
    for (let n = 0; n < 1023; n++) issue(n, n % 2 === 0 ? { expiresAt: 1023 } : {})
    issue(1023)
    expect(fold.state.size).toBe(512)
    for (let n = 1024; fold.state.size < handedOutMax; n++) issue(n)
    const intent = { name: 'r', ...marked(1_000_000) }
    expect(() => issueSecretId({ appRoles, secretIds: fold.state }, intent, at(0))).toThrow(
      `expected at most ${handedOutMax} secret ids that hold, found as many`,
    )
  })
})

describe('tokens that were issued one through the other', () => {
  it('go so deep and no deeper, and end with the first that ends', () => {
    const { fold, issue, rowOf } = world()
    issue(0, 0, { expiresAt: 5000 })
    for (let n = 1; n <= tokenDepthMax; n++) {
      const parent = rowOf(n - 1)
      const { facts } = issueToken(states(fold.state), { ...marked(n), parent, ttl: 9000 }, at(0))
      expect(facts[0]?.data).toMatchObject({ parent: accessorOf(n - 1), expiresAt: 9000 })
      issue(n, 0, { parent: accessorOf(n - 1), expiresAt: 9000 })
    }
    const deepest = rowOf(tokenDepthMax)
    expect(() => issueToken(states(fold.state), { ...marked(99), parent: deepest }, at(0))).toThrow(
      expect.objectContaining({
        code: 'TOO_LARGE',
        message: 'expected at most 16 tokens issued one through the other, found 17',
      }),
    )
    if (deepest === undefined) throw new Error('there is a deepest one')
    expect(tokenHoldsUntil(fold.state, deepest)).toBe(5000)
    expect(useToken(fold.state, deepest, { now: 4999 })).toEqual({ facts: [] })
    expect(useToken(fold.state, deepest, { now: 5000 })).toEqual({ failed: 'expired' })
    expect(revokeToken(fold.state, accessorOf(1234))).toEqual({ facts: [] })
  })

  it('end by nothing that the log says of a parent that is not there', () => {
    const { fold, issue, rowOf } = world()
    issue(1, 0, { parent: accessorOf(0) })
    const orphaned = rowOf(1)
    if (orphaned === undefined) throw new Error('there is one')
    expect(useToken(fold.state, orphaned, { now: 0 })).toEqual({ failed: 'unknown' })
    issue(0, 0)
    expect(useToken(fold.state, orphaned, { now: 0 })).toEqual({ failed: 'unknown' })
  })
})

describe('the keys that a text is known by', () => {
  const appends = [
    { epoch: 1, key: Buffer.alloc(32, 1) },
    { epoch: 2, key: Buffer.alloc(32, 2) },
  ]

  it('are of each epoch, the newest first, and of none once they are erased', () => {
    const keys = new HandedOutKeys(() => appends)
    const marks = [...keys.marks('mun_x')]
    expect(marks.map(({ epoch }) => epoch)).toEqual([2, 1])
    // Computed with the hmac and hashlib modules of Python.
    expect(marks[1]).toEqual({
      accessor: '700af57a0e04f47feca69d0ff1f4352b',
      hash: Buffer.from('63da5b411432a654a91212416192e45515f36a4e8876617f8ed6124c65541e82', 'hex'),
      epoch: 1,
    })
    expect([...keys.marks('mun_x')]).toEqual(marks)
    keys.erase()
    expect(() => [...keys.marks('mun_x')]).toThrow(expect.objectContaining({ code: 'CLOSED' }))
  })
})

describe('a vault that is restored from a backup', () => {
  it('lets nobody in by what was handed out before: it may have been revoked or used up since', async () => {
    const { vault, clock } = await testVault({ a: 'x' })
    const folder = await mkdtemp(join(tmpdir(), 'muniment-restored-'))
    try {
      const [revoked, kept] = [await vault.tokens.issue(), await vault.tokens.issue()]
      await vault.appRoles.write('ci', { policies: ['root'] })
      const { roleId } = await vault.appRoles.get('ci')
      const spent = await vault.appRoles.issueSecretId('ci', { uses: 1 })
      const from = join(folder, 'vault.muna')
      await vault.backup(from)
      await vault.tokens.revoke(revoked.accessor)
      await vault.login({ roleId, secretId: spent.secretId.text() })

      const store = memoryStore()
      const restored = await Vault.restore({ from, store, unlock: noKdf, actor: 'test', clock })
      for (const { token } of [revoked, kept]) {
        await expect(restored.authenticate(token.text())).rejects.toMatchObject({ code: 'DENIED' })
      }
      const again = { roleId, secretId: spent.secretId.text() }
      await expect(restored.login(again)).rejects.toMatchObject({ code: 'DENIED' })
      expect(await restored.tokens.list()).toEqual([])
      expect(await restored.appRoles.secretIds('ci')).toEqual([])
      // The application is there as it was, and is handed another secret id.
      const { secretId } = await restored.appRoles.issueSecretId('ci')
      await restored.login({ roleId, secretId: secretId.text() })
      await restored.close()
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})

describe('a vault on disk', () => {
  it('knows its tokens after a restart, and after its keys were rotated', async () => {
    const parent = await mkdtemp(join(tmpdir(), 'muniment-tokens-'))
    const path = join(parent, 'vault')
    const options = { path, unlock: noKdf, actor: 'test', clock: testClock() }
    try {
      const vault = await Vault.create(options)
      const kept = await vault.tokens.issue({ policies: ['root'], uses: 9, ttl: 1000 })
      await vault.appRoles.write('ci', { policies: ['root'] })
      const { roleId } = await vault.appRoles.get('ci')
      const { secretId } = await vault.appRoles.issueSecretId('ci', { uses: 2 })
      const gone = await vault.tokens.issue({ token: 'gone' })
      await vault.authenticate(kept.token.text())
      await vault.keys.rotate()
      const newer = await vault.tokens.issue({ policies: [] })
      await expect(vault.tokens.issue({ token: 'gone' })).rejects.toMatchObject({ code: 'EXISTS' })
      await vault.tokens.revoke(gone.accessor)
      await vault.keys.rotateRoot({ keep: [noKdf] })
      await vault.close()

      const again = await Vault.open(options)
      for (const { token } of [kept, newer]) await again.authenticate(token.text())
      expect(await again.tokens.get(kept.accessor)).toMatchObject({ usesLeft: 7 })
      await expect(again.authenticate('gone')).rejects.toMatchObject({ code: 'DENIED' })
      const login = await again.login({ roleId, secretId: secretId.text() })
      const scope = await again.authenticate(login.token.text())
      await scope.write('a', 'x')
      await again.close()
      const { events } = await checkVault(path)
      const epochs = events.flatMap(({ type, data }) =>
        type === 'token.issued' ? [(data as EventData['token.issued']).epoch] : [],
      )
      expect(epochs).toEqual([1, 1, 2, 3])
    } finally {
      await rm(parent, { recursive: true })
    }
  })
})
