import { combine, split } from 'shamir-secret-sharing'
import { hkdfSha256, sha256 } from '../crypto/hash.ts'
import { randomKey } from '../crypto/random.ts'
import { VaultError } from '../errors.ts'
import {
  encodeShare,
  parseShare,
  type Share,
  type ShareCount,
  setIdBytes,
  shareCountFault,
} from './share.ts'
import type { Credential } from './unlock.ts'

/**
 * points := Shamir's scheme (Communications of the ACM 22/11, 1979) over GF(2⁸) with x⁸ + x⁴ + x³ + x + 1, a polynomial
 *           of degree threshold - 1 for each byte of secret(32), each share at an x of its own from 1 to 255
 * setId  := SHA-256("muniment/v1/shares-set" ‖ secret)[:4]
 *
 * Points that are too few or do not belong together combine to bytes like any other: the setId tells. It says 32 of
 * the secret's 256 bits to whoever has the keyring or one share, which leaves 224. The slot's key is
 * HKDF-SHA-256(secret, "muniment/v1/shares").
 */
const setLabel = Buffer.from('muniment/v1/shares-set')

/** A fresh set of shares, each to print and give to one person: the texts are shown once and kept nowhere. */
export interface ShareSet {
  /** In the order of their numbers, from 1. */
  readonly texts: readonly string[]
  readonly credential: Credential
}

/**
 * Splits a fresh key of 256 bits into shares (Shamir): any `threshold` of them open the vault, fewer do not.
 * `INVALID` unless 2 <= threshold <= of <= 16.
 *
 * @example
 * const { texts, credential } = await shares({ threshold: 2, of: 3 })
 * await vault.keyslots.add(credential, { label: 'the board' })
 * for (const text of texts) console.log(text) // MUNIMENT-SHARE-07BF-…
 * const vault = await Vault.open({ path: './vault', unlock: await shares.parse([typed, another]) })
 */
export async function shares({ threshold, of }: ShareCount): Promise<ShareSet> {
  const fault = shareCountFault({ threshold, of })
  if (fault !== undefined) throw new VaultError('INVALID', `shares: ${fault}`)
  const secret = new Uint8Array(randomKey())
  const setId = setIdOf(secret)
  const points = await split(secret, of, threshold)
  secret.fill(0)
  const texts = points.map((point, index) =>
    encodeShare({ setId, threshold, of, number: index + 1, point: () => point }),
  )
  for (const point of points) point.fill(0)
  // The credential comes from the texts themselves: no slot is made for a set that does not open it.
  return { texts, credential: await shares.parse(texts.slice(-threshold)) }
}

/**
 * Reads shares as typed, in any order: in either case, with or without their prefix, spaces and hyphens. `INVALID`
 * where they are fewer than the set needs or do not belong together, and where one is of another set, given twice or
 * mistyped: which one, and the place of the mistake where that can be told. `UNSUPPORTED` for a later version.
 */
shares.parse = async (texts: readonly string[]): Promise<Credential> => {
  let held: readonly Share[] = []
  for (const text of texts) held = addShare(held, text)
  return combineShares(held)
}

/**
 * The shares held so far and one more: for a set that comes together one by one. Throws as `shares.parse`, and what
 * was held is as it was.
 */
export function addShare(held: readonly Share[], text: string): readonly Share[] {
  const what = `share text ${held.length + 1}`
  const share = parseShare(text, what)
  held.forEach((other, index) => {
    const fault = faultBetween(share, other)
    if (fault !== undefined) {
      throw new VaultError('INVALID', `${what} and share text ${index + 1} ${fault}`)
    }
  })
  return [...held, share]
}

/** The credential of a set of which enough shares are held. `INVALID` where they are too few or one is forged. */
export async function combineShares(held: readonly Share[]): Promise<Credential> {
  const [first] = held
  if (first === undefined) throw new VaultError('INVALID', 'shares: none was given')
  const { setId, threshold, of } = first
  if (held.length < threshold) {
    const given = held.length === 1 ? '1 was given' : `${held.length} were given`
    throw new VaultError('INVALID', `this set needs ${threshold} shares, ${given}`, {
      expected: threshold,
      found: held.length,
    })
  }
  const secret = await combine(held.map(({ point }) => point()))
  if (setIdOf(secret) !== setId) {
    throw new VaultError('INVALID', 'these shares do not belong together, or one of them is forged')
  }
  return {
    kinds: ['shares'],
    newKdf: () => ({ kdf: 'shares', threshold, of, setId }),
    key: async () => hkdfSha256(secret, 'muniment/v1/shares'),
  }
}

/** Why two shares cannot be used together, or undefined. */
function faultBetween(share: Share, other: Share): string | undefined {
  if (share.setId !== other.setId) return 'are of different sets: their first two groups differ'
  if (share.threshold !== other.threshold || share.of !== other.of) {
    return `do not agree: one says ${countOf(share)}, the other ${countOf(other)}`
  }
  if (share.number === other.number) return `are both share ${share.number} of their set`
  if (share.point().at(-1) === other.point().at(-1)) return 'hold the same point: one is forged'
  return undefined
}

function countOf({ threshold, of }: ShareCount): string {
  return `${threshold} of ${of}`
}

function setIdOf(secret: Uint8Array): string {
  return sha256(setLabel, secret).toString('hex', 0, setIdBytes)
}
