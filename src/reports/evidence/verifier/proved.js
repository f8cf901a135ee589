import { Refusal } from './bytes.js'
import { earlierNames } from './files.js'
import { grouped } from './ledger.js'
import { isSignedBy, openCheckpoint, parseCheckpoint, parseNote, verifyNote } from './notes.js'
import { parseConsistencyFile, parseProofFile } from './proof-files.js'
import { expectSameCheckpoint, signedWords } from './signed.js'
import { leafHash, verifyConsistency, verifyInclusion } from './tree.js'

/** @import { Bytes } from './bytes.js' */
/** @import { Trust } from './signed.js' */

/**
 * That an event stands in the log of the checkpoint.
 *
 * @param {Trust} trust
 * @param {{ name: string, bytes: Bytes }} file
 */
export async function readProof({ ledger, key, verify }, { name, bytes }) {
  const { index, extra, proof, checkpoint } = parseProofFile(bytes)
  if (name !== `proofs/${index}.tlog-proof`) {
    throw new Refusal(`it proves position ${index}, and not the one in its name`)
  }
  expectSameCheckpoint(ledger, checkpoint)
  const { size, root } = await openCheckpoint(checkpoint, key, verify)
  verifyInclusion({ index, size, leaf: leafHash(extra), proof, root })
  ledger.say(name, `event ${grouped(index)} stands in the log of the checkpoint`)
}

/**
 * That the log continues what an earlier checkpoint was of, where one came along.
 *
 * @param {Trust} trust
 */
export async function readEarlier(trust) {
  const { ledger, key, verify } = trust
  const [noteName = '', proofName = ''] = earlierNames
  if (ledger.files.has(noteName) !== ledger.files.has(proofName)) {
    ledger.refuse(noteName, 'the earlier checkpoint and its proof belong together')
  }
  const earlier = await ledger.attempt(noteName, (bytes) => readEarlierNote(trust, bytes))
  await ledger.attempt(proofName, async (bytes) => {
    if (earlier === undefined) throw new Refusal('it begins with a checkpoint that is refused')
    const { oldSize, proof, checkpoint } = parseConsistencyFile(bytes)
    expectSameCheckpoint(ledger, checkpoint)
    const { size, root } = await openCheckpoint(checkpoint, key, verify)
    if (oldSize !== earlier.size) throw new Refusal('it begins with another size')
    verifyConsistency({ from: oldSize, to: size, proof, fromRoot: earlier.root, toRoot: root })
    const sizes = `the log of ${grouped(size)} events continues that of ${grouped(oldSize)}`
    ledger.say(proofName, `${sizes}: none of those was changed`)
  })
}

/**
 * @param {Trust} trust
 * @param {Bytes} bytes
 */
async function readEarlierNote(trust, bytes) {
  const { ledger, key, verify } = trust
  const note = parseNote(bytes)
  const checkpoint = parseCheckpoint(note.text)
  const isOurs = isSignedBy(note, key)
  if (isOurs) await verifyNote(note, key, verify)
  const by = isOurs ? signedWords(trust) : 'signed by an earlier key, which is not checked here'
  const compare = 'compare it with the one you kept'
  ledger.say('earlier.checkpoint', `${by}, of ${grouped(checkpoint.size)} events: ${compare}`)
  return checkpoint
}
