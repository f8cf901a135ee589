import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, it } from 'vitest'
import { privateKeyOf } from '../../src/crypto/ed25519.ts'
import { randomBytes, randomKey } from '../../src/crypto/random.ts'
import { encodeEvent } from '../../src/events/encode.ts'
import { uuidv7 } from '../../src/events/uuid.ts'
import { signCheckpoint } from '../../src/proofs/checkpoint.ts'
import { consistencyProof } from '../../src/proofs/consistency.ts'
import { inclusionProof } from '../../src/proofs/inclusion.ts'
import { formatProofFile } from '../../src/proofs/proof-file.ts'
import { leafHash, rootOf } from '../../src/proofs/tree.ts'
import { vkeyOf } from '../../src/proofs/vkey.ts'
import {
  formatVkey,
  openCheckpoint,
  parseCheckpoint,
  parseNote,
  parseProofFile,
  parseVkey,
  type Trust,
  VaultError,
  verifyConsistency,
  verifyEventProof,
  verifyInclusion,
  verifyProofFile,
} from '../../src/verify.ts'

const origin = 'muniment/00000000000000000000000000000000/life'
const key = privateKeyOf(randomKey())
const time = Date.UTC(2026, 0, 1)
const id = uuidv7(time, randomBytes(10))
const event = encodeEvent({
  schema: 1,
  id,
  type: 'secret.destroyed',
  time,
  actor: 'user/ana',
  subject: 'prod/db',
  context: { reason: 'leaked' },
  data: { versions: [{ version: 1, keyId: Buffer.alloc(32, 7) }], cause: 'request' },
})

const leaves = [randomBytes(40), Buffer.concat([randomBytes(16), event]), randomBytes(10)]
const hashes = leaves.map(leafHash)
const size = leaves.length
const root = rootOf(hashes)
const source = {
  node: async () => undefined,
  leaves: async (from: number, to: number) => hashes.slice(from, to),
}
const checkpoint = signCheckpoint({ origin, size, root }, [key])
let trust: Trust
beforeAll(() => {
  trust = { log: parseVkey(formatVkey(vkeyOf(origin, key))) }
})

async function proofOf(index: number): Promise<Buffer> {
  const proof = await inclusionProof(source, { index, size })
  return formatProofFile({ index, extra: leaves[index], proof, checkpoint })
}

describe('muniment/verify', () => {
  it('verifies an event’s proof, and reads the event', async () => {
    const proved = verifyEventProof(await proofOf(1), trust)
    expect(proved).toMatchObject({ origin, index: 1, size, root, cosigners: [] })
    const expected = {
      position: 1,
      schema: 1,
      id,
      type: 'secret.destroyed',
      time,
      actor: 'user/ana',
      subject: 'prod/db',
      context: { reason: 'leaked' },
      data: {
        versions: [{ version: 1, keyId: Buffer.alloc(32, 7).toString('base64') }],
        cause: 'request',
      },
    }
    expect(proved.event).toEqual(expected)
    expect(JSON.parse(JSON.stringify(proved.event))).toEqual(expected)
  })

  it('proves leaf data that is no event of ours as well, and reads none in it', async () => {
    for (const index of [0, 2]) {
      const proved = verifyEventProof(await proofOf(index), trust)
      expect(proved.event).toBeUndefined()
      expect(proved.extra).toEqual(leaves[index])
      expect(proved).toMatchObject(verifyProofFile(await proofOf(index), trust))
    }
  })

  it('refuses an event that is not the one in the log', async () => {
    const bytes = await proofOf(1)
    const text = bytes.toString().replace(/extra .*/, `extra ${leaves[0]?.toString('base64')}`)
    let error: unknown
    try {
      verifyEventProof(Buffer.from(text), trust)
    } catch (caught) {
      error = caught
    }
    expect(error).toBeInstanceOf(VaultError)
    expect(error).toMatchObject({
      code: 'INTEGRITY',
      message: 'inclusion proof: it does not lead to the root',
    })
  })

  it('opens checkpoints and proves that one log continues another', async () => {
    const opened = openCheckpoint(checkpoint, trust)
    expect(opened).toMatchObject({ origin, size, root })
    expect(parseCheckpoint(parseNote(checkpoint).text)).toMatchObject({ origin, size, root })
    const fromRoot = rootOf(hashes.slice(0, 2))
    const proof = await consistencyProof(source, { from: 2, to: size })
    verifyConsistency({ from: 2, to: size, proof, fromRoot, toRoot: opened.root })
    const { index, proof: path } = parseProofFile(await proofOf(1))
    verifyInclusion({ index, size, leaf: leafHash(leaves[1]!), proof: path, root })
  })

  it('loads nothing native, and no other part of the library', async () => {
    const module = new URL('../../dist/verify.js', import.meta.url).href
    // What a process that imports it alone has loaded, of CommonJS (packages) and of its own.
    const code = `
      import { createRequire, register } from 'node:module'
      await import(${JSON.stringify(module)})
      console.log(JSON.stringify(Object.keys(createRequire(${JSON.stringify(module)}).cache)))
      console.log(process.report.getReport().sharedObjects.filter((name) => name.endsWith('.node')).length)
    `
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--input-type=module', '--eval', code],
      { cwd: fileURLToPath(new URL('../..', import.meta.url)) },
    )
    expect(stdout.trim().split('\n')).toEqual(['[]', '0'])
  })
})
