import { decodeText, malformed, Refusal } from './bytes.js'

const sumsBytesMax = 8 * 1024 * 1024
const line = /^([0-9a-f]{64}) {2}([A-Za-z0-9][A-Za-z0-9._-]*(?:\/[A-Za-z0-9][A-Za-z0-9._-]*)*)$/

/**
 * The list of files as `sha256sum` writes it, in the order of their names:
 *
 * SHA256SUMS := (hex(32) "  " name "\n")+
 *
 * @param {Uint8Array} bytes
 * @returns {Map<string, string>} hashes in hex, by name
 */
export function parseSums(bytes) {
  const lines = decodeText(bytes, 'SHA256SUMS', sumsBytesMax).split('\n')
  if (lines.pop() !== '' || lines.length === 0) {
    throw malformed('SHA256SUMS', 'lines, each ended by a newline')
  }
  /** @type {Map<string, string>} */
  const sums = new Map()
  let last = ''
  for (const each of lines) {
    const [, hash, name] = line.exec(each) ?? []
    if (hash === undefined || name === undefined) {
      throw malformed('SHA256SUMS', 'a hash in hex, two spaces and a name in each line')
    }
    if (name <= last) throw new Refusal('SHA256SUMS: its names are not in order, or one is twice')
    sums.set(name, hash)
    last = name
  }
  return sums
}
