import { publicKeyOf } from '../crypto/ed25519.ts'
import { VaultError } from '../errors.ts'
import type { Keyring } from '../keys/keyring.ts'
import { formatVkey, vkeyOf } from '../proofs/vkey.ts'

/** Which vault it is, for whoever is to check what it proves. Nothing here is secret. */
export interface Identity {
  /** 32 hex digits. */
  readonly id: string
  /** The name under which its checkpoints are signed: a vault that was restored has one of its own. */
  readonly origin: string
  /** The C2SP verifier key of that name: what an auditor pins, from the first day. */
  readonly verifier: string
}

export function identityOf({
  keyring,
  origin,
}: {
  readonly keyring: Pick<Keyring, 'vaultId' | 'log'>
  readonly origin: string
}): Identity {
  const { publicKey } = keyring.log.signers.at(-1) ?? {}
  if (publicKey === undefined) throw new VaultError('INTEGRITY', 'the keyring holds no signer')
  const id = keyring.vaultId.toString('hex')
  return { id, origin, verifier: formatVkey(vkeyOf(origin, publicKeyOf(publicKey))) }
}
