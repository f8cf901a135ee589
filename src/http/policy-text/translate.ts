import { capabilities, type PolicyRule } from '../../index.ts'
import { claimsBy, claimsOf, endpoints, type Place } from './claim.ts'
import { patternAt } from './pattern-at.ts'
import { type Said, settle } from './precedence.ts'
import { namedIn, secretsOf, textOf } from './reach.ts'
import { quote, refusal } from './refusal.ts'
import { rulesOf } from './rules.ts'
import type { Statement } from './statement.ts'
import {
  fullSet,
  type SystemStatement,
  systemPathOf,
  type VaultRule,
  vaultRulesOf,
} from './system-path.ts'
import { vaultPathOf } from './vault-path.ts'
import { expectWithin } from './within.ts'

/** Vault's statements, as rules of ours that say the same. Throws `INVALID` for what cannot be said. */
export function translate(
  text: string,
  statements: readonly Statement[],
  mount: string,
): readonly PolicyRule[] {
  const { places, systems, settings } = sortOut(text, statements, mount)
  const everything = places.find(({ isEverything }) => isEverything)
  const vaultRules = vaultRulesOf(text, systems, everything !== undefined)
  const claims = claimsBy(places.flatMap((place) => claimsOf(text, place)))
  const said = settle(text, claims)
  for (const place of places) expectWithin(text, place, claims)
  const givesPolicy = ({ effect, capability }: VaultRule) =>
    effect === 'allow' && capability === 'policy'
  const isPolicyGiven = everything !== undefined || vaultRules.some(givesPolicy)
  for (const statement of settings) expectSettings(text, statement, isPolicyGiven)
  return rulesOf(text, [...said, ...saidOfVault(vaultRules, everything)])
}

interface Sorted {
  readonly places: readonly Place[]
  readonly systems: readonly SystemStatement[]
  /** About the mount's own settings. */
  readonly settings: readonly Statement[]
}

function sortOut(text: string, statements: readonly Statement[], mount: string): Sorted {
  const places: Place[] = []
  const systems: SystemStatement[] = []
  const settings: Statement[] = []
  for (const statement of statements) {
    const { path } = statement
    const system = path.startsWith(`${mount}/`) ? undefined : systemPathOf(path)
    if (system !== undefined) systems.push({ statement, system })
    else if (path === '*') places.push(everythingOf(text, statement))
    else if (path === `${mount}/config`) settings.push(statement)
    else places.push(placeOf(text, statement, mount))
  }
  return { places, systems, settings }
}

function everythingOf(text: string, statement: Statement): Place {
  const needed = [...fullSet, 'sudo'] as const
  const isWhole = needed.every((word) => statement.words.has(word)) && !statement.words.has('deny')
  if (isWhole) {
    const path = vaultPathOf(text, statement)
    return { statement, path, endpoints, rest: path, isEverything: true }
  }
  const why = `expected ${needed.join(', ')}, and no deny: less of everything cannot be said`
  throw refusal(text, statement.at, why)
}

function placeOf(text: string, statement: Statement, mount: string): Place {
  const { path: given, at } = statement
  const path = vaultPathOf(text, statement)
  const { end } = path
  const mounted = mount.split('/')
  if (!mounted.every((segment, i) => path.segments[i] === segment)) {
    const why = `expected a path below ${quote(`${mount}/`)}, found ${quote(given)}`
    throw refusal(text, at, `${why}, which there is no counterpart of here`)
  }
  const [name, ...segments] = path.segments.slice(mounted.length)
  const rest = { segments, end }
  for (const reach of end === 'folder' ? namedIn(rest) : secretsOf(rest)) {
    patternAt(text, at, textOf(reach))
  }
  const isWholeMount = name === undefined && end === 'glob'
  const isAnyEndpoint = name === '+' && (segments.length > 0 || end === 'glob')
  if (isWholeMount || isAnyEndpoint) return { statement, path, endpoints, rest }
  const own = endpoints.filter((endpoint) => endpoint === name)
  if (own.length > 0) return { statement, path, endpoints: own, rest }
  const expected = endpoints.map((endpoint) => quote(`${mount}/${endpoint}/`)).join(', ')
  throw refusal(text, at, `expected a path below one of ${expected}, found ${quote(given)}`)
}

/** The settings of the mount take our `policy`: what a text says of them is said by what it says of that. */
function expectSettings(
  text: string,
  { path, at, words }: Statement,
  isPolicyGiven: boolean,
): void {
  const isUnsaid = words.size === 0 || words.has('deny')
  const isWhole = words.has('read') && words.has('update') && !isUnsaid
  if (isPolicyGiven ? isWhole : isUnsaid) return
  const why = isPolicyGiven
    ? 'which this text gives: expected read and update'
    : 'which this text does not give'
  throw refusal(text, at, `${quote(path)} is within the right to policies here, ${why}`)
}

function saidOfVault(rules: readonly VaultRule[], everything: Place | undefined): readonly Said[] {
  const all = everything === undefined ? [] : capabilities
  return [...all.map((capability) => ({ effect: 'allow' as const, capability })), ...rules].map(
    (rule) => ({ ...rule, pattern: '**', at: everything?.statement.at ?? 0 }),
  )
}
