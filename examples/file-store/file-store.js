// A store of one's own, which passes `storeContract` of `muniment/testing`: one journal of JSON lines, replayed into
// memory when it is opened. It is short rather than good. It never shrinks, and what is destroyed stays in it:
// vaults that matter want the LevelDB store.
//
// line := { commit?: base64, keys?: changes, rows?: changes, files?: changes, clear?: true } "\n"
// changes := { name: base64, or null where it is removed }
import { mkdir, open, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** @import { KeyRowId, Store, StoredCommit, StoreOpener } from 'muniment' */

/** @param {string} folder @returns {StoreOpener} */
export function fileStore(folder) {
  return {
    async create() {
      await mkdir(folder, { recursive: true, mode: 0o700 })
      return openStore(folder, (there) => {
        if (there) throw refusal('EXISTS', `there is a vault at ${folder} already`)
      })
    },
    open: () =>
      openStore(folder, (there) => {
        if (!there) throw refusal('NOT_FOUND', `there is no vault at ${folder}`)
      }),
  }
}

/** @param {string} folder @param {(isVault: boolean) => void} check @returns {Promise<Store>} */
async function openStore(folder, check) {
  const unlock = await lock(folder)
  try {
    const state = await load(join(folder, 'journal'))
    // Without a keyring or a commit it is a create that was not finished.
    check(state.files.has('keyring') || state.head > 0)
    const journal = await open(join(folder, 'journal'), 'a', 0o600)
    await syncFolder(folder)
    return storeOf(folder, state, { journal, unlock })
  } catch (error) {
    await unlock()
    throw error
  }
}

function storeOf(folder, state, { journal, unlock }) {
  let closed = false
  let failed = false
  let last = Promise.resolve()

  const whileOpen = async (work) => {
    if (closed) throw refusal('CLOSED', `the store at ${folder} is closed`)
    return work()
  }
  const inTurn = (work) => {
    const mine = last.then(work)
    last = mine.catch(() => {})
    return mine
  }
  /** One line at a time. `lineOf` sees all that was written before its turn came. */
  const write = (lineOf, { sync = true } = {}) =>
    whileOpen(() =>
      inTurn(async () => {
        if (failed) throw refusal('FAILED', 'an earlier write failed; open the store again')
        const line = JSON.stringify(lineOf())
        try {
          await journal.appendFile(`${line}\n`)
          if (sync) await journal.datasync()
        } catch (cause) {
          // The line may be on the disk or not: nothing more is written until somebody has looked.
          failed = true
          throw refusal('UNCERTAIN', `a write to ${folder} failed`, cause)
        }
        apply(state, JSON.parse(line))
      }),
    )
  /** What `find` gives from memory, in one batch, if it gives anything. */
  async function* batch(find, found = find()) {
    await whileOpen(() => {})
    if (found.length > 0) yield found
  }

  return {
    location: folder,
    head: () => whileOpen(() => state.head),
    commit: ({ first, sealed, keys: { put = [], remove = [] } = {} }) =>
      write(() => {
        if (first !== state.head) throw refusal('CONFLICT', `the head is ${state.head}`)
        const rows = put.map(({ id, bytes }) => [nameOf(id), bytes])
        return { commit: sealed && base64(sealed), keys: changes(remove.map(nameOf), rows) }
      }),
    read: ({ from, to = state.head }) =>
      batch(() =>
        state.commits
          .filter(({ first, next }) => from < to && next > from && first < to)
          .map(({ first, sealed }) => ({ first, sealed: sealed.slice() })),
      ),
    keys: {
      get: (id) => whileOpen(() => bytesOf(state.keys.get(nameOf(id)))),
      async *entries() {
        const rows = await whileOpen(() =>
          [...state.keys].map(([name, text]) => [idOf(name), text]),
        )
        rows.sort(([a], [b]) => a.first - b.first || a.block - b.block)
        for (const [id, text] of rows) yield { id, bytes: bytesOf(text) }
      },
    },
    derived: {
      get: (key) => whileOpen(() => bytesOf(state.rows.get(hex(key)))),
      range: (from, to) =>
        batch(() =>
          [...state.rows]
            .filter(([key]) => key >= hex(from) && key < hex(to))
            .sort(([a], [b]) => (a < b ? -1 : 1))
            .map(([key, text]) => [Buffer.from(key, 'hex'), bytesOf(text)]),
        ),
      write: ({ put = [], remove = [] }) => {
        const rows = put.map(([key, bytes]) => [hex(key), bytes])
        return write(() => ({ rows: changes(remove.map(hex), rows) }))
      },
      clear: () => write(() => ({ clear: true })),
    },
    files: {
      read: (name) => whileOpen(() => bytesOf(state.files.get(fileName(name)))),
      list: () => whileOpen(() => [...state.files.keys()].sort()),
      replace: (name, bytes) => write(() => ({ files: changes([], [[fileName(name), bytes]]) })),
      remove: (name) => write(() => ({ files: changes([fileName(name)], []) })),
      overwrite: (name, offset, bytes) =>
        write(
          () => {
            const old = bytesOf(state.files.get(fileName(name))) ?? new Uint8Array(0)
            const file = new Uint8Array(Math.max(old.length, offset + bytes.length))
            file.set(old)
            file.set(bytes, offset)
            return { files: changes([], [[name, file]]) }
          },
          { sync: false },
        ),
    },
    async close() {
      if (closed) return last
      closed = true
      await inTurn(async () => {
        await journal.close()
        await unlock()
      })
    },
  }
}

async function load(path) {
  const text = await readFile(path, 'utf8').catch(unless('ENOENT', ''))
  // A crash within an append leaves part of a line behind, of which nobody was told that it is there.
  const whole = text.slice(0, text.lastIndexOf('\n') + 1)
  if (whole !== text) await truncate(path, whole.length)
  /** @type {{ commits: (StoredCommit & { next: number })[] }} */
  const state = { commits: [], head: 0, keys: new Map(), rows: new Map(), files: new Map() }
  for (const line of whole.split('\n').slice(0, -1)) apply(state, JSON.parse(line))
  return state
}

function apply(state, { commit, clear = false, ...tables }) {
  if (clear) state.rows.clear()
  for (const [table, changed] of Object.entries(tables)) {
    for (const [name, text] of Object.entries(changed)) {
      if (text === null) state[table].delete(name)
      else state[table].set(name, text)
    }
  }
  if (commit === undefined) return
  const sealed = bytesOf(commit)
  const first = state.head
  // How many events a commit holds stands at its byte 8, in the clear.
  state.head += new DataView(sealed.buffer, sealed.byteOffset).getUint32(8)
  state.commits.push({ first, next: state.head, sealed })
}

/** Makes the journal's name as durable as its lines. */
async function syncFolder(path) {
  const folder = await open(path)
  await folder.sync().finally(() => folder.close())
}

/** Takes the folder for this process, or from one that has died (two that do so at once may both succeed). */
async function lock(folder) {
  const path = join(folder, 'lock')
  const pid = Number(await readFile(path, 'utf8').catch(unless('ENOENT', '0')))
  if (pid !== 0 && isAlive(pid)) throw refusal('IN_USE', `${folder} is in use by process ${pid}`)
  await rm(path, { force: true })
  await writeFile(path, String(process.pid), { flag: 'wx' }).catch(unless('ENOENT'))
  return () => rm(path, { force: true })
}

function isAlive(pid) {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

const unless = (code, value) => (error) => {
  if (error.code !== code) throw error
  return value
}
const changes = (removed, put) => ({
  ...Object.fromEntries(removed.map((name) => [name, null])),
  ...Object.fromEntries(put.map(([name, bytes]) => [name, base64(bytes)])),
})
const refusal = (code, message, cause) => Object.assign(new Error(message, { cause }), { code })
const base64 = (bytes) => Buffer.from(bytes).toString('base64')
const bytesOf = (text) =>
  text === undefined ? undefined : new Uint8Array(Buffer.from(text, 'base64'))
const hex = (bytes) => Buffer.from(bytes).toString('hex')
/** @param {KeyRowId} id */
const nameOf = ({ first, block }) => `${first}/${block}`
const idOf = (name) => {
  const [first, block] = name.split('/').map(Number)
  return { first, block }
}
const fileName = (name) => {
  if (/^[a-z0-9][a-z0-9.-]*$/.test(name)) return name
  throw refusal('INVALID', 'a file name is [a-z0-9][a-z0-9.-]*')
}
