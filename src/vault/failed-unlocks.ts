import type { Fact } from '../events/catalogue.ts'
import { timeMsMax } from '../limits.ts'
import type { FileTable } from '../store/port.ts'

/**
 * failed-unlocks := (tried u64 ms ‖ count u32) × up to 64          big-endian, newest last
 *
 * A wrong passphrase cannot append to the log, so it is noted here and appended by the next opening. When the file is
 * full, the last note counts what comes: it must not grow at the will of whoever guesses. Whoever can write to the
 * folder can also remove it; what it holds is what an honest host saw.
 */
const name = 'failed-unlocks'
const entryBytes = 12
const entriesMax = 64

interface Failure {
  readonly triedAt: number
  readonly count: number
}

export async function noteFailedUnlock(files: FileTable, triedAt: number): Promise<void> {
  const failures = await readFailures(files)
  const last = failures.at(-1)
  const next =
    failures.length < entriesMax || last === undefined
      ? [...failures, { triedAt, count: 1 }]
      : [...failures.slice(0, -1), { triedAt, count: Math.min(last.count + 1, 2 ** 32 - 1) }]
  const bytes = Buffer.alloc(next.length * entryBytes)
  for (const [i, failure] of next.entries()) {
    bytes.writeBigUInt64BE(BigInt(failure.triedAt), i * entryBytes)
    bytes.writeUInt32BE(failure.count, i * entryBytes + 8)
  }
  await files.replace(name, bytes)
}

/** The events to append for what was noted. */
export async function failedUnlockFacts(files: FileTable): Promise<readonly Fact[]> {
  const failures = await readFailures(files)
  return failures.map((data) => ({
    type: 'auth.failed',
    subject: '',
    data: { method: 'keyslot', ...data },
  }))
}

/** After the append: a crash between the two records a failure twice rather than never. */
export function clearFailedUnlocks(files: FileTable): Promise<void> {
  return files.remove(name)
}

/** Unauthenticated bytes: entries that make no sense are passed over. */
async function readFailures(files: FileTable): Promise<readonly Failure[]> {
  const bytes = Buffer.from((await files.read(name)) ?? [])
  const failures: Failure[] = []
  for (
    let at = 0;
    at + entryBytes <= bytes.length && failures.length < entriesMax;
    at += entryBytes
  ) {
    const triedAt = Number(bytes.readBigUInt64BE(at))
    const count = bytes.readUInt32BE(at + 8)
    if (triedAt <= timeMsMax && count > 0) failures.push({ triedAt, count })
  }
  return failures
}
