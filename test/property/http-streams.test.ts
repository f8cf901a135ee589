import { fc, test } from '@fast-check/vitest'
import { describe, expect } from 'vitest'
import { connect, type RemoteVault } from '../../src/client.ts'
import { createApp } from '../../src/http/app.ts'
import { listen } from '../../src/http/listen.ts'
import { embedded } from '../../src/http/served.ts'
import { defineProjection, type Vault, VaultError } from '../../src/index.ts'
import { plainState } from '../../src/projections/plain-state.ts'
import { rotations } from '../../src/projections/rotations.ts'
import { testVault } from '../../src/testing.ts'

/** How often each secret was written and read, and by whom last: of every event, in the order of the log. */
const traffic = defineProjection({
  name: 'traffic',
  version: 1,
  initial: () => new Map<string, { writes: number; reads: number; by: string }>(),
  on: {
    'secret.written': (state, event) => count(state, event, 'writes'),
    'secret.rotated': (state, event) => count(state, event, 'writes'),
    'secret.accessed': (state, event) => count(state, event, 'reads'),
  },
})

function count(
  state: Map<string, { writes: number; reads: number; by: string }>,
  { subject, actor }: { readonly subject: string; readonly actor: string },
  what: 'writes' | 'reads',
): void {
  const row = state.get(subject) ?? { writes: 0, reads: 0, by: actor }
  state.set(subject, { ...row, [what]: row[what] + 1, by: actor })
}

type Verb = 'write' | 'rotate' | 'read' | 'delete' | 'restore' | 'purge'
interface Step {
  readonly verb: Verb
  readonly path: string
}

const step: fc.Arbitrary<Step> = fc.record({
  verb: fc.constantFrom<Verb>('write', 'write', 'rotate', 'read', 'delete', 'restore', 'purge'),
  path: fc.constantFrom('a', 'a', 'p/b'),
})

/** What is refused is on record as well, and belongs to the history. */
async function perform(vault: RemoteVault, { verb, path }: Step): Promise<void> {
  try {
    if (verb === 'write' || verb === 'rotate') await vault[verb](path, verb)
    else await vault[verb](path)
  } catch (error) {
    if (!(error instanceof VaultError) || error.code === 'CLOSED') throw error
  }
}

interface World {
  readonly host: Vault
  readonly vault: RemoteVault
  connected(fetch: typeof globalThis.fetch): RemoteVault
}

/** A vault behind a server that listens. */
async function withServer(work: (world: World) => Promise<void>): Promise<void> {
  const { vault: host } = await testVault({}, { actor: 'host' })
  const { token } = await host.tokens.issue({ actor: 'svc/client', policies: ['root'] })
  const server = await listen(createApp(embedded(host)), { port: 0 })
  const options = { server: server.address, token: token.text() }
  const connected = (own: typeof globalThis.fetch) => connect({ ...options, fetch: own })
  try {
    await work({ host, vault: connect(options), connected })
  } finally {
    await server.close({ graceMs: 0 })
    await host.close()
  }
}

describe('projections over HTTP', () => {
  test.prop([fc.array(step, { minLength: 1, maxLength: 12 })], { numRuns: 8, endOnFailure: true })(
    'say live what a replay says, at every position, as in process',
    async (steps) => {
      await withServer(async ({ host, vault }) => {
        await host.project(traffic)
        for (const each of steps) await perform(vault, each)
        for (const projection of [traffic, rotations]) {
          const { name } = projection
          const { position: minPosition } = await host.write('last', 'x')
          const live = await vault.projections.get(name, { minPosition })
          expect(live.position).toBeGreaterThan(minPosition)
          const newest = { position: live.position - 1 }
          expect(await vault.projections.get(name, { at: newest })).toEqual(live)
          for (let position = 0; position <= newest.position; position++) {
            const at = { position }
            const replayed = await host.replay(projection as typeof traffic, { at })
            const told = await vault.projections.get(name, { at })
            expect(told.view).toEqual(await plainState(replayed.view))
            expect(told.position).toBe(position + 1)
          }
        }
      })
    },
    60_000,
  )
})

/** A network that breaks each connection of a stream once it has carried so many bytes, wherever that is. */
function breaking(cuts: readonly number[]): typeof fetch {
  const left = [...cuts]
  return async (input, init) => {
    const response = await fetch(input, init)
    const cut = left.shift()
    if (cut === undefined || response.body === null) return response
    let carried = 0
    const through = new TransformStream<Uint8Array, Uint8Array>({
      transform: (piece, controller) => {
        const room = cut - carried
        carried += piece.length
        if (room > 0) controller.enqueue(piece.subarray(0, room))
        if (carried >= cut) controller.error(new TypeError('terminated'))
      },
    })
    return new Response(response.body.pipeThrough(through), response)
  }
}

const filters = [{}, { subject: 'a' }, { subject: 'p/**' }, { type: 'secret.accessed' }] as const

describe('followers over HTTP', () => {
  test.prop(
    [
      fc.array(step, { minLength: 1, maxLength: 15 }),
      fc.array(step, { maxLength: 8 }),
      fc.array(fc.integer({ min: 1, max: 4_000 }), { maxLength: 4 }),
      fc.nat(20),
      fc.constantFrom(...filters),
    ],
    { numRuns: 8, endOnFailure: true },
  )(
    'see every event once, from any position, however often their connection breaks',
    async (before, during, cuts, after, filter) => {
      await withServer(async ({ host, vault, connected }) => {
        for (const each of before) await perform(vault, each)
        // Behind a position that the log has not reached nobody follows.
        while (host.position < after) await host.write('a', 'x')
        const stop = new AbortController()
        const seen: number[] = []
        const query = { ...filter, after, signal: stop.signal }
        const follower = (async () => {
          for await (const event of connected(breaking(cuts)).audit.follow(query)) {
            seen.push(event.position)
            if (event.actor === 'host' && event.context.reason === 'the last') return
          }
        })()
        for (const each of during) await perform(vault, each)
        await host.write('a', 'x', { reason: 'the last' })
        await host.write('p/b', 'x', { reason: 'the last' })
        await host.read('a', { reason: 'the last' })
        await follower
        stop.abort()
        const expected: number[] = []
        for await (const { events } of host.audit.query({ ...filter, after })) {
          for (const { position } of events)
            if (position <= (seen.at(-1) ?? 0)) expected.push(position)
        }
        expect(seen).toEqual(expected)
      })
    },
    60_000,
  )
})
