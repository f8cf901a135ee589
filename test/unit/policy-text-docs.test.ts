import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { rulesOfText } from '../../src/http/policy-text/policy-text.ts'
import { capabilities, type PolicyRule, VaultError } from '../../src/index.ts'

const page = readFileSync(new URL('../../docs/vault-policies.md', import.meta.url), 'utf8')
const rulesIn = (text: string) => rulesOfText(text, { mount: 'secret' })

/** The blocks of the page, in order. */
const blocks = [...page.matchAll(/^```(\w+)( refused)?\n(.*?)^```$/gms)].map(
  ([, language, refused, text = '']) => ({ language, isRefused: refused !== undefined, text }),
)

describe('the examples of docs/vault-policies.md', () => {
  const pairs = blocks.flatMap((block, i) => {
    const next = blocks[i + 1]
    return block.language === 'hcl' && next !== undefined ? [{ ...block, next }] : []
  })

  test.each(pairs)('come to what stands behind them: %#', ({ text, isRefused, next }) => {
    if (isRefused) {
      expect(() => rulesIn(text)).toThrow(new VaultError('INVALID', next.text.trim()))
    } else expect(rulesIn(text)).toEqual(JSON.parse(next.text).rules)
  })

  test.each(blocks.filter(({ language }) => language === 'json'))('are rules: %#', ({ text }) => {
    expect(rulesIn(text)).toEqual(JSON.parse(text).rules)
  })

  test('are there', () => {
    expect(pairs.length).toBe(3)
  })
})

/** Rows of three columns, the second of which names capabilities of Vault's. */
const rows = [...page.matchAll(/^\| `([^`]+)` \| ((?:`[a-z]+`(?:, )?)+) \| (.+) \|$/gm)].map(
  ([, path = '', words = '', here = '']) => ({ path, words, here }),
)

function isAllowing(rules: readonly PolicyRule[], named: string, pattern: string): boolean {
  const [rule, ...others] = rules
  if (rule === undefined || others.length > 0 || rule.effect !== 'allow') return false
  return rule.capabilities.join() === named && rule.paths.join() === pattern
}

describe('the tables of docs/vault-policies.md', () => {
  test.each(rows)('$path $words', ({ path, words, here }) => {
    const text = `path "${path.replace(/P$/, 'prod/*')}" { capabilities = [${words.replaceAll('`', '"')}] }`
    const pattern = path.endsWith('/P') ? 'prod/**' : '**'
    if (here.startsWith('refused')) expect(() => rulesIn(text)).toThrow(/^line 1, column 6: /)
    else if (here.startsWith('nothing')) expect(rulesIn(text)).toEqual([])
    else {
      const named = here.startsWith('every right') ? capabilities.join() : here.replaceAll('`', '')
      expect(isAllowing(rulesIn(text), named, pattern), here).toBe(true)
    }
  })

  test('name each kind of row', () => {
    expect(rows.length).toBeGreaterThan(35)
  })

  const listed = page.split('These come to nothing')[1]?.split('\n\n')[1] ?? ''
  const inert = [...listed.matchAll(/`([^`]+)`/g)].map(([, path = '']) => path)
  test.each(inert)('%s comes to nothing', (path) => {
    expect(rulesIn(`path "${path}" { capabilities = ["create", "read", "update"] }`)).toEqual([])
  })

  test('name the paths that come to nothing', () => {
    expect(inert.length).toBeGreaterThan(20)
  })
})
