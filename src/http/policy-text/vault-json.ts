import { quote, refusal } from './refusal.ts'
import { type Statement, statementOf } from './statement.ts'
import type { Member, ObjectTree, Tree } from './tree.ts'

/*
 * policy := { "path": paths, "name"?: string }
 * paths  := { path: fields… } | [ { path: fields… }… ]
 * fields := { "capabilities": [string…], … } | [ fields ]
 *
 * The lists are how JSON that was made from HCL says blocks (https://github.com/hashicorp/hcl/tree/hcl1/json).
 */

/** The paths of a policy in Vault's JSON, as they stand. Throws `INVALID`. */
export function readVaultJson(text: string, policy: ObjectTree): readonly Statement[] {
  const statements: Statement[] = []
  for (const { name, at, value } of policy.members) {
    if (name === 'path') {
      for (const member of pathsIn(text, value)) statements.push(readPath(text, member))
    } else if (name !== 'name') {
      throw refusal(text, at, `expected "path" or "rules", found ${quote(name)}`)
    } else if (value.kind !== 'string') throw refusal(text, value.at, 'expected a string')
  }
  return statements
}

function pathsIn(text: string, paths: Tree): readonly Member[] {
  if (paths.kind === 'object') return paths.members
  if (paths.kind !== 'list')
    throw refusal(text, paths.at, 'expected an object from paths to fields')
  return paths.items.flatMap((item) => objectOf(text, item).members)
}

function readPath(text: string, { name, at, value }: Member): Statement {
  const [only, second] = value.kind === 'list' ? value.items : [value]
  if (second !== undefined) throw refusal(text, second.at, 'expected one object for each path')
  const { members } = objectOf(text, only ?? value)
  return statementOf(text, { text: name, at }, members)
}

function objectOf(text: string, tree: Tree): ObjectTree {
  if (tree.kind === 'object') return tree
  throw refusal(text, tree.at, 'expected an object')
}
