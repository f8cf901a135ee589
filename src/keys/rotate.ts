import { privateKeyOf, rawPublicKey } from '../crypto/ed25519.ts'
import { randomKey } from '../crypto/random.ts'
import { VaultError } from '../errors.ts'
import { epochsMax } from './compartments.ts'
import type { OwnerKeyring } from './keyring.ts'

/*
 * How keys come and go. Each function gives another keyring and leaves the one that it is given as it was; the file and
 * its generation are the caller's.
 */

/** With log, blinding and append keys for what is at the position `from` and after it. */
export function addLogEpoch(keyring: OwnerKeyring, from: number): OwnerKeyring {
  const { log, values } = keyring
  const epoch = nextEpoch(log.epochs)
  const next = { epoch, from, logKey: randomKey(), blindKey: randomKey() }
  return {
    ...keyring,
    log: { ...log, epochs: [...log.epochs, next] },
    values: { ...values, appends: [...values.appends, { epoch, key: randomKey() }] },
  }
}

/** With a wrapping key that seals what is sealed from here on; the old one still opens. */
export function addWrappingKey(keyring: OwnerKeyring): OwnerKeyring {
  const { values } = keyring
  const next = { epoch: nextEpoch(values.wraps), key: randomKey() }
  return { ...keyring, values: { ...values, wraps: [...values.wraps, next] } }
}

/** With the newest wrapping key alone: what another one sealed is lost for good. */
export function keepNewestWrappingKey(keyring: OwnerKeyring): OwnerKeyring {
  return { ...keyring, values: { ...keyring.values, wraps: keyring.values.wraps.slice(-1) } }
}

/** With another signing key beside the old one, so that both sign. */
export function addSigner(keyring: OwnerKeyring): OwnerKeyring {
  const { log, values } = keyring
  const epoch = nextEpoch(log.signers)
  const seed = randomKey()
  const publicKey = rawPublicKey(privateKeyOf(seed))
  return {
    ...keyring,
    log: { ...log, signers: [...log.signers, { epoch, publicKey }] },
    values: { ...values, signing: [...values.signing, { epoch, seed }] },
  }
}

/** With the newest seed alone. The public keys stay: what the others signed is verified with them. */
export function keepNewestSigner(keyring: OwnerKeyring): OwnerKeyring {
  return { ...keyring, values: { ...keyring.values, signing: keyring.values.signing.slice(-1) } }
}

/** The number of the next. `TOO_LARGE` where the keyring would hold more of them than a reader takes. */
export function nextEpoch(held: readonly { readonly epoch: number }[]): number {
  if (held.length < epochsMax) return (held.at(-1)?.epoch ?? 0) + 1
  throw new VaultError('TOO_LARGE', `a keyring holds at most ${epochsMax} keys of a kind`, {
    expected: epochsMax,
    found: held.length,
  })
}
