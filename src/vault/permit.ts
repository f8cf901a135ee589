import type { Asked } from '../access/asked.ts'
import type { Verdict } from '../access/judge.ts'
import { denied } from '../decide/permit.ts'
import type { Command } from '../log/queue.ts'

/** What a scope may do. The host's own calls have none, and are held to nothing. */
export interface Permit {
  /** By the policies that the log says by now, and at this time: the clock's unless said. */
  judge(asked: Asked, now?: number): Verdict
}

/**
 * The command as its caller may have it done. Policy is judged in the writer, against the state that the event's position
 * has (a change of policy commits alone), and before anything that depends on what is there is fetched or looked at. A
 * refusal is recorded as `secret.denied`, and then thrown as `DENIED`; either way the events tell which rule decided.
 */
export function underPolicy(
  { permit }: { readonly permit?: Permit },
  asked: Asked,
  command: Command,
): Command {
  if (permit === undefined) return command
  let verdict: Verdict | undefined
  return {
    ...command,
    prepare: () => {
      verdict = permit.judge(asked)
      return verdict.allowed ? command.prepare?.() : undefined
    },
    decide: (at) => {
      // Since it was prepared a grant can only have run out: what was refused there stays refused.
      if (verdict?.allowed !== false) verdict = permit.judge(asked, at.now)
      if (!verdict.allowed) return denied(asked, verdict)
      return { ...command.decide(at), context: { decision: verdict.decision } }
    },
  }
}
