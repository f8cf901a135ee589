import { type Static, Type } from 'typebox'
import { type Credential, VaultError } from '../../../index.ts'
import { bytesIn } from '../base64.ts'
import { strict } from '../shapes/common.ts'

/** How a keyslot's key is made, with what is public of it. */
export type SlotKdf = ReturnType<Credential['newKdf']>

/** Of a derived key, and of every key that a keyslot is wrapped under. */
const keyBytes = 32
const keyChars = 44

const key = Type.String({
  minLength: keyChars,
  maxLength: keyChars,
  contentEncoding: 'base64',
  description:
    'The 32 bytes that were made of a credential. What they were made of stays where it is.',
})

const salt = Type.String({
  minLength: 24,
  maxLength: 88,
  contentEncoding: 'base64',
  description: '16 to 64 random bytes.',
})

/** The bounds of each are those that an opening holds it to: what could not be opened is not made. */
export const kdf = Type.Union([
  strict({
    kdf: Type.Literal('argon2id'),
    memoryKiB: Type.Integer({ minimum: 19 * 1024, maximum: 1024 * 1024 }),
    passes: Type.Integer({ minimum: 2, maximum: 16 }),
    lanes: Type.Integer({ minimum: 1, maximum: 16 }),
    salt,
  }),
  strict({
    kdf: Type.Literal('pbkdf2'),
    iterations: Type.Integer({ minimum: 600_000, maximum: 10_000_000 }),
    salt,
  }),
  strict({
    kdf: Type.Literal('shares'),
    threshold: Type.Integer({ minimum: 2, maximum: 16 }),
    of: Type.Integer({ minimum: 2, maximum: 16 }),
    setId: Type.String({ pattern: '^[0-9a-f]{8}$' }),
  }),
  strict({ kdf: Type.Literal('recovery') }),
])

type SentKdf = Static<typeof kdf>

/** What a new keyslot is made of: how its key was made, and the key. */
export const credential = strict({ kdf, key })

/** A key that a keyslot was asked for with. */
export const givenKey = strict({ key })

/** A credential whose key was made elsewhere. Throws `INVALID`. */
export function credentialOf(sent: Static<typeof credential>): Credential {
  const made = slotKdfOf(sent.kdf)
  return {
    kinds: [made.kdf],
    newKdf: () => made,
    // Whoever is given it wipes it.
    key: async () => keyOf(sent.key),
  }
}

/** Throws `INVALID`. */
export function keyOf(base64: string): Buffer {
  return bytesOf('key', base64, [keyBytes, keyBytes])
}

function slotKdfOf(sent: SentKdf): SlotKdf {
  if (sent.kdf === 'argon2id' || sent.kdf === 'pbkdf2') {
    return { ...sent, salt: bytesOf('salt', sent.salt, [16, 64]) }
  }
  if (sent.kdf === 'shares' && sent.threshold > sent.of) {
    throw new VaultError('INVALID', `kdf: expected threshold <= of, found more than ${sent.of}`)
  }
  return sent
}

/** The same as it is sent to whoever is to make a key. */
export function sentKdfOf(slot: SlotKdf): object {
  return 'salt' in slot ? { ...slot, salt: Buffer.from(slot.salt).toString('base64') } : slot
}

function bytesOf(what: string, base64: string, [least, most]: readonly [number, number]): Buffer {
  const bytes = bytesIn(base64)
  if (bytes !== undefined && bytes.length >= least && bytes.length <= most) return bytes
  const length = least === most ? `${least}` : `${least} to ${most}`
  throw new VaultError('INVALID', `${what} must be ${length} bytes in base64 (RFC 4648 §4), padded`)
}
