import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import type { VaultEvent } from '../../src/events/catalogue.ts'
import { memoryStore, type Vault, VaultError } from '../../src/index.ts'
import { readCommits } from '../../src/log/reader.ts'
import { startFold } from '../../src/projections/projection.ts'
import { type SecretRow, secrets } from '../../src/projections/secrets.ts'
import { type TestClock, testVault } from '../../src/testing.ts'
import { diffVault } from '../../src/vault/diff.ts'
import type { SecretDiff } from '../../src/vault/diff-shape.ts'
import type { Moment } from '../../src/vault/replay.ts'
import { type Folded, foldedLog } from '../fixtures/folded-log.ts'

const minuteMs = 60_000
const start = Date.parse('2026-01-01T00:00:00Z')

const opened: Folded[] = []
afterEach(async () => {
  for (const each of opened.splice(0)) await each.close()
})

type Story = (vault: Vault, clock: TestClock) => Promise<unknown>

/** The log of a vault after its story, and the position of the newest event before each later chapter. */
async function logOf(...chapters: readonly Story[]): Promise<Folded & { marks: number[] }> {
  const store = memoryStore()
  const { vault, clock } = await testVault({}, { store })
  const marks: number[] = []
  for (const chapter of chapters) {
    await chapter(vault, clock)
    marks.push((await vault.health()).size - 1)
    clock.advance(minuteMs)
  }
  await vault.close()
  const folded = await foldedLog(store)
  opened.push(folded)
  return { ...folded, marks }
}

const at = (position: number | undefined): Moment => ({ position: position ?? -1 })

/** What became of the secrets between the first two chapters and what follows. */
async function secretsAfter(first: Story, then: Story): Promise<readonly SecretDiff[]> {
  const { log, marks } = await logOf(first, then)
  const diff = await diffVault(log, { from: at(marks[0]), to: at(marks[1]) })
  return diff.secrets
}

describe('the difference of two moments', () => {
  it('tells what became of a secret, by whom, and which metadata changed', async () => {
    const { log, marks } = await logOf(
      (vault) =>
        vault.write('prod/db', 'one', {
          tags: { team: 'pay', on: 'call' },
          owner: 'ana',
          maxVersions: 9,
        }),
      async (vault, clock) => {
        await vault.rotate('prod/db', 'two', { actor: 'svc/rotor', reason: 'leak' })
        clock.advance(minuteMs)
        const expiresAt = new Date(start + 5 * minuteMs)
        await vault.annotate('prod/db', {
          owner: null,
          expiresAt,
          tags: { on: 'call', team: 'pay' },
        })
        await vault.annotate('prod/db', { maxVersions: 3, actor: 'svc/rotor' })
      },
    )
    const [from = 0, to = 0] = marks
    const diff = await diffVault(log, { from: at(from), to: at(to) })
    expect(diff).toEqual({
      from: { position: from, time: new Date(start) },
      to: { position: to, time: new Date(start + 2 * minuteMs) },
      secrets: [
        {
          path: 'prod/db',
          change: 'rotated',
          before: { version: 1, state: 'live' },
          after: { version: 2, state: 'live' },
          by: ['svc/rotor', 'test'],
          events: [
            {
              position: from + 1,
              time: new Date(start + minuteMs),
              type: 'secret.rotated',
              by: 'svc/rotor',
              reason: 'leak',
            },
            {
              position: from + 2,
              time: new Date(start + 2 * minuteMs),
              type: 'secret.annotated',
              by: 'test',
            },
            {
              position: from + 3,
              time: new Date(start + 2 * minuteMs),
              type: 'secret.annotated',
              by: 'svc/rotor',
            },
          ],
          fields: [
            { field: 'expiresAt', after: new Date(start + 5 * minuteMs) },
            { field: 'maxVersions', before: 9, after: 3 },
            { field: 'owner', before: 'ana' },
          ],
        },
      ],
      access: [],
      rotationPolicies: [],
      mounts: [],
      keys: [],
      counts: {
        events: 3,
        changes: 3,
        secrets: 1,
        bySecretChange: { rotated: 1 },
        access: 0,
        rotationPolicies: 0,
        mounts: 0,
        keys: 0,
      },
    })
    const json = JSON.stringify(diff)
    expect(json).toContain('"time":"2026-01-01T00:02:00.000Z"')
    expect(json).not.toMatch(/one|two/)
  })

  const both: Story = async (vault) => {
    await vault.write('a', 'x')
    await vault.write('a', 'y')
  }
  const changes: readonly [string, Story, Story, Partial<SecretDiff>][] = [
    [
      'added',
      async () => undefined,
      both,
      { change: 'added', after: { version: 2, state: 'live' } },
    ],
    [
      'purged',
      both,
      (v) => v.purge('a'),
      { change: 'purged', before: { version: 2, state: 'live' } },
    ],
    [
      'replaced',
      both,
      async (v) => {
        await v.purge('a')
        await v.write('a', 'z')
      },
      { change: 'replaced', after: { version: 1, state: 'live' } },
    ],
    [
      'transient',
      async () => undefined,
      async (v) => {
        await v.write('a', 'z')
        await v.purge('a')
      },
      { change: 'transient', fields: [] },
    ],
    ['written', both, (v) => v.write('a', 'z'), { change: 'written' }],
    [
      'deleted',
      both,
      (v) => v.delete('a'),
      { change: 'deleted', after: { version: 2, state: 'deleted' } },
    ],
    [
      'deleted of an older version',
      both,
      (v) => v.delete('a', { versions: [1] }),
      { change: 'deleted', after: { version: 2, state: 'live' } },
    ],
    [
      'restored',
      async (v, clock) => {
        await both(v, clock)
        await v.delete('a')
      },
      (v) => v.restore('a'),
      { change: 'restored', before: { version: 2, state: 'deleted' } },
    ],
    ['destroyed', both, (v) => v.destroy('a', { versions: [2] }), { change: 'destroyed' }],
    [
      'annotated',
      both,
      (v) => v.annotate('a', { description: 'of the gate' }),
      { change: 'annotated', fields: [{ field: 'description', after: 'of the gate' }] },
    ],
  ]
  it.each(changes)('says that a secret was %s', async (_, first, then, expected) => {
    const found = await secretsAfter(first, then)
    expect(found).toHaveLength(1)
    expect(found[0]).toMatchObject({ path: 'a', ...expected })
    expect('before' in (found[0] ?? {})).toBe(
      !['added', 'transient'].includes(expected.change ?? ''),
    )
    expect('after' in (found[0] ?? {})).toBe(
      !['purged', 'transient'].includes(expected.change ?? ''),
    )
  })

  it('has neither accesses nor refusals, and none of what lies outside', async () => {
    const found = await secretsAfter(
      async (v) => {
        await v.write('b', 'x')
        await v.write('a', 'x')
      },
      async (v) => {
        await v.read('a')
        await v.read('c').catch(() => undefined)
        await v.write('b', 'y')
        await v.write('A', 'y')
      },
    )
    expect(found.map(({ path }) => path)).toEqual(['A', 'b'])
  })

  it('is empty for equal moments, by position or by time', async () => {
    const { log, marks } = await logOf(
      (v) => v.write('a', 'x'),
      (v) => v.write('a', 'y'),
    )
    for (const to of [at(marks[0]), { time: new Date(start + 1) }]) {
      const { secrets: none, counts } = await diffVault(log, { from: at(marks[0]), to })
      expect(none).toEqual([])
      expect(counts).toMatchObject({ events: 0, changes: 0, secrets: 0, bySecretChange: {} })
    }
  })

  it('refuses moments in the other order, and outside the log', async () => {
    const { log, marks } = await logOf(
      (v) => v.write('a', 'x'),
      (v) => v.write('a', 'y'),
    )
    const [early = 0, late = 0] = marks
    const refused = async (from: Moment, to: Moment) =>
      diffVault(log, { from, to }).catch((error: VaultError) => [error.code, error.message])
    expect(await refused(at(late), at(early))).toEqual([
      'INVALID',
      `to is before from: position ${early}, and from is position ${late}`,
    ])
    expect(await refused({ time: '2025-01-01' }, at(late))).toEqual([
      'INVALID',
      'from.time is before the log, which begins at 2026-01-01T00:00:00.000Z',
    ])
    expect(await refused(at(0), at(99))).toEqual([
      'INVALID',
      `to.position is 99, and the log ends at ${log.size - 1}`,
    ])
  })

  it('tells of keyslots, keys and anchors, each where it belongs', async () => {
    const { log, marks } = await logOf(
      (v) => v.write('a', 'x'),
      async (v) => {
        await v.keys.rotate()
        await v.keys.shred()
      },
      (v) => v.keys.rotate(),
    )
    const { keys, access, counts } = await diffVault(log, { from: at(marks[0]), to: at(marks[1]) })
    const [first = 0] = marks
    const about = { time: new Date(start + minuteMs), by: 'test' }
    expect(keys).toEqual([
      { position: first + 1, type: 'keys.rotated', name: 'log', ...about },
      { position: first + 2, type: 'keys.shredded', name: 'wrapping', ...about },
    ])
    expect(access).toEqual([])
    expect(counts).toMatchObject({ keys: 2, secrets: 0, events: 2 })
  })

  it('tells of policies, roles, grants and rotation policies, by whom and in their order', async () => {
    const rules = [{ effect: 'allow', capabilities: ['read'], paths: ['prod/**'] }] as const
    const { log, marks } = await logOf(
      async (v) => {
        await v.policies.write('p', { rules })
        await v.roles.write('dba', { policies: ['p'] })
      },
      async (v) => {
        await v.roles.grant('user/ana', 'dba')
        await v.rotationPolicies.set(
          { prefix: 'prod/', type: 'ssh_key' },
          { rotateEvery: minuteMs },
        )
        await v.roles.withdraw('user/ana', 'dba', { actor: 'user/bo' })
        await v.rotationPolicies.set({}, {})
        await v.policies.write('p', { rules: [] })
      },
      async (v) => {
        await v.roles.remove('dba')
        await v.policies.remove('p')
      },
    )
    const [from = 0] = marks
    const diff = await diffVault(log, { from: at(from), to: at(marks[1]) })
    const about = { time: new Date(start + minuteMs), by: 'test' }
    expect(diff.access).toEqual([
      { position: from + 1, type: 'role.granted', name: 'dba', holder: 'user/ana', ...about },
      {
        position: from + 3,
        type: 'role.withdrawn',
        name: 'dba',
        holder: 'user/ana',
        ...about,
        by: 'user/bo',
      },
      { position: from + 5, type: 'policy.written', name: 'p', ...about },
    ])
    expect(diff.rotationPolicies).toEqual([
      { position: from + 2, type: 'rotation_policy.written', name: 'prod/ ssh_key', ...about },
      { position: from + 4, type: 'rotation_policy.written', name: 'every secret', ...about },
    ])
    expect(diff.counts).toMatchObject({ events: 5, access: 3, rotationPolicies: 2, keys: 0 })
    const rest = await diffVault(log, { from: at(marks[1]), to: at(marks[2]) })
    expect(rest.access.map(({ type }) => type)).toEqual(['role.removed', 'policy.removed'])
  })

  it('tells of tokens, applications and mounts, and not of what a login brings', async () => {
    const roleId = 'role-ci'
    const { log, marks } = await logOf(
      (v) => v.write('a', 'x'),
      async (v) => {
        const ci = await v.tokens.issue({ actor: 'svc/ci', policies: ['root'], label: 'ci' })
        const other = await v.tokens.issue({ actor: 'svc/x' })
        await (await v.authenticate(ci.token.text())).tokens.revoke(other.accessor)
        await v.appRoles.write('ci', { actor: 'svc/ci', policies: ['p'], roleId, tokenTtl: 1000 })
        const { secretId, accessor } = await v.appRoles.issueSecretId('ci')
        const logIn = () => v.login({ roleId, secretId: secretId.text() })
        const first = await logIn()
        await (await v.authenticate(first.token.text())).revokeSelf()
        const second = await logIn()
        await v.tokens.renew(second.accessor)
        await v.tokens.revoke(second.accessor, { actor: 'user/ana' })
        await v.appRoles.revokeSecretId('ci', accessor)
        await v.appRoles.remove('ci')
        await v.kv.configure('secret', { maxVersions: 3 })
      },
    )
    const { access, mounts, counts } = await diffVault(log, {
      from: at(marks[0]),
      to: at(marks[1]),
    })
    const accessor = expect.stringMatching(/^[0-9a-f]{32}$/)
    expect(access.map(({ type, name, holder, by }) => [type, name, holder, by])).toEqual([
      ['token.issued', 'ci', 'svc/ci', 'test'],
      ['token.issued', accessor, 'svc/x', 'test'],
      ['token.revoked', accessor, 'svc/x', 'svc/ci'],
      ['approle.written', 'ci', 'svc/ci', 'test'],
      ['approle.secret_id_issued', 'ci', undefined, 'test'],
      ['token.revoked', accessor, 'svc/ci', 'user/ana'],
      ['approle.secret_id_revoked', 'ci', undefined, 'test'],
      ['approle.removed', 'ci', undefined, 'test'],
    ])
    expect(access[1]?.name).toBe(access[2]?.name)
    expect(mounts).toMatchObject([{ type: 'mount.configured', name: 'secret', by: 'test' }])
    expect(counts).toMatchObject({ access: 8, mounts: 1, keys: 0 })
  })

  it('is the same where the columns turn out damaged', async () => {
    const { log, derived, doubts, marks } = await logOf(
      async (v) => {
        await v.write('a', 'x')
        await Promise.all(Array.from({ length: 9_000 }, () => v.read('a')))
      },
      (v) => v.write('b', 'y'),
    )
    const ends = { from: at(2), to: at(marks[1]) }
    const whole = await diffVault(log, ends)
    await derived.clear()
    expect(await diffVault(log, ends)).toEqual(whole)
    expect(doubts).toContainEqual(expect.objectContaining({ code: 'INTEGRITY' }))
  })

  it('tells how far it has come, and stops when told to', async () => {
    const { log, marks } = await logOf(
      (v) => v.write('a', 'x'),
      (v) => v.write('a', 'y'),
    )
    const ends = { from: at(marks[0]), to: at(marks[1]) }
    const told: unknown[] = []
    await diffVault(log, ends, { onProgress: (progress) => told.push(progress) })
    expect(told).toEqual([{ position: (marks[1] ?? 0) + 1, size: (marks[1] ?? 0) + 1 }])
    const aborted = diffVault(log, ends, { signal: AbortSignal.abort() })
    await expect(aborted).rejects.toMatchObject({ code: 'ABORTED', message: 'the caller aborted' })
  })
})

const paths = ['a', 'b', 'c/d'] as const

const act: fc.Arbitrary<Story> = fc
  .tuple(fc.constantFrom(...paths), fc.integer({ min: 1, max: 3 }), fc.nat(8))
  .map(
    ([path, n, what]): Story =>
      async (vault) => {
        const acts: readonly (() => Promise<unknown>)[] = [
          () => vault.write(path, `${n}`, n === 1 ? { maxVersions: 2 } : {}),
          () => vault.write(path, 'x', { actor: 'user/bo' }),
          () => vault.rotate(path, `${n}`),
          () => vault.annotate(path, { description: `${n}` }),
          () => vault.delete(path, { versions: [n] }),
          () => vault.restore(path, { versions: [n] }),
          () => vault.destroy(path, { versions: [n] }),
          () => vault.purge(path),
          () => vault.read(path),
        ]
        await acts[what]?.().catch((error: unknown) => {
          if (!(error instanceof VaultError)) throw error
        })
      },
  )

/** What the difference has to say of each path, by going through every event. */
function plainly(events: readonly VaultEvent[], { from, to }: { from: number; to: number }) {
  const rowAt = (size: number, path: string): SecretRow | undefined => {
    const fold = startFold(secrets)
    fold.apply(events.slice(0, size))
    return fold.state.get(path)
  }
  return paths.flatMap((path) => {
    const steps = events
      .slice(from, to)
      .filter(({ type, subject }) => subject === path && !/accessed|denied/.test(type))
    if (steps.length === 0) return []
    const [before, after] = [rowAt(from, path), rowAt(to, path)]
    return [
      {
        path,
        ends: [before, after].map((row) => row && [row.version, row.state]),
        by: [...new Set(steps.map(({ actor }) => actor))],
        events: steps.map(({ position }) => position),
        description: [before?.meta.description, after?.meta.description],
      },
    ]
  })
}

describe('any two moments of any history', () => {
  it('differ by what a look at each event between them gives', async () => {
    const property = fc.asyncProperty(
      fc.array(act, { minLength: 3, maxLength: 25 }),
      fc.array(fc.tuple(fc.nat(), fc.nat()), { minLength: 4, maxLength: 4 }),
      async (acts, ends) => {
        const { log } = await logOf(...acts)
        const events: VaultEvent[] = []
        for await (const commit of readCommits(log, { from: 0 })) events.push(...commit.events)
        for (const pair of ends) {
          const [from = 0, to = 0] = pair.map((end) => end % log.size).sort((a, b) => a - b)
          const diff = await diffVault(log, { from: at(from), to: at(to) })
          const found = diff.secrets.map(({ path, before, after, by, events: steps, fields }) => {
            const described = fields.find(({ field }) => field === 'description')
            return { path, ends: [before, after], by, events: steps, described }
          })
          const expected = plainly(events, { from: from + 1, to: to + 1 })
          expect(
            found.map(({ path, ends: both, by, events: steps }) => ({
              path,
              ends: both.map((end) => end && [end.version, end.state]),
              by,
              events: steps.map(({ position }) => position),
            })),
          ).toEqual(expected.map(({ description: _, ...rest }) => rest))
          for (const [n, { description }] of expected.entries()) {
            const [before, after] = description
            const described = found[n]?.described
            if (before === after) expect(described).toBeUndefined()
            else expect([described?.before, described?.after]).toEqual([before, after])
          }
        }
        for (const each of opened.splice(0)) await each.close()
      },
    )
    await fc.assert(property, { numRuns: process.env.MUNIMENT_LONG === undefined ? 30 : 1_000 })
  })
})
