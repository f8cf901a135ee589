import type { KeyslotKind } from '../../events/catalogue.ts'
import { type Cryptoperiod, cryptoperiods } from '../../projections/cryptoperiods.ts'
import type { ReportAbout, ReportRow } from '../report.ts'
import { type KeySpan, type KeyTerm, type KeyUses, type SlotUse, termsOf } from './key-spans.ts'
import { durationText } from './phrases.ts'

/** One kind of key that a vault has (`docs/format.md`). */
interface KeyKind {
  readonly name: string
  readonly purpose: string
  readonly algorithm: string
  readonly period: Cryptoperiod
  /** What begins one. */
  readonly begunBy: readonly KeySpan['what'][]
  /** What becomes of it when the next one begins: log keys are kept, since the log is never written anew. */
  readonly ends: 'retired' | 'destroyed'
  /** Whose keyslots lead to it. */
  readonly opens: 'owners' | 'everybody'
  readonly uses?: (term: KeyTerm, about: ReportAbout) => Use
}

interface Use {
  readonly last_use: number | null
  readonly uses: number
  /** Of a key pair: its public half, in hex. */
  readonly fingerprint?: string | null
}

const sealing = (term: KeyTerm): Use => ({ last_use: term.lastEventAt ?? null, uses: term.events })
const wrapping = (term: KeyTerm): Use => ({
  last_use: term.lastWrappedAt ?? null,
  uses: term.wrapped,
})

/** A checkpoint that covers the event which replaced a signing key is signed by both. When one was made is not kept. */
function signing({ begun, ended, publicKey }: KeyTerm, { beside }: ReportAbout): Use {
  const last = (ended?.position ?? Number.POSITIVE_INFINITY) + 1
  const own = beside.checkpoints.filter(({ size }) => size > begun.position && size <= last)
  const fingerprint = publicKey === undefined ? null : Buffer.from(publicKey).toString('hex')
  return { last_use: null, uses: own.length, fingerprint }
}

const logKey = { begunBy: ['created', 'log', 'root'], ends: 'retired', uses: sealing } as const
const root = {
  algorithm: 'HKDF-SHA-256',
  period: cryptoperiods.master,
  begunBy: ['created', 'root'],
  ends: 'destroyed',
} as const

const kinds: readonly KeyKind[] = [
  { ...root, name: 'root', purpose: 'opens all other keys', opens: 'owners' },
  { ...root, name: 'auditors', purpose: 'opens the keys of the log', opens: 'everybody' },
  {
    ...logKey,
    name: 'log',
    purpose: 'encrypts the log',
    algorithm: 'XAES-256-GCM',
    period: cryptoperiods.dataEncryption,
    opens: 'everybody',
  },
  {
    ...logKey,
    name: 'append',
    purpose: 'authenticates the log',
    algorithm: 'HMAC-SHA-256',
    period: cryptoperiods.authentication,
    opens: 'owners',
  },
  {
    ...logKey,
    name: 'blinding',
    purpose: 'salts the leaves of the tree',
    algorithm: 'AES-256',
    period: cryptoperiods.dataEncryption,
    opens: 'everybody',
  },
  {
    name: 'wrapping',
    purpose: 'encrypts value keys',
    algorithm: 'XAES-256-GCM',
    period: cryptoperiods.keyWrapping,
    begunBy: ['created', 'shredded', 'root'],
    ends: 'destroyed',
    opens: 'owners',
    uses: wrapping,
  },
  {
    name: 'signing',
    purpose: 'signs checkpoints',
    algorithm: 'Ed25519',
    period: cryptoperiods.signature,
    begunBy: ['created', 'signing', 'root'],
    ends: 'destroyed',
    opens: 'owners',
    uses: signing,
  },
]

/** A row for each key of the vault that there ever was, one for its value keys, and one for each keyslot. */
export function* vaultKeyRows(keys: KeyUses, about: ReportAbout): Generator<ReportRow, void, void> {
  for (const kind of kinds) {
    for (const term of termsOf(keys.spans, kind.begunBy)) yield keyRow(kind, { term, keys, about })
  }
  yield valueKeysRow(keys)
  const rooted = termsOf(keys.spans, root.begunBy).at(-1)?.begun.position ?? 0
  for (const slot of keys.slots.values()) yield slotRow(slot, rooted)
}

function keyRow(
  kind: KeyKind,
  { term, keys, about }: { term: KeyTerm; keys: KeyUses; about: ReportAbout },
): ReportRow {
  const { begun } = term
  const encryptUntil = begun.time + kind.period.protect
  const decryptUntil = kind.period.process === undefined ? null : begun.time + kind.period.process
  const state = stateOf(kind, term, { encryptUntil, decryptUntil, now: about.asOf.time })
  const past = durationText(about.asOf.time - encryptUntil)
  return {
    position: begun.position,
    cells: {
      key: `${kind.name}/${term.epoch}`,
      purpose: kind.purpose,
      algorithm: kind.algorithm,
      keyslots: state === 'destroyed' ? [] : labels(keys, kind.opens),
      created: begun.time,
      encrypt_until: encryptUntil,
      decrypt_until: decryptUntil,
      state,
      ...kind.uses?.(term, about),
    },
    ...(state === 'expired' && { finding: `in use ${past} past its cryptoperiod` }),
  }
}

/** Where a key stands. One of the log that is past its period for decryption is kept for what nothing else reads. */
function stateOf(
  { ends }: KeyKind,
  { ended }: KeyTerm,
  at: { encryptUntil: number; decryptUntil: number | null; now: number },
): 'active' | 'expired' | 'retired' | 'archived' | 'destroyed' {
  if (ended === undefined) return at.now >= at.encryptUntil ? 'expired' : 'active'
  if (ends === 'destroyed') return 'destroyed'
  return at.decryptUntil !== null && at.now >= at.decryptUntil ? 'archived' : 'retired'
}

/** Of the keyslots that there are, those that lead to a key. */
function labels({ slots }: KeyUses, opens: KeyKind['opens']): string[] {
  const present = [...slots.values()].filter(({ removed }) => removed === undefined)
  const leading = present.filter(({ role }) => opens === 'everybody' || role === 'owner')
  return leading.map(({ label }) => label)
}

function valueKeysRow(keys: KeyUses): ReportRow {
  return {
    position: null,
    cells: {
      key: 'values',
      purpose: 'encrypt one version of a secret each',
      algorithm: 'AES-256-GCM',
      keyslots: labels(keys, 'owners'),
      state: 'active',
      uses: keys.valueKeys,
    },
  }
}

/** How each kind of keyslot makes a key of what it is given. */
const slotAlgorithms = {
  argon2id: 'Argon2id',
  pbkdf2: 'PBKDF2-HMAC-SHA-256',
  recovery: 'HKDF-SHA-256',
  shares: 'HKDF-SHA-256 of Shamir shares',
  none: 'none',
} as const satisfies Record<KeyslotKind, string>

function slotRow(slot: SlotUse, rooted: number): ReportRow {
  const { removed, position, role, kind } = slot
  const finding = slotFinding(slot, rooted)
  return {
    position: removed?.position ?? position,
    cells: {
      key: `keyslot/${slot.slot}`,
      purpose: role === 'owner' ? 'keyslot of an owner' : 'keyslot of an auditor',
      algorithm: slotAlgorithms[kind],
      keyslots: [slot.label],
      created: slot.addedAt,
      encrypt_until: removed?.time ?? null,
      state: removed === undefined ? 'active' : 'removed',
      last_use: slot.lastOpenedAt ?? null,
      uses: slot.openings,
    },
    ...(finding !== undefined && { finding }),
  }
}

function slotFinding({ removed, kind }: SlotUse, rooted: number): string | undefined {
  if (removed === undefined)
    return kind === 'none' ? 'protects nothing: it is for tests' : undefined
  if (rooted > removed.position) return undefined
  return 'removed, but the root was not rotated since: what its holder copied still opens'
}
