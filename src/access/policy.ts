import { VaultError } from '../errors.ts'
import type { PolicyRule } from '../events/catalogue.ts'
import { checkPath } from '../events/path.ts'
import { type Pattern, parsePattern } from '../events/pattern.ts'
import { type Capability, capabilities } from '../events/words.ts'
import {
  nameBytesMax,
  pathsPerRuleMax,
  patternsPerPolicyMax,
  policiesPerRoleMax,
  rulesPerPolicyMax,
  segmentsPerPolicyMax,
} from '../limits.ts'

/**
 * Returns the name of a policy or role as it is, if it is one: a segment of a path (`events/path.ts`), at most 128 bytes.
 * Throws `INVALID`, `TOO_LARGE`.
 */
export function checkName(name: string, argument: string): string {
  checkPath(name, argument)
  if (name.includes('/')) throw new VaultError('INVALID', `${argument}: expected no "/"`)
  const size = Buffer.byteLength(name)
  if (size <= nameBytesMax) return name
  throw tooLarge(argument, { most: nameBytesMax, found: size, unit: 'bytes' })
}

/** Built in: it allows everything. Tokens name it, and nobody writes it. */
export const rootPolicy = 'root'

/** The name of a policy that can be written. Throws `INVALID`, `TOO_LARGE`. */
export function checkWritable(name: string): string {
  if (checkName(name, 'name') !== rootPolicy) return name
  throw new VaultError('INVALID', `policy ${rootPolicy} is built in, and stays as it is`)
}

/**
 * A copy of a policy's rules that nothing can change, if they are ones that a vault can hold. Throws `INVALID` and
 * `TOO_LARGE`, naming the rule: whatever is not understood is refused here, so that no rule is ever passed over.
 */
export function checkRules(rules: readonly PolicyRule[]): readonly PolicyRule[] {
  const list = checkList(rules, { argument: 'rules', most: rulesPerPolicyMax })
  const checked = list.map((rule, i) => checkRule(rule, `rules[${i}]`))
  const patterns = checked.reduce((sum, { paths }) => sum + paths.length, 0)
  if (patterns > patternsPerPolicyMax) {
    throw tooLarge('rules', { most: patternsPerPolicyMax, found: patterns, unit: 'paths in all' })
  }
  const segments = segmentsOf(checked)
  if (segments <= segmentsPerPolicyMax) return Object.freeze(checked)
  const unit = 'segments of paths in all'
  throw tooLarge('rules', { most: segmentsPerPolicyMax, found: segments, unit })
}

/** How many segments the paths of these rules have together: what compiling them takes. */
export function segmentsOf(rules: readonly Pick<PolicyRule, 'paths'>[]): number {
  let segments = 0
  for (const { paths } of rules) for (const text of paths) segments += text.split('/').length
  return segments
}

/** Every path, and the vault itself. */
const everything: Pattern = Object.freeze({ text: '**', parts: Object.freeze([]), deep: true })

/**
 * A pattern of a rule that the log holds, where it is one. Writing a policy refuses any other; a log that has one all the
 * same is of another maker, and what its rule was meant to keep from whom is not known.
 */
export function patternOf(text: string): { readonly pattern: Pattern; readonly isKnown: boolean } {
  try {
    return { pattern: parsePattern(text), isKnown: true }
  } catch {
    return { pattern: everything, isKnown: false }
  }
}

/** The names of a role's policies, copied. Throws `INVALID`, `TOO_LARGE`. */
export function checkPolicyNames(policies: readonly string[]): readonly string[] {
  const list = checkList(policies, { argument: 'policies', most: policiesPerRoleMax })
  const names = list.map((name, i) => checkName(name, `policies[${i}]`))
  return Object.freeze([...expectDistinct(names, 'policies')])
}

/** Roles that a host says an actor has, sorted and each once. Throws `INVALID`, `TOO_LARGE`. */
export function checkRoleNames(roles: readonly string[]): readonly string[] {
  const list = checkList(roles, { argument: 'roles', most: policiesPerRoleMax })
  return Object.freeze([...new Set(list.map((name, i) => checkName(name, `roles[${i}]`)))].sort())
}

const ruleFields: readonly string[] = ['effect', 'capabilities', 'paths']

function checkRule(rule: PolicyRule, argument: string): PolicyRule {
  if (typeof rule !== 'object' || rule === null) {
    throw new VaultError('INVALID', `${argument}: expected an object`)
  }
  // Each field is read once: what is checked is what the log is to hold.
  const { effect, capabilities: given, paths } = rule
  const stray = Object.keys(rule).find((field) => !ruleFields.includes(field))
  if (stray !== undefined) {
    throw new VaultError('INVALID', `${argument}: expected ${ruleFields.join(', ')} and no more`)
  }
  if (effect !== 'allow' && effect !== 'deny') {
    throw new VaultError('INVALID', `${argument}.effect must be allow or deny`)
  }
  return Object.freeze({
    effect,
    capabilities: checkCapabilities(given, `${argument}.capabilities`),
    paths: checkPatterns(paths, `${argument}.paths`),
  })
}

function checkCapabilities(given: readonly Capability[], argument: string): readonly Capability[] {
  const list = checkList(given, { argument, least: 1, most: capabilities.length })
  for (const capability of list) checkCapability(capability, argument)
  return Object.freeze([...expectDistinct(list, argument)])
}

/** Throws `INVALID` for a word that is no capability. */
export function checkCapability(capability: Capability, argument = 'capability'): Capability {
  if (capabilities.includes(capability)) return capability
  throw new VaultError('INVALID', `${argument}: expected any of ${capabilities.join(', ')}`)
}

function checkPatterns(given: readonly string[], argument: string): readonly string[] {
  const list = checkList(given, { argument, least: 1, most: pathsPerRuleMax })
  for (const [i, text] of list.entries()) parsePattern(text, `${argument}[${i}]`)
  return Object.freeze([...expectDistinct(list, argument)])
}

/** A plain copy of the list, each item of which is read once. */
function checkList<T>(
  list: readonly T[],
  about: { readonly argument: string; readonly least?: number; readonly most: number },
): readonly T[] {
  const { argument, least = 0, most } = about
  if (!Array.isArray(list)) throw new VaultError('INVALID', `${argument}: expected a list`)
  const { length } = list
  if (length > most) throw tooLarge(argument, { most, found: length, unit: 'items' })
  if (length >= least) return Array.from({ length }, (_, i) => list[i] as T)
  throw new VaultError('INVALID', `${argument}: expected at least ${least}, found ${length}`)
}

function expectDistinct<T>(list: readonly T[], argument: string): readonly T[] {
  if (new Set(list).size === list.length) return list
  throw new VaultError('INVALID', `${argument}: expected each once`)
}

function tooLarge(
  argument: string,
  { most, found, unit }: { most: number; found: number; unit: string },
): VaultError {
  const message = `${argument}: expected at most ${most} ${unit}, found ${found}`
  return new VaultError('TOO_LARGE', message, { expected: most, found })
}
