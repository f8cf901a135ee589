import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import {
  type Context,
  context,
  isSpanContextValid,
  propagation,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { type Appended, version } from '../../index.ts'
import { sourceOf } from '../caller.ts'
import { methodOf } from '../list-method.ts'
import { type Answered, type Observer, routeOf } from './observed.ts'

interface Traced {
  readonly span: Span
  readonly within: Context
}

/**
 * A span a request for OpenTelemetry (HTTP semantic conventions, server spans), in the trace that its `traceparent` names,
 * and one within it for each commit of the log that holds an event of it. Without an SDK that the host registers nothing
 * is made. The path of a request names a secret: its pattern stands in `http.route`, and no `url.path` anywhere.
 */
export class RequestTraces implements Observer {
  readonly #tracer: Tracer = trace.getTracer('muniment', version)
  readonly #byRequest = new WeakMap<FastifyRequest, Traced>()
  /** Those that are under way, by the id that their events bear. */
  readonly #byId = new Map<string, Traced>()
  #isListening = false
  readonly #onAppend = (message: unknown) => this.#appended(message as Appended)

  /** Has what a request does done within its span. To be called before what observes it is told of anything. */
  install(app: FastifyInstance): void {
    app.addHook('onRequest', (request, _, done) => {
      const traced = this.#byRequest.get(request)
      if (traced === undefined) done()
      else context.with(traced.within, done)
    })
    app.addHook('onClose', async () => {
      if (this.#isListening) unsubscribe('muniment:append', this.#onAppend)
    })
  }

  begun(request: FastifyRequest): void {
    const outside = propagation.extract(context.active(), request.raw.headers)
    const method = methodOf(request.raw)
    const route = routeOf(request)
    const span = this.#tracer.startSpan(`${method} ${route}`, { kind: SpanKind.SERVER }, outside)
    // There is no SDK, and no trace to hand on either.
    if (!isSpanContextValid(span.spanContext())) return
    const traced = { span, within: trace.setSpan(outside, span) }
    this.#byRequest.set(request, traced)
    // One that is not sampled is still handed on.
    if (!span.isRecording()) return
    span.setAttributes({
      'http.request.method': method,
      'http.route': route,
      'url.scheme': 'encrypted' in request.raw.socket ? 'https' : 'http',
      'network.protocol.version': request.raw.httpVersion,
      'client.address': sourceOf(request),
      'muniment.request_id': request.id,
    })
    this.#byId.set(request.id, traced)
    if (this.#isListening) return
    this.#isListening = true
    subscribe('muniment:append', this.#onAppend)
  }

  answered({ request, status }: Answered): void {
    const traced = this.#byRequest.get(request)
    if (traced === undefined) return
    const { span } = traced
    this.#byId.delete(request.id)
    if (status !== undefined) span.setAttribute('http.response.status_code', status)
    if (status === undefined) span.setAttribute('error.type', 'client went away')
    else if (status >= 500) {
      span.setAttribute('error.type', String(status))
      span.setStatus({ code: SpanStatusCode.ERROR })
    }
    span.end()
  }

  #appended({ correlationIds, first, size, appendMs, storeMs }: Appended): void {
    const end = Date.now()
    for (const id of correlationIds) {
      const traced = this.#byId.get(id)
      if (traced === undefined) continue
      const about = {
        startTime: end - appendMs,
        attributes: {
          'muniment.position': first,
          'muniment.events': size - first,
          'muniment.store_ms': storeMs,
        },
      }
      this.#tracer.startSpan('muniment append', about, traced.within).end(end)
    }
  }
}
