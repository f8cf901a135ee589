import { quote, refusal } from './refusal.ts'
import type { Member, TextTree, Tree } from './tree.ts'

/** The capabilities that Vault and OpenBao know. */
const vaultWords = [
  'create',
  'read',
  'update',
  'patch',
  'delete',
  'list',
  'scan',
  'sudo',
  'deny',
] as const
export type VaultWord = (typeof vaultWords)[number]

/** What a text says of one path of Vault's. */
export interface Statement {
  /** As Vault compares it: without a slash before it. */
  readonly path: string
  /** Where the path stands in the text. */
  readonly at: number
  readonly words: ReadonlySet<VaultWord>
}

/** What the older shorthand stands for (`policy = "read"`), as Vault's `ParseACLPolicy` expands it. */
const shorthands: ReadonlyMap<string, readonly VaultWord[]> = new Map<string, readonly VaultWord[]>(
  [
    ['deny', ['deny']],
    ['read', ['read', 'list']],
    ['write', ['create', 'read', 'update', 'delete', 'list']],
    ['sudo', ['create', 'read', 'update', 'delete', 'list', 'sudo']],
  ],
)

const fields: readonly string[] = ['capabilities', 'policy', 'comment']

/** Refuses a field of a path that is not understood: most of them narrow what the path allows. */
export function expectField(text: string, { name, at }: Pick<Member, 'name' | 'at'>): void {
  if (fields.includes(name)) return
  const why = `expected capabilities, policy or comment, found ${quote(name)}`
  throw refusal(text, at, `${why}: a restriction that cannot be kept here is not passed over`)
}

/** What the fields of a path say. Throws `INVALID`. */
export function statementOf(
  text: string,
  { text: path, at }: Pick<TextTree, 'text' | 'at'>,
  members: readonly Member[],
): Statement {
  const words = new Set<VaultWord>()
  const seen = new Set<string>()
  for (const member of members) {
    expectField(text, member)
    if (seen.has(member.name)) {
      throw refusal(text, member.at, `expected ${member.name} once for each path`)
    }
    seen.add(member.name)
    for (const word of wordsOf(text, member)) words.add(word)
  }
  return { path: path.startsWith('/') ? path.slice(1) : path, at, words }
}

function wordsOf(text: string, { name, value }: Member): readonly VaultWord[] {
  if (name === 'capabilities') return capabilitiesOf(text, value)
  if (value.kind !== 'string') throw refusal(text, value.at, 'expected a string')
  if (name === 'comment') return []
  const words = shorthands.get(value.text)
  if (words !== undefined) return words
  const expected = [...shorthands.keys()].join(', ')
  throw refusal(text, value.at, `expected one of ${expected}, found ${quote(value.text)}`)
}

function capabilitiesOf(text: string, value: Tree): readonly VaultWord[] {
  if (value.kind !== 'list') throw refusal(text, value.at, 'expected a list of capabilities')
  return value.items.map((item) => {
    if (item.kind !== 'string') throw refusal(text, item.at, 'expected a capability as a string')
    const word = vaultWords.find((known) => known === item.text)
    if (word !== undefined) return word
    const why = `expected one of ${vaultWords.join(', ')}, found ${quote(item.text)}`
    throw refusal(text, item.at, why)
  })
}

/** Each path is compared with each other one while everybody waits: how many there may be, and how long all together. */
const pathsMax = 128
const segmentsMax = 2048

/** The same path said twice is one path that all of it is said of, as in Vault. */
export function merged(text: string, statements: readonly Statement[]): readonly Statement[] {
  const byPath = new Map<string, Statement>()
  let segments = 0
  for (const { path, at, words } of statements) {
    const before = byPath.get(path)
    if (before === undefined) {
      byPath.set(path, { path, at, words })
      segments += path.split('/').length
    } else byPath.set(path, { ...before, words: new Set([...before.words, ...words]) })
    if (byPath.size > pathsMax) throw refusal(text, at, `expected at most ${pathsMax} paths`)
    if (segments > segmentsMax) {
      throw refusal(text, at, `expected at most ${segmentsMax} segments of paths in all`)
    }
  }
  return [...byPath.values()]
}
