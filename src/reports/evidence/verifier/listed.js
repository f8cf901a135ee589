import { Refusal } from './bytes.js'
import {
  earlierNames,
  manifestName,
  namedFiles,
  neededNames,
  proofName,
  Room,
  readFile,
  reportName,
  unlistedNames,
} from './files.js'
import { grouped } from './ledger.js'
import { parseSums } from './sums.js'

/** @import { Ledger } from './ledger.js' */
/** @import { Manifest } from './statements.js' */
/** @import { Entry } from './zip.js' */

/**
 * Reads every file once, and holds what there is against the list of what there should be.
 *
 * @param {Ledger} ledger
 * @param {readonly Entry[]} entries
 * @param {(done: number, all: number) => void} onProgress of bytes
 */
export async function readListed(ledger, entries, onProgress) {
  const list = entries.find(({ name }) => /(^|\/)SHA256SUMS$/.test(name))
  const sums = await ledger.guard('SHA256SUMS', async () => {
    if (list === undefined) return undefined
    const isHeld = new Room().take('SHA256SUMS', list.size)
    const { bytes } = await readFile(list, isHeld)
    if (bytes === undefined) throw new Refusal('it is larger than such a file can be')
    return parseSums(bytes)
  })
  const listed = sums ?? new Map()
  // Before any of them is read: what is far more than the list names is not gone through.
  if (entries.length > listed.size + unlistedNames.length + straysMax) {
    const words = `these are ${grouped(entries.length)} files, and it names ${grouped(listed.size)}: none was read`
    ledger.refuse('SHA256SUMS', words)
    return
  }
  const named =
    (await ledger.guard('SHA256SUMS', () => namedFiles(entries, listed))) ??
    new Map(entries.map((entry) => [entry.name, entry]))
  const all = entries.reduce((sum, { size }) => sum + size, 0)
  const room = new Room()
  let done = 0
  for (const [name, entry] of named) {
    const file = await ledger.guard(name, () =>
      readFile(entry, room.take(name, entry.size), (bytes) => {
        done += bytes
        onProgress(done, all)
      }),
    )
    if (file !== undefined) ledger.files.set(name, file)
  }
  compareSums(ledger, listed)
  expectKnown(ledger)
}

/** Strays that are told one by one: what a desktop leaves in a folder. More of them are none of this evidence. */
const straysMax = 100

/**
 * @param {Ledger} ledger
 * @param {ReadonlyMap<string, string>} sums
 */
function compareSums(ledger, sums) {
  for (const [name, expected] of sums) {
    const file = ledger.files.get(name)
    if (file === undefined) ledger.refuse(name, 'it is in SHA256SUMS, and missing here')
    else if (file.sha256 === expected) ledger.say(name, 'SHA-256 as listed')
    else ledger.refuse(name, 'it was changed: its SHA-256 is not the one in SHA256SUMS')
  }
  for (const name of ledger.files.keys()) {
    if (unlistedNames.includes(name) || sums.has(name)) continue
    ledger.refuse(name, 'it does not belong here: SHA256SUMS does not name it')
  }
  for (const name of neededNames) {
    if (!ledger.files.has(name) && !sums.has(name)) ledger.refuse(name, 'it is missing')
  }
  if (sums.size > 0) ledger.say('SHA256SUMS', `names ${sums.size} files`)
}

/** @param {Ledger} ledger */
function expectKnown(ledger) {
  const known = new Set([...neededNames, ...earlierNames])
  for (const name of ledger.files.keys()) {
    if (known.has(name) || proofName.test(name) || reportName.test(name)) continue
    ledger.refuse(name, 'this page does not know what it is')
  }
}

/**
 * Each output against the manifest that names it; and none that no manifest names.
 *
 * @param {Ledger} ledger
 * @param {readonly { name: string, manifest: Manifest }[]} reports
 */
export function claimOutputs(ledger, reports) {
  /** @type {Set<string>} */
  const claimed = new Set()
  for (const { name, manifest } of reports) {
    for (const { name: output, bytes, sha256 } of manifest.outputs) {
      const path = `reports/${output}`
      const file = ledger.files.get(path)
      if (claimed.has(path)) ledger.refuse(path, 'two manifests name it')
      claimed.add(path)
      if (file === undefined) ledger.refuse(path, `${name} names it, and it is missing`)
      else if (file.sha256 === sha256 && file.size === bytes) {
        ledger.say(path, 'as its manifest says')
      } else ledger.refuse(path, `it is not the file that ${name} is of`)
    }
  }
  for (const path of ledger.namesLike(reportName)) {
    if (manifestName.test(path) || claimed.has(path)) continue
    ledger.refuse(path, 'no manifest that holds names it')
  }
}
