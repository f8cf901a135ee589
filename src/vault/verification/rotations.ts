import type { EventOf, VaultEvent } from '../../events/catalogue.ts'
import type { LentKeys } from './lent-keys.ts'
import type { Problems } from './problem.ts'

/** The events of one commit, and the root of the log before them where that is known. */
export interface SeenCommit {
  readonly first: number
  /** The size of the log with them. */
  readonly end: number
  /** Those that could be read. */
  readonly events: readonly VaultEvent[]
  rootBefore(): Buffer | undefined
}

/** A signing key in hexadecimal digits, and the least size of a log that it may have signed. */
export interface Introduced {
  readonly publicKey: string
  readonly from: number
}

export interface RotationsCheck {
  rotated(event: EventOf<'keys.rotated'>, commit: SeenCommit): void
  /** Told of each commit behind its events. */
  commit(commit: SeenCommit): void
  /** Oldest first; the last is the one of now. */
  readonly signers: readonly Introduced[]
}

/**
 * Whether keys change where the log says so and nowhere else: each epoch of the log begins behind an event that rotates
 * its keys, alone in the last commit of the old epoch, and each signing key but the first is named by an event. `size` is
 * that of the whole log: a rotation whose event is the last one may still be under way.
 */
export function checkRotations(
  { epochs, signers: known }: LentKeys,
  { size, problems }: { readonly size: number; readonly problems: Problems },
): RotationsCheck {
  const publicKeys = known.map(({ publicKey }) => hex(publicKey))
  const epochAt = new Map(epochs.map(({ from, epoch }) => [from, epoch]))
  const signers: Introduced[] = publicKeys.slice(0, 1).map((publicKey) => ({ publicKey, from: 0 }))

  const introduce = ({ position, data: { key } }: EventOf<'keys.rotated'>) => {
    if (key === undefined) return
    const publicKey = hex(key)
    signers.push({ publicKey, from: position + 1 })
    if (publicKeys.includes(publicKey) || position + 1 === size) return
    const message = `event ${position} names a signing key that the keyring lacks`
    problems.add('rotation', message, position)
  }
  const expectBegun = ({ position, data }: EventOf<'keys.rotated'>) => {
    const begun = epochAt.get(position + 1)
    if (begun === data.epoch || (begun === undefined && position + 1 === size)) return
    const found = begun === undefined ? 'no epoch' : `epoch ${begun}`
    const message = `event ${position} begins epoch ${data.epoch}, and the keyring has ${found} there`
    problems.add('rotation', message, position)
  }

  return {
    rotated: (event, { first, end }) => {
      const { what } = event.data
      introduce(event)
      if (what === 'signing') return
      expectBegun(event)
      // With the root, the keyslots that go are told in the same commit, before it.
      if (event.position === end - 1 && (what === 'root' || end - first === 1)) return
      const message = `the rotation at position ${event.position} is not alone, or not the last, in its commit`
      problems.add('rotation', message, event.position)
    },
    commit: ({ first, end, events }) => {
      const begun = epochAt.get(end)
      // An event that could not be read is a problem of its own.
      if (begun === undefined || events.length < end - first) return
      if (events.at(-1)?.type === 'keys.rotated') return
      const message = `epoch ${begun} begins at position ${end}, behind no event that rotates keys`
      problems.add('rotation', message, end)
    },
    signers,
  }
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')
}
