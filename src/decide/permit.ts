import { type Asked, capabilityOf, type Holder } from '../access/asked.ts'
import { judge, type Verdict } from '../access/judge.ts'
import { VaultError } from '../errors.ts'
import type { EventContext } from '../events/catalogue.ts'
import type { AccessState } from '../projections/access.ts'
import type { Outcome } from './outcome.ts'

/** Whether a holder may do what it asks, by the policies of now. */
export function permit(
  access: AccessState,
  holder: Holder,
  { asked, now }: { readonly asked: Asked; readonly now: number },
): Verdict {
  const { operation, subject: path, below } = asked
  return judge(access, holder, { capability: capabilityOf[operation], path, below, now })
}

/** What was decided as a whole: facts, and what their context holds besides. */
export interface Permitted extends Outcome {
  readonly context: Pick<EventContext, 'decision'>
}

/** A refusal by policy, which says the same whatever is there. */
export function denied({ operation, subject, purpose }: Asked, { decision }: Verdict): Permitted {
  const what = subject === '' ? operation : `${operation} of ${subject}`
  const why = purpose === undefined ? '' : `, which it takes ${purpose}`
  return {
    facts: [{ type: 'secret.denied', subject, data: { operation, cause: 'policy' } }],
    context: { decision },
    refused: new VaultError(
      'DENIED',
      `${what} is not allowed${why}`,
      subject ? { path: subject } : {},
    ),
  }
}
