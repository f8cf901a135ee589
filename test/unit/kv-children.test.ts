import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Asked } from '../../src/access/asked.ts'
import { judge } from '../../src/access/judge.ts'
import type { PolicyRule } from '../../src/events/catalogue.ts'
import type { Vault } from '../../src/index.ts'
import { testVault } from '../../src/testing.ts'
import type { FoldedLog } from '../../src/vault/folded-log.ts'
import type { Inspector } from '../../src/vault/inspect.ts'
import { childrenOf } from '../../src/vault/kv/kv-children.ts'
import { SortedPaths } from '../../src/vault/sorted-paths.ts'
import { eventsOf } from '../fixtures/events.ts'

const ana = { actor: 'user/ana' }

/** What stands directly in a folder, found by looking at every path. */
function naive(paths: Iterable<string>, folder: string): string[] {
  const keys = new Set<string>()
  for (const path of paths) {
    if (!path.startsWith(folder)) continue
    const rest = path.slice(folder.length)
    const slash = rest.indexOf('/')
    keys.add(slash === -1 ? rest : rest.slice(0, slash + 1))
  }
  return [...keys].sort()
}

/** A log that holds these paths and nothing else, with a count of the looks at them. */
function logOf(secrets: readonly string[], declared: readonly string[] = []) {
  let looks = 0
  const ordered = (paths: readonly string[]) => {
    const sorted = new SortedPaths(() => paths)
    return {
      ready: () => sorted.ready(),
      page: (): never => {
        throw new Error('expected no page: a folder is passed over, not gone through')
      },
      firstFrom: (start: string) => {
        looks++
        return sorted.firstFrom(start)
      },
    }
  }
  const log = { size: 1, paths: ordered(secrets), declaredPaths: ordered(declared) }
  return { log: log as unknown as FoldedLog, looks: () => looks }
}

/** A scope's inspector, and how often it was judged. */
function seenBy(log: FoldedLog, sees: (asked: Asked) => boolean) {
  let judged = 0
  const sight = {
    begin: async () => undefined,
    sees: (asked: Asked) => {
      judged++
      return sees(asked)
    },
  }
  const inspector: Inspector = { log, sight }
  return { inspector, judged: () => judged }
}

async function allow(vault: Vault, ...rules: readonly PolicyRule[]) {
  await vault.policies.write('p', { rules })
  await vault.roles.write('p', { policies: ['p'] })
  await vault.roles.grant(ana.actor, 'p')
  return vault.as(ana)
}

const lists = (...paths: string[]): PolicyRule => ({
  effect: 'allow',
  capabilities: ['list'],
  paths,
})
const hides = (...paths: string[]): PolicyRule => ({ ...lists(...paths), effect: 'deny' })

describe('the children of a folder', () => {
  it('are its secrets and its folders, and those that are only declared', async () => {
    const { vault } = await testVault({ 'foo/a': 'x', 'foo/b/c': 'x', foo: 'x', 'foo-bar': 'x' })
    await vault.kv.annotate('foo/b', {})
    await vault.kv.annotate('later/a', {})
    const keys = async (prefix: string) => (await vault.kv.children(prefix)).keys
    expect(await keys('')).toEqual(['foo', 'foo-bar', 'foo/', 'later/'])
    expect(await keys('foo/')).toEqual(['a', 'b', 'b/'])
    expect(await keys('foo')).toEqual(['a', 'b', 'b/'])
    expect(await keys('foo/b/')).toEqual(['c'])
    expect(await keys('none/')).toEqual([])
    expect(await keys('foo/a/')).toEqual([])
  })

  it('stay where a secret is deleted or destroyed, and go where it is removed', async () => {
    const { vault } = await testVault({ a: 'x', b: 'x', c: 'x' })
    await vault.kv.deleteVersions('a', undefined)
    await vault.kv.destroy('b', [1])
    await vault.kv.remove('c')
    await vault.kv.annotate('d', {})
    await vault.kv.remove('d')
    expect((await vault.kv.children('')).keys).toEqual(['a', 'b'])
  })

  it('are found in whatever paths there are, in pages, as by looking at all of them', async () => {
    const segment = fc.constantFrom('a', 'b', 'a-', 'a.', 'a0', 'é')
    const path = fc
      .array(segment, { minLength: 1, maxLength: 4 })
      .map((segments) => segments.join('/'))
    const folder = fc.constantFrom('', 'a/', 'a/b/', 'é/', 'a-/')
    const limit = fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined })
    const some = fc.array(path, { maxLength: 40 })
    await fc.assert(
      fc.asyncProperty(some, some, folder, limit, async (secrets, declared, prefix, most) => {
        const { log } = logOf(secrets, declared)
        const found: string[] = []
        for (let after: string | undefined = ''; after !== undefined; ) {
          const range: { after: string; limit?: number } = {
            after,
            ...(most !== undefined && { limit: most }),
          }
          const page = await childrenOf({ log }, prefix, range)
          expect(page.keys.length).toBeLessThanOrEqual(most ?? Number.POSITIVE_INFINITY)
          found.push(...page.keys)
          after = page.next
        }
        expect(found).toEqual(naive([...secrets, ...declared], prefix))
      }),
    )
  })

  it('go on behind any key, whether or not it is there', async () => {
    const secrets = { 'b/x': 'x', b: 'x', 'd/y': 'x', e: 'x' }
    const { vault } = await testVault(secrets)
    const behind = async (after: string) => (await vault.kv.children('', { after })).keys
    expect(await behind('b')).toEqual(['b/', 'd/', 'e'])
    expect(await behind('b/')).toEqual(['d/', 'e'])
    expect(await behind('c')).toEqual(['d/', 'e'])
    expect(await behind('d')).toEqual(['d/', 'e'])
    expect(await behind('e')).toEqual([])
    const first = await vault.kv.children('', { limit: 2 })
    expect(first).toMatchObject({ keys: ['b', 'b/'], next: 'b/' })
    expect(await vault.kv.children('', { limit: 4 })).not.toHaveProperty('next')
  })

  it('are asked for by a folder, a text and a number', async () => {
    const { vault } = await testVault()
    const refusals: readonly [() => Promise<unknown>, string][] = [
      [() => vault.kv.children('a//'), 'prefix "a/": expected no empty segment'],
      [() => vault.kv.children('../'), 'prefix "..": expected no segment ".."'],
      [() => vault.kv.children('', { after: 7 as never }), 'after must be a string'],
      [() => vault.kv.children('', { limit: 0 }), 'limit must be an integer from 1'],
      [() => vault.kv.children('', { limit: 1.5 }), 'limit must be an integer from 1'],
    ]
    for (const [call, message] of refusals) {
      await expect(call()).rejects.toMatchObject({ code: 'INVALID', message })
    }
  })
})

describe('the children that a scope is shown', () => {
  it('are what it may list, and folders with any of it, whatever the rules', async () => {
    const { vault } = await testVault({
      'a/b/c': 'x',
      'a/b/d': 'x',
      'a/e': 'x',
      'f/g': 'x',
      h: 'x',
    })
    await vault.kv.annotate('i/j', {})
    const shown = async (rules: readonly PolicyRule[], prefix = '') =>
      (await (await allow(vault, ...rules)).kv.children(prefix)).keys
    expect(await shown([lists('**')])).toEqual(['a/', 'f/', 'h', 'i/'])
    expect(await shown([lists('a/b/c')])).toEqual(['a/'])
    expect(await shown([lists('a/b/c')], 'a/')).toEqual(['b/'])
    expect(await shown([lists('a/b/c')], 'a/b/')).toEqual(['c'])
    expect(await shown([lists('a/b/none', 'h')])).toEqual(['h'])
    expect(await shown([lists('**'), hides('a/**')])).toEqual(['f/', 'h', 'i/'])
    expect(await shown([lists('**'), hides('a/b/*')], 'a/')).toEqual(['e'])
    expect(await shown([lists('**'), hides('a/b/c')], 'a/')).toEqual(['b/', 'e'])
    expect(await shown([lists('*/j')])).toEqual(['i/'])
  })

  it('are none where it may list nothing there, which is on record', async () => {
    const { vault } = await testVault({ 'a/b': 'x' })
    const scope = await allow(vault, lists('b/**'))
    const denied = { code: 'DENIED', message: 'list of a is not allowed' }
    await expect(scope.kv.children('a/')).rejects.toMatchObject(denied)
    expect((await scope.kv.children('')).keys).toEqual([])
    const records = await eventsOf(vault, { actor: ana.actor })
    expect(records.map(({ type, subject, data }) => [type, subject, data])).toEqual([
      ['secret.denied', 'a', { operation: 'list', cause: 'policy' }],
      ['secret.inspected', '', { operation: 'list', count: 0 }],
    ])
  })

  it('are those of the naive judgement of each path', async () => {
    const segment = fc.constantFrom('a', 'b', 'c')
    const pathOf = (last: fc.Arbitrary<string>) =>
      fc
        .tuple(fc.array(segment, { maxLength: 3 }), last)
        .map(([segments, end]) => [...segments, end].join('/'))
    const rule = fc.record({
      effect: fc.constantFrom('allow' as const, 'deny' as const),
      capabilities: fc.constant(['list' as const]),
      paths: fc.array(pathOf(fc.constantFrom('a', 'b', '*', '**')), { minLength: 1, maxLength: 3 }),
    })
    const rules = fc.array(rule, { minLength: 1, maxLength: 4 })
    const folder = fc.constantFrom('', 'a/', 'a/b/')
    await fc.assert(
      fc.asyncProperty(fc.array(pathOf(segment)), rules, folder, async (paths, given, prefix) => {
        const state = {
          policies: new Map([['p', { rules: given, position: 1, writtenAt: 0, writtenBy: 'x' }]]),
          roles: new Map([['p', { policies: ['p'], position: 1, writtenAt: 0, writtenBy: 'x' }]]),
          grants: new Map(),
          changed: 1,
          rulesChanged: 1,
        }
        const holder = { actor: 'ana', asserted: ['p'] }
        const sees = ({ subject, below }: Asked) =>
          judge(state, holder, { capability: 'list', path: subject, below, now: 0 }).allowed
        const { inspector } = seenBy(logOf(paths).log, sees)
        const { keys } = await childrenOf(inspector, prefix, {})
        const visible = paths.filter((path) => sees({ operation: 'list', subject: path }))
        expect(keys).toEqual(naive(visible, prefix))
      }),
      { numRuns: 300 },
    )
  })

  it('are judged once more, by the policy that the record speaks of', async () => {
    const { vault } = await testVault({ 'a/b': 'x', c: 'x', 'd/e': 'x' })
    const scope = await allow(vault, lists('**'))
    const looked = scope.kv.children('')
    const changed = vault.policies.write('p', { rules: [lists('**'), hides('a/**', 'c')] })
    const { keys } = await looked
    await changed
    const [record] = await eventsOf(vault, { type: 'secret.inspected' })
    const policy = await vault.policies.get('p')
    const isLater = record?.context.decision?.policy === policy.position
    expect(keys).toEqual(isLater ? ['d/'] : ['a/', 'c', 'd/'])
  })
})

describe('two folders of 100,000 secrets each', () => {
  const secrets = ['prod', 'test'].flatMap((folder) =>
    Array.from({ length: 100_000 }, (_, i) => `${folder}/${i % 1000}/${i}`),
  )

  it('take a handful of looks from the root', async () => {
    const { log, looks } = logOf(secrets)
    expect(await childrenOf({ log }, '', {})).toMatchObject({ keys: ['prod/', 'test/'] })
    expect(looks()).toBeLessThan(10)
  })

  it('take a judgement each where policy speaks of all or none of them', async () => {
    const { log, looks } = logOf(secrets)
    const sees = ({ subject }: Asked) => subject.startsWith('prod')
    const { inspector, judged } = seenBy(log, sees)
    expect(await childrenOf(inspector, '', {})).toMatchObject({ keys: ['prod/'] })
    expect(looks()).toBeLessThan(10)
    expect(judged()).toBeLessThan(10)
  })

  it('are passed over folder by folder where policy speaks of some of them', async () => {
    const { log, looks } = logOf(secrets)
    const sees = ({ subject, below }: Asked) => {
      if (below?.reach === 'all') return subject === 'test/999'
      if (below?.reach === 'some') return ['prod', 'test', 'test/999'].includes(subject)
      return false
    }
    const { inspector, judged } = seenBy(log, sees)
    expect(await childrenOf(inspector, '', {})).toMatchObject({ keys: ['test/'] })
    expect(looks()).toBeLessThan(10_000)
    expect(judged()).toBeLessThan(10_000)
  })

  it('hold nobody up, the first time that they are put in their order included', async () => {
    const { log } = logOf(secrets)
    // In time of this process: what others take of the machine holds nobody up here.
    const worked = () => {
      const { user, system } = process.cpuUsage()
      return (user + system) / 1000
    }
    let longest = 0
    let before = worked()
    const beat = setInterval(() => {
      const now = worked()
      longest = Math.max(longest, now - before)
      before = now
    })
    const { inspector } = seenBy(log, () => true)
    await childrenOf(inspector, '', {})
    await childrenOf(inspector, 'prod/', {})
    await childrenOf(inspector, 'prod/7/', {})
    clearInterval(beat)
    // A slice is 4 ms; the rest is for collecting garbage.
    expect(longest).toBeLessThan(60)
  })
})
