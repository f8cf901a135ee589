import { readU64, writeU64 } from '../crypto/bytes.ts'
import { tagBytes } from '../crypto/gcm.ts'
import { type KdfParams, kdfBounds } from '../crypto/kdf.ts'
import { nonce24 } from '../crypto/random.ts'
import { xaes, xaesNonceBytes } from '../crypto/xaes.ts'
import { VaultError } from '../errors.ts'
import { keyslotLabelBytesMax, keyslotsMax } from '../limits.ts'
import { type ShareCount, setIdBytes, shareCountFault } from './share.ts'

/**
 * slots   := count u8 ‖ slot × count
 * slot    := slotId(16) ‖ role u8 ‖ kind u8 ‖ len u16 ‖ params ‖ wrapped(72)
 * role    := 1 owner | 2 auditor
 * kind    := 1 argon2id | 2 pbkdf2 | 3 recovery | 4 shares | 255 none
 * params  := createdAt u64 (ms) ‖ len u8 ‖ label ‖ kdf
 * kdf     := argon2id: memoryKiB u32 ‖ passes u8 ‖ lanes u8 ‖ salt  |  pbkdf2: iterations u32 ‖ salt
 *            | shares: threshold u8 ‖ of u8 ‖ setId(4)  |  else empty
 * wrapped := nonce(24) ‖ XAES-256-GCM(slotKey, nonce, root(32),
 *            aad = "muniment/v1/slot" ‖ vaultId(16) ‖ slotId(16) ‖ role u8 ‖ kind u8 ‖ params)
 *
 * `root` is R in an owner's slot and A in an auditor's. These bytes are read before anything is authenticated, so
 * they are fixed fields and bounded lengths, no general encoding.
 */
const label = Buffer.from('muniment/v1/slot')
const roles: Readonly<Record<KeyslotRole, number>> = { owner: 1, auditor: 2 }
const kinds: Readonly<Record<KeyslotKind, number>> = {
  argon2id: 1,
  pbkdf2: 2,
  recovery: 3,
  shares: 4,
  none: 255,
}
const idBytes = 16
const rootBytes = 32
const wrappedBytes = xaesNonceBytes + rootBytes + tagBytes
const slotHeadBytes = idBytes + 2 + 2
const sharesParamsBytes = 2 + setIdBytes
const paramsHeadBytes = 8 + 1
const paramsBytesMax = paramsHeadBytes + keyslotLabelBytesMax + 6 + kdfBounds.saltBytes[1]

export type KeyslotRole = 'owner' | 'auditor'
export type KeyslotKind = 'argon2id' | 'pbkdf2' | 'recovery' | 'shares' | 'none'

/** How a slot's key is made, with what is public of it. */
export type SlotKdf =
  | KdfParams
  | SharesParams
  | { readonly kdf: 'recovery' }
  | { readonly kdf: 'none' }

/** Which shares open a slot, and how many: known before it is open. */
export interface SharesParams extends ShareCount {
  readonly kdf: 'shares'
  /** 8 hexadecimal digits, as each share of the set has it. */
  readonly setId: string
}

/** One way to open a keyring. */
export interface Slot {
  /** UUID. */
  readonly id: string
  readonly role: KeyslotRole
  readonly kind: KeyslotKind
  readonly kdf: SlotKdf
  readonly label: string
  /** Milliseconds since the epoch. */
  readonly createdAt: number
  /** `kdf`, `label` and `createdAt` as they stand in the file and in the aad. */
  readonly params: Uint8Array
  readonly wrapped: Uint8Array
}

/** What a slot wraps: R opens everything, A the history alone. */
export type Root =
  | { readonly role: 'owner'; readonly R: Buffer }
  | { readonly role: 'auditor'; readonly A: Buffer }

/** What a slot is made of, besides the root and the key that wraps it. */
export type SlotDraft = Pick<Slot, 'id' | 'kdf' | 'label' | 'createdAt'>

/** A slot that gives `root` to whoever has `slotKey` (32 bytes). `INVALID` for a label beyond 128 bytes. */
export function wrapRoot(
  root: Root,
  slotKey: Uint8Array,
  { vaultId, draft }: { vaultId: Uint8Array; draft: SlotDraft },
): Slot {
  const identity = { ...draft, role: root.role, kind: draft.kdf.kdf, params: encodeParams(draft) }
  const nonce = nonce24()
  const cipher = xaes(slotKey)
  try {
    const plain = root.role === 'owner' ? root.R : root.A
    const sealed = cipher.seal(nonce, plain, aadOf(vaultId, identity))
    return { ...identity, wrapped: Buffer.concat([nonce, sealed]) }
  } finally {
    cipher.erase()
  }
}

/** The root in a slot, or undefined where `slotKey` is not its key or a byte of it was changed. */
export function unwrapRoot(slot: Slot, slotKey: Uint8Array, vaultId: Uint8Array): Root | undefined {
  const cipher = xaes(slotKey)
  try {
    const nonce = slot.wrapped.subarray(0, xaesNonceBytes)
    const sealed = slot.wrapped.subarray(xaesNonceBytes)
    const key = cipher.open(nonce, sealed, aadOf(vaultId, slot))
    return slot.role === 'owner' ? { role: 'owner', R: key } : { role: 'auditor', A: key }
  } catch (error) {
    if (error instanceof VaultError && error.code === 'INTEGRITY') return undefined
    throw error
  } finally {
    cipher.erase()
  }
}

function aadOf(
  vaultId: Uint8Array,
  { id, role, kind, params }: Pick<Slot, 'id' | 'role' | 'kind' | 'params'>,
): Buffer {
  const identity = Buffer.of(roles[role], kinds[kind])
  return Buffer.concat([label, vaultId, bytesOfUuid(id), identity, params])
}

export function encodeSlots(slots: readonly Slot[]): Buffer {
  if (slots.length < 1 || slots.length > keyslotsMax) {
    throw new VaultError('INVALID', `expected 1 to ${keyslotsMax} keyslots, found ${slots.length}`)
  }
  const parts: Uint8Array[] = [Buffer.of(slots.length)]
  for (const { id, role, kind, params, wrapped } of slots) {
    const head = Buffer.alloc(slotHeadBytes)
    head.set(bytesOfUuid(id))
    head.set([roles[role], kinds[kind]], idBytes)
    head.writeUInt16BE(params.length, idBytes + 2)
    parts.push(head, params, wrapped)
  }
  return Buffer.concat(parts)
}

/** `INTEGRITY` for what no writer of ours makes, `UNSUPPORTED` for a kind of a later one. */
export function parseSlots(bytes: Buffer): readonly Slot[] {
  const count = bytes[0] ?? 0
  if (count < 1 || count > keyslotsMax) {
    throw malformed(`expected 1 to ${keyslotsMax} keyslots, found ${count}`)
  }
  const slots: Slot[] = []
  let at = 1
  for (let index = 0; index < count; index += 1) {
    const paramsAt = at + slotHeadBytes
    const length = paramsAt > bytes.length ? -1 : bytes.readUInt16BE(paramsAt - 2)
    const end = paramsAt + length + wrappedBytes
    if (length < 0 || length > paramsBytesMax || end > bytes.length) {
      throw malformed(`keyslot ${index} does not fit`)
    }
    slots.push(parseSlot(bytes.subarray(at, end)))
    at = end
  }
  if (at !== bytes.length) throw malformed('bytes follow the last keyslot')
  return slots
}

function parseSlot(bytes: Buffer): Slot {
  const role = named(roles, bytes.readUInt8(idBytes), 'role')
  const kind = named(kinds, bytes.readUInt8(idBytes + 1), 'kind')
  const params = bytes.subarray(slotHeadBytes, -wrappedBytes)
  const wrapped = bytes.subarray(-wrappedBytes)
  const id = uuidOfBytes(bytes.subarray(0, idBytes))
  return { id, role, kind, ...decodeParams(kind, params), params, wrapped }
}

function named<Name extends string>(
  codes: Readonly<Record<Name, number>>,
  found: number,
  what: string,
): Name {
  for (const name in codes) if (codes[name] === found) return name
  throw new VaultError('UNSUPPORTED', `keyring: keyslot ${what} ${found} is unknown`, { found })
}

function encodeParams({ createdAt, kdf, label: text }: SlotDraft): Buffer {
  const labelBytes = Buffer.from(text)
  if (labelBytes.length > keyslotLabelBytesMax) {
    throw new VaultError(
      'INVALID',
      `keyslot label: expected at most ${keyslotLabelBytesMax} bytes, found ${labelBytes.length}`,
    )
  }
  const head = Buffer.alloc(paramsHeadBytes)
  writeU64(head, createdAt, 0)
  head.writeUInt8(labelBytes.length, 8)
  return Buffer.concat([head, labelBytes, encodeKdf(kdf)])
}

function encodeKdf(kdf: SlotKdf): Buffer {
  if (kdf.kdf === 'recovery' || kdf.kdf === 'none') return Buffer.alloc(0)
  if (kdf.kdf === 'shares') {
    return Buffer.concat([Buffer.of(kdf.threshold, kdf.of), Buffer.from(kdf.setId, 'hex')])
  }
  const number = Buffer.alloc(4)
  number.writeUInt32BE(kdf.kdf === 'argon2id' ? kdf.memoryKiB : kdf.iterations)
  const small = kdf.kdf === 'argon2id' ? Buffer.of(kdf.passes, kdf.lanes) : Buffer.alloc(0)
  return Buffer.concat([number, small, kdf.salt])
}

function decodeParams(
  kind: KeyslotKind,
  params: Buffer,
): Pick<Slot, 'createdAt' | 'kdf' | 'label'> {
  const labelEnd = paramsHeadBytes + (params[paramsHeadBytes - 1] ?? 0)
  if (params.length < labelEnd) throw malformed('keyslot parameters are cut off')
  return {
    createdAt: readU64(params, 0),
    label: params.toString('utf8', paramsHeadBytes, labelEnd),
    kdf: decodeKdf(kind, params.subarray(labelEnd)),
  }
}

/** The numbers are held to their bounds where they are used: `checkKdfParams`, before a derivation. */
function decodeKdf(kind: KeyslotKind, bytes: Buffer): SlotKdf {
  if (kind === 'recovery' || kind === 'none') {
    if (bytes.length > 0) throw malformed(`a ${kind} keyslot has parameters`)
    return { kdf: kind }
  }
  if (kind === 'shares') return decodeShares(bytes)
  const saltAt = kind === 'argon2id' ? 6 : 4
  if (bytes.length < saltAt) throw malformed(`${kind} parameters are cut off`)
  const number = bytes.readUInt32BE(0)
  const salt = bytes.subarray(saltAt)
  if (kind === 'pbkdf2') return { kdf: kind, iterations: number, salt }
  const [passes, lanes] = [bytes.readUInt8(4), bytes.readUInt8(5)]
  return { kdf: kind, memoryKiB: number, passes, lanes, salt }
}

function decodeShares(bytes: Buffer): SharesParams {
  if (bytes.length !== sharesParamsBytes) {
    throw malformed(`shares parameters: expected ${sharesParamsBytes} bytes, found ${bytes.length}`)
  }
  const [threshold, of] = [bytes.readUInt8(0), bytes.readUInt8(1)]
  const fault = shareCountFault({ threshold, of })
  if (fault !== undefined) throw malformed(`shares keyslot: ${fault}`)
  return { kdf: 'shares', threshold, of, setId: bytes.toString('hex', 2) }
}

function bytesOfUuid(id: string): Buffer {
  return Buffer.from(id.replaceAll('-', ''), 'hex')
}

function uuidOfBytes(bytes: Buffer): string {
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}

function malformed(what: string): VaultError {
  return new VaultError('INTEGRITY', `keyring: ${what}`)
}
