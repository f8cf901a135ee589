import { equalBytes } from '../../crypto/hash.ts'
import { randomKey } from '../../crypto/random.ts'
import type { Marked } from '../../decide/tokens.ts'
import { VaultError } from '../../errors.ts'
import type { HandedOutRow } from '../../projections/handed-out.ts'
import { isHandedOut } from './checked.ts'
import type { HandedOutKeys } from './handed-out-keys.ts'

/** 256 random bits, behind a prefix by which people and scanners know what it is. */
export function randomText(prefix: 'mun_' | 'muns_'): string {
  const bytes = randomKey()
  const text = prefix + bytes.toString('base64url')
  bytes.fill(0)
  return text
}

/** What the log is to hold of a text that is to be handed out. Throws `CLOSED`. */
export function markedBy(keys: HandedOutKeys, text: string): Marked {
  const marks = [...keys.marks(text)]
  const [mark] = marks
  if (mark === undefined) throw new VaultError('INTEGRITY', 'the keyring holds no append key')
  return { mark, accessors: marks.map(({ accessor }) => accessor) }
}

/**
 * The row of a text, if it was handed out: found by its accessor, and told by its hash, in a time that says nothing of
 * either.
 */
export function rowOfText<R extends HandedOutRow>(
  rows: ReadonlyMap<string, R>,
  keys: HandedOutKeys,
  text: unknown,
): R | undefined {
  if (!isHandedOut(text)) return undefined
  for (const { accessor, hash } of keys.marks(text)) {
    const row = rows.get(accessor)
    if (row !== undefined && equalBytes(hash, Buffer.from(row.hash, 'hex'))) return row
  }
  return undefined
}
