import { viewOf, writeU64 } from '../crypto/bytes.ts'
import { openOnce, sealOnce } from '../crypto/gcm.ts'
import { equalBytes, sha256 } from '../crypto/hash.ts'
import { randomKey } from '../crypto/random.ts'
import { VaultError } from '../errors.ts'
import { pathBytesMax } from '../limits.ts'

/**
 * box   := AES-256-GCM(valueKey, plain, aad = "muniment/v1/box" ‖ vaultId(16) ‖ version u64 ‖ subject)
 * keyId := SHA-256("muniment/v1/key-id" ‖ valueKey)
 *
 * A value key is random and seals one box. GCM alone lets a box be made that opens under two keys to two values;
 * the key id, which stands in the log, leaves only one.
 */
const boxLabel = Buffer.from('muniment/v1/box')
const keyIdLabel = Buffer.from('muniment/v1/key-id')

/** Whose value it is: bound into the box, so that none opens in another's place. */
export interface BoxPlace {
  readonly vaultId: Uint8Array
  readonly subject: string
  readonly version: number
}

export interface SealedBox {
  readonly valueKey: Buffer
  readonly keyId: Buffer
  readonly box: Buffer
}

/** Seals what `encodeValue` made of a value, under a fresh key. */
export function sealBox(request: BoxPlace & { readonly plain: Uint8Array }): SealedBox {
  const valueKey = randomKey()
  const box = sealOnce(valueKey, request.plain, aadOf(request))
  return { valueKey, keyId: keyIdOf(valueKey), box }
}

/**
 * Opens a box to what `decodeValue` reads, the caller's to wipe. `INTEGRITY` when key, key id, box and place do not
 * belong together.
 */
export function openBox(
  request: BoxPlace & {
    readonly box: Uint8Array
    readonly keyId: Uint8Array
    readonly valueKey: Uint8Array
  },
): Buffer {
  const { box, keyId, subject, valueKey, version } = request
  if (!equalBytes(keyIdOf(valueKey), keyId)) {
    throw new VaultError(
      'INTEGRITY',
      `${subject} version ${version}: the value key is not the one that the log names`,
      { path: subject },
    )
  }
  return openOnce(valueKey, box, aadOf(request))
}

/** The name of a value key in the log: it tells nothing of the key. */
export function keyIdOf(valueKey: Uint8Array): Buffer {
  return sha256(keyIdLabel, valueKey)
}

/** A key id as the name of an entry in a `Map` or a `Set`. */
export function keyIdName(keyId: Uint8Array): string {
  return viewOf(keyId).toString('latin1')
}

/** Reused: sealing and opening are done with it before the next call. */
const aad = Buffer.alloc(boxLabel.length + 16 + 8 + pathBytesMax)
const subjectAt = aad.length - pathBytesMax
aad.set(boxLabel)

function aadOf({ vaultId, subject, version }: BoxPlace): Buffer {
  const length = Buffer.byteLength(subject)
  if (length > pathBytesMax) {
    throw new VaultError(
      'INVALID',
      `subject: expected at most ${pathBytesMax} bytes, found ${length}`,
    )
  }
  aad.set(vaultId, boxLabel.length)
  writeU64(aad, version, boxLabel.length + 16)
  aad.write(subject, subjectAt)
  return aad.subarray(0, subjectAt + length)
}
