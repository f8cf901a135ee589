import { statfs } from 'node:fs/promises'
import { VaultError } from '../../errors.ts'

const lookEveryMs = 1000
const lookEveryBytes = 4 * 1024 * 1024

/** @throws VaultError `NO_SPACE` when that many bytes would leave less than the floor free. */
export type AssertRoom = (bytes: number) => Promise<void>

/** Bytes that an ordinary user can still write below `path`, where the system can tell. */
export async function freeBytes(path: string): Promise<number | undefined> {
  try {
    const { bavail, bsize } = await statfs(path)
    return bavail * bsize
  } catch {
    return undefined
  }
}

/**
 * Refuses writes below a floor, because LevelDB does not survive a full disk: writes that it acknowledges after
 * an ENOSPC are gone at the next open. It looks at most once a second or once in 4 MiB (a quarter of the floor, if
 * that is less), and each time while there is too little.
 */
export function spaceFloor(path: string, floor: number): AssertRoom {
  const bytesBetween = Math.min(lookEveryBytes, floor / 4)
  let free: number | undefined
  let written = 0
  let lookedAt = Number.NEGATIVE_INFINITY

  return async (bytes) => {
    if (floor === 0) return
    const now = performance.now()
    const low = free !== undefined && free - written - bytes < floor
    if (low || written + bytes > bytesBetween || now - lookedAt >= lookEveryMs) {
      free = await freeBytes(path)
      lookedAt = now
      written = 0
    }
    if (free !== undefined && free - written - bytes < floor) {
      throw new VaultError('NO_SPACE', `too little space is free below ${path}`, {
        path,
        expected: floor,
        found: free,
      })
    }
    written += bytes
  }
}
