import { parentPort, workerData } from 'node:worker_threads'
import { type Answer, type Message, unpackCommits, type WorkerData } from './protocol.ts'
import { type Findings, Verifier } from './verifier.ts'

/*
 * The thread that verifies. It reads nothing and writes nothing: what it is handed are sealed commits and key rows, and
 * keys in memory that the other side wipes. A fault of its own ends it, which the other side hears of as `error`.
 */
const port = parentPort
if (port === null) throw new TypeError('this module runs in a worker alone')

const { brief } = workerData as WorkerData
const verifier = new Verifier(brief)
const answer = (message: Answer) => port.postMessage(message)

port.on('message', (message: Message) => {
  if (message.kind === 'end') {
    const findings: Findings = verifier.end()
    verifier.erase()
    answer({ kind: 'findings', findings })
    port.close()
    return
  }
  if (message.kind === 'keyRows') verifier.keyRows(message.rows)
  else if (message.kind === 'keyRowsLost') verifier.loseKeyRows(message.fault)
  else verifier.commits(unpackCommits(message.packed))
  answer({ kind: 'taken' })
})

answer({ kind: 'ready' })
