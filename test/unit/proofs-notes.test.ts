import { createHash, verify } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { isWeakPublicKey, privateKeyOf, publicKeyOf } from '../../src/crypto/ed25519.ts'
import {
  formatCheckpoint,
  openCheckpoint,
  signCheckpoint,
  type Trust,
} from '../../src/proofs/checkpoint.ts'
import { inclusionProof } from '../../src/proofs/inclusion.ts'
import {
  cosignNote,
  formatNote,
  type Note,
  noteBytesMax,
  parseNote,
  type Signer,
  signaturesMax,
  signNote,
  verifyNote,
} from '../../src/proofs/note.ts'
import { formatProofFile, parseProofFile, verifyProofFile } from '../../src/proofs/proof-file.ts'
import { leafHash, rootOf } from '../../src/proofs/tree.ts'
import { parseVkey, vkeyOf } from '../../src/proofs/vkey.ts'
import {
  formatAddCheckpoint,
  parseAddCheckpoint,
  parseWitnessResponse,
} from '../../src/proofs/witness-message.ts'
import { storedTree } from '../fixtures/stored-tree.ts'

function signer(name: string, seed: number): Signer {
  return { name, key: privateKeyOf(Buffer.alloc(32, seed)) }
}

const log = signer('muniment/a/b', 1)
const witness = signer('witness.example/w1', 2)
const logVkey = vkeyOf(log.name, log.key)
const witnessVkey = vkeyOf(witness.name, witness.key, 'cosignature/v1')

function refusal(code: string, message: string) {
  return expect.objectContaining({ code, message })
}

/** Throws what refuses a note. */
function check(note: Note | string, vkeys = [logVkey]) {
  const bytes = typeof note === 'string' ? Buffer.from(note) : formatNote(note)
  return verifyNote(parseNote(bytes), vkeys)
}

describe('notes', () => {
  const text = 'first\n\nthird\n'
  const signature = signNote(text, log)

  it('may hold blank lines: the last one ends the text', () => {
    const note = parseNote(formatNote({ text, signatures: [signature] }))
    expect(note).toEqual({ text, signatures: [signature] })
    expect(verifyNote(note, [logVkey])).toEqual([{ vkey: logVkey, signature, seconds: undefined }])
  })

  it('ignore a key that shares the name or the id alone', () => {
    const sameName = { ...signNote('other\n', signer(log.name, 9)) }
    const sameId = { ...signature, name: 'elsewhere', bytes: Buffer.alloc(64) }
    const verified = check({ text, signatures: [sameName, sameId, signature] })
    expect(verified.map(({ signature }) => signature)).toEqual([signature])
    expect(() => check({ text, signatures: [sameName, sameId] })).toThrow(
      refusal('INTEGRITY', 'signed note: none of the trusted keys has signed it'),
    )
  })

  it('are refused whole for one bad signature of a trusted key, whatever its length', () => {
    const bad = refusal('INTEGRITY', 'signed note: the signature by muniment/a/b does not verify')
    for (const bytes of [
      signNote('other\n', log).bytes,
      signature.bytes.subarray(1),
      Buffer.concat([signature.bytes, Buffer.alloc(1)]),
    ]) {
      const signatures = [signature, { ...signature, bytes }]
      expect(() => check({ text, signatures })).toThrow(bad)
    }
    const cut = { ...cosignNote(text, witness, 5), bytes: Buffer.alloc(3) }
    expect(() => check({ text, signatures: [cut] }, [witnessVkey])).toThrow(
      refusal('INTEGRITY', 'signed note: the signature by witness.example/w1 does not verify'),
    )
  })

  it('count a key once, at the latest of its times', () => {
    const signatures = [7, 9, 8].map((seconds) => cosignNote(text, witness, seconds))
    const verified = check({ text, signatures: [...signatures, signature] }, [witnessVkey, logVkey])
    expect(verified.map(({ vkey, seconds }) => [vkey.name, seconds])).toEqual([
      ['witness.example/w1', 9],
      ['muniment/a/b', undefined],
    ])
  })

  it('bind a cosignature to its time, in years that have four digits', () => {
    const cosignature = cosignNote(text, witness, 7)
    const later = Buffer.from(cosignature.bytes)
    later.writeUInt8(8, 7)
    const signatures = [{ ...cosignature, bytes: later }]
    expect(() => check({ text, signatures }, [witnessVkey])).toThrow(
      refusal('INTEGRITY', 'signed note: the signature by witness.example/w1 does not verify'),
    )
    const range = 'cosignature: expected a time in seconds before the year 10000'
    for (const seconds of [-1, 0.5, 253_402_300_800]) {
      expect(() => cosignNote(text, witness, seconds)).toThrow(refusal('INTEGRITY', range))
    }
    const far = Buffer.alloc(72)
    far.writeBigUInt64BE(253_402_300_800n)
    const unheard = [{ ...cosignature, bytes: far }]
    expect(() => check({ text, signatures: unheard }, [witnessVkey])).toThrow(
      refusal('INTEGRITY', range),
    )
  })

  it('are cosigned with the message of C2SP tlog-cosignature', () => {
    const text =
      'example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n'
    const { bytes } = cosignNote(text, witness, 1_679_315_147)
    const message = Buffer.from(`cosignature/v1\ntime 1679315147\n${text}`)
    expect(bytes.readBigUInt64BE()).toBe(1_679_315_147n)
    expect(verify(null, message, publicKeyOf(witnessVkey.publicKey), bytes.subarray(8))).toBe(true)
  })

  it('carry 64 signatures and no more', () => {
    const many = Array.from({ length: signaturesMax }, (_, i) => ({ ...signature, name: `n${i}` }))
    const signatures = [...many.slice(1), signature]
    expect(check({ text, signatures })).toHaveLength(1)
    expect(() => check({ text, signatures: [...signatures, signature] })).toThrow(
      refusal('INVALID', 'signed note: expected at most 64 signatures'),
    )
  })

  it('are refused where they could be read in two ways', () => {
    const whole = formatNote({ text: 'text\n', signatures: [signNote('text\n', log)] }).toString()
    const line = whole.split('\n')[2] ?? ''
    const lines = 'signed note: expected signature lines, each ended by a newline'
    const form = 'signed note: signature 1: expected "— name base64"'
    const cases = [
      [
        whole.replaceAll('\n', '\r\n'),
        'signed note: expected no control character but the newline',
      ],
      [whole.slice(0, -1), lines],
      ['text\n\n', lines],
      [`${whole}\n`, lines],
      ['text\n', 'signed note: expected a blank line between text and signatures'],
      [whole.replace('—', '-'), form],
      [whole.replace('— ', '—  '), form],
      [`${whole.slice(0, -1)} \n`, form],
      [whole.replace(log.name, 'a+b'), form],
      [whole.replace(log.name, 'a\u0085b'), form],
      [whole.replace(/=*\n$/, '\n'), 'signed note: signature 1: expected padded base64'],
      [
        whole.replace(line, '— a AAAAAA=='),
        'signed note: signature 1: expected a key id and a signature',
      ],
    ] as const
    for (const [note, message] of cases)
      expect(() => check(note)).toThrow(refusal('INVALID', message))
    expect(() => parseNote(Buffer.alloc(noteBytesMax + 1, 0x0a))).toThrow(
      refusal('TOO_LARGE', 'signed note: expected at most 524288 bytes, found 524289'),
    )
  })

  it('are not written where they would not be read', () => {
    const malformed = expect.objectContaining({ code: 'INVALID' })
    for (const text of ['no newline', 'tab\t\n', '\ud800\n', '']) {
      expect(() => formatNote({ text, signatures: [signature] }), text).toThrow(malformed)
    }
    expect(() => formatNote({ text: 'text\n', signatures: [] })).toThrow(malformed)
    // The text must not take the signatures along, nor leave them a part of it.
    const tail = `text\n\n— a AAAAAAA=`
    expect(() => formatNote({ text: tail, signatures: [signature] })).toThrow(malformed)
  })
})

describe('vkeys', () => {
  const ofOrder8 = Buffer.from(
    'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
    'hex',
  )
  /** A vkey of these 32 bytes that is sound but for them. */
  const vkeyWith = (raw: Buffer) => {
    const material = Buffer.concat([Buffer.of(1), raw])
    const id = createHash('sha256').update('name\n').update(material).digest('hex').slice(0, 8)
    return `name+${id}+${material.toString('base64')}`
  }
  const smallOrder = [
    Buffer.alloc(32),
    Buffer.from(`01${'00'.repeat(31)}`, 'hex'),
    Buffer.from(`ec${'ff'.repeat(30)}7f`, 'hex'),
    Buffer.from('26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05', 'hex'),
    ofOrder8,
    // 0 and 1 once more, as p and p + 1.
    Buffer.from(`ed${'ff'.repeat(30)}7f`, 'hex'),
    Buffer.from(`ee${'ff'.repeat(30)}7f`, 'hex'),
  ].flatMap((raw) => [raw, Buffer.from(raw).fill(raw.readUInt8(31) | 0x80, 31)])

  // From Node 24 on such a signature does not hold, whatever is made of the key.
  const nodeTakesWeakKeys = Number.parseInt(process.versions.node, 10) < 24
  it.each(smallOrder.map((raw) => [raw.toString('hex')]))(
    'refuse %s, under which anybody signs',
    (raw) => {
      const forged = Buffer.alloc(64)
      forged.writeUInt8(1, 0)
      const messages = Array.from({ length: 200 }, (_, i) => Buffer.from(`message ${i}`))
      const holds = messages.some((message) =>
        verify(null, message, publicKeyOf(Buffer.from(raw, 'hex')), forged),
      )
      expect(holds, 'whether Node verifies what nobody signed').toBe(nodeTakesWeakKeys)
      expect(() => parseVkey(vkeyWith(Buffer.from(raw, 'hex')))).toThrow(
        refusal('INVALID', 'vkey: expected a public key that is not of small order'),
      )
    },
  )

  it('take the largest y, and every key that is made', () => {
    expect(isWeakPublicKey(Buffer.from(`eb${'ff'.repeat(30)}7f`, 'hex'))).toBe(false)
    for (let seed = 0; seed < 50; seed++) {
      expect(isWeakPublicKey(vkeyOf('a', privateKeyOf(Buffer.alloc(32, seed))).publicKey)).toBe(
        false,
      )
    }
  })

  it('say what is wrong', () => {
    const text = vkeyWith(logVkey.publicKey)
    const shape = 'vkey: expected name+key id in 8 hex digits+base64'
    const cases = [
      ['', shape],
      ['name', shape],
      ['name+00000000', shape],
      ['name+00000000+', shape],
      [text.replace('name', 'na me'), shape],
      [text.replace('name', '\u001bname'), shape],
      [text.toUpperCase(), shape],
      [`${text}=`, 'vkey: expected padded base64'],
      [text.replace('name', 'other'), 'vkey: expected the key id of its name and key'],
      [vkeyWith(logVkey.publicKey.subarray(1)), 'vkey: expected a public key of 32 bytes'],
    ] as const
    for (const [vkey, message] of cases) {
      expect(() => parseVkey(vkey)).toThrow(refusal('INVALID', message))
    }
    expect(() => parseVkey('a'.repeat(4097))).toThrow(
      refusal('TOO_LARGE', 'vkey: expected at most 4096 bytes, found 4097'),
    )
  })
})

const entries = Array.from({ length: 300 }, (_, i) => Buffer.from(`salt and event ${i}`))
const leaves = entries.map(leafHash)
const checkpoint = { origin: log.name, size: 300, root: rootOf(leaves) }
const signed = signCheckpoint(checkpoint, [log.key])

/** The checkpoint with more signatures. */
function cosigned(...more: Note['signatures']): Buffer {
  const { text, signatures } = parseNote(signed)
  return formatNote({ text, signatures: [...signatures, ...more] })
}

describe('checkpoints', () => {
  const { text } = parseNote(signed)
  const trust: Trust = { log: logVkey, witnesses: [witnessVkey] }

  it("open under the log's key, with the witnesses that signed", () => {
    expect(openCheckpoint(signed, trust)).toEqual({ ...checkpoint, cosigners: [] })
    const bytes = cosigned(cosignNote(text, witness, 1_700_000_000))
    const cosigners = [{ name: witness.name, time: new Date('2023-11-14T22:13:20Z') }]
    expect(openCheckpoint(bytes, trust)).toEqual({ ...checkpoint, cosigners })
    expect(openCheckpoint(bytes, { log: logVkey }).cosigners).toEqual([])
  })

  it("carry the old key's signature and the new one's while a rotation is under way", () => {
    const next = signer(log.name, 3)
    const both = signCheckpoint(checkpoint, [log.key, next.key])
    for (const { name, key } of [log, next]) {
      expect(openCheckpoint(both, { log: vkeyOf(name, key) }).size).toBe(300)
    }
    expect(() => openCheckpoint(signed, { log: vkeyOf(next.name, next.key) })).toThrow(
      refusal('INTEGRITY', 'signed note: none of the trusted keys has signed it'),
    )
  })

  it('are not opened by a witness alone', () => {
    const signatures = [cosignNote(text, witness, 5)]
    expect(() => openCheckpoint(formatNote({ text, signatures }), trust)).toThrow(
      refusal('INTEGRITY', 'checkpoint: the log itself has not signed it'),
    )
  })

  it("are refused with a witness's signature of another checkpoint", () => {
    const other = formatCheckpoint({ ...checkpoint, size: 299 })
    expect(() => openCheckpoint(cosigned(cosignNote(other, witness, 5)), trust)).toThrow(
      refusal('INTEGRITY', 'signed note: the signature by witness.example/w1 does not verify'),
    )
  })

  it('belong to the log that the key is named for', () => {
    const elsewhere = signCheckpoint({ ...checkpoint, origin: 'muniment/a/c' }, [log.key])
    expect(() => openCheckpoint(elsewhere, trust)).toThrow(
      refusal('INTEGRITY', 'checkpoint: it is of another log than the key is for'),
    )
  })

  it('are refused with every bit of the text flipped', () => {
    const end = signed.lastIndexOf('\n\n')
    for (let bit = 0; bit < end * 8; bit += 3) {
      const copy = Buffer.from(signed)
      copy.writeUInt8(copy.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3)
      const refused = expect.objectContaining({ code: expect.stringMatching(/INVALID|INTEGRITY/) })
      expect(() => openCheckpoint(copy, trust)).toThrow(refused)
    }
  })

  it('need keys of the right types, and one a witness', () => {
    const alias = vkeyOf('witness.example/alias', witness.key, 'cosignature/v1')
    const own = vkeyOf(log.name, log.key, 'cosignature/v1')
    for (const witnesses of [[witnessVkey, alias], [own]]) {
      expect(() => openCheckpoint(signed, { log: logVkey, witnesses })).toThrow(
        refusal('INVALID', 'log and witnesses: expected a key of its own for each'),
      )
    }
    expect(() => openCheckpoint(signed, { log: witnessVkey })).toThrow(
      refusal(
        'INVALID',
        'key of witness.example/w1: expected the type ed25519, found cosignature/v1',
      ),
    )
    expect(() => openCheckpoint(signed, { log: logVkey, witnesses: [logVkey] })).toThrow(
      refusal('INVALID', 'key of muniment/a/b: expected the type cosignature/v1, found ed25519'),
    )
  })

  it('are not written where they would not be read', () => {
    const malformed = expect.objectContaining({ code: 'INVALID' })
    const changes = [
      { origin: '' },
      { origin: 'two\nlines' },
      { origin: 'muniment/a/b\n300' },
      { size: -1 },
      { size: 2 ** 53 },
      { size: 1e21 },
      { size: 0.5 },
      { root: Buffer.alloc(31) },
    ]
    for (const change of changes) {
      expect(() => formatCheckpoint({ ...checkpoint, ...change })).toThrow(malformed)
    }
    expect(() => signCheckpoint({ ...checkpoint, origin: 'a b' }, [log.key])).toThrow(
      refusal('INVALID', 'key name: expected no white space, "+" or control'),
    )
  })
})

describe('proof files', async () => {
  const proof = await inclusionProof(storedTree(leaves), { index: 260, size: 300 })
  const file = { index: 260, extra: entries[260], proof, checkpoint: signed }
  const trust = { log: logVkey }

  it("prove what they hold to whoever has the log's key", () => {
    const { text } = parseNote(signed)
    const checkpointBytes = cosigned(cosignNote(text, witness, 1_700_000_000))
    const bytes = formatProofFile({ ...file, checkpoint: checkpointBytes })
    const proved = { ...checkpoint, index: 260, extra: entries[260] }
    expect(verifyProofFile(bytes, trust)).toEqual({ ...proved, cosigners: [] })
    const cosigners = [{ name: witness.name, time: new Date('2023-11-14T22:13:20Z') }]
    expect(verifyProofFile(bytes, { ...trust, witnesses: [witnessVkey] })).toEqual({
      ...proved,
      cosigners,
    })
  })

  it('prove nothing once they were changed', () => {
    const changes = [
      [{ extra: entries[259] }, 'inclusion proof: it does not lead to the root'],
      [{ index: 261 }, 'inclusion proof: it does not lead to the root'],
      [{ index: 300 }, 'inclusion proof: index 300 is not in a log of 300'],
      [
        { proof: proof.slice(1) },
        'inclusion proof: it holds fewer hashes than the way to the root',
      ],
      [
        { checkpoint: Buffer.from(signed.toString().replace('\n300\n', '\n301\n')) },
        'signed note: the signature by muniment/a/b does not verify',
      ],
    ] as const
    for (const [change, message] of changes) {
      expect(() => verifyProofFile(formatProofFile({ ...file, ...change }), trust)).toThrow(
        refusal('INTEGRITY', message),
      )
    }
  })

  it('say what is missing', () => {
    const bytes = formatProofFile({ ...file, extra: undefined })
    expect(() => verifyProofFile(bytes, trust)).toThrow(
      refusal('INVALID', 'proof file: expected the leaf data in a line "extra <base64>"'),
    )
    const head = 'c2sp.org/tlog-proof@v1\n'
    const hash = `${'A'.repeat(43)}=\n`
    const cases = [
      ['', 'proof file: expected a blank line'],
      [`${head}index 1\n`, 'proof file: expected a blank line'],
      ['other\nindex 1\n\n', 'proof file: expected "c2sp.org/tlog-proof@v1" as its first line'],
      [`${head}index 1\nextra AA==\n\n`, 'proof file: hash 1: expected padded base64'],
      [
        `${head}index 01\n\n`,
        'proof file: index: expected a decimal below 2^53 without leading zeros',
      ],
      [`${head}index 1\n${hash}AA==\n\n`, 'proof file: hash 2: expected 32 bytes in base64'],
      [`${head}index 1\n${hash.repeat(64)}\n`, 'proof file: expected at most 63 hashes'],
      [`${head}extra AB==\nindex 1\n\n`, 'proof file: extra: expected padded base64'],
    ] as const
    for (const [text, message] of cases) {
      expect(() => parseProofFile(Buffer.from(text))).toThrow(refusal('INVALID', message))
    }
  })

  it('hold the largest event and no more', () => {
    const extra = Buffer.alloc(16 + 4 * 1024 * 1024)
    expect(parseProofFile(formatProofFile({ ...file, extra })).extra?.length).toBe(extra.length)
    expect(() => formatProofFile({ ...file, extra: Buffer.alloc(extra.length + 8192) })).toThrow(
      expect.objectContaining({ code: 'TOO_LARGE' }),
    )
  })
})

describe('what a witness answers', () => {
  const answer = (status: number, text = '', contentType?: string) =>
    parseWitnessResponse({ status, contentType, body: Buffer.from(text) })

  it("is cosignatures, which are verified with the checkpoint's text", () => {
    const { text } = parseNote(signed)
    const signature = cosignNote(text, witness, 5)
    const line = cosigned(signature).toString().split('\n').at(-2)
    const read = answer(200, `${line}\n`)
    expect(read).toEqual({ kind: 'cosigned', signatures: [signature] })
    const signatures = read.kind === 'cosigned' ? read.signatures : []
    expect(verifyNote({ text, signatures }, [witnessVkey])).toHaveLength(1)
    for (const body of ['', '\n', 'ok\n', `${line}`, `\n${line}\n`]) {
      expect(() => answer(200, body)).toThrow(expect.objectContaining({ code: 'INVALID' }))
    }
  })

  it('is the size that it signed last, by its media type', () => {
    expect(answer(409, '20852014\n', 'text/x.tlog.size')).toEqual({
      kind: 'stale',
      size: 20_852_014,
    })
    expect(answer(409, '0\n', 'Text/X.tlog.size; charset=utf-8')).toEqual({
      kind: 'stale',
      size: 0,
    })
    for (const body of ['', '5', '55', '05\n', '-5\n', '5\n\n', ' 5\n', '5\r\n']) {
      expect(() => answer(409, body, 'text/x.tlog.size'), body).toThrow(
        expect.objectContaining({ code: 'INVALID' }),
      )
    }
  })

  it.each([
    [400, 'INVALID', 'the witness cannot read the request (HTTP 400)'],
    [403, 'DENIED', 'the witness trusts none of the keys that signed the checkpoint (HTTP 403)'],
    [404, 'NOT_FOUND', 'the witness knows no log of this origin (HTTP 404)'],
    [409, 'INTEGRITY', 'the witness has seen another root for a log of this size (HTTP 409)'],
    [
      422,
      'INTEGRITY',
      'the witness finds that the log does not continue the one that it has seen (HTTP 422)',
    ],
    [503, 'FAILED', 'the witness gives no answer (HTTP 503)'],
  ])('is a refusal: %d is %s', (status, code, message) => {
    const retry = status === 503 ? 'now' : 'never'
    expect(() => answer(status, '5\n', 'text/plain')).toThrow(
      expect.objectContaining({ code, message, found: status, retry }),
    )
  })

  it('goes to a request that says what it holds', () => {
    const cases = [
      ['new 5\n\n', 'add-checkpoint request: expected a line "old <size>"'],
      [
        'old 5 \n\n',
        'add-checkpoint request: old size: expected a decimal below 2^53 without leading zeros',
      ],
      ['old 5\nAA==\n\n', 'add-checkpoint request: hash 1: expected 32 bytes in base64'],
      ['old 5\n', 'add-checkpoint request: expected a blank line'],
    ] as const
    for (const [text, message] of cases) {
      expect(() => parseAddCheckpoint(Buffer.from(text))).toThrow(refusal('INVALID', message))
    }
    const sound = { oldSize: 5, proof: [leaves[0]!], checkpoint: signed }
    expect(parseAddCheckpoint(formatAddCheckpoint(sound))).toEqual(sound)
    for (const change of [{ oldSize: 0.5 }, { proof: [Buffer.alloc(31)] }]) {
      expect(() => formatAddCheckpoint({ ...sound, ...change })).toThrow(
        expect.objectContaining({ code: 'INVALID' }),
      )
    }
  })
})
