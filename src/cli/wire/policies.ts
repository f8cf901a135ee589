import { type Policy, type PolicyRule, rootPolicy } from '../../index.ts'
import type { AccessAt } from './access-at.ts'
import type { Wire } from './wire.ts'

interface WirePolicy {
  readonly rules: readonly PolicyRule[]
  readonly position: number
  readonly written_at: string
  readonly written_by: string
}

/** The policies of a server, in the rules of Muniment, which it takes and gives beside the texts of Vault. */
export function wirePolicies(wire: Wire): AccessAt['policies'] {
  const get = async (name: string): Promise<Policy> => {
    const { content } = await wire.ask('GET', place(name))
    const { rules, position, written_at, written_by } = content as WirePolicy
    return { name, rules, position, writtenAt: new Date(written_at), writtenBy: written_by }
  }
  return {
    get,
    list: async () => {
      const { content } = await wire.ask('GET', `${folder}?list=true`)
      const { keys } = content as { readonly keys: readonly string[] }
      const policies: Policy[] = []
      // The one that every vault has built in is none that was written.
      for (const name of keys) if (name !== rootPolicy) policies.push(await get(name))
      return policies
    },
    write: (name, { rules }) =>
      wire.ask('POST', place(name), { policy: JSON.stringify({ rules }) }),
    remove: (name) => wire.ask('DELETE', place(name)),
  }
}

const folder = 'sys/policies/acl'

function place(name: string): string {
  return `${folder}/${encodeURIComponent(name)}`
}
