// Holds a vault's log open in a process of its own: `node store-holder.mjs <folder>`. It says "held" once it does.
import { writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { Level } from 'level'

const folder = process.argv[2]
const log = new Level(join(folder, 'log'), { createIfMissing: false })
await log.open()
await writeFile(join(folder, 'owner'), JSON.stringify({ pid: process.pid, host: hostname() }))
process.stdout.write('held\n')
process.stdin.resume()
process.stdin.on('end', () => process.exit(0))
