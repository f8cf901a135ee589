import type { Asked, Holder, Wanted } from '../access/asked.ts'
import type { Verdict } from '../access/judge.ts'
import type { At } from '../decide/outcome.ts'
import { denied } from '../decide/permit.ts'
import { VaultError } from '../errors.ts'
import type { Fact } from '../events/catalogue.ts'
import type { Command, Decision } from '../log/queue.ts'
import type { TokenRow } from '../projections/tokens.ts'

/** What a scope may do. The host's own calls have none, and are held to nothing. */
export interface Permit {
  /** Who it is for. */
  readonly holder: Holder
  /** Of a scope that a token was shown for: the row of that token as it is by now, if it holds. */
  readonly token?: () => TokenRow | undefined
  /** By the policies that the log says by now, and at this time: the clock's unless said. */
  judge(asked: Asked, now?: number): Verdict
  /** When the next grant runs out, in milliseconds since the epoch; `Infinity` where none does. */
  until(): number
}

/**
 * The command as its caller may have it done. Policy is judged in the writer, against the state that the event's position
 * has (a change of policy commits alone), and before anything that depends on what is there is fetched or looked at. A
 * refusal is recorded as `secret.denied`, and then thrown as `DENIED`; either way the events tell which rule decided.
 */
export function underPolicy(
  { permit }: { readonly permit?: Permit },
  wanted: Wanted,
  command: Command,
): Command {
  if (permit === undefined) return command
  let judged: Judged | undefined
  return {
    ...command,
    prepare: () => {
      judged = judgeAll(permit, wanted)
      return judged.verdict.allowed ? command.prepare?.() : undefined
    },
    decide: (at) => {
      // Since it was prepared a grant can only have run out: what was refused there stays refused.
      if (judged?.verdict.allowed !== false) judged = judgeAll(permit, wanted, at.now)
      const { asked, verdict } = judged
      if (!verdict.allowed) return denied(asked, verdict)
      return { ...decideOnRecord(command, wanted, at), context: { decision: verdict.decision } }
    },
  }
}

interface Judged {
  readonly asked: Asked
  readonly verdict: Verdict
}

/** The first refusal, or what lets the work itself happen. */
function judgeAll(permit: Permit, wanted: Wanted, now?: number): Judged {
  const first = { asked: wanted, verdict: permit.judge(wanted, now) }
  if (!first.verdict.allowed) return first
  for (const asked of wanted.besides?.(now) ?? []) {
    const verdict = permit.judge(asked, now)
    if (!verdict.allowed) return { asked, verdict }
  }
  return first
}

/**
 * What the command decides. A change of a secret that comes to nothing, or loses a comparison, still tells its caller what
 * is there: it is on record as a look at the secret.
 */
function decideOnRecord(
  command: Command,
  { operation, subject }: Asked,
  at: At,
): Omit<Decision, 'context'> {
  if (!command.aggregate) return command.decide(at)
  const looked: Fact = { type: 'secret.inspected', subject, data: { operation } }
  try {
    const decision = command.decide(at)
    const isSilent = decision.facts.length === 0 && decision.refused === undefined
    return isSilent ? { ...decision, facts: [looked] } : decision
  } catch (error) {
    if (error instanceof VaultError) return { facts: [looked], refused: error }
    throw error
  }
}
