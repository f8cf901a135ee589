import { Type } from 'typebox'
import { capabilities } from '../../../index.ts'
import { momentOf } from '../moment.ts'
import { type Group, operation } from '../operation.ts'
import { names } from '../shapes/access.ts'
import { actor, moment, oneOf, position, strict } from '../shapes/common.ts'

const optional = Type.Optional

export const explainOperations: Group = {
  name: 'Explain',
  description: 'Who may do what, and why.',
  operations: [
    operation({
      id: 'explainAccess',
      method: 'POST',
      path: '/explain',
      summary: 'Whether an actor may do something, and which rule says so',
      description: 'It takes the right to `audit` that path, and changes nothing.',
      right: 'audit',
      body: strict({
        actor,
        roles: optional(
          Type.Array(Type.String(), {
            description: 'That a host would say the actor has, beside those granted.',
          }),
        ),
        policies: optional(names),
        capability: oneOf(capabilities),
        path: optional(Type.String({ description: 'The vault itself unless said.' })),
        ...moment,
      }),
      answer: strict({
        allowed: Type.Boolean(),
        effect: oneOf(['allow', 'deny'] as const),
        rule: optional(Type.String({ description: 'Absent where no rule speaks of it.' })),
        role: optional(
          Type.String({ description: "That brings the rule; empty for a token's own policies." }),
        ),
        asserted: optional(Type.Literal(true)),
        policy: optional(position('Of the event that wrote the policy.')),
        why: Type.String({ description: 'In a sentence.' }),
      }),
      run: async ({ scope, body, call }) => {
        const { capability, path = '', position, time, ...who } = body
        const at = momentOf({ position, time })
        return scope.explain(who, { capability, path }, { ...call, ...(at && { at }) })
      },
    }),
  ],
}
