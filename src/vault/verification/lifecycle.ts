import type { EventOf, EventType, VaultEvent } from '../../events/catalogue.ts'
import { originOf } from '../../proofs/origin.ts'
import { parseVkey, type Vkey } from '../../proofs/vkey.ts'
import type { Holes } from './holes.ts'
import type { LentKeys } from './lent-keys.ts'
import type { Problems } from './problem.ts'
import { checkRotations, hex, type Introduced, type SeenCommit } from './rotations.ts'

/** What the events say of the vault itself, held against its keyring. */
export interface LifecycleCheck {
  commit(commit: SeenCommit): void
  /** The name that checkpoints of now are signed under; undefined where the event that says so could not be read. */
  readonly origin: string | undefined
  readonly signers: readonly Introduced[]
  /** Those that the vault was ever told to trust. */
  readonly witnesses: readonly Vkey[]
}

type Checks = { readonly [T in EventType]?: (event: EventOf<T>, commit: SeenCommit) => void }

export function checkLifecycle(
  keys: LentKeys,
  about: { readonly size: number; readonly holes: Holes; readonly problems: Problems },
): LifecycleCheck {
  const { problems, holes } = about
  const rotations = checkRotations(keys, about)
  const witnesses: Vkey[] = []
  let origin: string | undefined
  let logged = 0

  const note = ({ position, data }: { position: number; data: { generation: number } }) => {
    const { generation } = data
    if (generation < logged || generation > keys.generation) {
      const expected = `${logged} to ${keys.generation}`
      const message = `event ${position} is of keyring generation ${generation}, expected ${expected}`
      problems.add('generation', message, position)
    }
    logged = Math.max(logged, generation)
  }
  const checks: Checks = {
    'vault.created': (event) => {
      if (event.position > 0) return
      note(event)
      origin = originOf(keys.vaultId, event.id)
      if (Buffer.compare(event.data.vaultId, keys.vaultId) === 0) return
      problems.add('created', 'the first event creates another vault than the keyring is of', 0)
    },
    'vault.restored': (event, commit) => {
      const isKnown = rotations.signers.some(({ publicKey }) => publicKey === hex(event.data.key))
      if (!continues(event, commit, origin) || !(isKnown || holes.count > 0)) {
        const message = `event ${event.position} does not name the log that stands before it`
        problems.add('restored', message, event.position)
      }
      origin = originOf(keys.vaultId, event.id)
    },
    'keyslot.added': note,
    'keyslot.removed': note,
    'keys.shredded': note,
    'keys.rotated': (event, commit) => {
      note(event)
      rotations.rotated(event, commit)
    },
    'anchor.added': ({ data }) => {
      const witness = data.kind === 'witness' ? vkeyOrNone(data.vkey) : undefined
      if (witness !== undefined) witnesses.push(witness)
    },
  }

  return {
    commit: (commit) => {
      for (const event of commit.events) {
        expectFirst(event, problems)
        const check = checks[event.type] as CheckAny
        check?.(event, commit)
      }
      rotations.commit(commit)
    },
    get origin() {
      return origin
    },
    signers: rotations.signers,
    witnesses,
  }
}

type CheckAny = ((event: VaultEvent, commit: SeenCommit) => void) | undefined

/** Whether a restore says truly what came before it, as far as that is known. */
function continues(
  { position, data }: EventOf<'vault.restored'>,
  { rootBefore }: SeenCommit,
  origin: string | undefined,
): boolean {
  const root = rootBefore()
  if (data.size !== position) return false
  if (origin !== undefined && origin !== data.origin) return false
  return root === undefined || root.equals(data.root)
}

function expectFirst({ position, type }: VaultEvent, problems: Problems): void {
  if ((position === 0) === (type === 'vault.created')) return
  const what = position === 0 ? 'the first event creates no vault' : 'the vault is created again'
  problems.add('created', `${what}, at position ${position}`, position)
}

function vkeyOrNone(text: string | undefined): Vkey | undefined {
  try {
    return text === undefined ? undefined : parseVkey(text)
  } catch {
    // Nothing is proved by a witness whose key cannot be read, and nothing is amiss with the log.
    return undefined
  }
}
