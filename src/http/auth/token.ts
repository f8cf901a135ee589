import type { FastifyInstance, FastifyReply } from 'fastify'
import type { TokenInfo } from '../../index.ts'
import { type Asked, type Handler, listRoute, refuse, route, unless } from '../asked.ts'
import { tokenOf } from '../caller.ts'
import { durationField } from '../fields.ts'
import { answer, nothing } from '../reply.ts'
import { update } from '../route.ts'
import { optionalText, requiredText } from '../text-fields.ts'
import { authBlock, isPeriodic, lookupData } from './auth-block.ts'
import { tokenAsked } from './token-asked.ts'

const mountType = 'token'
const right = 'token'

/** Tokens: made, looked at, renewed and revoked, below `/v1/auth/token/`. */
export function tokenRoutes(app: FastifyInstance): void {
  const own = (method: string | string[], path: string, handler: Handler) =>
    route(app, { method, url: `auth/token/${path}` }, handler)
  const on = (method: string | string[], path: string, handler: Handler) =>
    route(app, { method, url: `auth/token/${path}`, right }, handler)

  on(update, 'create', (asked) => create(asked))
  on(update, 'create-orphan', (asked) => create(asked, true))
  own(['GET', ...update], 'lookup-self', lookUpSelf)
  on(['GET', ...update], 'lookup', lookUp)
  on(update, 'lookup-accessor', lookUpAccessor)
  own(update, 'renew-self', renewSelf)
  on(update, 'renew', renew)
  on(update, 'renew-accessor', renewAccessor)
  own(update, 'revoke-self', revokeSelf)
  on(update, 'revoke', revoke)
  on(update, 'revoke-accessor', revokeAccessor)
  on(update, 'revoke-orphan', async () =>
    refuse(400, 'revoke-orphan is not supported: what was issued through a token ends with it'),
  )
  listRoute(app, { url: 'auth/token/accessors', right }, listAccessors)
}

async function create({ scope, body, reply, call }: Asked, isOrphan = false) {
  const mayAll = scope.capabilities('').includes('policy')
  const { options, warnings } = tokenAsked(body, { parent: scope.token, mayAll, isOrphan })
  const issued = await scope.tokens.issue(options, call)
  const auth = authBlock(issued, { text: issued.token.text(), now: issued.issuedAt.getTime() })
  return answer(reply, null, { auth, warnings, mountType })
}

const lookUpSelf: Handler = async (asked) => looked(asked, asked.scope.token, ownText(asked))

/** Of the caller's own token where it names none. */
const lookUp: Handler = async (asked) => {
  const { scope, body, call } = asked
  const text = optionalText(body, 'token')
  if (text === undefined) return lookUpSelf(asked)
  const found = scope.tokens.lookup(text, call)
  return looked(asked, await unless('NOT_FOUND', found, () => refuse(403, 'bad token')), text)
}

const lookUpAccessor: Handler = async (asked) => {
  const { scope, body, call } = asked
  const found = scope.tokens.get(requiredText(body, 'accessor'), call)
  return looked(asked, await unless('NOT_FOUND', found, invalidAccessor), '')
}

const renewSelf: Handler = async (asked) => {
  const { scope, call } = asked
  const info = await scope.renewSelf(incrementOf(asked, scope.token), call)
  return renewed(asked, info, ownText(asked))
}

const renew: Handler = async (asked) => {
  const { scope, body, call } = asked
  const text = requiredText(body, 'token', 'missing token ID')
  const found = scope.tokens.lookup(text, call)
  const info = await unless('NOT_FOUND', found, () => refuse(400, 'token not found'))
  return renewed(asked, await renewedBy(asked, info), text)
}

const renewAccessor: Handler = async (asked) => {
  const { scope, body, call } = asked
  const found = scope.tokens.get(requiredText(body, 'accessor'), call)
  const info = await unless('NOT_FOUND', found, invalidAccessor)
  return renewed(asked, await renewedBy(asked, info), '')
}

function renewedBy(asked: Asked, info: TokenInfo): Promise<TokenInfo> {
  const { scope, call } = asked
  return scope.tokens.renew(info.accessor, incrementOf(asked, info), call)
}

const revokeSelf: Handler = async ({ scope, reply, call }) => {
  await scope.revokeSelf(call)
  return nothing(reply)
}

/** One that is not there is as good as revoked. */
const revoke: Handler = async ({ scope, body, reply, call }) => {
  const text = requiredText(body, 'token', 'missing token ID')
  const found = await unless('NOT_FOUND', scope.tokens.lookup(text, call), () => undefined)
  if (found !== undefined) await scope.tokens.revoke(found.accessor, call)
  return nothing(reply)
}

const revokeAccessor: Handler = async ({ scope, body, reply, call }) => {
  const revocation = scope.tokens.revoke(requiredText(body, 'accessor'), call)
  const { position } = await unless('NOT_FOUND', revocation, () => ({ position: undefined }))
  if (position !== undefined) return nothing(reply)
  return answer(reply, null, { warnings: ['No token found with this accessor'], mountType })
}

const listAccessors: Handler = async ({ scope, reply, call }) => {
  const keys = (await scope.tokens.list(call)).map(({ accessor }) => accessor)
  return keys.length === 0 ? refuse(404) : answer(reply, { keys }, { mountType })
}

function looked({ reply, scope }: Asked, info: TokenInfo, text: string): FastifyReply {
  return answer(reply, lookupData(info, { text, now: scope.now.getTime() }), { mountType })
}

function renewed({ reply, scope }: Asked, info: TokenInfo, text: string): FastifyReply {
  return answer(reply, null, {
    auth: authBlock(info, { text, now: scope.now.getTime() }),
    mountType,
  })
}

/** As long as its own unless said; 0 says nothing, and a token with a period takes no other. */
function incrementOf({ body }: Asked, info: TokenInfo): { readonly ttl?: number } {
  const ttl = durationField(body, 'increment') ?? 0
  return ttl > 0 && !isPeriodic(info) ? { ttl } : {}
}

/** The token that the request gave, and was let in by. */
function ownText({ request }: Asked): string {
  return tokenOf(request) ?? ''
}

function invalidAccessor(): never {
  return refuse(400, 'invalid accessor')
}
