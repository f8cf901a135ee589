import { publicKeyOf } from '../crypto/ed25519.ts'
import { randomKey } from '../crypto/random.ts'
import { VaultError } from '../errors.ts'
import type { EventData, EventOf, Fact, VaultEvent } from '../events/catalogue.ts'
import { openedSlots, wrapAnew } from '../keys/kept-slots.ts'
import type { OwnerKeyring } from '../keys/keyring.ts'
import type { Root, Slot } from '../keys/keyslot.ts'
import { addSigner, addWrappingKey, nextEpoch } from '../keys/rotate.ts'
import type { Unlock } from '../keys/unlock.ts'
import { formatVkey, vkeyOf } from '../proofs/vkey.ts'
import type { Call, CallOptions } from './call.ts'
import type { Engine } from './engine.ts'
import type { ChangeCall } from './held-keyring.ts'
import type { KeyChanges } from './key-changes.ts'
import { type Key, keysOf } from './key-list.ts'
import type { KeyringChange } from './keyring-change.ts'
import { removed } from './keyslots.ts'
import { expectSoundRows, type RewrapOptions } from './rewrap.ts'
import { sweepKeys } from './sweep.ts'

/**
 * `timeout` bounds the append of the event. An abort leaves old and new wrapping key side by side: values are read and
 * written, and the next change of keys or the next opening goes on.
 */
export interface ShredOptions extends CallOptions {
  /** Told every few hundred key rows: value keys wrapped anew, of all that there are to be. */
  readonly onProgress?: NonNullable<RewrapOptions['onProgress']>
}

export interface RotateRootOptions extends ShredOptions {
  /** What opens the keyslots that are to stay, an owner's among them. */
  readonly keep: readonly Unlock[]
}

/** Keys that replaced others. */
export interface KeysRotated {
  /** The number that they have. */
  readonly epoch: number
  /** Of the event that says so. */
  readonly position: number
}

export interface SignerRotated extends KeysRotated {
  /** The C2SP verifier key under which checkpoints are signed from here on: what an auditor pins next. */
  readonly verifier: string
}

export interface RootRotated extends SignerRotated {
  /** Ids of the keyslots that are gone. */
  readonly removed: readonly string[]
}

export interface KeysShredded extends KeysRotated {
  /** Value keys that survived. */
  readonly keys: number
}

/**
 * The keys below the keyslots, which are never shown. Each change is recorded, and safe to be interrupted: what a crash
 * leaves half done the next opening ends. Any of them can throw `UNCERTAIN`: only a reopen can tell whether it took place.
 */
export class Keys {
  readonly #changes: KeyChanges

  constructor(changes: KeyChanges) {
    this.#changes = changes
  }

  /** What keys there are, by purpose and age, without any of them. Throws `CLOSED`. */
  list(): readonly Key[] {
    return keysOf(this.#changes.engine)
  }

  /**
   * Starts a log epoch: what is appended from here on is sealed, blinded and authenticated under new keys. What stands in
   * the log stays under the old ones, which the keyring keeps.
   */
  async rotate(options: CallOptions = {}): Promise<KeysRotated> {
    return this.#changes.run(options, async (engine, call) =>
      rotatedOf(await engine.changeKeyring(logRotation, call)),
    )
  }

  /**
   * Replaces the key that signs checkpoints. One that both keys signed is kept, which leads whoever pinned the old one to
   * the new one; then the old private key is erased.
   *
   * @example
   * const { verifier } = await vault.keys.rotateSigning({ reason: 'yearly' })
   */
  async rotateSigning(options: CallOptions = {}): Promise<SignerRotated> {
    return this.#changes.run(options, async (engine, call) => {
      const events = await engine.changeKeyring(signerRotation, call)
      return { ...rotatedOf(events), verifier: verifierOf(engine) }
    })
  }

  /**
   * Ends what whoever copied the keyring can do with it: new roots of owners and auditors, new keys of every kind, and
   * only the keyslots that `keep` opens, with their ids and labels. A backup of before opens with what opened it then.
   * Throws `INVALID` where `keep` opens no keyslot of an owner, `WRONG_KEY` where one of it opens nothing, `INTEGRITY` for a
   * key row that does not open; then nothing was changed. An abort leaves the new root and keyslots in force.
   *
   * @example
   * const { removed } = await vault.keys.rotateRoot({ keep: [passphrase.fromFile('/run/credentials/vault')] })
   */
  async rotateRoot(options: RotateRootOptions): Promise<RootRotated> {
    const { keep } = options
    return this.#changes.run(options, async (engine, call) => {
      await prepareShred(engine, call)
      const change = await rootRotation(engine, keep)
      const events = await engine.changeKeyring(change, changeCall(call, options))
      const removedSlots = events.filter(({ type }) => type === 'keyslot.removed')
      return {
        ...rotatedOf(events),
        verifier: verifierOf(engine),
        removed: removedSlots.map((event) => (event as EventOf<'keyslot.removed'>).data.slot),
      }
    })
  }

  /**
   * Makes what was destroyed unrecoverable from this vault's own files: every surviving value key is wrapped under a new
   * wrapping key, and the old one is erased, so that no older key row opens any more. Throws `INTEGRITY` for a key row that
   * does not open, before anything is changed; `ABORTED`.
   *
   * @example
   * const { keys } = await vault.keys.shred({ onProgress: ({ keys, of }) => console.error(`${keys}/${of}`) })
   */
  async shred(options: ShredOptions = {}): Promise<KeysShredded> {
    return this.#changes.run(options, async (engine, call) => {
      const about = changeCall(call, options)
      // One that was interrupted is this one.
      const resumed = (await engine.finishChange(about)).findLast(isShredded)
      if (resumed !== undefined) return shreddedOf(resumed)
      await prepareShred(engine, call)
      const event = (await engine.changeKeyring(shred, about)).findLast(isShredded)
      if (event === undefined) throw new RangeError('a shred appends that it took place')
      return shreddedOf(event)
    })
  }
}

/** The keys as a scope has them: each verb takes the right to `keys`, and a look is on record. */
export type ScopedKeys = Omit<Keys, 'list'> & {
  list(options?: CallOptions): readonly Key[] | Promise<readonly Key[]>
}

export function scopedKeys(changes: KeyChanges): ScopedKeys {
  const keys = new Keys(changes)
  return {
    list: (options = {}) => changes.look(options, () => keys.list()),
    rotate: (options) => keys.rotate(options),
    rotateSigning: (options) => keys.rotateSigning(options),
    rotateRoot: (options) => keys.rotateRoot(options),
    shred: (options) => keys.shred(options),
  }
}

const logRotation: KeyringChange = {
  begin: (keyring) => keyring,
  facts: (generation, { log }) => [
    rotated({ what: 'log', generation, epoch: nextEpoch(log.epochs) }),
  ],
}

const signerRotation: KeyringChange = {
  begin: addSigner,
  facts: (generation, { log }) =>
    log.signers
      .slice(-1)
      .map(({ epoch, publicKey: key }) => rotated({ what: 'signing', generation, epoch, key })),
}

const shred: KeyringChange = {
  begin: addWrappingKey,
  facts: (generation, { values }) =>
    values.wraps.slice(-1).map(({ epoch }) => ({
      type: 'keys.shredded',
      subject: '',
      // Counted once they are wrapped.
      data: { generation, epoch, keys: 0 },
    })),
  rewraps: true,
}

/** Another root, another root of auditors, and the keyslots that are kept around the two. */
async function rootRotation({ keyring }: Engine, keep: readonly Unlock[]): Promise<KeyringChange> {
  if (!Array.isArray(keep)) throw new VaultError('INVALID', 'keep must be a list of credentials')
  const { vaultId, slots } = keyring
  const opened = await openedSlots(keyring, keep)
  const roots = { owner: randomKey(), auditor: randomKey() }
  const kept = new Map<string, Slot>()
  for (const each of opened) {
    const { id, role } = each.slot
    const root: Root = role === 'owner' ? { role, R: roots.owner } : { role, A: roots.auditor }
    kept.set(id, await wrapAnew(each, root, vaultId))
  }
  return {
    root: roots.owner,
    rewraps: true,
    begin: (current) => {
      // What is to stay was opened before: a keyslot of later would go without an event.
      const isSame = current.slots.every(({ id }, i) => id === slots[i]?.id)
      if (isSame && current.slots.length === slots.length) {
        return withRoot(addWrappingKey(current), kept, roots.auditor)
      }
      throw new VaultError('CONFLICT', 'the keyslots changed meanwhile; rotate the root again')
    },
    facts: (generation, { log }) => [
      ...slots.filter(({ id }) => !kept.has(id)).map((slot) => removed(slot, generation)),
      rotated({ what: 'root', generation, epoch: nextEpoch(log.epochs) }),
    ],
  }
}

function withRoot(keyring: OwnerKeyring, kept: ReadonlyMap<string, Slot>, A: Buffer): OwnerKeyring {
  const slots = keyring.slots.flatMap(({ id }) => kept.get(id) ?? [])
  return { ...keyring, slots, values: { ...keyring.values, A } }
}

/** What is looked at before keys are given up: that every row opens, and that none holds a destroyed key. */
async function prepareShred(engine: Engine, { limits: { signal } }: Call): Promise<void> {
  await expectSoundRows(engine.keyRows, signal)
  await sweepKeys(engine)
}

function changeCall(call: Call, { onProgress }: ShredOptions): ChangeCall {
  return { ...call, ...(onProgress && { onProgress }) }
}

function rotated(data: EventData['keys.rotated']): Fact {
  return { type: 'keys.rotated', subject: '', data }
}

function rotatedOf(events: readonly VaultEvent[]): KeysRotated {
  const event = events.findLast(({ type }) => type === 'keys.rotated')
  if (event?.type !== 'keys.rotated') throw new RangeError('a rotation appends that it took place')
  return { epoch: event.data.epoch, position: event.position }
}

function isShredded(event: VaultEvent): event is EventOf<'keys.shredded'> {
  return event.type === 'keys.shredded'
}

function shreddedOf({ position, data: { epoch, keys } }: EventOf<'keys.shredded'>): KeysShredded {
  return { epoch, keys, position }
}

function verifierOf({ keyring, origin }: Engine): string {
  const publicKey = keyring.log.signers.at(-1)?.publicKey
  if (publicKey === undefined) throw new VaultError('INTEGRITY', 'the keyring names no signing key')
  return formatVkey(vkeyOf(origin, publicKeyOf(publicKey)))
}
