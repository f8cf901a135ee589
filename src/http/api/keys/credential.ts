import { type Static, Type } from 'typebox'
import { type Credential, kdfBounds, VaultError } from '../../../index.ts'
import { bytesIn } from '../base64.ts'
import { strict } from '../shapes/common.ts'

/** How a keyslot's key is made, with what is public of it. */
export type SlotKdf = ReturnType<Credential['newKdf']>

/** Of a derived key, and of every key that a keyslot is wrapped under. */
const keyBytes = 32

const key = Type.String({
  minLength: base64Chars(keyBytes),
  maxLength: base64Chars(keyBytes),
  contentEncoding: 'base64',
  description:
    'The 32 bytes that were made of a credential. What they were made of stays where it is.',
})

const [saltBytesMin, saltBytesMax] = kdfBounds.saltBytes
const salt = Type.String({
  minLength: base64Chars(saltBytesMin),
  maxLength: base64Chars(saltBytesMax),
  contentEncoding: 'base64',
  description: `${saltBytesMin} to ${saltBytesMax} random bytes.`,
})

/** Of so many bytes, padded. */
function base64Chars(bytes: number): number {
  return 4 * Math.ceil(bytes / 3)
}

function within([minimum, maximum]: readonly [number, number]) {
  return Type.Integer({ minimum, maximum })
}

/** The bounds of each are those that an opening holds it to: what could not be opened is not made. */
export const kdf = Type.Union([
  strict({
    kdf: Type.Literal('argon2id'),
    memoryKiB: within(kdfBounds.memoryKiB),
    passes: within(kdfBounds.passes),
    lanes: within(kdfBounds.lanes),
    salt,
  }),
  strict({
    kdf: Type.Literal('pbkdf2'),
    iterations: within(kdfBounds.iterations),
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
    return { ...sent, salt: bytesOf('salt', sent.salt, kdfBounds.saltBytes) }
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
