import { fc, test } from '@fast-check/vitest'
import { afterAll, describe, expect } from 'vitest'
import { judge } from '../../src/access/judge.ts'
import { checkRules } from '../../src/access/policy.ts'
import type { PolicyRule } from '../../src/events/catalogue.ts'
import { type Capability, capabilities } from '../../src/events/words.ts'
import { rulesOfText, textOfRules } from '../../src/http/policy-text/policy-text.ts'
import { VaultError } from '../../src/index.ts'
import { access } from '../../src/projections/access.ts'

/*
 * What Vault allows, straight from its documentation of policies: the path of the highest priority that matches a request
 * decides alone. Nothing of it is shared with what is tested.
 */

interface Block {
  readonly path: string
  readonly words: readonly string[]
}

function matches(pattern: string, request: string): boolean {
  const isGlob = pattern.endsWith('*')
  const parts = (isGlob ? pattern.slice(0, -1) : pattern).split('/')
  const asked = request.split('/')
  if (isGlob ? asked.length < parts.length : asked.length !== parts.length) return false
  return parts.every((part, i) => {
    if (part === '+') return true
    const isOpen = isGlob && i === parts.length - 1
    return isOpen ? asked[i]?.startsWith(part) : asked[i] === part
  })
}

/** Negative where `a` comes first: the rules of https://developer.hashicorp.com/vault/docs/concepts/policies. */
function byPriority(a: string, b: string): number {
  const wildcard = (path: string) => {
    const at = path.search(/[+*]/)
    return at === -1 ? Number.POSITIVE_INFINITY : at
  }
  if (wildcard(a) !== wildcard(b)) return wildcard(b) > wildcard(a) ? 1 : -1
  if (a.endsWith('*') !== b.endsWith('*')) return a.endsWith('*') ? 1 : -1
  const plus = (path: string) => path.split('/').filter((part) => part === '+').length
  if (plus(a) !== plus(b)) return plus(a) - plus(b)
  if (a.length !== b.length) return b.length - a.length
  return a < b ? 1 : -1
}

function vaultAllows(blocks: readonly Block[], word: string, request: string): boolean {
  // A listing is of a folder, and its path may be written without the slash.
  const forms = word === 'list' ? [request, request.slice(0, -1)] : [request]
  const decides = blocks
    .map(({ path }) => path)
    .filter((path) => forms.some((form) => matches(path, form)))
    .sort(byPriority)[0]
  const words = blocks.filter(({ path }) => path === decides).flatMap(({ words }) => words)
  return !words.includes('deny') && words.includes(word)
}

/** Which requests of Vault's a capability of ours comes to. */
const requests: Partial<Record<Capability, (blocks: readonly Block[], path: string) => boolean>> = {
  read: (blocks, path) => vaultAllows(blocks, 'read', `secret/data/${path}`),
  write: (blocks, path) =>
    ['create', 'update'].every((word) => vaultAllows(blocks, word, `secret/data/${path}`)),
  delete: (blocks, path) =>
    vaultAllows(blocks, 'delete', `secret/data/${path}`) ||
    vaultAllows(blocks, 'update', `secret/delete/${path}`),
  describe: (blocks, path) => vaultAllows(blocks, 'read', `secret/metadata/${path}`),
  annotate: (blocks, path) =>
    ['create', 'update'].every((word) => vaultAllows(blocks, word, `secret/metadata/${path}`)),
  purge: (blocks, path) => vaultAllows(blocks, 'delete', `secret/metadata/${path}`),
  destroy: (blocks, path) => vaultAllows(blocks, 'update', `secret/destroy/${path}`),
  // The name of a secret is in the listing of its folder.
  list: (blocks, path) =>
    vaultAllows(blocks, 'list', `secret/metadata/${path.replace(/[^/]+$/, '')}`),
}

const everything: readonly string[] = ['create', 'read', 'update', 'delete', 'list', 'sudo']

const segment = fc.constantFrom('a', 'b', '+')
const endpoint = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('data', 'metadata') },
  { weight: 2, arbitrary: fc.constantFrom('delete', 'destroy', 'undelete', 'subkeys', '+') },
)
const below = fc
  .tuple(
    endpoint,
    fc.array(segment, { maxLength: 3 }),
    fc.oneof({ weight: 3, arbitrary: fc.constant('/*') }, fc.constantFrom('', '/')),
  )
  .map(([first, parts, end]) => `secret/${[first, ...parts].join('/')}${end}`)
const path = fc.oneof({ weight: 12, arbitrary: below }, fc.constant('secret/*'))
const words = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .tuple(
        fc.subarray(['read', 'delete', 'list']),
        fc.constantFrom([], ['create', 'update'], ['create', 'update', 'patch']),
      )
      .map((halves) => halves.flat()),
  },
  { weight: 2, arbitrary: fc.constant(['deny']) },
  { weight: 1, arbitrary: fc.subarray([...everything, 'patch', 'scan', 'deny']) },
)
const block: fc.Arbitrary<Block> = fc.oneof(
  { weight: 20, arbitrary: fc.record({ path, words }) },
  fc.constant({ path: '*', words: everything }),
)
const blocks = fc.array(block, { minLength: 1, maxLength: 5 })

const hclOf = (given: readonly Block[]) =>
  given
    .map(({ path, words }) => `path "${path}" { capabilities = ${JSON.stringify(words)} }`)
    .join('\n')

const universe: readonly string[] = (() => {
  const parts = ['a', 'b', 'c']
  const two = parts.flatMap((first) => parts.map((next) => `${first}/${next}`))
  const three = two.flatMap((first) => parts.map((next) => `${first}/${next}`))
  return [...parts, ...two, ...three, 'a/b/c/a', 'a/a/a/a/a']
})()

/** What a policy of these rules allows. */
function oursOf(rules: readonly PolicyRule[]): (capability: Capability, path: string) => boolean {
  const state = access.initial()
  const written = { position: 0, writtenAt: 0, writtenBy: 'root' }
  state.policies.set('p', { rules, ...written })
  state.roles.set('r', { policies: ['p'], ...written })
  const holder = { actor: 'ana', asserted: ['r'] }
  return (capability, path) => judge(state, holder, { capability, path, now: 0 }).allowed
}

/** The rules, or undefined where the text is refused as it should be. */
function accepted(text: string): readonly PolicyRule[] | undefined {
  try {
    return rulesOfText(text, { mount: 'secret' })
  } catch (error) {
    if (!(error instanceof VaultError)) throw error
    expect(error.code).toBe('INVALID')
    expect(error.message).toMatch(/^line [1-9]\d*, column [1-9]\d*: ./)
    expect(error.message.length).toBeLessThan(600)
    return undefined
  }
}

describe('a text that is taken', () => {
  const seen = { taken: 0, refused: 0, denied: 0 }
  afterAll(() => {
    expect(seen.taken).toBeGreaterThan(200)
    expect(seen.refused).toBeGreaterThan(200)
    expect(seen.denied).toBeGreaterThan(50)
  })

  test.prop([blocks], { numRuns: 1500 })('allows what Vault allows by it', (given) => {
    const rules = accepted(hclOf(given))
    if (rules === undefined) {
      seen.refused++
      return
    }
    seen.taken++
    if (rules.some(({ effect }) => effect === 'deny')) seen.denied++
    checkRules(rules)
    const ours = oursOf(rules)
    const isAll = given.some(({ path }) => path === '*')
    const hasDeny = given.some(({ words }) => words.includes('deny'))
    const wrong: string[] = []
    for (const capability of capabilities) {
      const theirs = requests[capability]
      // One capability may be given at one endpoint and denied at the other: then it is denied.
      const isSame = capability !== 'delete' || !hasDeny
      for (const path of universe) {
        const allowed = ours(capability, path)
        // What is no request of Vault's, only the path of all paths gives.
        const should = theirs === undefined ? isAll && allowed : theirs(given, path)
        if (isSame ? allowed !== should : allowed && !should) wrong.push(`${capability} ${path}`)
      }
    }
    expect(wrong).toEqual([])
  })
})

const jsonOf = (given: readonly Block[]) =>
  JSON.stringify({
    path: given.map(({ path, words }) => ({ [path]: { capabilities: words } })),
  })

/** White space and comments of every kind, as they may stand between any two tokens. */
const blank = fc.constantFrom(' ', '\n', '\r\n\t', '# a "{[\n', '// b\n', '/* c\n" */', '/**/ ')
const token = /"[^"]*"|[a-z]+|[^\s]/g

describe('the same policy', () => {
  const outcomeOf = (text: string) => {
    try {
      return rulesOfText(text, { mount: 'secret' })
    } catch (error) {
      // The places differ.
      return error instanceof VaultError && error.message.replace(/line \d+(?:, column \d+)?/g, '')
    }
  }

  test.prop([blocks])('is the same in JSON', (given) => {
    expect(outcomeOf(jsonOf(given))).toEqual(outcomeOf(hclOf(given)))
  })

  test.prop([blocks, fc.array(blank, { minLength: 1 })])(
    'is the same with comments',
    (given, gaps) => {
      const noisy = hclOf(given).replace(
        token,
        (found, at: number) => `${found}${gaps[at % gaps.length]}`,
      )
      expect(outcomeOf(noisy)).toEqual(outcomeOf(hclOf(given)))
    },
  )

  test.prop([blocks])('is the same as its own rules in our JSON', (given) => {
    const rules = accepted(hclOf(given))
    fc.pre(rules !== undefined)
    expect(accepted(textOfRules(rules ?? []))).toEqual(rules)
  })
})

describe('any text', () => {
  const pieces = fc.constantFrom(
    ...'path name capabilities policy rules "secret/data/a" "secret/*" "*" "deny" ["read"] { } [ ] = , : "'.split(
      ' ',
    ),
    ...[
      '\\',
      '\n',
      ' ',
      '#',
      '//',
      '/*',
      '*/',
      '<<EOT',
      '$' + '{',
      '\u0000',
      '\ud800',
      '{"rules":[',
    ],
  )
  const hostile = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 200 }),
    fc.array(pieces, { maxLength: 40 }).map((list) => list.join('')),
    fc.tuple(blocks, fc.nat(), pieces).map(([given, at, piece]) => {
      const text = hclOf(given)
      const cut = at % (text.length + 1)
      return text.slice(0, cut) + piece + text.slice(cut + (at % 3))
    }),
    fc.json({ maxDepth: 12 }),
  )

  test.prop([hostile], { numRuns: 3000 })(
    'is taken, or refused with a place and a reason',
    (text) => {
      const rules = accepted(text)
      if (rules !== undefined) checkRules(rules)
    },
  )

  test.each(
    [
      '{',
      '[',
      '"',
      '\\',
      '#',
      '/*',
      '/',
      '//',
      '<<',
      '{"a":',
      '[[',
      'path"',
      'path ',
      'a',
      '$',
    ].flatMap((piece) => [
      piece.repeat(32_768 / piece.length),
      `{"path":${piece.repeat(10_000 / piece.length)}`,
    ]),
  )('is refused in no time where it repeats itself: %#', (text) => {
    expect(accepted(text.slice(0, 32_768))).toBeOneOf([undefined, []])
  })
})
