import { join } from 'node:path'
import autocannon from 'autocannon'
import { fastify } from 'fastify'
import { createApp, embedded, listen } from '../dist/server.js'
import { inFolder, pathOf, vaultWith } from './material.js'

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
