import { VaultError } from '../errors.ts'
import type { EventData, Fact } from '../events/catalogue.ts'
import type { Pending } from '../keys/compartments.ts'
import type { OwnerKeyring } from '../keys/keyring.ts'
import type { Slot } from '../keys/keyslot.ts'
import { addLogEpoch, addSigner, keepNewestSigner, keepNewestWrappingKey } from '../keys/rotate.ts'

/*
 * Every change of the keyring takes these steps, in the one order that is safe at each crash point:
 *
 * 1. generation g + 1 holds old and new together, and `pending`: the events to append, which name the generation that
 *    they wait for;
 *    — a crash before it: nothing happened; after it: the next opening finds `pending` and goes on at 2;
 * 2. where the wrapping key is replaced, `pending` names g + 2: every key row is wrapped anew, and generation g + 2
 *    holds the new wrapping key alone;
 *    — a crash before g + 2: both keys are there, and the next opening wraps the rest;
 * 3. the events are appended, and nothing else is until 4 is done;
 *    — a crash after it: the next opening sees them in the log and goes on at 4;
 * 4. where the signing key is replaced, a checkpoint that covers the events is signed by both keys and kept. Then the
 *    next generation holds only what is left, with log keys for all that follows the events where they say so, and
 *    without `pending`.
 */

/** What is to become of a keyring. */
export interface KeyringChange {
  /**
   * Old and new together; the keyring that is given stays as it was. It is the one that the change before left: whatever
   * was made of an earlier one is not. What it throws leaves all as it was.
   */
  readonly begin: (keyring: OwnerKeyring) => OwnerKeyring
  /** The events of the change, given the generation that they name and what `begin` made. */
  readonly facts: (generation: number, begun: OwnerKeyring) => readonly Fact[]
  /** Whether `begin` adds a wrapping key, which every row is to be under before the events are appended. */
  readonly rewraps?: true
  /** The owners' root that seals the keyring from step 1 on; 32 bytes, which the change takes over. */
  readonly root?: Buffer
}

/**
 * Keyslots that replace those of the keyring: the ones that they lack go in the end.
 *
 * @param edit gives them, of those that the keyring has by then
 * @param facts given the generation that they name, and every keyslot from before and after
 */
export function slotsChange(
  edit: (slots: readonly Slot[]) => readonly Slot[],
  facts: (generation: number, slots: readonly Slot[]) => readonly Fact[],
): KeyringChange {
  const begin = (keyring: OwnerKeyring): OwnerKeyring => {
    const slots = edit(keyring.slots)
    const going = keyring.slots.filter(({ id }) => !slots.some((slot) => slot.id === id))
    return { ...keyring, slots: [...going, ...slots] }
  }
  return { begin, facts: (generation, { slots }) => facts(generation, slots) }
}

/** Step 1: the keyring to write. */
export function beginChange(current: OwnerKeyring, change: KeyringChange): OwnerKeyring {
  const generation = current.generation + 1
  const begun = change.begin(current)
  const facts = change.facts(change.rewraps ? generation + 1 : generation, begun)
  return withPending({ ...begun, generation }, facts)
}

/** Whether a change is at step 2: its events wait for a later generation than the keyring's. */
export function awaitsRewrap(keyring: OwnerKeyring): boolean {
  return pendingFacts(keyring).some((fact) => generationOf(fact) > keyring.generation)
}

/** The end of step 2: the keyring to write once all rows, of so many value keys, are under the newest wrapping key. */
export function endRewrap(keyring: OwnerKeyring, keys: number): OwnerKeyring {
  const facts = pendingFacts(keyring)
  const next = { ...keepNewestWrappingKey(keyring), generation: keyring.generation + 1 }
  if (!replacesSigner(facts)) return withPending(next, facts.map(counted(keys)))
  const signing = addSigner(next)
  const key = signing.log.signers.at(-1)?.publicKey
  return withPending(signing, facts.map(signedBy(key)))
}

const counted = (keys: number) => (fact: Fact) =>
  fact.type === 'keys.shredded' ? { ...fact, data: { ...fact.data, keys } } : fact

const signedBy = (key: Buffer | undefined) => (fact: Fact) =>
  fact.type === 'keys.rotated' && key ? { ...fact, data: { ...fact.data, key } } : fact

/** Whether step 4 begins with a checkpoint that both keys sign. */
export function replacesSigner(facts: readonly Fact[]): boolean {
  return facts.some((fact) => fact.type === 'keys.rotated' && fact.data.what !== 'log')
}

/** The end of step 4: the keyring to write while the log ends with the events, at this size. */
export function endChange(keyring: OwnerKeyring, size: number): OwnerKeyring {
  const { pending: _, ...values } = keyring.values
  const settled = { ...keyring, generation: keyring.generation + 1, values }
  return pendingFacts(keyring).reduce((next, fact) => withEffect(next, fact, size), settled)
}

type Settle = (keyring: OwnerKeyring, size: number) => OwnerKeyring

const rotations = {
  log: addLogEpoch,
  signing: keepNewestSigner,
  root: (keyring, size) => addLogEpoch(keepNewestSigner(keyring), size),
} satisfies Record<EventData['keys.rotated']['what'], Settle>

function withEffect(keyring: OwnerKeyring, fact: Fact, size: number): OwnerKeyring {
  if (fact.type === 'keys.rotated') return rotations[fact.data.what](keyring, size)
  if (fact.type !== 'keyslot.removed') return keyring
  return { ...keyring, slots: keyring.slots.filter(({ id }) => id !== fact.data.slot) }
}

/** The events that are still to be appended, none where no change is under way. */
export function pendingFacts({ values }: OwnerKeyring): readonly Fact[] {
  // What a keyring change is about is the vault itself; encoding checks the rest.
  return (values.pending?.facts ?? []).map((fact) => ({ ...fact, subject: '' }) as Fact)
}

function withPending(keyring: OwnerKeyring, facts: readonly Fact[]): OwnerKeyring {
  const pending: Pending = { facts: facts.map(({ type, data }) => ({ type, data })) }
  return { ...keyring, values: { ...keyring.values, pending } }
}

function generationOf({ data }: Fact): number {
  return 'generation' in data ? data.generation : 0
}

/**
 * Throws `INTEGRITY` where keyring and log do not belong together: one of them was put back to an earlier state.
 *
 * @param logged the newest generation that the log speaks of
 */
export function expectOfOneTime(keyring: OwnerKeyring, logged: number): void {
  const { generation, values } = keyring
  if (generation < logged) {
    throw new VaultError(
      'INTEGRITY',
      `the keyring is of generation ${generation}, and the log knows of ${logged}: it is an older file`,
      { expected: logged, found: generation },
    )
  }
  // A finished change leaves the keyring one generation above the one that its events name.
  if (values.pending !== undefined || generation === logged + 1) return
  throw new VaultError(
    'INTEGRITY',
    `the log knows of generation ${logged}, and the keyring is of ${generation}: the log is an older one`,
    { expected: generation - 1, found: logged },
  )
}
