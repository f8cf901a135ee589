import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { AuditEvent } from '../../src/index.ts'
import { judgeBy } from '../fixtures/api-fuzz/judge.ts'
import { type FuzzRequest, type Known, requestsOf } from '../fixtures/api-fuzz/requests.ts'
import { agentFrom, type FuzzAnswer, send } from '../fixtures/api-fuzz/send.ts'
import { type Ran, Shell } from '../fixtures/cli.ts'
import { needlesOf } from '../fixtures/needles.ts'
import { describedOperations, givenDocument } from '../fixtures/openapi.ts'
import { withVault } from '../fixtures/server/folder-server.ts'
import { type ServerProcess, startServer } from '../fixtures/server-process.ts'

/** The same requests each time; to look further, another seed and more time. */
const seed = Number(process.env.MUNIMENT_FUZZ_SEED ?? 20_261_129)
/** Milliseconds for one operation and one caller: all of them together stay within a minute. */
const msMax = Number(process.env.MUNIMENT_FUZZ_MS ?? 200)
/** Where there is more time, there are more requests. */
const runs = (count: number) => Math.ceil((count * Math.max(msMax, 200)) / 200)

const document = givenDocument()
const operations = describedOperations(document)
const judge = judgeBy(document)

/** What may end the token that it is asked with; by another method, each of them. */
const endsToken = operations
  .filter(({ path }) => path.startsWith('/api/v1/tokens/self'))
  .map(({ id }) => id)

/** What nobody who is asked for it may give: `hidden/**` is allowed to nobody but root. */
const canary = `canary-${randomBytes(36).toString('hex')}`
const rootToken = `root-${randomBytes(36).toString('hex')}`
const scopedToken = `scoped-${randomBytes(36).toString('hex')}`
const spareTokens: Readonly<Record<string, string>> = Object.fromEntries(
  endsToken.map((id) => [id, `${id}-${randomBytes(36).toString('hex')}`]),
)
const needles = new Map(
  Object.entries({ canary, rootToken, scopedToken, ...spareTokens }).map(([name, text]) => [
    name,
    needlesOf(Buffer.from(text)),
  ]),
)
/** What gives values to whoever may have them, as root may. */
const givesValues: readonly string[] = ['readSecret', 'exportSecrets', 'watchSecret']

let shell: Shell
let server: ServerProcess
let known: Known
let ran: Ran
let events: AuditEvent[]
/** Requests that were refused, by their ids, and what they were. */
const denied = new Map<string, string>()
const unauthenticated = new Set<string>()
let asked = 0

beforeAll(async () => {
  shell = await Shell.withVault({ 'open/a': 'one', 'open/b': 'two', 'hidden/canary': canary })
  await withVault(shell, async (vault) => {
    const rules = [
      {
        effect: 'allow' as const,
        capabilities: ['read', 'list', 'describe', 'write'] as const,
        paths: ['open/**'],
      },
    ]
    await vault.policies.write('scoped', { rules })
    await vault.policies.write('other', { rules })
    await vault.roles.write('clerk', { policies: ['other'] })
    await vault.appRoles.write('billing', { policies: ['other'] })
    await vault.tokens.issue({ actor: 'svc/root', policies: ['root'], token: rootToken })
    await vault.tokens.issue({ actor: 'svc/scoped', policies: ['scoped'], token: scopedToken })
    for (const token of Object.values(spareTokens)) {
      await vault.tokens.issue({ actor: 'svc/spare', policies: ['root'], token })
    }
    const { accessor } = await vault.tokens.issue({ actor: 'svc/other', policies: ['other'] })
    known = knownIn(accessor)
  })
  server = await startServer(shell, ['--log', 'json'])
})

afterAll(async () => {
  await server?.end('SIGKILL')
  await shell?.remove()
})

function knownIn(accessor: string): Known {
  return {
    path: ['open/a', 'open/b', 'open/new', 'hidden/canary', 'absent'],
    prefix: ['', 'open/', 'hidden/'],
    name: ['other', 'clerk', 'billing', 'rotation', 'secrets', 'absent'],
    role: ['clerk', 'absent'],
    actor: ['svc/other', 'user/ana'],
    accessor: [accessor, 'absent'],
    position: [0, 1, 5, 1_000_000],
    from: [0, 3],
    to: [3, 5],
    after: [0, 'open/a'],
    subject: ['open/**', 'hidden/canary'],
    type: ['secret.accessed', 'generic'],
    capability: ['read', 'write'],
    time: ['2026-04-01T00:00:00Z'],
    timeout: [20],
  }
}

/** The requests of one operation by one caller, each judged. Rejects with the smallest that is answered wrongly. */
async function fuzz(
  id: string,
  {
    token,
    from,
    numRuns,
  }: { readonly token?: string; readonly from: string; readonly numRuns: number },
): Promise<void> {
  const described = operations.find((each) => each.id === id)
  if (described === undefined) throw new Error(`${id} is no operation`)
  const agent = agentFrom(from)
  const isRoot = token === rootToken
  const property = fc.asyncProperty(requestsOf(described, { document, known }), async (request) => {
    const answer = await send(server.url, request, { agent, token })
    asked++
    note(request, answer)
    const isShutOut = answer.status === 401 && token !== undefined && !endsToken.includes(id)
    const wrong = [
      ...judge(described, request, answer),
      ...(isShutOut ? ['its token held, and was not let in'] : []),
      ...(isRoot && givesValues.includes(id) ? [] : leaks(answer)),
    ]
    expect(wrong, told(request, answer)).toEqual([])
  })
  try {
    await fc.assert(property, {
      seed,
      numRuns,
      interruptAfterTimeLimit: msMax,
      markInterruptAsFailure: false,
    })
  } finally {
    agent.destroy()
  }
}

function told({ method, url, headers, body }: FuzzRequest, { status, text }: FuzzAnswer): string {
  const sent = `${method} ${url} ${JSON.stringify(headers)} ${String(body).slice(0, 300)}`
  return `${sent.slice(0, 1000)}\n→ ${status} ${text.slice(0, 500)}`
}

function note(request: FuzzRequest, answer: FuzzAnswer): void {
  const { status, text } = answer
  const [, id] = /"instance":"urn:uuid:([0-9a-f-]+)"/.exec(text) ?? []
  if (id === undefined) return
  const isLogin = request.url.startsWith('/api/v1/login')
  if (status === 401 || (isLogin && status === 403)) unauthenticated.add(id)
  else if (status === 403) denied.set(id, told(request, answer))
}

/** Which secret stands in an answer, and as what. */
function leaks({ headers, text }: FuzzAnswer): readonly string[] {
  return leaksIn(`${JSON.stringify(headers)} ${text}`)
}

function leaksIn(haystack: string): readonly string[] {
  return [...needles].flatMap(([name, forms]) =>
    forms.filter((form) => haystack.includes(form)).map((form) => `${name} as ${form}`),
  )
}

const ids = operations.map(({ id }) => id)

describe('requests made of the OpenAPI document are answered as it says', () => {
  it.each(ids.filter((id) => !endsToken.includes(id)))('to root: %s', (id) =>
    fuzz(id, { token: rootToken, from: '127.0.1.1', numRuns: runs(60) }),
  )

  it.each(ids.filter((id) => !endsToken.includes(id)))('to a token of few rights: %s', (id) =>
    fuzz(id, { token: scopedToken, from: '127.0.1.2', numRuns: runs(30) }),
  )

  it.each(endsToken)('to a token that may end in it: %s', (id) =>
    fuzz(id, { token: spareTokens[id] ?? '', from: '127.0.1.3', numRuns: 10 }),
  )

  it.each(ids)('to nobody: %s', (id) =>
    fuzz(id, { from: `127.0.2.${1 + ids.indexOf(id)}`, numRuns: 1 }),
  )
})

describe('afterwards', () => {
  beforeAll(async () => {
    ran = await server.end()
    events = await withVault(shell, async (vault) => {
      const all: AuditEvent[] = []
      for await (const page of vault.audit.query({})) all.push(...page.events)
      return all
    })
  })

  it('there were many, and the server lived through them and closed as ever', () => {
    console.info(`${asked} requests, ${denied.size} denied, ${unauthenticated.size} not let in`)
    expect(asked).toBeGreaterThan(500)
    expect([ran.code, ran.signal]).toEqual([143, null])
  })

  it('no line that it logged holds a secret, or tells of what nobody foresaw', () => {
    expect(leaksIn(ran.stdout + ran.stderr)).toEqual([])
    expect(ran.stderr).not.toMatch(/internal error|unforeseen|TypeError|RangeError/i)
  })

  it('every refusal by policy is in the audit trail, with the id that its problem named', () => {
    expect(denied.size).toBeGreaterThan(50)
    const recorded = new Set(
      events
        .filter(({ type }) => type === 'secret.denied')
        .map(({ context }) => context.correlationId),
    )
    expect([...denied].filter(([id]) => !recorded.has(id))).toEqual([])
  })

  it('everybody who was not let in is counted there', () => {
    expect(unauthenticated.size).toBeGreaterThan(20)
    const counted = events.reduce(
      (sum, event) =>
        sum + (event.type === 'auth.failed' ? (event.data as { count: number }).count : 0),
      0,
    )
    expect(counted).toBeGreaterThanOrEqual(unauthenticated.size)
  })

  it('no event holds the secret that was planted, or a token', () => {
    expect(leaksIn(JSON.stringify(events))).toEqual([])
  })
})
