import type { FastifyInstance, FastifyReply } from 'fastify'
import { type AccessChange, type Policy, rootPolicy } from '../../index.ts'
import { type Asked, type Handler, listRoute, nameOf, refuse, route, unless } from '../asked.ts'
import { rulesOfText, textOfRules } from '../policy-text/policy-text.ts'
import { answer, nothing } from '../reply.ts'
import { type RouteOptions, update } from '../route.ts'
import { wholeText } from '../text-fields.ts'
import { capabilityRoutes } from './capabilities.ts'
import { plainText } from './plain-text.ts'

const mountType = 'system'
const right = 'policy'

/** Which of the two places of the wire a request came to: the older one has other words, and data at the top level too. */
type Place = 'acl' | 'legacy'

/** Policies, and what they come to for a token: `/v1/sys/policies/acl/`, the older `/v1/sys/policy/`, `/v1/sys/capabilities…`. */
export function policyRoutes(app: FastifyInstance, { served, mount }: RouteOptions): void {
  const places: readonly (readonly [string, Place])[] = [
    ['sys/policies/acl', 'acl'],
    ['sys/policy', 'legacy'],
  ]
  for (const [url, place] of places) {
    const on = (method: string | string[], handler: Handler) =>
      route(app, { method, url: `${url}/:name`, right }, handler)
    listRoute(app, { url, right }, (asked) => list(asked, place))
    on('GET', (asked) => read(asked, place))
    on(update, (asked) => write(asked, { place, mount }))
    on('DELETE', remove)
  }
  // The older place lists by a plain GET as well.
  for (const url of ['sys/policy', 'sys/policy/']) {
    route(app, { method: 'GET', url, right }, (asked) => list(asked, 'legacy'))
  }
  capabilityRoutes(app, { served, mount })
}

/** `root` is built in, and stands last as in Vault. */
async function list({ scope, reply, call }: Asked, place: Place): Promise<FastifyReply> {
  const keys = [...(await scope.policies.list(call)).map(({ name }) => name), rootPolicy]
  if (place === 'acl') return answer(reply, { keys }, { mountType })
  return answer(reply, { keys, policies: keys }, { mountType, injected: true })
}

async function read(asked: Asked, place: Place): Promise<FastifyReply> {
  const { scope, reply, call } = asked
  const name = nameOf(asked)
  const found = scope.policies.get(name, call)
  // Of the one that is built in there is nothing to see, for whoever may look.
  const policy = await unless('NOT_FOUND', found, () =>
    name === rootPolicy ? undefined : refuse(404),
  )
  const text = policy === undefined ? '' : (policy.text ?? textOfRules(policy.rules))
  if (place === 'legacy') {
    return answer(reply, { name, rules: text }, { mountType, injected: true })
  }
  const own = policy === undefined ? {} : ownData(policy)
  return answer(reply, { name, policy: text, ...own }, { mountType })
}

/** What the wire does not have: the rules that the text came to, and who wrote it. */
function ownData({ rules, position, writtenAt, writtenBy }: Policy): object {
  return { rules, position, written_at: writtenAt.toISOString(), written_by: writtenBy }
}

async function write(
  asked: Asked,
  { place, mount }: { readonly place: Place; readonly mount: string },
): Promise<FastifyReply> {
  const { scope, body, reply, call } = asked
  const name = nameOf(asked)
  const policy = wholeText(body, 'policy')
  const given = policy ?? (place === 'legacy' ? wholeText(body, 'rules') : undefined)
  if (given === undefined) return refuse(400, "'policy' parameter not supplied or empty")
  if (name === rootPolicy) refuse(400, `cannot update "${rootPolicy}" policy`)
  const text = plainText(given)
  const rules = rulesOfText(text, { mount })
  withPosition(reply, await scope.policies.write(name, { rules, text }, call))
  if (policy !== undefined) return nothing(reply)
  const warnings = ["'rules' is deprecated, please use 'policy' instead"]
  return answer(reply, null, { warnings, mountType })
}

const remove: Handler = async (asked) => {
  const { scope, reply, call } = asked
  const name = nameOf(asked)
  if (name === rootPolicy) refuse(400, `cannot delete "${rootPolicy}" policy`)
  const removal = scope.policies.remove(name, call)
  withPosition(reply, await unless('NOT_FOUND', removal, () => ({})))
  return nothing(reply)
}

/** Where the change stands in the log, for clients of our own. */
function withPosition(reply: FastifyReply, { position }: AccessChange): void {
  if (position !== undefined) reply.header('muniment-position', position)
}
