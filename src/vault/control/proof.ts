import { equalBytes, hkdfSha256, hmacSha256 } from '../../crypto/hash.ts'
import { randomBytes } from '../../crypto/random.ts'
import type { KeyslotRole, Root } from '../../keys/keyslot.ts'

/**
 * How the two ends of a control socket show each other that they can open the same keyslot, without a key crossing it:
 *
 * key   := HKDF-SHA-256(R or A, "muniment/v1/control")           of an owner R, of an auditor A
 * proof := HMAC-SHA-256(key, end ‖ nonce(32) ‖ clientNonce(32) ‖ vaultId(16) ‖ slotId(16) ‖ role u8)
 * end   := "muniment/v1/control/client" ‖ 00 | "muniment/v1/control/server" ‖ 00
 * role  := 1 owner | 2 auditor
 *
 * Each end has chosen one of the nonces, so that no proof is good for a second time; the two ends' proofs differ, so that
 * none can be sent back to whoever made it.
 */
const keyInfo = 'muniment/v1/control'
const ends = {
  client: Buffer.from('muniment/v1/control/client\0'),
  server: Buffer.from('muniment/v1/control/server\0'),
} as const
const roles: Readonly<Record<KeyslotRole, number>> = { owner: 1, auditor: 2 }
export const nonceBytes = 32

export type End = keyof typeof ends

/** What both ends know of the encounter. */
export interface Encounter {
  /** The server's, and the client's. */
  readonly nonce: Uint8Array
  readonly clientNonce: Uint8Array
  readonly vaultId: Uint8Array
  /** Of the keyslot: a UUID. */
  readonly slot: string
  readonly role: KeyslotRole
}

export function freshNonce(): Buffer {
  return randomBytes(nonceBytes)
}

/** The proof of one end, by what its keyslot wraps. */
export function proofOf(end: End, root: Root, encounter: Encounter): Buffer {
  const { nonce, clientNonce, vaultId, slot, role } = encounter
  const key = hkdfSha256(root.role === 'owner' ? root.R : root.A, keyInfo)
  const slotId = Buffer.from(slot.replaceAll('-', ''), 'hex')
  const parts = [ends[end], nonce, clientNonce, vaultId, slotId, Buffer.of(roles[role])]
  const proof = hmacSha256(key, ...parts)
  key.fill(0)
  return proof
}

/** Whether the other end has proved itself; in a time that tells nothing of what was expected. */
export function holds(
  proof: Uint8Array,
  {
    end,
    root,
    encounter,
  }: { readonly end: End; readonly root: Root; readonly encounter: Encounter },
): boolean {
  return equalBytes(proof, proofOf(end, root, encounter))
}
