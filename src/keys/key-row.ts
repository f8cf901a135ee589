import { viewOf, writeU64 } from '../crypto/bytes.ts'
import { tagBytes } from '../crypto/gcm.ts'
import { nonce24 } from '../crypto/random.ts'
import { type Xaes, xaesNonceBytes } from '../crypto/xaes.ts'
import { VaultError } from '../errors.ts'
import { keysPerRowMax } from '../limits.ts'

/**
 * key row := wrapEpoch u32 ‖ nonce(24) ‖ sealed
 * sealed  := XAES-256-GCM(wrappingKey[wrapEpoch], nonce, (keyId(32) ‖ valueKey(32)) × n,
 *            aad = "muniment/v1/keys" ‖ vaultId(16) ‖ wrapEpoch u32 ‖ first u64 ‖ block u16),  1 ≤ n ≤ 64
 */
const label = Buffer.from('muniment/v1/keys')
const nonceAt = 4
const sealedAt = nonceAt + xaesNonceBytes
const keyBytes = 32
const entryBytes = 2 * keyBytes

export interface KeyRowEntry {
  readonly keyId: Uint8Array
  readonly valueKey: Uint8Array
}

export interface WrappingKey {
  readonly epoch: number
  readonly cipher: Xaes
}

/** Where a row stands: bound into its seal, so that rows cannot change places. */
export interface KeyRowPlace {
  readonly vaultId: Uint8Array
  /** First position of the commit that wrote it. */
  readonly first: number
  /** Its number within that commit. */
  readonly block: number
}

/** Seals 1 to 64 keys under a fresh nonce. */
export function sealKeyRow(
  { epoch, cipher }: WrappingKey,
  place: KeyRowPlace,
  entries: readonly KeyRowEntry[],
): Buffer {
  if (entries.length < 1 || entries.length > keysPerRowMax) {
    throw new VaultError(
      'INVALID',
      `key row: expected 1 to ${keysPerRowMax} keys, found ${entries.length}`,
    )
  }
  const plain = Buffer.alloc(entries.length * entryBytes)
  for (const [index, { keyId, valueKey }] of entries.entries()) {
    plain.set(keyId, index * entryBytes)
    plain.set(valueKey, index * entryBytes + keyBytes)
  }
  const head = Buffer.alloc(sealedAt)
  const nonce = nonce24()
  head.writeUInt32BE(epoch, 0)
  head.set(nonce, nonceAt)
  try {
    return Buffer.concat([head, cipher.seal(nonce, plain, aadOf(epoch, place))])
  } finally {
    plain.fill(0)
  }
}

/**
 * The keys of a row, all in one piece of memory of its own: copy the one that outlives the rest.
 * `INTEGRITY`, naming the row, for anything but a row that was sealed for this place under one of these keys.
 */
export function openKeyRow(
  wrappings: ReadonlyMap<number, Xaes>,
  place: KeyRowPlace,
  row: Uint8Array,
): readonly KeyRowEntry[] {
  const bytes = viewOf(row)
  const plainBytes = bytes.length - sealedAt - tagBytes
  const count = plainBytes / entryBytes
  if (!Number.isInteger(count) || count < 1 || count > keysPerRowMax) {
    throw damaged(place, `is ${bytes.length} bytes long`)
  }
  const epoch = bytes.readUInt32BE(0)
  const cipher = wrappings.get(epoch)
  if (cipher === undefined) {
    throw damaged(place, `is sealed under wrapping key ${epoch}, which the keyring does not hold`)
  }
  const plain = openSealed(cipher, bytes, { place, aad: aadOf(epoch, place) })
  return Array.from({ length: count }, (_, index) => {
    const at = index * entryBytes
    return {
      keyId: plain.subarray(at, at + keyBytes),
      valueKey: plain.subarray(at + keyBytes, at + entryBytes),
    }
  })
}

/** The wrapping key that a row claims, and how many value keys it has the length of. Nothing of it is authentic. */
export function claimsOf(row: Uint8Array): { readonly epoch: number; readonly keys: number } {
  const bytes = viewOf(row)
  const epoch = bytes.length < nonceAt ? 0 : bytes.readUInt32BE(0)
  return { epoch, keys: Math.floor((bytes.length - sealedAt - tagBytes) / entryBytes) }
}

function openSealed(
  cipher: Xaes,
  bytes: Buffer,
  { place, aad }: { place: KeyRowPlace; aad: Buffer },
): Buffer {
  try {
    return cipher.open(bytes.subarray(nonceAt, sealedAt), bytes.subarray(sealedAt), aad)
  } catch (cause) {
    if (cause instanceof VaultError && cause.code === 'CLOSED') throw cause
    throw damaged(place, 'does not open')
  }
}

function aadOf(epoch: number, { vaultId, first, block }: KeyRowPlace): Buffer {
  const aad = Buffer.alloc(label.length + 16 + 4 + 8 + 2)
  let at = label.length
  aad.set(label)
  aad.set(vaultId, at)
  at = aad.writeUInt32BE(epoch, at + 16)
  writeU64(aad, first, at)
  aad.writeUInt16BE(block, at + 8)
  return aad
}

function damaged({ first, block }: KeyRowPlace, what: string): VaultError {
  return new VaultError('INTEGRITY', `key row ${block} of the commit at position ${first} ${what}`)
}
