import { hkdfSha256 } from '../crypto/hash.ts'
import type { Credential } from './unlock.ts'

/**
 * **Protects nothing**: opens a keyslot of kind `none`, whose key anyone can compute. For tests, which would
 * otherwise spend their time in a KDF; every other credential refuses a keyring that holds such a slot.
 */
export const noKdf: Credential = {
  kinds: ['none'],
  newKdf: () => ({ kdf: 'none' }),
  key: async () => hkdfSha256(Buffer.from('muniment protects nothing here'), 'muniment/v1/none'),
}
