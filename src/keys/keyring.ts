import { readU64, writeU64 } from '../crypto/bytes.ts'
import { privateKeyOf, rawPublicKey } from '../crypto/ed25519.ts'
import { tagBytes } from '../crypto/gcm.ts'
import { hkdfSha256 } from '../crypto/hash.ts'
import { nonce24, randomBytes, randomKey } from '../crypto/random.ts'
import { type Xaes, xaes, xaesNonceBytes } from '../crypto/xaes.ts'
import { VaultError } from '../errors.ts'
import { keyringBytesMax } from '../limits.ts'
import {
  type LogKeys,
  packLogKeys,
  packValueKeys,
  unpackLogKeys,
  unpackValueKeys,
  type ValueKeys,
} from './compartments.ts'
import { encodeSlots, parseSlots, type Root, type Slot } from './keyslot.ts'

/**
 * keyring := head ‖ len u32 ‖ slots ‖ len u32 ‖ LOG ‖ len u32 ‖ VALUES
 * head    := "MUNK" ‖ version u32 (1) ‖ vaultId(16) ‖ generation u64
 * LOG     := nonce(24) ‖ XAES-256-GCM(HKDF-SHA-256(A, "muniment/v1/log"), nonce, log keys,
 *            aad = "muniment/v1/log" ‖ every byte before LOG)
 * VALUES  := the same of R, "muniment/v1/values" and the value keys
 *
 * `keyslot.ts` has the slots, `compartments.ts` what the two hold. An owner authenticates every byte, since VALUES
 * covers what stands before it; an auditor, every byte up to the end of LOG.
 */
const magic = Buffer.from('MUNK')
const version = 1
const vaultIdBytes = 16
const generationAt = 8 + vaultIdBytes
const headBytes = generationAt + 8
const lengthBytes = 4

/** The keys of a vault. Plain data: a change makes another keyring, of the next generation. */
export interface Keyring {
  readonly vaultId: Buffer
  /** Counts the replacements of the file, from 1. */
  readonly generation: number
  readonly slots: readonly Slot[]
  readonly log: LogKeys
  /** Absent where an auditor's keyslot opened it. */
  readonly values?: ValueKeys
}

export interface OwnerKeyring extends Keyring {
  readonly values: ValueKeys
}

/** One compartment, closed: its bytes and all bytes before them. */
interface Compartment {
  readonly before: Buffer
  readonly sealed: Buffer
}

/** A keyring whose structure is read and whose compartments are closed. Nothing of it is authentic yet. */
export interface SealedKeyring {
  readonly vaultId: Buffer
  readonly generation: number
  readonly slots: readonly Slot[]
  readonly log: Compartment
  readonly values: Compartment
}

type CompartmentName = 'log' | 'values'

/** The keys of a new vault: generation 1, epoch 1 of everything, no keyslot yet. */
export function createKeyring(): OwnerKeyring {
  const epoch = 1
  const seed = randomKey()
  return {
    vaultId: randomBytes(vaultIdBytes),
    generation: 1,
    slots: [],
    log: {
      epochs: [{ epoch, from: 0, logKey: randomKey(), blindKey: randomKey() }],
      signers: [{ epoch, publicKey: rawPublicKey(privateKeyOf(seed)) }],
    },
    values: {
      wraps: [{ epoch, key: randomKey() }],
      appends: [{ epoch, key: randomKey() }],
      signing: [{ epoch, seed }],
      A: randomKey(),
    },
  }
}

/**
 * The file's bytes. `R` is the owners' root, which the keyring itself does not hold. `AUDITOR_ONLY` without the
 * value keys, `INVALID` without a keyslot.
 */
export function sealKeyring(keyring: Keyring, R: Uint8Array): Buffer {
  const { generation, log, slots, values, vaultId } = keyring
  if (values === undefined) {
    throw new VaultError('AUDITOR_ONLY', 'an auditor cannot seal the keyring')
  }
  const head = Buffer.alloc(headBytes)
  head.set(magic)
  head.writeUInt32BE(version, 4)
  head.set(vaultId, 8)
  writeU64(head, generation, generationAt)
  const encoded = encodeSlots(slots)
  const open = Buffer.concat([head, u32(encoded.length), encoded])
  const withLog = appendCompartment(open, 'log', { root: values.A, plain: packLogKeys(log) })
  return appendCompartment(withLog, 'values', { root: R, plain: packValueKeys(values) })
}

/** `before` and, behind it, `plain` sealed. Wipes `plain`. */
function appendCompartment(
  before: Buffer,
  name: CompartmentName,
  { root, plain }: { root: Uint8Array; plain: Buffer },
): Buffer {
  const length = u32(xaesNonceBytes + plain.length + tagBytes)
  const bound = Buffer.concat([before, length])
  const nonce = nonce24()
  const sealed = withCipher(root, name, (cipher) => cipher.seal(nonce, plain, aadOf(name, bound)))
  plain.fill(0)
  return Buffer.concat([bound, nonce, sealed])
}

/** The structure of a keyring file. `UNSUPPORTED` for a later version, `INTEGRITY` for anything else amiss. */
export function parseKeyring(bytes: Uint8Array): SealedKeyring {
  if (bytes.length < headBytes || bytes.length > keyringBytesMax) {
    throw malformed(`it is ${bytes.length} bytes long`)
  }
  const file = Buffer.from(bytes)
  if (!file.subarray(0, magic.length).equals(magic)) throw malformed('it does not begin with MUNK')
  expectVersion(file.readUInt32BE(4))
  const slotsEnd = endOf(file, headBytes)
  const logEnd = endOf(file, slotsEnd)
  const valuesEnd = endOf(file, logEnd)
  if (valuesEnd !== file.length) throw malformed('bytes follow its end')
  return {
    vaultId: file.subarray(8, generationAt),
    generation: readU64(file, generationAt),
    slots: parseSlots(file.subarray(headBytes + lengthBytes, slotsEnd)),
    log: compartment(file, slotsEnd + lengthBytes, logEnd),
    values: compartment(file, logEnd + lengthBytes, valuesEnd),
  }
}

function expectVersion(found: number): void {
  if (found === version) return
  const message = `keyring: expected version ${version}, found ${found}`
  throw new VaultError(found > version ? 'UNSUPPORTED' : 'INTEGRITY', message, {
    expected: version,
    found,
  })
}

/** Where the part ends whose length stands at `at`. */
function endOf(file: Buffer, at: number): number {
  const start = at + lengthBytes
  const end = start > file.length ? Number.POSITIVE_INFINITY : start + file.readUInt32BE(at)
  if (end > file.length) throw malformed('it is cut off')
  return end
}

function compartment(file: Buffer, start: number, end: number): Compartment {
  if (end - start < xaesNonceBytes + tagBytes) throw malformed('a compartment is cut off')
  return { before: file.subarray(0, start), sealed: file.subarray(start, end) }
}

/** Opens what the root opens: an owner's all of it, an auditor's the log keys. `INTEGRITY` where bytes were changed. */
export function openKeyring(sealed: SealedKeyring, root: Root): Keyring {
  const { generation, slots, vaultId } = sealed
  const openLog = (A: Uint8Array): LogKeys =>
    openCompartment(sealed.log, unpackLogKeys, { name: 'log', root: A })
  if (root.role === 'auditor') return { vaultId, generation, slots, log: openLog(root.A) }
  const values = openCompartment(sealed.values, unpackValueKeys, { name: 'values', root: root.R })
  const log = openLog(values.A)
  expectAgreement(log, values)
  return { vaultId, generation, slots, log, values }
}

function openCompartment<Keys>(
  { before, sealed }: Compartment,
  unpack: (plain: Uint8Array) => Keys,
  { name, root }: { name: CompartmentName; root: Uint8Array },
): Keys {
  const nonce = sealed.subarray(0, xaesNonceBytes)
  const plain = withCipher(root, name, (cipher) => {
    try {
      return cipher.open(nonce, sealed.subarray(xaesNonceBytes), aadOf(name, before))
    } catch {
      throw malformed(`its ${name} compartment does not open: the file was changed`)
    }
  })
  try {
    return unpack(plain)
  } finally {
    plain.fill(0)
  }
}

/** Every epoch of the log has its append key, and every signing key the public key that auditors check it by. */
function expectAgreement({ epochs, signers }: LogKeys, { appends, signing }: ValueKeys): void {
  const appendEpochs = appends.map(({ epoch }) => epoch)
  if (epochs.map(({ epoch }) => epoch).join() !== appendEpochs.join()) {
    throw malformed('its log keys and append keys are not of the same epochs')
  }
  for (const { epoch, seed } of signing) {
    const signer = signers.find((known) => known.epoch === epoch)
    if (signer === undefined || !rawPublicKey(privateKeyOf(seed)).equals(signer.publicKey)) {
      throw malformed(`its signing key of epoch ${epoch} is not that of its public key`)
    }
  }
}

/** Overwrites every key in memory. The keyring is of no use afterwards. */
export function eraseKeyring(keyring: Keyring): void {
  for (const key of secretKeys(keyring)) key.fill(0)
}

/** Overwrites the keys that its successor does not hold any more. The two share the others. */
export function eraseDropped(keyring: Keyring, successor: Keyring): void {
  const kept = new Set(secretKeys(successor))
  for (const key of secretKeys(keyring)) if (!kept.has(key)) key.fill(0)
}

function secretKeys({ log, values }: Keyring): Buffer[] {
  const keys = log.epochs.flatMap(({ logKey, blindKey }) => [logKey, blindKey])
  if (values === undefined) return keys
  keys.push(...[...values.wraps, ...values.appends].map(({ key }) => key))
  keys.push(...values.signing.map(({ seed }) => seed), values.A)
  return keys
}

/** Lends the cipher of a compartment: R and A are inputs of HKDF and never keys themselves. */
function withCipher<T>(root: Uint8Array, name: CompartmentName, use: (cipher: Xaes) => T): T {
  const key = hkdfSha256(root, `muniment/v1/${name}`)
  const cipher = xaes(key)
  key.fill(0)
  try {
    return use(cipher)
  } finally {
    cipher.erase()
  }
}

function aadOf(name: CompartmentName, before: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`muniment/v1/${name}`), before])
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(lengthBytes)
  bytes.writeUInt32BE(value)
  return bytes
}

function malformed(what: string): VaultError {
  return new VaultError('INTEGRITY', `keyring: ${what}`)
}
