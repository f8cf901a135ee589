import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { passphrase, Vault } from '../dist/index.js'

/** A folder of its own for the time of some work. */
export async function inFolder(work) {
  const folder = await mkdtemp(join(tmpdir(), 'muniment-bench-'))
  try {
    return await work(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const unlock = passphrase('bench bench bench', { memoryKiB: 19 * 1024, passes: 2, lanes: 1 })

export const options = (path, more = {}) => ({
  path,
  unlock,
  actor: 'svc/bench',
  timeout: 600_000,
  ...more,
})

export const pathOf = (i) => `prod/app-${i % 100}/secret-${i}`

/** A vault with `count` secrets of 64 bytes. */
export async function vaultWith(path, count, more = {}) {
  const vault = await Vault.create(options(path, more))
  for (let at = 0; at < count; at += 10_000) {
    const until = Math.min(count, at + 10_000)
    await Promise.all(
      Array.from({ length: until - at }, (_, i) => vault.write(pathOf(at + i), 'x'.repeat(64))),
    )
  }
  return vault
}

/** Reads `total` values from `callers` callers at once, secrets taken in a scattered order. */
export async function readAll(vault, { callers, total, secrets }) {
  let left = total
  const caller = async () => {
    while (left-- > 0) await vault.read(pathOf((left * 7919) % secrets))
  }
  await Promise.all(Array.from({ length: callers }, caller))
}

/** Grows a vault to `events` events, mostly reads, a twentieth rotations. */
export async function grow(vault, { events, secrets }) {
  let { size } = await vault.health()
  while (size < events) {
    const batch = Math.min(5_000, events - size)
    await Promise.all(
      Array.from({ length: batch }, (_, i) =>
        i % 20 === 0
          ? vault.rotate(pathOf(((size + i) * 31) % secrets), `value ${size + i}`)
          : vault.read(pathOf(((size + i) * 7919) % secrets)),
      ),
    )
    size = (await vault.health()).size
  }
}

/** Milliseconds that some work takes. */
export async function timed(work) {
  const started = performance.now()
  const result = await work()
  return { ms: performance.now() - started, result }
}

export function median(numbers) {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]
}
