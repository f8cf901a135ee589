// A service that embeds a vault and serves it: `node control-host.mjs <folder> <passphrase file> [unserved]`. It says
// `ready` once it does, and closes the vault at the end of its stdin.
import { once } from 'node:events'
import { passphrase, Vault } from '../../dist/index.js'

const [path, file, unserved] = process.argv.slice(2)
const vault = await Vault.open({ path, unlock: passphrase.fromFile(file), actor: 'svc/host' })
if (unserved === undefined) await vault.serveControl()
console.log('ready')
process.stdin.resume()
await once(process.stdin, 'end')
await vault.close()
