import { type Capability, capabilities, type PolicyRule } from '../../index.ts'
import { patternAt } from './pattern-at.ts'
import type { Said } from './precedence.ts'

/** Bound of our rules: paths that one holds. */
const pathsPerRule = 64

/** As few rules as say it: each pattern with all that it allows, and with all that it denies, in the order of the text. */
export function rulesOf(text: string, said: readonly Said[]): readonly PolicyRule[] {
  const rules = new Map<string, { effect: Said['effect']; names: Capability[]; paths: string[] }>()
  for (const effect of ['allow', 'deny'] as const) {
    for (const [pattern, named] of byPattern(text, said, effect)) {
      const names = capabilities.filter((name) => named.has(name))
      const key = `${effect} ${names.join(' ')}`
      const known = rules.get(key)
      if (known === undefined) rules.set(key, { effect, names, paths: [pattern] })
      else known.paths.push(pattern)
    }
  }
  return [...rules.values()].flatMap(({ effect, names, paths }) => {
    const count = Math.ceil(paths.length / pathsPerRule)
    return Array.from({ length: count }, (_, i) => ({
      effect,
      capabilities: names,
      paths: paths.slice(i * pathsPerRule, (i + 1) * pathsPerRule),
    }))
  })
}

function byPattern(
  text: string,
  said: readonly Said[],
  effect: Said['effect'],
): ReadonlyMap<string, ReadonlySet<Capability>> {
  const patterns = new Map<string, Set<Capability>>()
  for (const { capability, pattern, at, ...rest } of said) {
    if (rest.effect !== effect) continue
    const known = patterns.get(pattern)
    if (known !== undefined) known.add(capability)
    else patterns.set(patternAt(text, at, pattern), new Set([capability]))
  }
  return patterns
}
