import { VaultError } from '../errors.ts'
import type { Fact, KeyslotFacts, KeyslotKind, KeyslotRole } from '../events/catalogue.ts'
import type { Root, Slot } from '../keys/keyslot.ts'
import { recoveryKey } from '../keys/recovery.ts'
import { addSlot, type Credential } from '../keys/unlock.ts'
import { keyslotsMax } from '../limits.ts'
import type { CallOptions } from './call.ts'
import type { Engine } from './engine.ts'
import type { KeyChanges } from './key-changes.ts'
import { slotsChange } from './keyring-change.ts'

/** One way to open the vault. */
export interface Keyslot {
  /** UUID. */
  readonly id: string
  readonly kind: KeyslotKind
  readonly role: KeyslotRole
  readonly label: string
  readonly createdAt: Date
  /** Whether it is the one that this opening used. */
  readonly current: boolean
}

export interface KeyslotOptions extends CallOptions {
  /** For people, at most 128 bytes; the kind unless said. */
  readonly label?: string
  /**
   * `owner` unless said: everything. `auditor`: all of the history in a backup, and no value. A keyslot that replaces
   * another has the role of that one.
   */
  readonly role?: KeyslotRole
}

/**
 * The ways to open a vault. A change rewrites the keyring alone, never the data.
 *
 * **Removing a keyslot does not take back** what its holder may have copied: whoever had the keyring file and the
 * passphrase has the keys inside. What it ends is the use of that passphrase on this vault from here on;
 * `keys.rotateRoot` replaces the keys too.
 */
export class Keyslots {
  readonly #changes: KeyChanges

  constructor(changes: KeyChanges) {
    this.#changes = changes
  }

  /** All keyslots. Throws `CLOSED`. */
  list(): readonly Keyslot[] {
    const { engine } = this.#changes
    return engine.keyring.slots.map((slot) => keyslotOf(slot, engine))
  }

  /**
   * Adds a way to open the vault. Throws `INVALID`, `TOO_LARGE` beyond 16 keyslots.
   *
   * @example
   * await vault.keyslots.add(passphrase.fromFile('/run/credentials/second'), { label: 'on call' })
   */
  async add(credential: Credential, options: KeyslotOptions = {}): Promise<Keyslot> {
    return this.#changes.run(options, async (engine, call) => {
      const slot = await newSlot(engine, credential, options)
      const change = slotsChange(
        (slots) => [...expectRoom(slots), slot],
        (generation) => [added(slot, generation)],
      )
      await engine.changeKeyring(change, call)
      return keyslotOf(slot, engine)
    })
  }

  /**
   * Adds a recovery key: 256 random bits as text to print and lock away. It is shown here once and kept nowhere.
   *
   * @example
   * const { text } = await vault.keyslots.addRecovery()
   */
  async addRecovery(options: KeyslotOptions = {}): Promise<Keyslot & { readonly text: string }> {
    const { text, credential } = recoveryKey()
    return { ...(await this.add(credential, options)), text }
  }

  /** Puts a new credential in the place of a keyslot's: how a passphrase is changed. Throws as `add` and `remove`. */
  async replace(
    id: string,
    credential: Credential,
    options: KeyslotOptions = {},
  ): Promise<Keyslot> {
    return this.#changes.run(options, async (engine, call) => {
      const old = existing(engine.keyring.slots, id)
      const { label = old.label } = options
      const slot = await newSlot(engine, credential, { label, role: old.role })
      const change = slotsChange(
        (slots) => {
          const going = existing(slots, id)
          return slots.map((held) => (held === going ? slot : held))
        },
        (generation) => [added(slot, generation), removed(old, generation)],
      )
      await engine.changeKeyring(change, call)
      return keyslotOf(slot, engine)
    })
  }

  /** Removes one. Throws `NOT_FOUND`; `INVALID` for the last one of an owner, which would lock everybody out. */
  async remove(id: string, options: CallOptions = {}): Promise<void> {
    return this.#changes.run(options, async (engine, call) => {
      const change = slotsChange(
        (slots) => without(slots, id),
        (generation, slots) => [removed(existing(slots, id), generation)],
      )
      await engine.changeKeyring(change, call)
    })
  }
}

/** The keyslots as a scope has them: each verb takes the right to `keys`, and a look is on record. */
export type ScopedKeyslots = Omit<Keyslots, 'list'> & {
  list(options?: CallOptions): readonly Keyslot[] | Promise<readonly Keyslot[]>
}

export function scopedKeyslots(changes: KeyChanges): ScopedKeyslots {
  const keyslots = new Keyslots(changes)
  return {
    list: (options = {}) => changes.look(options, () => keyslots.list()),
    add: (credential, options) => keyslots.add(credential, options),
    addRecovery: (options) => keyslots.addRecovery(options),
    replace: (id, credential, options) => keyslots.replace(id, credential, options),
    remove: (id, options) => keyslots.remove(id, options),
  }
}

export function factsOf({ id, kind, role, label }: Slot): KeyslotFacts {
  return { slot: id, kind, role, label }
}

/** What a keyslot of each role wraps. */
const roots: Readonly<Record<KeyslotRole, (engine: Engine) => Root>> = {
  owner: ({ root }) => ({ role: 'owner', R: root }),
  auditor: ({ keyring }) => ({ role: 'auditor', A: keyring.values.A }),
}

async function newSlot(
  engine: Engine,
  credential: Credential,
  { label, role = 'owner' }: Pick<KeyslotOptions, 'label' | 'role'>,
): Promise<Slot> {
  const { keyring } = engine
  if (!Object.hasOwn(roots, role)) {
    throw new VaultError('INVALID', 'the role of a keyslot must be owner or auditor')
  }
  expectRoom(keyring.slots)
  const { slot } = await addSlot(keyring, credential, {
    root: roots[role](engine),
    label: label ?? credential.newKdf().kdf,
    createdAt: engine.time.now(),
  })
  return slot
}

function expectRoom(slots: readonly Slot[]): readonly Slot[] {
  if (slots.length < keyslotsMax) return slots
  throw new VaultError('TOO_LARGE', `a vault has at most ${keyslotsMax} keyslots`, {
    expected: keyslotsMax,
    found: slots.length,
  })
}

/** The others. Throws `NOT_FOUND`, and `INVALID` where no owner's is among them. */
function without(slots: readonly Slot[], id: string): readonly Slot[] {
  const going = existing(slots, id)
  const others = slots.filter((slot) => slot !== going)
  if (others.some(({ role }) => role === 'owner')) return others
  throw new VaultError(
    'INVALID',
    'this is the last keyslot that opens the vault: add another first',
  )
}

function existing(slots: readonly Slot[], id: string): Slot {
  const slot = slots.find((held) => held.id === id)
  if (slot !== undefined) return slot
  throw new VaultError('NOT_FOUND', 'there is no keyslot with this id')
}

function added(slot: Slot, generation: number): Fact {
  return { type: 'keyslot.added', subject: '', data: { ...factsOf(slot), generation } }
}

export function removed(slot: Slot, generation: number): Fact {
  return { type: 'keyslot.removed', subject: '', data: { ...factsOf(slot), generation } }
}

/** What is told of a keyslot; `current` is that of this opening. */
export function keyslotOf(slot: Slot, { slot: own }: { readonly slot: Pick<Slot, 'id'> }): Keyslot {
  return {
    id: slot.id,
    kind: slot.kind,
    role: slot.role,
    label: slot.label,
    createdAt: new Date(slot.createdAt),
    current: slot.id === own.id,
  }
}
