import type { EventContext, PolicyRule } from '../events/catalogue.ts'
import { type Capability, capabilities } from '../events/words.ts'
import { segmentsPerRoleMax } from '../limits.ts'
import type { AccessState } from '../projections/access.ts'
import { patternOf, rootPolicy, segmentsOf } from './policy.ts'
import { type RuleRef, ruleName } from './rule-name.ts'

/*
 * The patterns of each capability's rules stand in a tree of path segments: a `*` is a branch beside the literal ones,
 * and a node says which rules end there and which go on over everything below it. A path is matched by walking it once,
 * along the branches that it fits: never more nodes than the patterns have segments, and in practice a few. Where only
 * one pattern goes on, its rest stands in the node, and is laid out a segment at a time once a path comes that far.
 */

export type Decision = NonNullable<EventContext['decision']>

/** A role that an actor has: by a grant in the log, or because the host says so. */
export interface HeldRole {
  readonly name: string
  readonly asserted: boolean
  /** Of no role, which has an empty name then: those that a token holds its actor to. */
  readonly policies?: readonly string[]
}

/** A rule, as a role brings it to an actor. */
export interface HeldRule extends RuleRef {
  /** Among all rules of the actor: of several that speak of a path, the first is named. */
  readonly order: number
  readonly role: string
  readonly effect: PolicyRule['effect']
  /** What is recorded where it decides. */
  readonly decision: Decision
}

/** The first rule of each effect, of those that speak of something. */
export interface Speaking {
  readonly allow?: HeldRule
  readonly deny?: HeldRule
}

/** What speaks of the paths that begin with a prefix: of every one of them, and of any. */
export interface SpeakingBelow {
  readonly all: Speaking
  readonly any: Speaking
}

/** The rules of all roles that an actor has. */
export interface RuleSet {
  /** A path; empty for the vault itself, of which only `**` speaks. */
  match(capability: Capability, path: string): Speaking
  matchBelow(capability: Capability, prefix: string): SpeakingBelow
}

type Found = { -readonly [E in keyof Speaking]: Speaking[E] }

interface Node {
  readonly children: Map<string, Node>
  /** The branch of `*`. */
  any?: Node
  /** Of patterns that end with this segment. */
  readonly ends: Found
  /** Of patterns with a `**` after it. */
  readonly deep: Found
  /** Of all patterns that go through this node or end here. */
  readonly within: Found
  /** Of the one pattern that goes on from here, where there is only one: it has no branch of its own yet. */
  rest?: Rest | undefined
}

/** A pattern from a segment on. */
interface Rest {
  readonly parts: readonly string[]
  readonly from: number
  readonly deep: boolean
  readonly rule: HeldRule
}

interface Compiling extends HeldRule {
  readonly rule: PolicyRule
}

/** The rules of these roles; each capability's are compiled when it is first asked for. */
export function ruleSetOf(state: AccessState, roles: readonly HeldRole[]): RuleSet {
  const rules = [...heldRules(state, roles)]
  const trees = new Map<Capability, Node>()
  const treeOf = (capability: Capability): Node => {
    const known = trees.get(capability)
    if (known !== undefined) return known
    const tree = compile(rules.filter(({ rule }) => rule.capabilities.includes(capability)))
    trees.set(capability, tree)
    return tree
  }
  return {
    match: (capability, path) => matchPath(treeOf(capability), path),
    matchBelow: (capability, prefix) => matchPrefix(treeOf(capability), prefix),
  }
}

/** In the order of the roles, of the policies in each, of the rules in each. */
function* heldRules(state: AccessState, roles: readonly HeldRole[]): Iterable<Compiling> {
  let order = 0
  for (const { name: role, asserted, policies } of roles) {
    const own = policies === undefined ? state.roles.get(role)?.policies : inForce(state, policies)
    for (const policy of own ?? []) {
      const row = state.policies.get(policy)
      const rules = policies !== undefined && policy === rootPolicy ? rootRules : row?.rules
      for (const [index, rule] of (rules ?? []).entries()) {
        // A word for neither effect allows nothing.
        const effect = rule.effect === 'allow' ? 'allow' : 'deny'
        const decision: Decision = {
          rule: ruleName({ policy, index }),
          role,
          outcome: effect,
          ...(row && { policy: row.position }),
          ...(asserted && { asserted: true as const }),
        }
        yield { order: order++, policy, index, role, effect, decision, rule }
      }
    }
  }
}

/** What the policy that is built in says. */
export const rootRules: readonly PolicyRule[] = [{ effect: 'allow', capabilities, paths: ['**'] }]

/**
 * The policies of a token, as far as they may be compiled while everybody waits: all of them, or none where they hold too
 * much together. They were few enough when it was issued, and may have been written again since.
 */
export function inForce(
  { policies }: Pick<AccessState, 'policies'>,
  names: readonly string[],
): readonly string[] {
  let segments = 0
  for (const name of names) segments += segmentsOf(policies.get(name)?.rules ?? [])
  return segments <= segmentsPerRoleMax ? names : []
}

function compile(rules: readonly Compiling[]): Node {
  const root = emptyNode()
  for (const held of rules) {
    for (const text of held.rule.paths) {
      const { pattern, isKnown } = patternOf(text)
      const { parts, deep } = pattern
      // What a rule was meant for that is not understood, nobody is let at.
      add(root, { parts, from: 0, deep, rule: isKnown ? held : denying(held) })
    }
  }
  return root
}

function denying(rule: HeldRule): HeldRule {
  return { ...rule, effect: 'deny', decision: { ...rule.decision, outcome: 'deny' } }
}

function add(start: Node, { parts, from: first, deep, rule }: Rest): void {
  let node = start
  for (let from = first; ; from++) {
    note(node.within, rule)
    const part = parts[from]
    if (part === undefined) {
      note(deep ? node.deep : node.ends, rule)
      return
    }
    if (node.rest === undefined && node.any === undefined && node.children.size === 0) {
      node.rest = { parts, from, deep, rule }
      return
    }
    layOut(node)
    node = childOf(node, part)
  }
}

/** Gives the pattern that goes on from a node alone a branch, by one segment. */
function layOut(node: Node): void {
  const { rest } = node
  const part = rest?.parts[rest.from]
  if (rest === undefined || part === undefined) return
  node.rest = undefined
  add(childOf(node, part), { ...rest, from: rest.from + 1 })
}

function emptyNode(): Node {
  return { children: new Map(), ends: {}, deep: {}, within: {} }
}

function childOf(node: Node, part: string): Node {
  const known = part === '*' ? node.any : node.children.get(part)
  if (known !== undefined) return known
  const child = emptyNode()
  if (part === '*') node.any = child
  else node.children.set(part, child)
  return child
}

/** Keeps the first of each effect. */
function note(found: Found, rule: HeldRule): void {
  const before = found[rule.effect]
  if (before === undefined || rule.order < before.order) found[rule.effect] = rule
}

function noteAll(found: Found, { allow, deny }: Speaking): void {
  if (allow !== undefined) note(found, allow)
  if (deny !== undefined) note(found, deny)
}

function matchPath(root: Node, path: string): Speaking {
  if (path === '') return root.deep
  const found: Found = {}
  walk(root, { path, found }, 0)
  return found
}

/** What a path meets on its way down. */
interface Walk {
  readonly path: string
  readonly found: Found
}

/** `start` is that of the first segment below the node. */
function walk(node: Node, about: Walk, start: number): void {
  const { path, found } = about
  layOut(node)
  noteAll(found, node.deep)
  const slash = path.indexOf('/', start)
  const end = slash === -1 ? path.length : slash
  const child = node.children.get(path.slice(start, end))
  if (child !== undefined) enter(child, about, end)
  if (node.any !== undefined) enter(node.any, about, end)
}

/** `end` is that of the segment that led to the node. */
function enter(node: Node, about: Walk, end: number): void {
  if (end === about.path.length) noteAll(about.found, node.ends)
  else walk(node, about, end + 1)
}

function matchPrefix(root: Node, prefix: string): SpeakingBelow {
  const segments = prefix.split('/')
  const rest = segments.pop() ?? ''
  const all: Found = {}
  let nodes = [root]
  for (const segment of segments) {
    for (const node of nodes) {
      layOut(node)
      noteAll(all, node.deep)
    }
    nodes = nodes
      .flatMap(({ children, any }) => [children.get(segment), any])
      .filter((node) => node !== undefined)
  }
  const any: Found = { ...all }
  for (const node of nodes) {
    layOut(node)
    noteAll(all, node.deep)
    noteAll(any, node.deep)
    if (node.any !== undefined) noteAll(any, node.any.within)
    for (const [segment, child] of node.children) {
      if (segment.startsWith(rest)) noteAll(any, child.within)
    }
  }
  return { all, any }
}
