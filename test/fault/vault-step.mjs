// Makes or opens a vault, writes and closes it, and kills itself before the n-th step of a kind that would change what
// is stored: `node vault-step.mjs <folder> <create|open> <step> <n>`, the passphrase in MUNIMENT_PASSPHRASE. It says what
// was acknowledged, a line each, and "closed" at the end.
import { writeSync } from 'node:fs'
import { levelStore, passphrase, Vault } from '../../dist/index.js'
import { faultStore } from '../../dist/testing.js'

const [folder, how, fatal, n] = process.argv.slice(2)
const say = (line) => writeSync(1, `${line}\n`)
const store = faultStore(levelStore(folder))
let left = Number(n)
store.faults.onStep = (step) => {
  if (step !== fatal || left-- > 0) return
  say(`killed before ${step}`)
  process.kill(process.pid, 'SIGKILL')
}

const unlock = passphrase.fromEnv('MUNIMENT_PASSPHRASE', { memoryKiB: 19_456, passes: 2, lanes: 1 })
const place = { store, unlock, actor: 'svc/step' }
const vault = how === 'create' ? await Vault.create(place) : await Vault.open(place)
say('opened')
const { position } = await vault.write('prod/step', `before ${fatal} ${n}`)
say(`wrote ${position}`)
await vault.close()
say('closed')
