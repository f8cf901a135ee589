import { readFileSync, statSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { VaultError } from '../../errors.ts'

const pollMs = 100

/**
 * The folders that this process holds, and the id of each. LevelDB's lock keeps other processes out but knows a
 * folder by its spelling alone: two spellings open one log twice, and what one of them acknowledged is lost. One
 * table for all copies of this module that a program may have loaded.
 */
const held = heldFolders()

/**
 * Takes a folder for this process.
 *
 * @returns what gives it back.
 * @throws VaultError `IN_USE` if it is held already, by whatever path, link or mount.
 */
export function claim(location: string): () => void {
  const id = idOf(location)
  for (const [other, otherId] of held) {
    // A folder that was deleted while open may have left its id to another.
    const same = other === location || (otherId === id && idOf(other) === id)
    if (same) throw inUse(location, { pid: process.pid, host: hostname() })
  }
  held.set(location, id)
  return () => {
    held.delete(location)
  }
}

interface Owner {
  readonly pid: number
  readonly host: string
}

/** Says who holds the vault. Only information: the lock is LevelDB's, and a crash leaves this behind. */
export async function writeOwner(location: string): Promise<void> {
  const owner = { pid: process.pid, host: hostname(), since: new Date().toISOString() }
  await writeFile(join(location, 'owner'), `${JSON.stringify(owner)}\n`, { mode: 0o600 }).catch(
    () => undefined,
  )
}

export async function removeOwner(location: string): Promise<void> {
  await rm(join(location, 'owner'), { force: true }).catch(() => undefined)
}

/** The error for a lock that another process holds, naming what it wrote about itself. */
export function inUseByAnother(location: string, cause: unknown): VaultError {
  return inUse(location, ownerOf(location), cause)
}

/**
 * Tries again while the answer is `IN_USE`, until the time is up.
 *
 * @throws VaultError `ABORTED` once the signal says so, else whatever the last attempt threw.
 */
export async function untilFree<T>(
  attempt: () => Promise<T>,
  { waitForLock = 0, signal }: { waitForLock?: number; signal?: AbortSignal },
): Promise<T> {
  const deadline = performance.now() + waitForLock
  for (;;) {
    assertWanted(signal)
    try {
      return await attempt()
    } catch (error) {
      const busy = error instanceof VaultError && error.code === 'IN_USE'
      if (!busy || performance.now() >= deadline) throw error
    }
    const left = Math.max(0, deadline - performance.now())
    // The signal only cuts the pause short; the next round says what that means.
    await pause(Math.min(pollMs, left), undefined, signal && { signal }).catch(() => undefined)
  }
}

function assertWanted(signal: AbortSignal | undefined): void {
  if (signal?.aborted !== true) return
  throw new VaultError('ABORTED', 'gave up waiting for the vault', { cause: signal.reason })
}

function inUse(location: string, owner: Owner | undefined, cause?: unknown): VaultError {
  const who = owner === undefined ? 'another process' : `process ${owner.pid} on ${owner.host}`
  return new VaultError('IN_USE', `${location} is in use by ${who}`, {
    path: location,
    ...(owner !== undefined && { found: owner.pid }),
    cause,
  })
}

/** What the file says, if it says it in full and in plain characters. */
function ownerOf(location: string): Owner | undefined {
  try {
    const owner: Partial<Owner> = JSON.parse(readFileSync(join(location, 'owner'), 'utf8'))
    const { pid, host } = owner
    if (!Number.isSafeInteger(pid) || pid === undefined) return undefined
    if (typeof host !== 'string' || !/^[\w.-]{1,255}$/.test(host)) return undefined
    return { pid, host }
  } catch {
    return undefined
  }
}

/** A folder is itself by device and inode, whatever link or mount leads there. */
function idOf(location: string): string | undefined {
  const found = statSync(location, { bigint: true, throwIfNoEntry: false })
  return found && `${found.dev}:${found.ino}`
}

function heldFolders(): Map<string, string | undefined> {
  const name = Symbol.for('muniment.held-folders')
  const shared = globalThis as { [name]?: Map<string, string | undefined> }
  shared[name] ??= new Map()
  return shared[name]
}
