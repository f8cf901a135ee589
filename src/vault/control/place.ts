import { chmod, lstat, mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { VaultError } from '../../errors.ts'
import { isAbsent, onDisk } from '../../store/level/folder.ts'
import { socketPathOf } from './socket-path.ts'

/** `sun_path` of a socket's address holds 108 bytes on Linux and 104 on macOS and the BSDs, a zero at the end included. */
const socketPathBytesMax = process.platform === 'linux' ? 107 : 103

/** A place in which a socket is made before anybody can reach it. */
export interface SocketPlace {
  /** Where to listen first. */
  readonly path: string
  /** Makes the socket reachable for the user alone, and gives its path. */
  publish(): Promise<string>
  /** Takes away what is there. */
  remove(): Promise<void>
}

/** No longer than the socket's own name with what stands in it, so that the one fits where the other does. */
const makingPrefix = '.s-'
const makingName = /^\.s-[A-Za-z0-9]{6}$/

/**
 * A place for the socket of a vault's folder, where nobody answers any more. A socket is made in a
 * folder of its own, mode 0700, since the system makes it with whatever mode the process has for files. Throws `INVALID`
 * where the path is longer than the system takes, `EXISTS` where somebody answers there or it is no socket, `FAILED`.
 */
export async function socketPlace(folder: string): Promise<SocketPlace> {
  const path = socketPathOf(folder)
  await expectFree(path)
  const making = await onDisk('make', path, async () => {
    const left = (await readdir(folder)).filter((name) => makingName.test(name))
    for (const name of left) await rm(join(folder, name), { recursive: true, force: true })
    return mkdtemp(join(folder, makingPrefix))
  })
  const first = join(making, 's')
  return {
    path: first,
    publish: () =>
      onDisk('make', path, async () => {
        await chmod(first, 0o600)
        // In the place of what a process that was killed left.
        await rename(first, path)
        await rm(making, { recursive: true, force: true })
        return path
      }),
    remove: async () => {
      await rm(making, { recursive: true, force: true })
      await rm(path, { force: true })
    },
  }
}

async function expectFree(path: string): Promise<void> {
  const bytes = Buffer.byteLength(path)
  if (bytes > socketPathBytesMax) {
    throw new VaultError(
      'INVALID',
      `a socket's path has at most ${socketPathBytesMax} bytes, and ${path} has ${bytes}: move the vault to a shorter path`,
      { path, expected: socketPathBytesMax, found: bytes },
    )
  }
  const found = await onDisk('look for', path, () =>
    lstat(path).catch((cause: unknown) => {
      if (isAbsent(cause)) return undefined
      throw cause
    }),
  )
  if (found === undefined) return
  if (!found.isSocket()) throw new VaultError('EXISTS', `${path} is no socket`, { path })
  if (await answers(path)) {
    throw new VaultError('EXISTS', `something answers at ${path} already`, { path })
  }
}

/** Whether a process accepts connections there: the system refuses them for one that has ended. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', (cause: NodeJS.ErrnoException) => {
      if (cause.code === 'ECONNREFUSED' || isAbsent(cause)) resolve(false)
      else {
        reject(
          new VaultError('FAILED', `could not look at ${path} (${cause.code})`, { cause, path }),
        )
      }
    })
  })
}
