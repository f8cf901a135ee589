import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { Counter, Registry } from 'prom-client'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { createApp } from '../../src/http/app.ts'
import { metricsApp } from '../../src/http/operations/metrics/metrics-route.ts'
import { SizeTimes } from '../../src/http/operations/metrics/size-times.ts'
import { metricsOf, vaultMetrics } from '../../src/http/operations/metrics/vault-metrics.ts'
import { embedded } from '../../src/http/served.ts'
import { defineProjection, type Vault } from '../../src/index.ts'
import { memoryStore } from '../../src/store/memory.ts'
import { faultStore, testVault } from '../../src/testing.ts'
import { rootToken, type ServedApp, serve } from '../fixtures/http.ts'
import { hasPromtool, promtool } from '../fixtures/promtool.ts'

const dayMs = 24 * 3600 * 1000
const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

/** `name{label="value"}` and what stands behind it. */
async function samples(registry: Registry): Promise<ReadonlyMap<string, number>> {
  const lines = (await registry.metrics()).split('\n').filter((line) => /^[a-z]/.test(line))
  return new Map(lines.map((line) => [line.replace(/ \S+$/, ''), Number(line.split(' ').at(-1))]))
}

async function measured(...given: Parameters<typeof testVault>) {
  const { vault, clock } = await testVault(...given)
  const metrics = metricsOf(() => vault, { now: clock.now })
  closing.push(() => vault.close(), metrics.close)
  return { vault, clock, registry: metrics.registry }
}

describe('the metrics of a vault', () => {
  it('tell what it holds, and what it has been asked', async () => {
    const { vault, registry } = await measured({ 'prod/db': 'x', 'prod/api': 'y' })
    await vault.read('prod/db')
    await vault.read('nowhere').catch(() => undefined)
    const ana = vault.as({ actor: 'user/ana' })
    await ana.read('prod/db').catch(() => undefined)
    await vault.write('prod/db', 'z', { ifVersion: 7 }).catch(() => undefined)
    await vault.read('a//b').catch(() => undefined)
    const found = await samples(registry)
    const { size, signedTo } = await vault.health()
    expect(Object.fromEntries(found)).toMatchObject({
      muniment_log_events: size,
      muniment_secrets: 2,
      muniment_store_failed: 0,
      muniment_waiting_callers: 0,
      muniment_clock_refused: 0,
      muniment_clock_skew_seconds: 0,
      'muniment_refused_operations_total{cause="absent"}': 1,
      'muniment_refused_operations_total{cause="policy"}': 1,
      'muniment_rejected_calls_total{kind="conflict"}': 1,
      'muniment_rejected_calls_total{kind="invalid"}': 1,
      muniment_failed_unlocks_total: 0,
      muniment_checkpoint_events: signedTo,
      muniment_unsigned_events: size - signedTo,
      muniment_append_duration_seconds_count: 3,
      muniment_store_commit_duration_seconds_count: 3,
      'muniment_upkeep_failed{part="head"}': 0,
    })
    const [took, ofStore] = ['append', 'store_commit'].map(
      (name) => found.get(`muniment_${name}_duration_seconds_sum`) ?? 0,
    ) as [number, number]
    expect(ofStore).toBeGreaterThan(0)
    expect(took).toBeGreaterThanOrEqual(ofStore)
  })

  it('count what is overdue and what has expired by the clock, and tokens that hold', async () => {
    const { vault, clock, registry } = await measured()
    const soon = new Date(clock.now() + dayMs)
    await vault.write('expiring', 'x', { expiresAt: soon })
    await vault.write('own', 'x', { rotateEvery: dayMs })
    await vault.write('deleted', 'x', { rotateEvery: dayMs, expiresAt: soon })
    await vault.delete('deleted')
    await vault.write('old/by-policy', 'x')
    await vault.write('young', 'x')
    await vault.rotationPolicies.set({ prefix: 'old/' }, { rotateEvery: dayMs })
    await vault.tokens.issue({ actor: 'svc/a', policies: ['root'], ttl: dayMs / 2 })
    await vault.tokens.issue({ actor: 'svc/b', policies: ['root'], orphan: true })
    clock.advance(dayMs)
    expect(Object.fromEntries(await samples(registry))).toMatchObject({
      muniment_secrets_overdue: 2,
      muniment_secrets_expired: 1,
      muniment_tokens: 1,
    })
  })

  it('count all secrets once a minute at the most', async () => {
    const { vault, clock, registry } = await measured()
    await vault.write('a', 'x', { expiresAt: new Date(clock.now() + dayMs) })
    expect((await samples(registry)).get('muniment_secrets_expired')).toBe(0)
    clock.advance(dayMs)
    expect((await samples(registry)).get('muniment_secrets_expired')).toBe(0)
    const later = vi.spyOn(performance, 'now').mockReturnValue(performance.now() + 60_000)
    await samples(registry)
    later.mockRestore()
    await vi.waitFor(async () => {
      expect((await samples(registry)).get('muniment_secrets_expired')).toBe(1)
    })
  })

  it('show a projection of the host that is behind, and one that threw', async () => {
    const { vault, registry } = await measured()
    const broken = defineProjection({
      name: 'broken',
      version: 1,
      initial: () => ({}),
      on: {
        'secret.written': () => {
          throw new Error('hunter2')
        },
      },
    })
    const live = await vault.project(broken)
    const { position } = await vault.write('a', 'x')
    await expect(live.waitFor(position)).rejects.toThrow()
    const found = await samples(registry)
    expect(found.get('muniment_projection_faulted{projection="broken"}')).toBe(1)
    expect(found.get('muniment_projection_lag_events{projection="broken"}')).toBeGreaterThan(0)
    expect(await registry.metrics()).not.toContain('hunter2')
  })

  it('show a store that failed, until the vault is opened again', async () => {
    const store = faultStore(memoryStore())
    const { vault, registry } = await measured({}, { store })
    store.faults.fail('commit')
    await vault.write('a', 'x').catch(() => undefined)
    expect((await samples(registry)).get('muniment_store_failed')).toBe(1)
    await vault.reopen()
    expect((await samples(registry)).get('muniment_store_failed')).toBe(0)
  })

  it('show a clock that jumped', async () => {
    const { vault, clock, registry } = await measured({ a: 'x' })
    clock.jump(3 * 3600_000)
    expect((await samples(registry)).get('muniment_clock_refused')).toBe(1)
    await vault.acceptClock()
    expect((await samples(registry)).get('muniment_clock_refused')).toBe(0)
  })

  it('name an anchor by what does not tell where it is', async () => {
    const { vault, registry } = await measured({ a: 'x' })
    const folder = await mkdtemp(join(tmpdir(), 'muniment-anchor-'))
    closing.push(() => rm(folder, { recursive: true }))
    const { target, size } = await vault.anchors.add({ file: join(folder, 'anchored') })
    const digits = createHash('sha256').update(target).digest('hex').slice(0, 8)
    const under = `{kind="file",anchor="${digits}"}`
    const found = await samples(registry)
    expect(size).toBeGreaterThan(0)
    expect(found.get(`muniment_anchor_events${under}`)).toBe(size)
    expect(found.get(`muniment_anchor_failed${under}`)).toBe(0)
    expect(found.get(`muniment_anchor_age_seconds${under}`)).toBe(0)
    expect(await registry.metrics()).not.toContain('anchored')
  })

  it('are of that vault and no other of the process', async () => {
    const { registry } = await measured({ a: 'x' })
    const other = await testVault({ b: 'x' })
    closing.push(() => other.vault.close())
    await other.vault.read('nowhere').catch(() => undefined)
    const found = await samples(registry)
    expect(found.get('muniment_append_duration_seconds_count')).toBe(0)
    expect(found.get('muniment_refused_operations_total{cause="absent"}')).toBeUndefined()
  })

  it('have no value once it is closed', async () => {
    const { vault } = await testVault({ a: 'x' })
    const { registry, close } = vaultMetrics(vault)
    closing.push(close)
    expect((await samples(registry)).get('muniment_secrets')).toBe(1)
    await vault.close()
    const found = await samples(registry)
    expect(found.has('muniment_secrets')).toBe(false)
    expect(found.has('muniment_failed_unlocks_total')).toBe(false)
    expect(found.has('muniment_upkeep_failed{part="head"}')).toBe(false)
  })

  it('count no more once nobody wants them', async () => {
    const { vault } = await testVault()
    closing.push(() => vault.close())
    const { registry, close } = vaultMetrics(vault)
    await vault.write('a', 'x')
    close()
    await vault.write('b', 'x')
    expect((await samples(registry)).get('muniment_append_duration_seconds_count')).toBe(1)
  })

  it("stand in the host's registry, once", async () => {
    const registry = new Registry()
    new Counter({ name: 'own_total', help: 'of the host', registers: [registry] })
    const { vault } = await testVault()
    const { close } = vaultMetrics(vault, { registry })
    closing.push(() => vault.close(), close)
    expect((await samples(registry)).get('own_total')).toBe(0)
    expect(() => vaultMetrics(vault, { registry })).toThrow(
      expect.objectContaining({
        code: 'EXISTS',
        message: 'the registry has the metrics of a vault already',
      }),
    )
  })

  it('hold up nobody for as long as a hundred thousand secrets are counted', async () => {
    const rows = new Map(
      Array.from({ length: 100_000 }, (_, n) => [`s/${n}`, { state: 'live', meta: {} }]),
    )
    const vault = {
      project: async ({ name }: { name: string }) => ({
        view: name === 'secrets' ? rows : new Map(),
      }),
      health: async () => ({ size: 0, keptTo: 0, projections: [], rejected: {}, anchors: [] }),
      identity: () => ({ id: '' }),
    } as unknown as Vault
    const { registry, close } = metricsOf(() => vault)
    closing.push(close)
    let turns = 0
    let isCounted = false
    const turning = (async () => {
      while (!isCounted) {
        await turn()
        turns++
      }
    })()
    await registry.metrics()
    isCounted = true
    await turning
    expect(turns).toBeGreaterThan(90)
  })
})

describe('when the log grew', () => {
  it('is known from the first look on, and forgotten in its details', () => {
    const times = new SizeTimes()
    expect(times.at(1)).toBeUndefined()
    for (let n = 1; n <= 10_000; n++) times.note(n * 10, n * 1000)
    times.note(100_001, 10_000_100)
    expect(times.at(9)).toBeUndefined()
    expect(times.at(100_000)).toBe(10_000_000)
    expect(times.at(100_001)).toBe(10_000_000)
    const half = times.at(50_000) ?? 0
    expect(Math.abs(half - 5_000_000)).toBeLessThan(20_000)
  })
})

describe('/metrics', () => {
  let served: ServedApp
  const get = (headers: Record<string, string> = {}) =>
    served.app.inject({ method: 'GET', url: '/metrics', headers })

  it('is for whoever may audit the vault, and leaves no record of it', async () => {
    served = await serve({ a: 'x' }, { metrics: {} })
    closing.push(() => served.close())
    const { vault } = served
    await vault.policies.write('scrape', {
      rules: [{ effect: 'allow', capabilities: ['audit'], paths: ['**'] }],
    })
    const scraper = await vault.tokens.issue({ actor: 'svc/prometheus', policies: ['scrape'] })
    const other = await vault.tokens.issue({ actor: 'svc/other', policies: ['default'] })
    expect((await get()).statusCode).toBe(401)
    expect((await get({ authorization: 'Bearer wrong' })).statusCode).toBe(401)
    const { size } = await vault.health()
    const refused = await get({ authorization: `Bearer ${other.token.text()}` })
    expect([refused.statusCode, refused.json().code]).toEqual([403, 'DENIED'])
    expect((await vault.health()).size).toBe(size + 1)
    const answer = await get({ authorization: `Bearer ${scraper.token.text()}` })
    expect(answer.statusCode).toBe(200)
    expect(answer.headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8')
    expect(answer.body).toContain('muniment_vault_open 1\n')
    expect((await vault.health()).size).toBe(size + 1)
  })

  it('is open where that is said, and not there where nothing is', async () => {
    served = await serve({}, { metrics: { open: true } })
    expect((await get()).statusCode).toBe(200)
    await served.close()
    served = await serve()
    closing.push(() => served.close())
    expect((await get({ 'x-vault-token': rootToken })).statusCode).toBe(404)
  })

  it('counts requests by their patterns, which name no secret', async () => {
    served = await serve({}, { metrics: { open: true }, failures: { burst: 1, perSecond: 0.001 } })
    closing.push(() => served.close())
    await served.ask('POST', '/v1/secret/data/prod/canary', { body: { data: { a: 'b' } } })
    await served.ask('LIST', '/v1/secret/metadata/prod')
    await served.ask('GET', '/v1/secret/data/prod/canary', { token: 'wrong' })
    await served.ask('GET', '/v1/secret/data/prod/canary', { token: 'wrong' })
    await served.ask('GET', '/v1/canary/%zz')
    const { body } = await get()
    expect(body).not.toContain('canary')
    const lines = body.split('\n')
    for (const line of [
      'muniment_http_requests_total{method="POST",route="/v1/secret/data/*",status="200"} 1',
      'muniment_http_requests_total{method="LIST",route="/v1/secret/metadata/*",status="200"} 1',
      'muniment_http_requests_total{method="GET",route="/v1/secret/data/*",status="403"} 1',
      'muniment_http_requests_total{method="GET",route="/v1/secret/data/*",status="429"} 1',
      'muniment_authentication_failures_total{way="token"} 2',
      'muniment_authentication_limited_total{way="token"} 1',
      'muniment_http_requests_in_flight 1',
    ]) {
      expect(lines).toContain(line)
    }
  })

  it('is served by itself as well', async () => {
    const { vault } = await testVault({ a: 'x' })
    const { registry, close } = vaultMetrics(vault)
    closing.push(() => vault.close(), close)
    const app = metricsApp(registry)
    closing.push(() => app.close())
    const answer = await app.inject({ method: 'GET', url: '/metrics' })
    expect([answer.statusCode, answer.headers['cache-control']]).toEqual([200, 'no-store'])
    expect(answer.body).toContain('muniment_secrets 1\n')
    expect((await app.inject({ method: 'GET', url: '/v1/sys/health' })).statusCode).toBe(404)
  })

  it.skipIf(!hasPromtool)("is what Prometheus' own parser takes without a word", async () => {
    served = await serve({ a: 'x' }, { metrics: { open: true } })
    closing.push(() => served.close())
    await served.ask('GET', '/v1/secret/data/a')
    await served.ask('GET', '/v1/secret/data/absent')
    const { body } = await get()
    expect(promtool(['check', 'metrics'], body)).toBe('')
    expect(promtool(['check', 'metrics'], `${body}\nbad{`)).not.toBe('')
  })

  it('cannot be served twice out of one registry', async () => {
    const { vault } = await testVault()
    closing.push(() => vault.close())
    const registry = new Registry()
    const app = createApp(embedded(vault), { metrics: { registry } })
    closing.push(() => app.close())
    expect(() => createApp(embedded(vault), { metrics: { registry } })).toThrow(
      expect.objectContaining({ code: 'EXISTS' }),
    )
  })
})
