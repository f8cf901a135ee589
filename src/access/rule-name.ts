/** One rule of a policy: `index` counts from 0. */
export interface RuleRef {
  readonly policy: string
  readonly index: number
}

/**
 * How events and reports name a rule in `context.decision.rule`: the policy, `#`, and the rule's number in it. Which
 * rules the policy had then, the event at `context.decision.policy` tells.
 *
 * @example
 * ruleName({ policy: 'payments-read', index: 0 }) // 'payments-read#0'
 */
export function ruleName({ policy, index }: RuleRef): string {
  return `${policy}#${index}`
}

const form = /^(.+)#(0|[1-9]\d{0,8})$/su

/**
 * The rule that a text names; undefined for any other text, and for the empty one of a decision that no rule made. The
 * name of a policy may hold `#` itself: the last one counts.
 *
 * @example
 * parseRuleName('team#7#0') // { policy: 'team#7', index: 0 }
 */
export function parseRuleName(text: string): RuleRef | undefined {
  const [, policy, index] = form.exec(text) ?? []
  return policy === undefined ? undefined : { policy, index: Number(index) }
}
