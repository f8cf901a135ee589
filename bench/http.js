import { setMaxListeners } from 'node:events'
import { join } from 'node:path'
import autocannon from 'autocannon'
import { fastify } from 'fastify'
import { connect } from '../dist/client.js'
import { createApp, embedded, listen } from '../dist/server.js'
import { inFolder, median, pathOf, timed, vaultWith } from './material.js'

const secrets = 1_000
const seconds = 5

/** A load of GETs, each of one of the paths: how many a second, and how long one takes, in milliseconds. */
async function load(url, { connections, headers, paths }) {
  const found = await autocannon({
    url,
    connections,
    duration: seconds,
    requests: paths.map((path) => ({ method: 'GET', path, headers })),
  })
  if (found.non2xx > 0 || found.errors > 0) {
    throw new Error(`${found.non2xx} refusals, ${found.errors} errors`)
  }
  const { p50, p99 } = found.latency
  return { rate: found.requests.average, p50, p99 }
}

/** The application of the server without a vault: one route that answers as many bytes. */
async function constantApp(body) {
  const app = fastify()
  app.get('/v1/secret/data/*', async (_, reply) => {
    await reply.header('content-type', 'application/json').send(body)
  })
  const server = await listen(app, { host: '127.0.0.1', port: 0 })
  return { url: server.address, close: () => server.close() }
}

/**
 * Reads of secrets over HTTP, each of them on record before it is answered, against the same application answering a
 * constant. The load is made in this process, so both have about half of a core.
 */
export async function servedReads({ connections }) {
  return inFolder(async (folder) => {
    const vault = await vaultWith(join(folder, 'vault'), secrets)
    const { token } = await vault.tokens.issue({ actor: 'svc/bench', policies: ['root'] })
    const server = await listen(createApp(embedded(vault)), { host: '127.0.0.1', port: 0 })
    const headers = { 'x-vault-token': token.text() }
    const paths = Array.from({ length: secrets }, (_, i) => `/v1/secret/data/${pathOf(i)}`)
    const answer = await fetch(new URL(paths[0], server.address), { headers })
    const constant = await constantApp(await answer.text())
    await load(server.address, { connections, headers, paths })
    const served = await load(server.address, { connections, headers, paths })
    const plain = await load(constant.url, { connections, headers, paths })
    await constant.close()
    await server.close()
    await vault.close()
    return { served, plain }
  })
}

/** What a vault of so many secrets gives its client, over one connection. */
async function withClient(work) {
  return inFolder(async (folder) => {
    const vault = await vaultWith(join(folder, 'vault'), secrets)
    const { token } = await vault.tokens.issue({ actor: 'svc/bench', policies: ['root'] })
    const server = await listen(createApp(embedded(vault)), { host: '127.0.0.1', port: 0 })
    const client = connect({ server: server.address, token: token.text() })
    try {
      return await work({ vault, client })
    } finally {
      await server.close({ graceMs: 0 })
      await vault.close()
    }
  })
}

async function medianMs(times, work) {
  const runs = []
  for (let i = 0; i < times; i++) runs.push((await timed(() => work(i))).ms)
  return median(runs)
}

/** A page of a hundred events, and what a projection of a thousand rows says, each against the same in process. */
export function servedLooks() {
  return withClient(async ({ vault, client }) => {
    const page = (from) => (i) => from.audit.query({ type: 'secret.written', after: i }).next()
    const state = (from) => () => from.projections.get('secrets')
    await medianMs(20, page(client))
    await medianMs(5, state(client))
    return {
      page: { served: await medianMs(200, page(client)), host: await medianMs(200, page(vault)) },
      state: { served: await medianMs(50, state(client)), host: await medianMs(50, state(vault)) },
    }
  })
}

/** Events that reach so many readers over server-sent events, all of them in this process: deliveries a second. */
export function fanOut({ readers, events }) {
  return withClient(async ({ vault, client }) => {
    const { size } = await vault.health()
    const stop = new AbortController()
    setMaxListeners(0, stop.signal)
    let begun = 0
    const reading = Array.from({ length: readers }, async () => {
      let seen = 0
      const query = { subject: 'fan', type: 'secret.written', after: size - 1, signal: stop.signal }
      const onCaughtUp = () => begun++
      for await (const _ of client.audit.follow({ ...query, onCaughtUp })) {
        if (++seen === events) return
      }
    })
    while (begun < readers) await new Promise((resolve) => setTimeout(resolve, 10))
    const { ms } = await timed(async () => {
      for (let i = 0; i < events; i++) await vault.write('fan', String(i))
      await Promise.all(reading)
    })
    const alone = await timed(async () => {
      for (let i = 0; i < events; i++) await vault.write('fan', String(i))
    })
    stop.abort()
    return { rate: ((readers * events) / ms) * 1000, ms, aloneMs: alone.ms }
  })
}

/** How much longer writes take while so many wait for events that do not come; the median of rounds that alternate. */
export function idleFollowers({ followers, writes }) {
  return withClient(async ({ vault }) => {
    const round = async (waiting) => {
      const stop = new AbortController()
      setMaxListeners(0, stop.signal)
      let resting = 0
      const { size } = await vault.health()
      const following = Array.from({ length: waiting }, (_, i) => {
        const onCaughtUp = () => resting++
        const query = { subject: `quiet/${i}`, after: size, onCaughtUp, signal: stop.signal }
        return vault.audit
          .follow(query)
          .next()
          .catch(() => undefined)
      })
      while (resting < waiting) await new Promise((resolve) => setImmediate(resolve))
      const { ms } = await timed(async () => {
        for (let i = 0; i < writes; i++) await vault.write('busy', String(i))
      })
      stop.abort()
      await Promise.all(following)
      return ms
    }
    await round(0)
    const ratios = []
    for (let i = 0; i < 7; i++) {
      const alone = await round(0)
      ratios.push((await round(followers)) / alone)
    }
    return median(ratios)
  })
}
