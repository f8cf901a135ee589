import { fc, test } from '@fast-check/vitest'
import { describe, expect } from 'vitest'
import { tokens } from '../../src/projections/tokens.ts'
import { testVault } from '../../src/testing.ts'

/** What happens to tokens: each names one of those issued so far, by its number. */
const which = fc.nat({ max: 9 })
const ms = fc.integer({ min: 1, max: 6 })
const step = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('issue' as const),
      through: fc.option(which, { nil: undefined }),
      ttl: fc.option(ms, { nil: undefined }),
      maxTtl: fc.option(ms, { nil: undefined }),
      uses: fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined }),
    }),
  },
  fc.record({
    do: fc.constant('renew' as const),
    which,
    ttl: fc.option(ms, { nil: undefined }),
    self: fc.boolean(),
  }),
  fc.record({ do: fc.constant('revoke' as const), which, self: fc.boolean() }),
  { weight: 3, arbitrary: fc.record({ do: fc.constant('show' as const), which }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.nat({ max: 3 }) }) },
  fc.record({ do: fc.constant('reopen' as const) }),
)
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never
type Options = Omit<Extract<Step, { do: 'issue' }>, 'do'>

/** A token as whoever drew up these rules would keep it: the whole of it, and its parent by reference. */
interface Model {
  readonly parent: Model | undefined
  readonly renewFor: number | undefined
  readonly last: number
  end: number
  uses: number
  isRevoked: boolean
}

const holds = (model: Model | undefined, now: number): boolean =>
  model === undefined || (!model.isRevoked && now < model.end && holds(model.parent, now))
const letsIn = (model: Model, now: number) => model.uses > 0 && holds(model, now)

function modelOf({ ttl, maxTtl, uses }: Options, parent: Model | undefined, now: number): Model {
  const last = maxTtl === undefined ? Number.POSITIVE_INFINITY : now + maxTtl
  const end = ttl === undefined ? last : Math.min(now + ttl, last)
  const renewFor = ttl ?? maxTtl
  return { parent, renewFor, last, end, uses: uses ?? Infinity, isRevoked: false }
}

describe('tokens', () => {
  test.prop([fc.array(step, { maxLength: 30 })], { numRuns: 60 })(
    'hold for just as long as a naive model says, whatever happens to them',
    async (steps) => {
      const { vault, clock } = await testVault()
      const known: { model: Model; text: string; accessor: string; scope?: Scope }[] = []
      type Scope = Awaited<ReturnType<typeof vault.authenticate>>
      /** Whether what was asked for was done. */
      const done = (work: Promise<unknown>) =>
        work.then(
          () => true,
          () => false,
        )
      const issue = async (options: Options) => {
        const { through, ttl, maxTtl, uses } = options
        const parent = through === undefined ? undefined : known[through]
        const said = {
          policies: ['root'],
          ...(ttl !== undefined && { ttl }),
          ...(maxTtl !== undefined && { maxTtl }),
          ...(uses !== undefined && { uses }),
        }
        const by = parent === undefined ? vault : parent.scope
        if (by === undefined) return
        const may =
          parent === undefined ||
          (holds(parent.model, clock.now()) && parent.model.uses === Infinity)
        const issued = await by.tokens.issue(said).catch(() => undefined)
        expect(issued !== undefined).toBe(may)
        if (issued === undefined) return
        const model = modelOf(options, parent?.model, clock.now())
        known.push({ model, text: issued.token.text(), accessor: issued.accessor })
      }
      const renew = async ({ which, ttl, self }: Extract<Step, { do: 'renew' }>) => {
        const token = known[which]
        if (token === undefined || (self && token.scope === undefined)) return
        const { model, accessor, scope } = token
        const now = clock.now()
        const isThere = self ? holds(model, now) : letsIn(model, now)
        const may = isThere && model.renewFor !== undefined
        const said = ttl === undefined ? {} : { ttl }
        const work = self ? scope?.renewSelf(said) : vault.tokens.renew(accessor, said)
        expect(await done(work ?? Promise.reject())).toBe(may)
        if (may) model.end = Math.min(now + (ttl ?? model.renewFor ?? 0), model.last)
      }
      const revoke = async ({ which, self }: Extract<Step, { do: 'revoke' }>) => {
        const token = known[which]
        if (token === undefined || (self && token.scope === undefined)) return
        if (self) {
          expect(await done(token.scope?.revokeSelf() ?? Promise.reject())).toBe(
            holds(token.model, clock.now()),
          )
        } else await vault.tokens.revoke(token.accessor)
        if (!self || holds(token.model, clock.now())) token.model.isRevoked = true
      }
      const show = async (n: number) => {
        const token = known[n]
        if (token === undefined) return
        const scope = await vault.authenticate(token.text).catch(() => undefined)
        expect(scope !== undefined).toBe(letsIn(token.model, clock.now()))
        if (scope === undefined) return
        token.model.uses--
        token.scope = scope
      }
      for (const each of steps) {
        if (each.do === 'issue') await issue(each)
        else if (each.do === 'renew') await renew(each)
        else if (each.do === 'revoke') await revoke(each)
        else if (each.do === 'show') await show(each.which)
        else if (each.do === 'wait') clock.advance(each.ms)
        else await vault.reopen()
        const now = clock.now()
        const listed = (await vault.tokens.list()).map(({ accessor }) => accessor)
        expect(listed).toEqual(
          known.filter(({ model }) => letsIn(model, now)).map(({ accessor }) => accessor),
        )
        for (const { scope, model } of known) {
          if (scope === undefined) continue
          expect(scope.capabilities('a').length > 0).toBe(holds(model, now))
        }
      }
      const live = await vault.project(tokens)
      expect([...live.view].sort()).toEqual([...(await vault.replay(tokens)).view].sort())
      await vault.close()
    },
  )
})
