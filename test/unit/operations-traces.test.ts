import { AsyncLocalStorage } from 'node:async_hooks'
import {
  type Context,
  type ContextManager,
  context,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
} from '@opentelemetry/api'
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createApp } from '../../src/http/app.ts'
import { embedded } from '../../src/http/served.ts'
import { testVault } from '../../src/testing.ts'
import { ask, type ServedApp, serve } from '../fixtures/http.ts'

/** As the SDK of a host brings one. */
class LocalContext implements ContextManager {
  readonly #storage = new AsyncLocalStorage<Context>()
  active = () => this.#storage.getStore() ?? ROOT_CONTEXT
  with: ContextManager['with'] = (of, work, self, ...args) =>
    this.#storage.run(of, () => work.call(self as never, ...args))
  bind = <T>(_: Context, target: T) => target
  enable = () => this
  disable = () => this
}

const exporter = new InMemorySpanExporter()
let served: ServedApp

function register(): void {
  const processor = new SimpleSpanProcessor(exporter)
  trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [processor] }))
  context.setGlobalContextManager(new LocalContext())
  propagation.setGlobalPropagator({
    fields: () => ['traceparent'],
    inject: () => undefined,
    extract: (of, carrier) => {
      const { traceparent } = carrier as { traceparent?: string }
      const [, traceId, spanId] = traceparent?.split('-') ?? []
      if (traceId === undefined || spanId === undefined) return of
      return trace.setSpanContext(of, { traceId, spanId, traceFlags: TraceFlags.SAMPLED })
    },
  })
}

beforeEach(() => {
  exporter.reset()
})
afterEach(async () => {
  await served.close()
  trace.disable()
  context.disable()
  propagation.disable()
})

describe('spans', () => {
  const traceId = '0af7651916cd43dd8448eb211c80319c'
  const parent = `00-${traceId}-b7ad6b7169203331-01`

  it('tell of a request by its pattern, in the trace of its client', async () => {
    register()
    served = await serve()
    await served.ask('POST', '/v1/secret/data/prod/canary?version=canary', {
      body: { data: { a: 'canary' } },
      headers: { traceparent: parent, 'user-agent': 'canary' },
    })
    const spans = exporter.getFinishedSpans()
    const server = spans.find(({ kind }) => kind === SpanKind.SERVER)
    expect(server).toMatchObject({
      name: 'POST /v1/secret/data/*',
      parentSpanContext: { spanId: 'b7ad6b7169203331' },
      attributes: {
        'http.request.method': 'POST',
        'http.route': '/v1/secret/data/*',
        'http.response.status_code': 200,
        'url.scheme': 'http',
        'network.protocol.version': '1.1',
        'client.address': '127.0.0.1',
      },
      status: { code: SpanStatusCode.UNSET },
    })
    expect(server?.spanContext().traceId).toBe(traceId)
    const appends = spans.filter(({ name }) => name === 'muniment append')
    expect(appends).not.toEqual([])
    for (const append of appends) {
      expect(append.parentSpanContext?.spanId).toBe(server?.spanContext().spanId)
      expect(append.attributes['muniment.position']).toEqual(expect.any(Number))
    }
    const told = spans.map(({ name, attributes, events, links }) => [
      name,
      attributes,
      events,
      links,
    ])
    expect(JSON.stringify(told)).not.toContain('canary')
  })

  it('hold what a host makes of its own within a request', async () => {
    register()
    served = await serve()
    served.app.get('/v1/own', { config: { open: true } }, async (_, reply) => {
      trace.getTracer('host').startSpan('own').end()
      return reply.send({})
    })
    await served.ask('GET', '/v1/own')
    const [own, server] = exporter.getFinishedSpans()
    expect(own?.name).toBe('own')
    expect(own?.parentSpanContext?.spanId).toBe(server?.spanContext().spanId)
  })

  it('are errors where the server failed, and not where it refused', async () => {
    register()
    const { vault } = await testVault()
    const broken = {
      ...embedded(vault),
      state: 'open' as const,
      vault: () => {
        throw new Error('canary')
      },
    }
    const app = createApp(broken)
    served = await serve()
    await ask(app, 'GET', '/v1/secret/data/a')
    await served.ask('GET', '/v1/secret/data/a', { token: 'wrong' })
    await app.close()
    await vault.close()
    const [failed, refused] = exporter
      .getFinishedSpans()
      .filter(({ kind }) => kind === SpanKind.SERVER)
    expect(failed).toMatchObject({
      status: { code: SpanStatusCode.ERROR },
      attributes: { 'error.type': '500' },
    })
    expect(failed?.events).toEqual([])
    expect(refused).toMatchObject({
      status: { code: SpanStatusCode.UNSET },
      attributes: { 'http.response.status_code': 403 },
    })
  })

  it('are none where no SDK is registered', async () => {
    served = await serve()
    await served.ask('GET', '/v1/secret/data/a', { headers: { traceparent: parent } })
    expect(exporter.getFinishedSpans()).toEqual([])
  })
})
