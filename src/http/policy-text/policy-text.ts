import { type PolicyRule, policyTextBytesMax, VaultError } from '../../index.ts'
import { readHcl } from './hcl.ts'
import { readJson } from './json.ts'
import { readOwnJson } from './own-json.ts'
import { refusal } from './refusal.ts'
import { merged, type Statement } from './statement.ts'
import { translate } from './translate.ts'
import { readVaultJson } from './vault-json.ts'

/**
 * The rules that a policy's text says: Vault's HCL, Vault's JSON, or our own JSON (`{"rules": […]}`). What they come to
 * is never more than Vault would allow by the same text; `docs/vault-policies.md` has all of it. A pure function, in time
 * in proportion to the text's length and to the square of the number of its paths, of which there may be 128.
 *
 * @param about `mount`: the name that secrets are mounted under, `secret`
 * @throws VaultError `INVALID` for what is not understood or cannot be said, beginning with `line 3, column 5: `;
 *   `TOO_LARGE` beyond 32 KiB, `expected` and `found` in bytes
 * @example
 * rulesOfText('path "secret/data/prod/*" { capabilities = ["read"] }', { mount: 'secret' })
 * // [{ effect: 'allow', capabilities: ['read'], paths: ['prod/**'] }]
 */
export function rulesOfText(
  text: string,
  { mount }: { readonly mount: string },
): readonly PolicyRule[] {
  const size = Buffer.byteLength(text)
  if (size > policyTextBytesMax) {
    const message = `policy: expected at most ${policyTextBytesMax} bytes, found ${size}`
    throw new VaultError('TOO_LARGE', message, { expected: policyTextBytesMax, found: size })
  }
  if (!/^\s*\{/.test(text)) return translated(text, readHcl(text), mount)
  const tree = readJson(text)
  if (tree.kind !== 'object') throw refusal(text, tree.at, 'expected an object')
  if (tree.members.some(({ name }) => name === 'rules')) return readOwnJson(text, tree)
  return translated(text, readVaultJson(text, tree), mount)
}

function translated(
  text: string,
  statements: readonly Statement[],
  mount: string,
): readonly PolicyRule[] {
  return translate(text, merged(text, statements), mount)
}

/**
 * A text for a policy that was written as rules: our own JSON, which `rulesOfText` reads again. The same rules give the same
 * text.
 *
 * @example
 * textOfRules([{ effect: 'allow', capabilities: ['read'], paths: ['prod/**'] }]) // '{\n  "rules": [\n …'
 */
export function textOfRules(rules: readonly PolicyRule[]): string {
  // Field by field, so that their order is always the same.
  const written = rules.map(({ effect, capabilities, paths }) => ({ effect, capabilities, paths }))
  return JSON.stringify({ rules: written }, null, 2)
}
