import { VaultError } from '../errors.ts'
import { commitSealedBytesMax } from '../limits.ts'
import type { CommitWrite } from './port.ts'
import { commitCount } from './port.ts'

/** header := "MUN1" ‖ epoch u32 ‖ count u32 ‖ nonce(24): the part of a commit that stands in the clear. */
const headerBytes = 36

/**
 * How many events a commit handed to a store holds, 0 when only key rows change.
 *
 * @throws VaultError `INVALID` for bytes that cannot be a commit, `TOO_LARGE` beyond `commitSealedBytesMax`.
 */
export function countToWrite({ first, sealed }: CommitWrite): number {
  if (sealed === undefined) return 0
  if (sealed.length > commitSealedBytesMax) {
    throw new VaultError('TOO_LARGE', `commit at ${first} is larger than a reader accepts`, {
      expected: commitSealedBytesMax,
      found: sealed.length,
    })
  }
  const count = sealed.length < headerBytes ? 0 : commitCount(sealed)
  if (count === 0 || first + count > Number.MAX_SAFE_INTEGER) {
    throw new VaultError('INVALID', `commit at ${first} has no header with a count of events`)
  }
  return count
}

/**
 * How many events a commit read back holds.
 *
 * @throws VaultError `INTEGRITY`, naming the position, for bytes that nothing of ours can have written.
 */
export function countRead(first: number, sealed: Uint8Array): number {
  if (sealed.length < headerBytes || sealed.length > commitSealedBytesMax) {
    throw new VaultError('INTEGRITY', `commit at ${first} has an impossible length`, {
      expected: `${headerBytes} to ${commitSealedBytesMax}`,
      found: sealed.length,
    })
  }
  const count = commitCount(sealed)
  if (count === 0) throw new VaultError('INTEGRITY', `commit at ${first} says that it is empty`)
  return count
}

/** The log has a hole: the event at `position` should be there and is not. */
export function gapAt(position: number, found?: number): VaultError {
  const instead = found === undefined ? 'the log ends there' : `the next commit is at ${found}`
  return new VaultError('INTEGRITY', `no commit holds position ${position}: ${instead}`, {
    expected: position,
    ...(found !== undefined && { found }),
  })
}

/** @throws VaultError `INVALID` unless positions are whole numbers from 0. */
export function assertPosition(position: number, what: string): void {
  if (Number.isSafeInteger(position) && position >= 0) return
  throw new VaultError('INVALID', `${what} must be a position, a whole number from 0`, {
    found: String(position),
  })
}

/** The refusal of a commit whose `first` is not the head. */
export function conflict(head: number, first: number): VaultError {
  return new VaultError('CONFLICT', `the head is ${head}, the commit would begin at ${first}`, {
    expected: head,
    found: first,
  })
}
