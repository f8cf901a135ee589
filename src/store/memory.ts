import { VaultError } from '../errors.ts'
import { Gate, gatedFiles, gatedKeys, gatedRows } from './gate.ts'
import { assertFileName, assertKeyRowId, assertOffset } from './names.ts'
import type {
  CommitWrite,
  FileTable,
  KeyRow,
  KeyRowId,
  KeyTable,
  Row,
  RowTable,
  Store,
  StoredCommit,
  StoreOpener,
} from './port.ts'
import { assertPosition, conflict, countToWrite } from './sealed.ts'

const location = 'memory'
const commitsPerBatch = 256

/** What is kept between a close and the next open. */
interface Content {
  readonly commits: StoredCommit[]
  head: number
  /** By `idName`. */
  readonly keys: Map<string, KeyRow>
  /** By the key's bytes as latin1, whose order is theirs. */
  readonly derived: Map<string, Row>
  readonly files: Map<string, Uint8Array>
}

/**
 * A vault's place in memory, for tests and for what need not last. The opener keeps the content: what was written
 * before a close is there after the next open of the same opener.
 *
 * @example
 * const store = memoryStore()
 * const vault = await Vault.create({ store, unlock })
 */
export function memoryStore(): StoreOpener {
  const content: Content = {
    commits: [],
    head: 0,
    keys: new Map(),
    derived: new Map(),
    files: new Map(),
  }
  let held = false

  function take(): Store {
    if (held) {
      throw new VaultError('IN_USE', 'this store in memory is open already', { path: location })
    }
    held = true
    return storeOf(content, () => {
      held = false
    })
  }

  const isVault = () => content.files.has('keyring') || content.head > 0
  return {
    async create() {
      if (isVault()) throw new VaultError('EXISTS', 'this store in memory holds a vault already')
      return take()
    },
    async open() {
      if (!isVault()) throw new VaultError('NOT_FOUND', 'this store in memory holds no vault')
      return take()
    },
  }
}

function storeOf(content: Content, letGo: () => void): Store {
  const gate = new Gate(location)
  return {
    location,
    head: () => gate.pass(() => content.head),
    commit: (write) => gate.pass(() => commit(content, write)),
    read: (range) => gate.each(read(content, range)),
    keys: gatedKeys(gate, keyTable(content.keys)),
    derived: gatedRows(gate, rowTable(content.derived)),
    files: gatedFiles(gate, fileTable(content.files)),
    close: () => gate.close(async () => letGo()),
  }
}

function commit(content: Content, write: CommitWrite): void {
  const { first, sealed, keys: { put = [], remove = [] } = {} } = write
  if (first !== content.head) throw conflict(content.head, first)
  const count = countToWrite(write)
  for (const id of [...remove, ...put.map((row) => row.id)]) assertKeyRowId(id)

  for (const id of remove) content.keys.delete(idName(id))
  for (const { id, bytes } of put) content.keys.set(idName(id), { id, bytes: bytes.slice() })
  if (sealed !== undefined) content.commits.push({ first, sealed: sealed.slice() })
  content.head += count
}

async function* read(
  { commits, head }: Content,
  { from, to = head }: { from: number; to?: number },
  end = Math.min(to, head),
): AsyncGenerator<readonly StoredCommit[], void, undefined> {
  assertPosition(from, 'from')
  assertPosition(to, 'to')
  if (from >= end) return
  const last = indexOf(commits, end - 1)
  for (let at = indexOf(commits, from); at <= last; at += commitsPerBatch) {
    const batch = commits.slice(at, Math.min(at + commitsPerBatch, last + 1))
    yield batch.map(({ first, sealed }) => ({ first, sealed: sealed.slice() }))
  }
}

/** Which commit holds a position below the head: the last that begins at or before it. */
function indexOf(commits: readonly StoredCommit[], position: number): number {
  let low = 0
  let high = commits.length - 1
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    if ((commits[middle]?.first ?? 0) <= position) low = middle
    else high = middle - 1
  }
  return low
}

function keyTable(rows: ReadonlyMap<string, KeyRow>): KeyTable {
  return {
    async get(id) {
      assertKeyRowId(id)
      return rows.get(idName(id))?.bytes.slice()
    },
    async *entries() {
      // A copy: what is changed from here on is not seen.
      const ordered = [...rows.values()].sort(
        ({ id: a }, { id: b }) => a.first - b.first || a.block - b.block,
      )
      for (const { id, bytes } of ordered) yield { id, bytes: bytes.slice() }
    },
  }
}

function rowTable(rows: Map<string, Row>): RowTable {
  /** The order of the keys, until one is added or removed. */
  let ordered: readonly string[] | undefined
  return {
    get: async (key) => rows.get(latin1(key))?.[1].slice(),
    async *range(from, to) {
      ordered ??= [...rows.keys()].sort()
      const [low, high] = [latin1(from), latin1(to)]
      const batch: Row[] = []
      for (const name of ordered) {
        const row = name >= low && name < high ? rows.get(name) : undefined
        if (row !== undefined) batch.push([row[0].slice(), row[1].slice()])
      }
      if (batch.length > 0) yield batch
    },
    async write({ put = [], remove = [] }) {
      for (const key of remove) rows.delete(latin1(key))
      for (const [key, bytes] of put) rows.set(latin1(key), [key.slice(), bytes.slice()])
      ordered = undefined
    },
    async clear() {
      rows.clear()
      ordered = undefined
    },
  }
}

function fileTable(files: Map<string, Uint8Array>): FileTable {
  return {
    async read(name) {
      assertFileName(name)
      return files.get(name)?.slice()
    },
    async replace(name, bytes) {
      assertFileName(name)
      files.set(name, bytes.slice())
    },
    async overwrite(name, offset, bytes) {
      assertFileName(name)
      assertOffset(offset)
      const old = files.get(name) ?? new Uint8Array(0)
      const file = new Uint8Array(Math.max(old.length, offset + bytes.length))
      file.set(old)
      file.set(bytes, offset)
      files.set(name, file)
    },
    async remove(name) {
      assertFileName(name)
      files.delete(name)
    },
    async list() {
      return [...files.keys()].sort()
    },
  }
}

function idName({ first, block }: KeyRowId): string {
  return `${first}/${block}`
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
}
