// Uses a vault from many callers until it is killed: `node vault-writer.mjs <folder> <round>`, the passphrase in
// MUNIMENT_PASSPHRASE. Each line that it prints is an operation that was acknowledged, as JSON.
import { writeSync } from 'node:fs'
import { passphrase, Vault, VaultError } from '../../dist/index.js'

const [folder, round] = process.argv.slice(2)
const unlock = passphrase.fromEnv('MUNIMENT_PASSPHRASE', { memoryKiB: 19_456, passes: 2, lanes: 1 })
const place = { path: folder, unlock, actor: 'svc/writer', timeout: 60_000 }
const vault = round === '0' ? await Vault.create(place) : await Vault.open(place)

const callers = 64
const paths = Array.from({ length: 12 }, (_, n) => `prod/secret-${n}`)
const pick = (items) => items[Math.floor(Math.random() * items.length)]

/** A value says which call wrote it, so that whoever finds one can tell whether it is the right one. */
const textOf = ({ correlationId }) => correlationId.padEnd(pick([0, 200, 20_000]))

const operations = {
  write: (path, call) => vault.write(path, textOf(call), { ...call, maxVersions: 4 }),
  rotate: (path, call) => vault.rotate(path, textOf(call), call),
  delete: (path, call) => vault.delete(path, call),
  restore: (path, call) => vault.restore(path, call),
  destroy: (path, call) => vault.destroy(path, { ...call, versions: [1, 2] }),
  purge: (path, call) => vault.purge(path, call),
  read: async (path, call) => {
    const secret = await vault.read(path, call)
    return { value: secret.text().trimEnd(), written: secret.position }
  },
}
const often = [...Array(4).fill('write'), ...Array(12).fill('read'), ...Object.keys(operations)]

async function caller(name) {
  for (let n = 0; ; n++) {
    const correlationId = `${round}.${name}.${n}`
    const [operation, path] = [pick(often), pick(paths)]
    try {
      const done = await operations[operation](path, { correlationId })
      writeSync(1, `${JSON.stringify({ correlationId, operation, path, ...done })}\n`)
    } catch (error) {
      const refused = ['NOT_FOUND', 'DELETED', 'DESTROYED']
      if (!(error instanceof VaultError) || !refused.includes(error.code)) throw error
      writeSync(1, `${JSON.stringify({ correlationId, operation: 'denied', path })}\n`)
    }
  }
}

await Promise.all(Array.from({ length: callers }, (_, name) => caller(name)))
