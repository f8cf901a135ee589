import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { tokens } from '../../src/projections/tokens.ts'
import { testVault } from '../../src/testing.ts'
import { appendedBy, eventsOf } from '../fixtures/events.ts'

const rules = [{ effect: 'allow', capabilities: ['read', 'list'], paths: ['prod/**'] }] as const

async function withPolicy() {
  const made = await testVault({ 'prod/db': 'x' })
  await made.vault.policies.write('prod-read', { rules })
  return made
}

describe('a token', () => {
  it('lets its bearer act as its actor, held to its policies, and tells so in each event', async () => {
    const { vault } = await withPolicy()
    const { token, accessor } = await vault.tokens.issue({
      actor: 'svc/billing',
      policies: ['prod-read'],
    })
    const scope = await vault.authenticate(token.text(), {
      source: '10.0.0.7',
      correlationId: 'r1',
    })
    expect((await scope.read('prod/db')).text()).toBe('x')
    const [read] = await eventsOf(vault, { type: 'secret.accessed' })
    expect(read).toMatchObject({
      actor: 'svc/billing',
      context: {
        source: '10.0.0.7',
        correlationId: 'r1',
        auth: { method: 'token', id: accessor },
        decision: { rule: 'prod-read#0', role: '', outcome: 'allow' },
      },
    })
    await expect(scope.write('prod/db', 'y')).rejects.toMatchObject({
      code: 'DENIED',
      message: 'write of prod/db is not allowed',
    })
    await expect(scope.read('prod/db', { actor: 'user/ana' })).rejects.toMatchObject({
      code: 'INVALID',
      message: 'actor: this scope acts as svc/billing and nobody else',
    })
  })

  it('without policies is held to the roles of its actor, as they are by then', async () => {
    const { vault } = await withPolicy()
    await vault.roles.write('reader', { policies: ['prod-read'] })
    const { token } = await vault.tokens.issue({ actor: 'user/ana' })
    const scope = await vault.authenticate(token.text())
    await expect(scope.read('prod/db')).rejects.toMatchObject({ code: 'DENIED' })
    await vault.roles.grant('user/ana', 'reader')
    expect((await scope.read('prod/db')).text()).toBe('x')
    await vault.roles.withdraw('user/ana', 'reader')
    await expect(scope.read('prod/db')).rejects.toMatchObject({ code: 'DENIED' })
  })

  it('shows itself when it is asked by name, once, and nothing of it is in the log', async () => {
    const { vault } = await testVault()
    const issued = await vault.tokens.issue({ policies: [] })
    const text = issued.token.text()
    expect(text).toMatch(/^mun_[\w-]{43}$/)
    const prints = [`${issued.token}`, JSON.stringify(issued), inspect(issued, { depth: 9 })]
    for (const print of prints) expect(print).not.toContain(text)
    expect(JSON.stringify(issued.token)).toBe('"[secret]"')
    const [event] = await eventsOf(vault, { type: 'token.issued' })
    expect(JSON.stringify(event)).not.toContain(text.slice(4))
    expect(event?.data).toMatchObject({ accessor: issued.accessor, epoch: 1 })
    expect((await vault.tokens.issue()).token.text()).not.toBe(text)
  })

  it('is known by what was said of it', async () => {
    const { vault, clock } = await testVault()
    const issued = await vault.tokens.issue(
      {
        actor: 'svc/a',
        policies: ['p'],
        ttl: 1000,
        maxTtl: 5000,
        uses: 3,
        label: 'ci',
        meta: { team: 'pay' },
      },
      { reason: 'c-7', actor: 'user/root' },
    )
    const { token, ...info } = issued
    expect(info).toEqual({
      accessor: expect.stringMatching(/^[0-9a-f]{32}$/),
      actor: 'svc/a',
      policies: ['p'],
      issuedAt: new Date(clock.now()),
      expiresAt: new Date(clock.now() + 1000),
      renewableUntil: new Date(clock.now() + 5000),
      renewFor: 1000,
      label: 'ci',
      usesLeft: 3,
      meta: { team: 'pay' },
      position: expect.any(Number),
    })
    expect(await vault.tokens.get(info.accessor)).toEqual(info)
    expect(await vault.tokens.lookup(token.text())).toEqual(info)
    expect(await vault.tokens.list()).toEqual([info])
    const [event] = await eventsOf(vault, { type: 'token.issued' })
    expect(event).toMatchObject({
      position: info.position,
      actor: 'user/root',
      subject: '',
      context: { reason: 'c-7' },
    })
  })

  it('acts as whoever issues it where nobody else is named, and holds for good', async () => {
    const { vault } = await testVault()
    const { token, ...info } = await vault.tokens.issue()
    expect(info).toEqual({
      accessor: expect.any(String),
      actor: 'test',
      issuedAt: expect.any(Date),
      meta: {},
      position: info.position,
    })
    expect(await vault.tokens.issue({}, { actor: 'user/ana' })).toMatchObject({ actor: 'user/ana' })
  })

  it('ends at its time, and is not found from then on', async () => {
    const { vault, clock } = await testVault()
    const { token, accessor } = await vault.tokens.issue({ ttl: 1000, renewable: false })
    const scope = await vault.authenticate(token.text())
    clock.advance(999)
    expect(scope.token.expiresAt).toEqual(new Date(clock.now() + 1))
    await vault.authenticate(token.text())
    clock.advance(1)
    await expect(vault.authenticate(token.text())).rejects.toMatchObject({
      code: 'DENIED',
      message: 'the token has expired',
    })
    for (const look of [vault.tokens.get(accessor), vault.tokens.renew(accessor)]) {
      await expect(look).rejects.toMatchObject({
        code: 'NOT_FOUND',
        message: `there is no token ${accessor}`,
      })
    }
    await expect(vault.tokens.lookup(token.text())).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: 'there is no such token',
    })
    expect(await vault.tokens.list()).toEqual([])
    expect(scope.token).toMatchObject({ accessor })
  })

  it('is refused what it cannot be', async () => {
    const { vault } = await testVault()
    const refused = [
      [{ ttl: 0 }, 'ttl must be an integer from 1 to 3162240000000 milliseconds'],
      [{ maxTtl: 1.5 }, 'maxTtl must be an integer from 1 to 3162240000000 milliseconds'],
      [{ uses: -1 }, 'uses must be an integer from 1 to 2147483647'],
      [{ token: 'abc' }, 'token must be 4 to 256 printable ASCII characters'],
      [{ token: 'with space' }, 'token must be 4 to 256 printable ASCII characters'],
      [{ label: '\ud800' }, 'label must be a string of well-formed text'],
      [{ meta: { a: 1 } }, 'a value of meta must be a string of well-formed text'],
      [{ meta: JSON.parse('{"__proto__":"x"}') }, 'meta has a key that is no name'],
      [{ renewable: 'no' }, 'renewable must be true or false'],
      [{ policies: ['a/b'] }, 'policies[0]: expected no "/"'],
      [{ actor: '' }, 'actor "": expected no empty segment'],
    ] as const
    const before = await vault.health()
    for (const [options, message] of refused) {
      await expect(vault.tokens.issue(options as object)).rejects.toMatchObject({
        code: 'INVALID',
        message,
      })
    }
    await expect(vault.tokens.issue({ label: 'x'.repeat(513) })).rejects.toMatchObject({
      code: 'TOO_LARGE',
      message: 'label takes at most 512 bytes, not 513',
    })
    await expect(vault.tokens.get('nope')).rejects.toMatchObject({
      code: 'INVALID',
      message: 'accessor must be 32 hexadecimal digits',
    })
    expect((await vault.health()).size).toBe(before.size)
  })
})

describe('a token of the caller’s own', () => {
  it('is one like any other, and no second time for as long as it holds', async () => {
    const { vault, clock } = await testVault()
    const { token } = await vault.tokens.issue({ token: 'root', ttl: 1000 })
    expect(token.text()).toBe('root')
    await vault.authenticate('root')
    await expect(vault.tokens.issue({ token: 'root' })).rejects.toMatchObject({
      code: 'EXISTS',
      message: 'token: expected a text that is no other token',
    })
    clock.advance(1000)
    await vault.tokens.issue({ token: 'root' })
    await vault.authenticate('root')
  })

  it('is another one when it is issued again: what the first let in stays out', async () => {
    const { vault } = await testVault()
    const { accessor } = await vault.tokens.issue({ token: 'root', policies: ['root'] })
    const scope = await vault.authenticate('root')
    const child = await scope.tokens.issue()
    await vault.tokens.revoke(accessor)
    const again = await vault.tokens.issue({ token: 'root', policies: ['root'] })
    expect(again.accessor).toBe(accessor)
    await expect(scope.list()).rejects.toMatchObject({ code: 'DENIED' })
    await expect(vault.authenticate(child.token.text())).rejects.toMatchObject({ code: 'DENIED' })
    expect(scope.token.position).toBeLessThan(again.position)
  })

  it('is one of two that ask for it at once', async () => {
    const { vault } = await testVault()
    const asked = Array.from({ length: 8 }, () => vault.tokens.issue({ token: 'same' }))
    const answers = await Promise.allSettled(asked)
    expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  })
})

describe('a renewal', () => {
  it('puts the end off, to an earlier one too, and never beyond what it was issued with', async () => {
    const { vault, clock } = await testVault()
    const { accessor, token } = await vault.tokens.issue({ ttl: 1000, maxTtl: 2500 })
    const end = async () => (await vault.tokens.get(accessor)).expiresAt?.getTime()
    const start = clock.now()
    clock.advance(500)
    const renewed = await vault.tokens.renew(accessor, {}, { reason: 'c-8' })
    expect(renewed.expiresAt).toEqual(new Date(start + 1500))
    await vault.tokens.renew(accessor, { ttl: 10 })
    expect(await end()).toBe(start + 510)
    await vault.tokens.renew(accessor, { ttl: 1900 })
    expect(await end()).toBe(start + 2400)
    clock.advance(1600)
    const scope = await vault.authenticate(token.text())
    expect((await scope.renewSelf()).expiresAt).toEqual(new Date(start + 2500))
    const [last, , , first] = await eventsOf(vault, { type: 'token.renewed', order: 'newest' })
    expect(first).toMatchObject({ context: { reason: 'c-8' }, data: { accessor } })
    expect(last).toMatchObject({ context: { auth: { method: 'token', id: accessor } } })
    clock.advance(400)
    await expect(scope.renewSelf()).rejects.toMatchObject({ code: 'DENIED' })
  })

  it('adds 32 days at the most where nothing else bounds it, or what it was issued for', async () => {
    const { vault, clock } = await testVault()
    const day = 24 * 3_600_000
    const far = { ttl: 36_000 * day }
    const lasting = async (options: object) => {
      const { accessor, token } = await vault.tokens.issue(options)
      const scope = await vault.authenticate(token.text())
      const renewed = [await scope.renewSelf(far), await vault.tokens.renew(accessor, far)]
      return renewed.map(({ expiresAt }) => ((expiresAt?.getTime() ?? 0) - clock.now()) / day)
    }
    expect(await lasting({ ttl: day })).toEqual([32, 32])
    expect(await lasting({ ttl: 40 * day })).toEqual([40, 40])
    expect(await lasting({ ttl: day, maxTtl: 90 * day })).toEqual([90, 90])
  })

  it('is refused to what has no end to put off', async () => {
    const { vault } = await testVault()
    const endless = await vault.tokens.issue()
    const fixed = await vault.tokens.issue({ ttl: 1000, renewable: false })
    for (const { accessor } of [endless, fixed]) {
      await expect(vault.tokens.renew(accessor)).rejects.toMatchObject({
        code: 'INVALID',
        message: `token ${accessor} cannot be renewed`,
      })
    }
    const { accessor } = await vault.tokens.issue({ ttl: 1000 })
    await expect(vault.tokens.renew(accessor, { ttl: 0 })).rejects.toMatchObject({
      code: 'INVALID',
    })
  })
})

describe('a revocation', () => {
  it('ends a token for good, and what was issued through it; a second one does nothing', async () => {
    const { vault } = await testVault()
    const { accessor, token } = await vault.tokens.issue({ policies: ['root'] })
    const scope = await vault.authenticate(token.text())
    const child = await scope.tokens.issue({ policies: ['root'] })
    const orphan = await scope.tokens.issue({ policies: ['root'], orphan: true })
    const grandchild = await (await vault.authenticate(child.token.text())).tokens.issue()
    expect(child.parent).toBe(accessor)
    expect(grandchild).toMatchObject({ parent: child.accessor, policies: ['root'] })
    expect(orphan.parent).toBeUndefined()
    const { position } = await vault.tokens.revoke(accessor, { reason: 'stolen' })
    const [event] = await eventsOf(vault, { type: 'token.revoked' })
    expect(event).toMatchObject({ position, data: { accessor, actor: 'test' } })
    for (const { token: dead } of [{ token }, child, grandchild]) {
      await expect(vault.authenticate(dead.text())).rejects.toMatchObject({
        code: 'DENIED',
        message: 'the token is not known, or was revoked',
      })
    }
    await vault.authenticate(orphan.token.text())
    expect((await vault.tokens.list()).map((info) => info.accessor)).toEqual([orphan.accessor])
    expect(await appendedBy(vault, () => vault.tokens.revoke(accessor))).toEqual([])
    expect(await vault.tokens.revoke(accessor)).toEqual({})
  })

  it('of its own needs no right, and is refused a second time', async () => {
    const { vault } = await testVault()
    const { accessor, token } = await vault.tokens.issue({ policies: [] })
    const scope = await vault.authenticate(token.text(), { source: '10.0.0.7' })
    const { position } = await scope.revokeSelf()
    const [event] = await eventsOf(vault, { type: 'token.revoked' })
    expect(event).toMatchObject({
      position,
      context: { source: '10.0.0.7', auth: { method: 'token', id: accessor } },
    })
    for (const again of [scope.revokeSelf(), scope.renewSelf()]) {
      await expect(again).rejects.toMatchObject({
        code: 'DENIED',
        message: 'token is not allowed',
      })
    }
    const denied = await eventsOf(vault, { type: 'secret.denied' })
    expect(denied).toHaveLength(2)
    expect(denied[0]).toMatchObject({ data: { operation: 'token', cause: 'policy' } })
  })
})

describe('a token whose uses are counted', () => {
  it('lets in as often as it says, however many come at once', async () => {
    const { vault } = await testVault({ a: 'x' })
    const { token, accessor } = await vault.tokens.issue({ policies: ['root'], uses: 5 })
    const shown = Array.from({ length: 20 }, (_, i) =>
      vault.authenticate(token.text(), { source: `10.0.0.${i}` }),
    )
    const answers = await Promise.allSettled(shown)
    const letIn = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []))
    expect(letIn).toHaveLength(5)
    const used = await eventsOf(vault, { type: 'token.used' })
    expect(used.map(({ data }) => data)).toEqual(
      [4, 3, 2, 1, 0].map((left) => ({ accessor, left })),
    )
    const failed = await eventsOf(vault, { type: 'auth.failed' })
    expect(failed).toHaveLength(15)
    expect(failed[0]).toMatchObject({ data: { method: 'token', cause: 'spent', count: 1 } })
    await expect(vault.authenticate(token.text())).rejects.toMatchObject({
      code: 'DENIED',
      message: 'the token is used up',
    })
    await expect(vault.tokens.get(accessor)).rejects.toMatchObject({ code: 'NOT_FOUND' })
    // Whoever was let in by the last of them is in.
    for (const scope of letIn) expect((await scope.read('a')).text()).toBe('x')
  })

  it('issues no other', async () => {
    const { vault } = await testVault()
    const { token } = await vault.tokens.issue({ policies: ['root'], uses: 2 })
    const scope = await vault.authenticate(token.text())
    await expect(scope.tokens.issue()).rejects.toMatchObject({
      code: 'INVALID',
      message: 'a token whose uses are counted issues no other',
    })
  })

  it('is not used where a caller has given up', async () => {
    const { vault } = await testVault()
    const { token, accessor } = await vault.tokens.issue({ uses: 1 })
    const signal = AbortSignal.abort()
    await expect(vault.authenticate(token.text(), { signal })).rejects.toMatchObject({
      code: 'ABORTED',
    })
    expect(await vault.tokens.get(accessor)).toMatchObject({ usesLeft: 1 })
  })
})

describe('what is known of tokens', () => {
  it('is live what a replay shows, and what a reopened vault begins with', async () => {
    const { vault } = await testVault()
    const kept = await vault.tokens.issue({ ttl: 1000, uses: 3, policies: ['root'], label: 'l' })
    const parent = await vault.tokens.issue({ policies: ['root'], meta: { a: 'b' } })
    await (await vault.authenticate(parent.token.text())).tokens.issue()
    await vault.authenticate(kept.token.text())
    await vault.tokens.renew(kept.accessor, { ttl: 5000 })
    await vault.tokens.revoke((await vault.tokens.issue()).accessor)
    const live = await vault.project(tokens)
    const { view } = await vault.replay(tokens)
    expect([...live.view]).toEqual([...view])
    expect(live.view.size).toBe(3)
    const before = await vault.tokens.list()
    await vault.reopen()
    expect([...(await vault.project(tokens)).view].sort()).toEqual([...view].sort())
    expect(await vault.tokens.list()).toEqual(before)
    await vault.authenticate(kept.token.text())
    await vault.authenticate(parent.token.text())
  })

  it('is of no vault that is closed', async () => {
    const { vault } = await testVault()
    const { token } = await vault.tokens.issue()
    const scope = await vault.authenticate(token.text())
    await vault.close()
    for (const call of [vault.authenticate(token.text()), scope.list(), scope.renewSelf()]) {
      await expect(call).rejects.toMatchObject({ code: 'CLOSED' })
    }
    expect(() => scope.capabilities('a')).toThrow('the vault is closed')
  })
})
