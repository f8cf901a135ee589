import { Refusal } from './bytes.js'

/**
 * A zip archive (PKWARE APPNOTE 6.3), as far as evidence needs one: files that are stored or deflated, sizes of 64 bits,
 * neither encryption nor several disks. The directory at its end is what counts; a file is read when it is asked for.
 */

/**
 * A file that is looked at.
 *
 * @typedef {object} Entry
 * @property {string} name with `/` between folders
 * @property {number} size
 * @property {() => Promise<ReadableStream<Uint8Array>>} open
 */

/** @typedef {{ method: number, packed: number, size: number, offset: number, name: string }} Place */

const endBytes = 22
const commentBytesMax = 0xffff
const directoryBytesMax = 16 * 1024 * 1024
const signatures = {
  local: 0x04034b50,
  central: 0x02014b50,
  end: 0x06054b50,
  end64: 0x06064b50,
  locator64: 0x07064b50,
}

/**
 * Whether a file is a zip archive, by its first bytes.
 *
 * @param {Blob} file
 */
export async function isZip(file) {
  const view = await viewOf(file, 0, Math.min(4, file.size))
  return view.byteLength === 4 && view.getUint32(0, true) === signatures.local
}

/**
 * The files of an archive, in the order of its directory.
 *
 * @param {Blob} archive
 * @returns {Promise<readonly Entry[]>}
 */
export async function readZip(archive) {
  const { count, start, length } = await findDirectory(archive)
  if (length > directoryBytesMax || start + length > archive.size) {
    throw damaged('its directory is not in it')
  }
  const view = await viewOf(archive, start, start + length)
  /** @type {Place[]} */
  const places = []
  for (let at = 0; at < length; ) {
    const { place, next } = readPlace(view, at)
    places.push(place)
    at = next
  }
  if (places.length !== count) throw damaged('its directory has another length than it says')
  expectNames(places)
  return places
    .filter(({ name }) => !name.endsWith('/'))
    .map((place) => ({
      name: place.name,
      size: place.size,
      open: () => openPlace(archive, place),
    }))
}

/**
 * Where the directory lies, by the record at the end, or the one of 64 bits that it points to.
 *
 * @param {Blob} archive
 */
async function findDirectory(archive) {
  const from = Math.max(0, archive.size - endBytes - commentBytesMax)
  const view = await viewOf(archive, from, archive.size)
  for (let at = view.byteLength - endBytes; at >= 0; at--) {
    const isEnd = view.getUint32(at, true) === signatures.end
    // The record is the last thing in the file, so that only one reading of it is possible.
    if (!isEnd || at + endBytes + view.getUint16(at + 20, true) !== view.byteLength) continue
    const count = view.getUint16(at + 10, true)
    const length = view.getUint32(at + 12, true)
    const start = view.getUint32(at + 16, true)
    const is64 = count === 0xffff || length === 0xffffffff || start === 0xffffffff
    return is64 ? findDirectory64(archive, from + at) : { count, start, length }
  }
  throw damaged('it has no end')
}

/**
 * @param {Blob} archive
 * @param {number} end where the record of 32 bits lies
 */
async function findDirectory64(archive, end) {
  const locator = await viewOf(archive, end - 20, end)
  if (locator.byteLength !== 20 || locator.getUint32(0, true) !== signatures.locator64) {
    throw damaged('it has no end')
  }
  const at = readU64(locator, 8)
  const view = await viewOf(archive, at, at + 56)
  if (view.byteLength !== 56 || view.getUint32(0, true) !== signatures.end64) {
    throw damaged('it has no end')
  }
  return { count: readU64(view, 32), length: readU64(view, 40), start: readU64(view, 48) }
}

/**
 * One file's record in the directory.
 *
 * @param {DataView} view
 * @param {number} at
 */
function readPlace(view, at) {
  if (at + 46 > view.byteLength || view.getUint32(at, true) !== signatures.central) {
    throw damaged('its directory cannot be read')
  }
  const nameEnd = at + 46 + view.getUint16(at + 28, true)
  const extraEnd = nameEnd + view.getUint16(at + 30, true)
  const next = extraEnd + view.getUint16(at + 32, true)
  if (next > view.byteLength) throw damaged('its directory cannot be read')
  if ((view.getUint16(at + 8, true) & 0x0041) !== 0) throw damaged('a file in it is encrypted')
  const method = view.getUint16(at + 10, true)
  if (method !== 0 && method !== 8) throw damaged('a file in it is packed in an unknown way')
  const name = nameIn(view, at + 46, nameEnd)
  const sizes = readSizes(view, at, { extra: nameEnd, extraEnd })
  return { place: { method, name, ...sizes }, next }
}

/**
 * Sizes and offset, of 32 bits or, where those are full, of 64 bits in the extra field 0001 (§4.5.3).
 *
 * @param {DataView} view
 * @param {number} at
 * @param {{ extra: number, extraEnd: number }} where
 */
function readSizes(view, at, { extra, extraEnd }) {
  let packed = view.getUint32(at + 20, true)
  let size = view.getUint32(at + 24, true)
  let offset = view.getUint32(at + 42, true)
  for (let field = extra; field + 4 <= extraEnd; ) {
    const end = field + 4 + view.getUint16(field + 2, true)
    if (end > extraEnd) throw damaged('its directory cannot be read')
    let next = field + 4
    const take = () => {
      next += 8
      if (next > end) throw damaged('its directory cannot be read')
      return readU64(view, next - 8)
    }
    if (view.getUint16(field, true) === 0x0001) {
      if (size === 0xffffffff) size = take()
      if (packed === 0xffffffff) packed = take()
      if (offset === 0xffffffff) offset = take()
    }
    field = end
  }
  return { packed, size, offset }
}

/**
 * @param {DataView} view
 * @param {number} from
 * @param {number} to
 */
function nameIn(view, from, to) {
  try {
    const bytes = new Uint8Array(view.buffer, view.byteOffset + from, to - from)
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw damaged('a name in it is not UTF-8')
  }
}

/** @param {readonly Place[]} places */
function expectNames(places) {
  const names = new Set(places.map(({ name }) => name))
  if (names.size < places.length) throw damaged('a name is in it twice')
}

/**
 * @param {Blob} archive
 * @param {Place} place
 * @returns {Promise<ReadableStream<Uint8Array>>}
 */
async function openPlace(archive, { method, packed, size, offset, name }) {
  const header = await viewOf(archive, offset, offset + 30)
  if (header.byteLength !== 30 || header.getUint32(0, true) !== signatures.local) {
    throw damaged(`${name} is not where its directory says`)
  }
  const nameEnd = offset + 30 + header.getUint16(26, true)
  const start = nameEnd + header.getUint16(28, true)
  const found = await viewOf(archive, offset + 30, nameEnd)
  if (nameIn(found, 0, found.byteLength) !== name) {
    throw damaged(`${name} bears two names`)
  }
  if (start + packed > archive.size || (method === 0 && packed !== size)) {
    throw damaged(`${name} is not whole`)
  }
  const raw = archive.slice(start, start + packed).stream()
  return method === 0 ? raw : raw.pipeThrough(new DecompressionStream('deflate-raw'))
}

/**
 * @param {Blob} file
 * @param {number} from
 * @param {number} to
 */
async function viewOf(file, from, to) {
  return new DataView(await file.slice(Math.max(0, from), to).arrayBuffer())
}

/**
 * @param {DataView} view
 * @param {number} at
 */
function readU64(view, at) {
  const value = Number(view.getBigUint64(at, true))
  if (!Number.isSafeInteger(value)) throw damaged('it is larger than a file can be')
  return value
}

/** @param {string} reason */
function damaged(reason) {
  return new Refusal(`the archive cannot be read: ${reason}`)
}
