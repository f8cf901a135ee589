import { type Capability, capabilities, type PolicyRule } from '../../index.ts'
import { patternAt } from './pattern-at.ts'
import { quote, refusal } from './refusal.ts'
import type { ListTree, ObjectTree, Tree } from './tree.ts'

/*
 * policy := { "rules": [ rule… ] }
 * rule   := { "effect": "allow" | "deny", "capabilities": [capability…], "paths": [pattern…] }
 */

const ruleFields = ['effect', 'capabilities', 'paths'] as const

/** The rules of a policy that is written as rules. Throws `INVALID`. */
export function readOwnJson(text: string, policy: ObjectTree): readonly PolicyRule[] {
  const stray = policy.members.find(({ name }) => name !== 'rules')
  if (stray !== undefined) {
    throw refusal(text, stray.at, `expected rules alone, found ${quote(stray.name)}`)
  }
  const [rules] = policy.members
  return listOf(text, rules?.value ?? policy).items.map((rule) => readRule(text, rule))
}

function readRule(text: string, rule: Tree): PolicyRule {
  if (rule.kind !== 'object') throw refusal(text, rule.at, 'expected a rule as an object')
  const stray = rule.members.find(({ name }) => !ruleFields.some((field) => field === name))
  if (stray !== undefined) {
    const why = `expected ${ruleFields.join(', ')}, found ${quote(stray.name)}`
    throw refusal(text, stray.at, why)
  }
  const [effect, named, paths] = ruleFields.map((field) => {
    const found = rule.members.find(({ name }) => name === field)
    if (found !== undefined) return found.value
    throw refusal(text, rule.at, `expected the rule to have ${field}`)
  }) as [Tree, Tree, Tree]
  return {
    effect: oneOf(text, effect, ['allow', 'deny'] as const),
    capabilities: distinct<Capability>(text, named, (tree) => oneOf(text, tree, capabilities)),
    paths: distinct(text, paths, (tree) => patternIn(text, tree)),
  }
}

function oneOf<Word extends string>(text: string, tree: Tree, words: readonly Word[]): Word {
  const given = tree.kind === 'string' ? tree.text : undefined
  const word = words.find((known) => known === given)
  if (word !== undefined) return word
  const found = given === undefined ? '' : `, found ${quote(given)}`
  throw refusal(text, tree.at, `expected one of ${words.join(', ')}${found}`)
}

function patternIn(text: string, tree: Tree): string {
  if (tree.kind === 'string') return patternAt(text, tree.at, tree.text)
  throw refusal(text, tree.at, 'expected a path as a string')
}

function distinct<Item>(text: string, tree: Tree, read: (tree: Tree) => Item): readonly Item[] {
  const { items } = listOf(text, tree)
  if (items.length === 0) throw refusal(text, tree.at, 'expected at least one')
  const seen = new Set<Item>()
  for (const item of items) {
    const value = read(item)
    if (seen.has(value)) throw refusal(text, item.at, 'expected each once')
    seen.add(value)
  }
  return [...seen]
}

function listOf(text: string, tree: Tree): ListTree {
  if (tree.kind === 'list') return tree
  throw refusal(text, tree.at, 'expected a list')
}
