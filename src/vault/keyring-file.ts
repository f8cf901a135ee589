import { VaultError } from '../errors.ts'
import type { Fact } from '../events/catalogue.ts'
import type { Pending } from '../keys/compartments.ts'
import { type OwnerKeyring, sealKeyring } from '../keys/keyring.ts'
import type { FileTable } from '../store/port.ts'

const name = 'keyring'

export function readKeyringFile(files: FileTable): Promise<Uint8Array | undefined> {
  return files.read(name)
}

export async function writeKeyringFile(
  files: FileTable,
  keyring: OwnerKeyring,
  R: Uint8Array,
): Promise<void> {
  const bytes = sealKeyring(keyring, R)
  await files.replace(name, bytes)
}

export interface KeyringChange {
  readonly current: OwnerKeyring
  /** What holds in the end. Slots that it lacks are dropped, those it adds are added. */
  readonly slots: OwnerKeyring['slots']
  /** The events of the change, given the generation that they speak of. */
  readonly facts: (generation: number) => readonly Fact[]
}

export interface KeyringSteps {
  readonly write: (keyring: OwnerKeyring) => Promise<void>
  readonly append: (facts: readonly Fact[]) => Promise<void>
}

/**
 * Changes the keyring in the one order that is safe at each crash point:
 *
 * 1. generation g+1 holds old and new together, and `pending`, which says what is being done;
 *    — a crash before it: nothing happened; after it: the next opening finds `pending` and goes on at 2;
 * 2. the events are appended; they name generation g+1;
 *    — a crash after it: the next opening sees them in the log and goes on at 3;
 * 3. generation g+2 holds only what is left, without `pending`.
 */
export async function changeKeyring(
  change: KeyringChange,
  steps: KeyringSteps,
): Promise<OwnerKeyring> {
  const { current, slots } = change
  const generation = current.generation + 1
  const facts = change.facts(generation)
  const kept = current.slots.filter(({ id }) => !slots.some((slot) => slot.id === id))
  const both: OwnerKeyring = {
    ...current,
    generation,
    slots: [...kept, ...slots],
    values: {
      ...current.values,
      pending: { facts: facts.map(({ type, data }) => ({ type, data })) },
    },
  }
  await steps.write(both)
  await steps.append(facts)
  return finish(both, steps)
}

/**
 * Goes on with a change that a crash interrupted. `logged` is the newest generation that the log speaks of.
 * Throws `INTEGRITY` where the two do not belong together: one of them was put back to an earlier state.
 */
export async function resumeKeyring(
  keyring: OwnerKeyring,
  logged: number,
  steps: KeyringSteps,
): Promise<OwnerKeyring> {
  if (keyring.generation < logged) {
    throw new VaultError(
      'INTEGRITY',
      `the keyring is of generation ${keyring.generation}, and the log knows of ${logged}: it is an older file`,
      { expected: logged, found: keyring.generation },
    )
  }
  const { pending } = keyring.values
  if (pending === undefined) {
    // A finished change leaves the keyring one generation above the one that its event names.
    if (keyring.generation === logged + 1) return keyring
    throw new VaultError(
      'INTEGRITY',
      `the log knows of generation ${logged}, and the keyring is of ${keyring.generation}: the log is an older one`,
      { expected: keyring.generation - 1, found: logged },
    )
  }
  if (logged < keyring.generation) await steps.append(factsOf(pending))
  return finish(keyring, steps)
}

async function finish(keyring: OwnerKeyring, steps: KeyringSteps): Promise<OwnerKeyring> {
  const { pending, ...values } = keyring.values
  const removed = new Set(
    (pending === undefined ? [] : factsOf(pending)).flatMap((fact) =>
      fact.type === 'keyslot.removed' ? [fact.data.slot] : [],
    ),
  )
  const finished: OwnerKeyring = {
    ...keyring,
    generation: keyring.generation + 1,
    slots: keyring.slots.filter(({ id }) => !removed.has(id)),
    values,
  }
  await steps.write(finished)
  return finished
}

/** What a keyring change is about is the vault itself; encoding checks the rest. */
function factsOf({ facts }: Pending): readonly Fact[] {
  return facts.map((fact) => ({ ...fact, subject: '' }) as Fact)
}
