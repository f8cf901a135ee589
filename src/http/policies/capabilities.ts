import { setImmediate } from 'node:timers/promises'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { type Capability, rootPolicy, type TokenInfo, VaultError } from '../../index.ts'
import { type Asked, type Handler, type Route, refuse, route, unless } from '../asked.ts'
import { answer } from '../reply.ts'
import { type RouteOptions, update } from '../route.ts'
import { requiredText, textsField } from '../text-fields.ts'
import { decidedBy } from './vault-words.ts'

/** What a token lets its bearer do at a path of ours, or with the vault itself where that is empty. */
type RightsAt = (subject: string, asked: readonly Capability[]) => Promise<readonly Capability[]>

/** Of whom it is asked, and what says so. */
interface Bearer {
  readonly token: TokenInfo
  readonly rightsAt: RightsAt
}

const pathsMax = 256
/** Paths that are looked up before others get their turn. */
const pathsAtOnce = 4

/** What a token may do, in the words of Vault: `/v1/sys/capabilities…`. */
export function capabilityRoutes(
  app: FastifyInstance,
  { served, mount }: Pick<RouteOptions, 'served' | 'mount'>,
): void {
  const on = (at: Pick<Route, 'url' | 'right'>, bearerOf: (asked: Asked) => Promise<Bearer>) => {
    const handler: Handler = async (asked) => {
      const paths = pathsAsked(asked)
      return answered(asked, await wordsAt(paths, { mount, bearer: await bearerOf(asked) }))
    }
    route(app, { ...at, method: update }, handler)
  }
  const other = (token: TokenInfo): Bearer => ({ token, rightsAt: rightsOf(served, token) })

  on({ url: 'sys/capabilities-self' }, async ({ scope }) => ({
    token: scope.token,
    rightsAt: async (subject) => scope.capabilities(subject),
  }))
  on({ url: 'sys/capabilities', right: 'token' }, async ({ scope, body, call }) => {
    const found = scope.tokens.lookup(requiredText(body, 'token', 'missing token'), call)
    return other(await unless('NOT_FOUND', found, () => refuse(400, 'invalid token')))
  })
  on({ url: 'sys/capabilities-accessor', right: 'token' }, async ({ scope, body, call }) => {
    const found = scope.tokens.get(requiredText(body, 'accessor'), call)
    return other(await unless('NOT_FOUND', found, () => refuse(400, 'invalid accessor')))
  })
}

/** Whoever asks was found to have the right to look at other tokens: the host then says what one of them comes to. */
function rightsOf(served: RouteOptions['served'], token: TokenInfo): RightsAt {
  const { actor, policies } = token
  const who = { actor, ...(policies !== undefined && { policies }) }
  return async (path, asked) => {
    const found: Capability[] = []
    for (const capability of asked) {
      const { effect } = await served.vault().explain(who, { capability, path })
      if (effect === 'allow') found.push(capability)
    }
    return found
  }
}

/** Older clients say `path`. */
function pathsAsked({ body }: Asked): readonly string[] {
  const named = textsField(body, 'paths') ?? []
  const paths = named.length > 0 ? named : (textsField(body, 'path') ?? [])
  if (paths.length === 0) refuse(400, 'paths must be supplied')
  if (paths.length <= pathsMax) return paths
  return refuse(400, `paths: expected at most ${pathsMax}, found ${paths.length}`)
}

interface About {
  readonly mount: string
  readonly bearer: Bearer
}

async function wordsAt(
  paths: readonly string[],
  about: About,
): Promise<readonly (readonly [string, readonly string[]])[]> {
  const words: (readonly [string, readonly string[]])[] = []
  for (const [i, path] of paths.entries()) {
    if (i % pathsAtOnce === pathsAtOnce - 1) await setImmediate()
    words.push([path, await wordsOf(path, about)])
  }
  return words
}

async function wordsOf(path: string, { mount, bearer }: About): Promise<readonly string[]> {
  const { token, rightsAt } = bearer
  if (token.policies?.includes(rootPolicy)) return ['root']
  const words = new Set<string>()
  for (const { subject, gives, isPatched, open = [] } of decidedBy(path, mount)) {
    for (const word of open) words.add(word)
    const asked = Object.keys(gives) as Capability[]
    if (asked.length === 0) continue
    const rights = await lenient(rightsAt(subject, asked))
    for (const right of rights) for (const word of gives[right] ?? []) words.add(word)
    if (isPatched && rights.includes('write') && rights.includes('read')) words.add('patch')
  }
  return words.size === 0 ? ['deny'] : [...words].sort()
}

/** What is no path has no rights. */
async function lenient(rights: Promise<readonly Capability[]>): Promise<readonly Capability[]> {
  try {
    return await rights
  } catch (error) {
    const isNoPath =
      error instanceof VaultError && (error.code === 'INVALID' || error.code === 'TOO_LARGE')
    if (isNoPath) return []
    throw error
  }
}

/** One path's words stand under `capabilities` besides, for older clients. */
function answered(
  { reply }: Asked,
  words: readonly (readonly [string, readonly string[]])[],
): FastifyReply {
  const [[, first] = ['', []]] = words
  const data = { ...Object.fromEntries(words), ...(words.length === 1 && { capabilities: first }) }
  return answer(reply, data, { mountType: 'system', injected: true })
}
