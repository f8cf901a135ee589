import { viewOf } from '../../crypto/bytes.ts'
import { commitSealedBytesMax } from '../../limits.ts'
import { type CommitPlain, openCommit } from '../../log/commit.ts'
import { type Epochs, openEpochs } from '../../log/epochs.ts'
import { commitCount, type StoredCommit } from '../../store/port.ts'
import { type IntegrityFault, integrityOf } from './integrity.ts'
import { keyringOf, type LentKeys } from './lent-keys.ts'
import type { Problems } from './problem.ts'

const magic = Buffer.from('MUN1')
/** header(36) ‖ tag(16) ‖ mac(32), around nothing at all (`log/commit.ts`). */
const commitBytesMin = 84
const epochAt = 4

export interface CommitOpener {
  readonly epochs: Epochs
  /** The events of a commit, or undefined for one whose events cannot be had: the problem says why. */
  open(stored: StoredCommit): CommitPlain | undefined
  erase(): void
}

/** Opens commits with the checks of every reader, and tells which of them failed. */
export function commitOpener(keys: LentKeys, problems: Problems): CommitOpener {
  const owner = openEpochs(keyringOf(keys, { macs: true }))
  const reader = openEpochs(keyringOf(keys, { macs: false }))
  expectNoGap(keys, problems)

  /** Every reader's check, without that of the MAC: whether what no owner made is damaged, or was forged. */
  const openUnmade = (stored: StoredCommit, fault: IntegrityFault): CommitPlain | undefined => {
    try {
      const plain = openCommit(reader, stored)
      problems.add('mac', fault.message, stored.first)
      return plain
    } catch (error) {
      problems.add('seal', integrityOf(error).message, stored.first)
      return undefined
    }
  }

  return {
    epochs: reader,
    open: (stored) => {
      const fault = headerFault(stored)
      if (fault !== undefined) {
        problems.add('header', `the commit at position ${stored.first} ${fault}`, stored.first)
        return undefined
      }
      const expected = reader.at(stored.first).epoch
      const found = viewOf(stored.sealed).readUInt32BE(epochAt)
      if (found !== expected) {
        problems.add(
          'epoch',
          `the commit at position ${stored.first} is sealed under epoch ${found}, expected ${expected}`,
          stored.first,
        )
        return undefined
      }
      try {
        return openCommit(owner, stored)
      } catch (error) {
        return openUnmade(stored, integrityOf(error))
      }
    },
    erase: () => {
      owner.erase()
      reader.erase()
    },
  }
}

function headerFault({ sealed }: StoredCommit): string | undefined {
  const { length } = sealed
  if (length < commitBytesMin || length > commitSealedBytesMax) return `is ${length} bytes long`
  if (!viewOf(sealed).subarray(0, magic.length).equals(magic)) return 'does not begin with MUN1'
  return commitCount(sealed) === 0 ? 'says that it is empty' : undefined
}

/** An epoch that was left out would leave its positions to the one before it. */
function expectNoGap({ epochs }: LentKeys, problems: Problems): void {
  for (const [i, { epoch, from }] of epochs.entries()) {
    const before = epochs[i - 1]?.epoch
    if (before === undefined || epoch === before + 1) continue
    problems.add('epoch', `the keyring has epoch ${epoch} after ${before}`, from)
  }
}
