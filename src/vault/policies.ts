import { checkName, checkRules, checkWritable } from '../access/policy.ts'
import { removePolicy, writePolicy } from '../decide/access.ts'
import { VaultError } from '../errors.ts'
import type { PolicyRule } from '../events/catalogue.ts'
import { policyTextBytesMax } from '../limits.ts'
import type { PolicyRow } from '../projections/access.ts'
import {
  type AccessChange,
  byName,
  changeAccess,
  type LookAt,
  lookAtAccess,
} from './access-call.ts'
import type { CallOptions } from './call.ts'
import type { Calls } from './calls.ts'

/** A policy of access: rules, each of which allows or denies capabilities on paths. */
export interface Policy {
  readonly name: string
  readonly rules: readonly PolicyRule[]
  /** As it was given, where that was in another language than these rules, such as the wire's. */
  readonly text?: string
  /** Of the event that wrote it as it is: what `context.decision.policy` of events names. */
  readonly position: number
  readonly writtenAt: Date
  readonly writtenBy: string
}

/** The policies of a vault, or of a backup, to be looked at. */
export class PolicyReader {
  readonly #look: LookAt

  constructor(look: LookAt) {
    this.#look = look
  }

  /** Throws `NOT_FOUND`. */
  async get(name: string, options: CallOptions = {}): Promise<Policy> {
    const [found] = await lookAtAccess(this.#look, options, ({ policies }) => {
      const row = policies.get(checkName(name, 'name'))
      return row === undefined ? [] : [policyOf([name, row])]
    })
    if (found === undefined) throw new VaultError('NOT_FOUND', `there is no policy ${name}`)
    return found
  }

  /** All of them, by name. */
  async list(options: CallOptions = {}): Promise<readonly Policy[]> {
    return lookAtAccess(this.#look, options, ({ policies }) => byName(policies).map(policyOf))
  }
}

/**
 * What the roles of a vault may do. A denial wins over every allowance, and what no rule speaks of is denied. `root` is
 * built in: it allows everything, only tokens name it, and it is not written here. All verbs can throw `INVALID` and
 * `TOO_LARGE`, naming the argument.
 */
export class Policies extends PolicyReader {
  readonly #calls: Calls

  constructor(calls: Calls) {
    super((options, work) => calls.inspect(options, work))
    this.#calls = calls
  }

  /**
   * A policy, in the place of one of that name; in force from its event on. Paths are patterns: literal segments, `*` for
   * one segment, a trailing `**` for one or more; `**` alone is the vault itself as well. A `text` that the rules were
   * translated from, at most 32 KiB, is kept beside them and decides nothing.
   *
   * @example
   * await vault.policies.write('payments-read', {
   *   rules: [{ effect: 'allow', capabilities: ['read', 'list'], paths: ['prod/payments/**'] }],
   * })
   */
  async write(
    name: string,
    { rules, text }: { readonly rules: readonly PolicyRule[]; readonly text?: string },
    options: CallOptions = {},
  ): Promise<AccessChange> {
    return changeAccess(this.#calls, options, () => {
      const data = {
        name: checkWritable(name),
        rules: checkRules(rules),
        ...(text !== undefined && { text: checkText(text) }),
      }
      return (access) => writePolicy(access, data)
    })
  }

  /** Takes one away, if it is there: roles that name it go on to, and lack it from here on. */
  async remove(name: string, options: CallOptions = {}): Promise<AccessChange> {
    return changeAccess(this.#calls, options, () => {
      checkWritable(name)
      return (access) => removePolicy(access, name)
    })
  }
}

function checkText(text: string): string {
  if (typeof text !== 'string' || !text.isWellFormed()) {
    throw new VaultError('INVALID', 'text must be a string of well-formed text')
  }
  const size = Buffer.byteLength(text)
  if (size <= policyTextBytesMax) return text
  const message = `text: expected at most ${policyTextBytesMax} bytes, found ${size}`
  throw new VaultError('TOO_LARGE', message, { expected: policyTextBytesMax, found: size })
}

function policyOf([name, { writtenAt, ...row }]: readonly [string, PolicyRow]): Policy {
  // The state's own rules decide: what is handed out is a copy.
  return { name, ...row, rules: structuredClone(row.rules), writtenAt: new Date(writtenAt) }
}
