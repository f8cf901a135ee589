// Uses a server from many callers until it is gone: `node server-caller.mjs <url> <name>`, the token in VAULT_TOKEN. Each
// line that it prints is a request that was answered, as JSON.
import { writeSync } from 'node:fs'
import { Agent, request } from 'node:http'

const [url, name] = process.argv.slice(2)
const token = process.env.VAULT_TOKEN

const callers = 8
const paths = Array.from({ length: 6 }, (_, n) => `prod/secret-${n}`)
const pick = (items) => items[Math.floor(Math.random() * items.length)]
const agent = new Agent({ keepAlive: true, maxSockets: callers })

/** A patch of what is not there is answered with no body at all. */
const bodyOf = (parts) => (parts.length === 0 ? {} : JSON.parse(Buffer.concat(parts)))

/** Resolves with what was answered, once all of it is here; rejects where that is cut off. */
function ask(method, path, body) {
  const headers = {
    'X-Vault-Token': token,
    ...(method === 'PATCH' && { 'Content-Type': 'application/merge-patch+json' }),
  }
  return new Promise((resolve, reject) => {
    const asked = request(`${url}/v1/secret/data/${path}`, { method, headers, agent }, (answer) => {
      const parts = []
      answer.on('data', (part) => parts.push(part))
      answer.once('error', reject)
      answer.once('end', () => {
        if (!answer.complete) reject(Object.assign(new Error('cut off'), { code: 'ECONNRESET' }))
        else resolve({ status: answer.statusCode, ...bodyOf(parts) })
      })
    })
    asked.once('error', reject)
    asked.end(body === undefined ? undefined : JSON.stringify(body))
  })
}

/** What each caller knows to be there, so that it asks for versions, and compares with them. */
const newest = new Map()

const operations = {
  write: async (path, id) => {
    const text = id.padEnd(pick([0, 200, 20_000]))
    const answer = await ask('POST', path, { data: { id: text, round: 'any' } })
    return { answer, version: answer.data?.version, id }
  },
  rotate: async (path, id) => {
    const cas = newest.get(path) ?? 0
    const answer = await ask('PUT', path, { data: { id, cas }, options: { cas } })
    return { answer, version: answer.data?.version, id }
  },
  patch: async (path, id) => {
    const answer = await ask('PATCH', path, { data: { id } })
    return { answer, version: answer.data?.version, id }
  },
  read: async (path) => {
    const answer = await ask('GET', path)
    return { answer, version: answer.data?.metadata.version, id: answer.data?.data.id.trimEnd() }
  },
  readVersion: async (path) => {
    const answer = await ask('GET', `${path}?version=${newest.get(path) ?? 1}`)
    return { answer, version: answer.data?.metadata.version, id: answer.data?.data.id.trimEnd() }
  },
}
const often = [...Object.keys(operations), 'write', 'read', 'read', 'read']

async function caller(at) {
  for (let n = 0; ; n++) {
    const [operation, path] = [pick(often), pick(paths)]
    const { answer, version, id } = await operations[operation](path, `${name}.${at}.${n}`)
    const { status, request_id: requestId } = answer
    // A comparison that was lost, and what is not there yet.
    if (status === 400 || status === 404) continue
    if (status !== 200) throw new Error(`${operation}: ${status} ${answer.errors}`)
    newest.set(path, version)
    writeSync(1, `${JSON.stringify({ operation, path, version, id, requestId })}\n`)
  }
}

const goneCodes = ['ECONNRESET', 'ECONNREFUSED', 'EPIPE']
try {
  await Promise.all(Array.from({ length: callers }, (_, at) => caller(at)))
} catch (error) {
  if (!goneCodes.includes(error.code)) throw error
  process.exit(0)
}
