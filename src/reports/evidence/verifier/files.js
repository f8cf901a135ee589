import { hexOf, Refusal } from './bytes.js'
import { Sha256 } from './sha256.js'

/** @import { Bytes } from './bytes.js' */
/** @import { Entry } from './zip.js' */

/** Every part of the evidence that has to be there, whatever it is of. */
export const neededNames = [
  'SHA256SUMS',
  'checkpoint',
  'evidence.statement',
  'index.html',
  'verifier.html',
  'verifier.key',
]
/** What cannot be in the list of files: the list, and what holds the list's own hash. */
export const unlistedNames = ['SHA256SUMS', 'evidence.statement']

export const earlierNames = ['earlier.checkpoint', 'earlier.consistency']
export const proofName = /^proofs\/(0|[1-9][0-9]{0,15})\.tlog-proof$/
export const reportName = /^reports\/[^/]+$/
export const manifestName = /^reports\/[^/]+\.manifest$/

/** What is parsed is held, as far as it is of a size that can be; what is only hashed, however large, goes by. */
const heldBytesMax = 8 * 1024 * 1024
/** Of all files together: an archive of many is not read into memory. */
const heldInAllMax = 64 * 1024 * 1024

/** @param {string} name */
function isParsed(name) {
  return (
    name === 'SHA256SUMS' ||
    name === 'checkpoint' ||
    name === 'evidence.statement' ||
    name === 'verifier.key' ||
    earlierNames.includes(name) ||
    proofName.test(name) ||
    manifestName.test(name)
  )
}

/** What may still be held. */
export class Room {
  #left = heldInAllMax

  /**
   * Whether a file of this name is held. What is not fails where it is to be parsed.
   *
   * @param {string} name
   * @param {number} size
   */
  take(name, size) {
    if (!isParsed(name) || size > Math.min(heldBytesMax, this.#left)) return false
    this.#left -= size
    return true
  }
}

/** @typedef {{ size: number, sha256: string, bytes: Bytes | undefined }} ReadFile */

/**
 * Files as the evidence names them. A plain folder that all of them lie in falls away, and a file that came without its folder
 * is the one that the list names: what it is, its hash tells.
 *
 * @param {readonly Entry[]} entries
 * @param {ReadonlyMap<string, unknown>} listed
 * @returns {Map<string, Entry>}
 */
export function namedFiles(entries, listed) {
  const root = rootOf(entries)
  const known = new Set([...listed.keys(), ...unlistedNames])
  /** @type {Map<string, string[]>} */
  const byLastName = new Map()
  for (const name of known) {
    const last = lastOf(name)
    byLastName.set(last, [...(byLastName.get(last) ?? []), name])
  }
  /** @type {Map<string, Entry>} */
  const named = new Map()
  for (const entry of entries) {
    const inside = entry.name.startsWith(root) ? entry.name.slice(root.length) : entry.name
    const [only, ...others] = byLastName.get(inside) ?? []
    const name = only === undefined || others.length > 0 || known.has(inside) ? inside : only
    if (named.has(name)) throw new Refusal(`there are two files ${name}`)
    named.set(name, entry)
  }
  return named
}

/** A way down, as whoever packs a folder makes it: neither up, nor from the root, nor through another system's signs. */
const plainFolder = /^([A-Za-z0-9][A-Za-z0-9._ -]*\/)*$/

/**
 * The folder of the list of files, where every file lies in it: `q1/`, or nothing.
 *
 * @param {readonly Entry[]} entries
 */
export function rootOf(entries) {
  const list = entries.find(({ name }) => lastOf(name) === 'SHA256SUMS')
  const root = list === undefined ? '' : list.name.slice(0, -'SHA256SUMS'.length)
  const isPlain = plainFolder.test(root)
  return isPlain && entries.every(({ name }) => name.startsWith(root)) ? root : ''
}

/** @param {string} name */
function lastOf(name) {
  return name.slice(name.lastIndexOf('/') + 1)
}

/**
 * Reads a file once: its hash, and its bytes where they are held.
 *
 * @param {Entry} entry
 * @param {boolean} isHeld
 * @param {(bytes: number) => void} [onBytes]
 * @returns {Promise<ReadFile>}
 */
export async function readFile({ name, size, open }, isHeld, onBytes = () => undefined) {
  const hash = new Sha256()
  const bytes = isHeld ? new Uint8Array(size) : undefined
  let at = 0
  const reader = (await open()).getReader()
  try {
    for (;;) {
      const { value, done } = await reader.read()
      if (done) break
      // More than was declared: an archive that swells is not read on.
      if (at + value.length > size) throw new Refusal(`${name} is longer than it says`)
      bytes?.set(value, at)
      hash.update(value)
      at += value.length
      onBytes(value.length)
    }
  } catch (error) {
    if (error instanceof Refusal) throw error
    throw new Refusal(`${name} cannot be read`)
  } finally {
    await reader.cancel().catch(() => undefined)
  }
  if (at !== size) throw new Refusal(`${name} is shorter than it says`)
  return { size, sha256: hexOf(hash.digest()), bytes }
}
