import { createHash, generateKeyPairSync } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { fc, test } from '@fast-check/vitest'
import { beforeAll, describe, expect, it } from 'vitest'
import { ZipFile } from 'yazl'
import type { Vault } from '../../src/index.ts'
import { openCheckpoint } from '../../src/proofs/checkpoint.ts'
import { consistencyProof, verifyConsistency } from '../../src/proofs/consistency.ts'
import { inclusionProof, verifyInclusion } from '../../src/proofs/inclusion.ts'
import { parseNote } from '../../src/proofs/note.ts'
import { parseProofFile } from '../../src/proofs/proof-file.ts'
import { leafHash, rootOf } from '../../src/proofs/tree.ts'
import { formatVkey, parseVkey, vkeyOf } from '../../src/proofs/vkey.ts'
import { parseAddCheckpoint } from '../../src/proofs/witness-message.ts'
import { parseEvidence } from '../../src/reports/evidence/statement.ts'
import { moduleNames, verifierPage } from '../../src/reports/evidence/verifier-page.ts'
import { parseManifest } from '../../src/reports/manifest.ts'
import { testVault } from '../../src/testing.ts'
import {
  altered,
  checkFiles,
  collected,
  entriesOf,
  type Files,
  filesOf,
  type PageResult,
  pageModules,
  textOf,
} from '../fixtures/evidence.ts'
import { storedTree } from '../fixtures/stored-tree.ts'

const page = await pageModules()
const proofName = 'proofs/4.tlog-proof'
const earlierNames = ['earlier.checkpoint', 'earlier.consistency']

async function madeBy(vault: Vault, options: { from?: number; asOf?: number } = {}) {
  const { file, bytes } = collected()
  const { from, asOf } = options
  await vault.reports.evidence({
    to: file,
    ...(from !== undefined && { from: { position: from } }),
    ...(asOf !== undefined && { asOf: { position: asOf } }),
  })
  return { zip: bytes(), files: await filesOf(bytes()) }
}

let vault: Vault
let other: Files
let zip: Buffer
let genuine: Files
/** The first position of its range. */
let first: number

/** Evidence with everything in it that evidence can have, of one vault and of another. */
beforeAll(async () => {
  vault = (await testVault({ 'prod/db': 'one', 'prod/api': 'two' })).vault
  const { size } = await vault.proofs.checkpoint()
  first = size
  await vault.rotate('prod/db', 'three')
  await vault.write('prod/new', 'four')
  const made = await madeBy(vault, { from: size })
  zip = made.zip
  genuine = made.files
  expect([...genuine.keys()]).toEqual(expect.arrayContaining([proofName, ...earlierNames]))
  const stranger = (await testVault({ 'prod/db': 'one' })).vault
  await stranger.write('prod/api', 'two')
  other = (await madeBy(stranger)).files
})

/** Whether a reader takes these bytes. What it refuses, it says in an error of its own, never in one of the language. */
function taken(read: () => unknown): boolean {
  try {
    read()
    return true
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError) throw error
    return false
  }
}

async function takenLater(read: () => Promise<unknown>): Promise<boolean> {
  return read().then(
    () => true,
    () => false,
  )
}

const problemsOf = ({ files }: PageResult) =>
  Object.fromEntries(
    files.filter(({ problems }) => problems.length > 0).map((each) => [each.name, each.problems]),
  )

function withFile(name: string, bytes: Uint8Array | string): Files {
  return new Map([...genuine, [name, new Uint8Array(Buffer.from(bytes))]])
}

/** The list and the statement made anew, as whoever changes files and has no key can make them. */
/** The evidence with the signatures of its manifests taken off. */
function unsignedManifests(): Files {
  const bare = new Map(genuine)
  for (const name of genuine.keys()) {
    if (!name.endsWith('.manifest')) continue
    const [unsigned = ''] = textOf(genuine, name).split('\n\n')
    bare.set(name, new Uint8Array(Buffer.from(`${unsigned}\n`)))
  }
  return bare
}

function relisted(files: Files): Files {
  const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
  const listed = [...files].filter(([name]) => !['SHA256SUMS', 'evidence.statement'].includes(name))
  listed.sort(([a], [b]) => (a < b ? -1 : 1))
  const sums = listed.map(([name, bytes]) => `${sha256(bytes)}  ${name}\n`).join('')
  const [title = '', json = ''] = textOf(files, 'evidence.statement').split('\n')
  const said = { ...JSON.parse(json), sums: sha256(Buffer.from(sums)) }
  const statement = `${title}\n${JSON.stringify(said)}\n`
  return new Map([
    ...files,
    ['SHA256SUMS', new Uint8Array(Buffer.from(sums))],
    ['evidence.statement', new Uint8Array(Buffer.from(statement))],
  ])
}

describe('the hash of the verifier page', () => {
  const expected = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
  const hexOf = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

  it('is SHA-256 at every length around a block', () => {
    for (let length = 0; length <= 260; length++) {
      const bytes = Buffer.alloc(length, length)
      expect(hexOf(new page.Sha256().update(bytes).digest())).toBe(expected(bytes))
    }
  })

  test.prop([fc.uint8Array({ maxLength: 5000 }), fc.array(fc.integer({ min: 0, max: 5000 }))])(
    'is the same in whatever pieces the bytes come',
    (bytes, cuts) => {
      const hash = new page.Sha256()
      const places = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)), bytes.length]
      places.sort((a, b) => a - b)
      places.forEach((place, i) => {
        hash.update(bytes.subarray(place, places[i + 1] ?? place))
      })
      expect(hexOf(hash.digest())).toBe(expected(bytes))
    },
  )
})

describe('the proofs of the verifier page', () => {
  const leaves = Array.from({ length: 600 }, (_, i) => leafHash(Buffer.from(`entry ${i}`)))
  const root = (size: number) => rootOf(leaves.slice(0, size))
  const sizes = fc.tuple(fc.integer({ min: 1, max: 600 }), fc.integer({ min: 0, max: 599 }))
  /** Which of the proof's hashes is changed, left out or said twice; none. */
  const harm = fc.tuple(fc.constantFrom('none', 'flip', 'drop', 'double'), fc.nat(12))

  function harmed(proof: readonly Buffer[], [how, at]: readonly [string, number]): Buffer[] {
    return proof.flatMap((hash, i) => {
      if (i !== at % Math.max(1, proof.length) || how === 'none') return [hash]
      if (how === 'drop') return []
      return how === 'double' ? [hash, hash] : [Buffer.from(altered(hash))]
    })
  }

  it('take a leaf for the same hash', () => {
    expect(Buffer.from(page.leafHash(Buffer.from('entry 0')))).toEqual(leaves[0])
  })

  test.prop([sizes, harm, fc.boolean()])(
    'hold and fail where those of the vault do: inclusion',
    async ([size, at], how, elsewhere) => {
      const index = at % size
      const proof = harmed(await inclusionProof(storedTree(leaves), { index, size }), how)
      const asked = { index, size, leaf: leaves[index]!, proof, root: root(elsewhere ? 1 : size) }
      const theirs = taken(() => verifyInclusion(asked))
      expect(taken(() => page.verifyInclusion(asked))).toBe(theirs)
      if (how[0] === 'none' && !elsewhere) expect(theirs).toBe(true)
    },
  )

  test.prop([sizes, harm, fc.boolean()])(
    'hold and fail where those of the vault do: consistency',
    async ([to, at], how, elsewhere) => {
      const from = (at % to) + 1
      const proof = harmed(await consistencyProof(storedTree(leaves), { from, to }), how)
      const asked = { from, to, proof, fromRoot: root(from), toRoot: root(elsewhere ? 1 : to) }
      const theirs = taken(() => verifyConsistency(asked))
      expect(taken(() => page.verifyConsistency(asked))).toBe(theirs)
      if (how[0] === 'none' && !elsewhere) expect(theirs).toBe(true)
    },
  )

  it('prove nothing of an empty log, nor of one that shrank', () => {
    for (const [from, to] of [
      [0, 5],
      [6, 5],
    ] as const) {
      const asked = { from, to, proof: [], fromRoot: root(5), toRoot: root(5) }
      expect(() => page.verifyConsistency(asked)).toThrow('can be proved to begin with')
    }
  })
})

describe('the parsers of the verifier page', () => {
  const changes = fc.array(
    fc.tuple(fc.constantFrom('set', 'insert', 'delete'), fc.nat(4000), fc.nat(255)),
    { minLength: 1, maxLength: 3 },
  )

  function changed(bytes: Uint8Array, how: readonly (readonly [string, number, number])[]) {
    const all = [...bytes]
    for (const [what, at, byte] of how) {
      const place = at % (all.length + 1)
      if (what === 'set') all[place] = byte
      else all.splice(place, what === 'delete' ? 1 : 0, ...(what === 'insert' ? [byte] : []))
    }
    return Uint8Array.from(all)
  }

  /** Each parser of the page, and the one of the vault's own. */
  const pairs: readonly (readonly [
    string,
    (bytes: Uint8Array) => unknown,
    typeof parseNote | ((bytes: Uint8Array) => unknown),
  ])[] = [
    ['checkpoint', page.parseNote, parseNote],
    [proofName, page.parseProofFile, parseProofFile],
    ['earlier.consistency', page.parseConsistencyFile, parseAddCheckpoint],
    ['reports/R1-audit-trail.manifest', page.parseManifest, parseManifest],
    ['evidence.statement', page.parseEvidenceStatement, parseEvidence],
    [
      'verifier.key',
      (bytes) => page.parseVkey(Buffer.from(bytes).toString().trimEnd()),
      (bytes) => parseVkey(Buffer.from(bytes).toString().trimEnd()),
    ],
  ]

  for (const [name, mine, theirs] of pairs) {
    it(`take what a vault writes: ${name}`, () => {
      const bytes = genuine.get(name)!
      expect([taken(() => mine(bytes)), taken(() => theirs(bytes))]).toEqual([true, true])
    })

    test.prop([changes], { numRuns: 300 })(`take one spelling of each thing: ${name}`, (how) => {
      const bytes = changed(genuine.get(name)!, how)
      expect(taken(() => mine(bytes))).toBe(taken(() => theirs(bytes)))
    })
  }

  it('take no key of small order, nor one that signs no log', () => {
    const weak = Buffer.concat([Buffer.of(1), Buffer.alloc(32)])
    const id = createHash('sha256').update('x\n').update(weak).digest('hex').slice(0, 8)
    const line = `x+${id}+${weak.toString('base64')}`
    expect(() => page.parseVkey(line)).toThrow('a public key that is not of small order')
    expect(taken(() => parseVkey(line))).toBe(false)
    const witness = vkeyOf('w', generateKeyPairSync('ed25519').publicKey, 'cosignature/v1')
    expect(() => page.parseVkey(formatVkey(witness))).toThrow('one that signs logs')
  })

  it('take signatures that the vault takes, and no other', async () => {
    const verify = await page.ed25519()
    const vkey = vault.identity().verifier
    const note = genuine.get('checkpoint')!
    for (let at = 0; at < note.length; at++) {
      const bytes = altered(note, at)
      const mine = await takenLater(() => page.openCheckpoint(bytes, page.parseVkey(vkey), verify))
      const theirs = taken(() => openCheckpoint(bytes, { log: parseVkey(vkey) }))
      expect([at, mine]).toEqual([at, theirs])
      expect(mine).toBe(false)
    }
  })
})

describe('the verifier page', () => {
  it('accepts the genuine evidence, and is told whose key it is', async () => {
    const { verifier } = vault.identity()
    const open = await checkFiles(genuine)
    expect([open.verdict, problemsOf(open)]).toEqual(['holds', {}])
    expect((await checkFiles(genuine, verifier)).verdict).toBe('holds')
    const digits = page.parseVkey(verifier).fingerprint
    expect((await checkFiles(genuine, digits.replace(/(.{4})/g, '$1 '))).verdict).toBe('holds')
  })

  it('refuses one altered byte in each file, and says which', async () => {
    for (const [name, bytes] of genuine) {
      const places = [0, Math.floor(bytes.length / 2), bytes.length - 1]
      for (const at of places) {
        const found = await checkFiles(withFile(name, altered(bytes, at)))
        expect([name, at, found.verdict]).toEqual([name, at, 'refused'])
        expect([name, Object.keys(problemsOf(found))]).toEqual([
          name,
          expect.arrayContaining(
            // The list and the statement hold each other: a change of one may show at the other.
            name === 'SHA256SUMS' ? [expect.any(String)] : [name],
          ),
        ])
      }
    }
  })

  it('names a file that is missing', async () => {
    for (const name of genuine.keys()) {
      const found = await checkFiles(new Map([...genuine].filter(([each]) => each !== name)))
      expect([name, found.verdict]).toEqual([name, 'refused'])
      expect([name, problemsOf(found)[name]?.join()]).toEqual([
        name,
        expect.stringContaining('missing'),
      ])
    }
  })

  it('names a file that does not belong', async () => {
    const found = await checkFiles(withFile('reports/R9-more.csv', 'a,b'))
    expect(problemsOf(found)).toEqual({
      'reports/R9-more.csv': [
        'it does not belong here: SHA256SUMS does not name it',
        'no manifest that holds names it',
      ],
    })
    const listed = await checkFiles(relisted(withFile('reports/R9-more.csv', 'a,b')))
    expect(problemsOf(listed)['reports/R9-more.csv']).toEqual(['no manifest that holds names it'])
    const strange = await checkFiles(relisted(withFile('run-me.js', 'x')))
    expect(problemsOf(strange)['run-me.js']).toEqual(['this page does not know what it is'])
  })

  it('refuses the manifest of another day, with its outputs too', async () => {
    const { files: old } = await madeBy(vault, { asOf: first })
    const name = 'reports/R2-rotation'
    const swapped = new Map(genuine)
    for (const ending of ['manifest', 'csv', 'pdf']) {
      swapped.set(`${name}.${ending}`, old.get(`${name}.${ending}`)!)
    }
    expect(problemsOf(await checkFiles(swapped))[`${name}.manifest`]).toEqual([
      'it was changed: its SHA-256 is not the one in SHA256SUMS',
      expect.stringMatching(/another state of the log|checkpoint is not the one/),
    ])
    expect(problemsOf(await checkFiles(relisted(swapped)))[`${name}.manifest`]).toEqual([
      expect.stringMatching(/another state of the log|checkpoint is not the one/),
    ])
  })

  it('does not take a statement whose signature was cut off for a signed one', async () => {
    const [text = ''] = textOf(genuine, 'evidence.statement').split('\n\n')
    const found = await checkFiles(withFile('evidence.statement', `${text}\n`))
    expect([found.verdict, found.isSigned]).toEqual(['refused', false])
    expect(problemsOf(found)['reports/R1-audit-trail.manifest']).toEqual([
      'it is signed, and the statement is not: a signature was taken away',
    ])
    // All signatures gone, and everything listed anew: nothing is left but the checkpoint's, and it says so.
    const all = await checkFiles(relisted(unsignedManifests()))
    expect([all.verdict, all.isSigned, problemsOf(all)]).toEqual(['unsigned', false, {}])
  })

  it('refuses the evidence of another vault under the key that was pinned', async () => {
    const found = await checkFiles(other, vault.identity().verifier)
    expect(problemsOf(found)).toEqual({
      'verifier.key': ['it is not the key that you pinned: of another vault, or forged'],
    })
    const swapped = withFile('verifier.key', other.get('verifier.key')!)
    const problems = problemsOf(await checkFiles(relisted(swapped)))
    expect(problems.checkpoint).toEqual(['checkpoint: it is of another log than the key is for'])
    expect(problems['reports/R1-audit-trail.manifest']).toEqual([
      'the key in verifier.key has not signed it',
    ])
  })

  it('refuses a pinned key that cannot be read', async () => {
    await expect(checkFiles(genuine, 'muniment/what')).rejects.toThrow('key: expected')
  })

  it('says where a browser cannot check signatures, and checks the rest', async () => {
    const how = { pinned: undefined, verify: undefined }
    const found = await page.checkEvidence(entriesOf(genuine), how)
    expect([found.verdict, problemsOf(found)]).toEqual(['unchecked', {}])
    const name = proofName
    const broken = entriesOf(withFile(name, altered(genuine.get(name)!)))
    expect((await page.checkEvidence(broken, how)).verdict).toBe('refused')
  })

  it('takes no signature for checked where none could be, of what no owner signed either', async () => {
    const how = { pinned: undefined, verify: undefined }
    const found = await page.checkEvidence(entriesOf(relisted(unsignedManifests())), how)
    expect([found.verdict, found.isSigned, problemsOf(found)]).toEqual(['unchecked', false, {}])
  })

  it('takes no folder off that leads out of where it lies', async () => {
    for (const root of ['../', 'a/../', '/', '.hidden/', 'a\\b/']) {
      const slipped = new Map([...genuine].map(([name, bytes]) => [`${root}${name}`, bytes]))
      expect([root, (await checkFiles(slipped)).verdict]).toEqual([root, 'refused'])
    }
    const deep = new Map([...genuine].map(([name, bytes]) => [`audit 2026/q1.v2/${name}`, bytes]))
    expect((await checkFiles(deep)).verdict).toBe('holds')
  })

  it('reads none of what is far more than the list names', async () => {
    let opened = 0
    const strays = Array.from({ length: 200 }, (_, i) => ({
      name: `stray-${i}`,
      size: 1,
      open: async () => {
        opened++
        return new Blob(['x']).stream()
      },
    }))
    const how = { pinned: undefined, verify: await page.ed25519() }
    const found = await page.checkEvidence([...entriesOf(genuine), ...strays], how)
    expect(opened).toBe(0)
    expect(problemsOf(found)).toEqual({
      SHA256SUMS: [expect.stringMatching(/^these are \d+ files, and it names \d+: none was read$/)],
    })
    const few = await page.checkEvidence([...entriesOf(genuine), ...strays.slice(0, 2)], how)
    expect(Object.keys(problemsOf(few))).toEqual(['stray-0', 'stray-1'])
  })

  it('holds the bytes of what it parses alone, and of no more than 64 MB of that', async () => {
    const room = new page.Room()
    expect(room.take('reports/R1-audit-trail.csv', 10)).toBe(false)
    expect(room.take('index.html', 10)).toBe(false)
    const most = 8 * 1024 * 1024
    expect(room.take('reports/R1-audit-trail.manifest', most + 1)).toBe(false)
    const taken = Array.from({ length: 9 }, (_, i) => room.take(`proofs/${i}.tlog-proof`, most))
    expect(taken).toEqual([...Array(8).fill(true), false])
    const [entry] = entriesOf(new Map([['checkpoint', new Uint8Array(3)]]))
    expect((await page.readFile(entry!, false)).bytes).toBeUndefined()
    expect((await page.readFile(entry!, true)).bytes).toHaveLength(3)
  })

  it('takes files from within a folder, and files that lost their folders', async () => {
    const inFolder = new Map([...genuine].map(([name, bytes]) => [`q1/${name}`, bytes]))
    expect((await checkFiles(inFolder)).verdict).toBe('holds')
    const flat = [...genuine].map(([name, bytes]) => [name.replace(/^.*\//, ''), bytes] as const)
    expect(problemsOf(await checkFiles(new Map(flat)))).toEqual({})
    const twice = new Map([
      ...genuine,
      ['R2-rotation.csv', genuine.get('reports/R2-rotation.csv')!],
    ])
    expect(problemsOf(await checkFiles(twice)).SHA256SUMS).toEqual([
      'there are two files reports/R2-rotation.csv',
    ])
  })

  it('refuses nothing at all, and nothing that makes sense', async () => {
    expect((await checkFiles(new Map())).verdict).toBe('refused')
    const found = await checkFiles(new Map([['holiday.jpg', Buffer.from('x')]]))
    expect(problemsOf(found)['holiday.jpg']?.[0]).toContain('does not belong here')
    expect(problemsOf(found).SHA256SUMS).toEqual(['it is missing'])
  })

  it('reads a list of files in one spelling', () => {
    const hash = 'a'.repeat(64)
    const wrong = [
      '',
      `${hash}  a`,
      `${hash} a\n`,
      `${hash.toUpperCase()}  a\n`,
      `${hash}  ../a\n`,
      `${hash}  /a\n`,
      `${hash}  b\n${hash}  a\n`,
      `${hash}  a\n${hash}  a\n`,
      `${hash}  a\r\n`,
    ]
    for (const text of wrong) expect(() => page.parseSums(Buffer.from(text))).toThrow()
    expect([...page.parseSums(Buffer.from(`${hash}  a\n${hash}  b/c\n`)).keys()]).toEqual([
      'a',
      'b/c',
    ])
  })
})

describe('the archives of the verifier page', () => {
  async function zipOf(add: (zip: ZipFile) => void): Promise<Blob> {
    const made = new ZipFile()
    add(made)
    made.end()
    return new Blob([new Uint8Array(await buffer(made.outputStream as Readable))])
  }

  const contentOf = async (blob: Blob) =>
    [...(await filesOf(new Uint8Array(await blob.arrayBuffer())))].map(([name, bytes]) => [
      name,
      Buffer.from(bytes).toString(),
    ])

  it('are read stored, deflated, streamed, and with sizes of 64 bits', async () => {
    const blob = await zipOf((made) => {
      made.addBuffer(Buffer.from('stored'), 'a', { compress: false })
      made.addBuffer(Buffer.from('deflated'), 'b', { compress: true })
      made.addReadStream(Readable.from([Buffer.from('streamed')]), 'c/ü')
      made.addEmptyDirectory('d')
      made.addBuffer(Buffer.from('large'), 'e', { forceZip64Format: true })
    })
    expect(await page.isZip(blob)).toBe(true)
    expect(await contentOf(blob)).toEqual([
      ['a', 'stored'],
      ['b', 'deflated'],
      ['c/ü', 'streamed'],
      ['e', 'large'],
    ])
  })

  it('are refused where a name is in them twice, or they are cut', async () => {
    const twice = await zipOf((made) => {
      made.addBuffer(Buffer.from('one'), 'a')
      made.addBuffer(Buffer.from('two'), 'a')
    })
    await expect(page.readZip(twice)).rejects.toThrow('a name is in it twice')
    const whole = new Uint8Array(zip)
    for (const end of [0, 3, 100, whole.length - 23, whole.length - 1]) {
      await expect(page.readZip(new Blob([whole.slice(0, end)]))).rejects.toThrow(
        'the archive cannot be read',
      )
    }
    await expect(page.readZip(new Blob([whole, new Uint8Array(1)]))).rejects.toThrow()
  })

  it('are not read further than they say', async () => {
    const blob = await zipOf((made) => made.addBuffer(Buffer.alloc(1 << 20), 'bomb'))
    const bytes = Buffer.from(await blob.arrayBuffer())
    const central = bytes.indexOf(Buffer.from('504b0102', 'hex'))
    bytes.writeUInt32LE(1000, central + 24)
    const [entry] = await page.readZip(new Blob([new Uint8Array(bytes)]))
    await expect(page.readFile(entry!)).rejects.toThrow('bomb is longer than it says')
  })

  test.prop([fc.nat(), fc.integer({ min: 1, max: 255 })], { numRuns: 200 })(
    'never end in an error of the language, whatever byte is wrong',
    async (at, by) => {
      const bytes = Uint8Array.from(zip)
      const place = bytes.length - 1 - (at % 6000)
      bytes[place] = (bytes[place] ?? 0) ^ by
      try {
        const entries = await page.readZip(new Blob([bytes]))
        for (const entry of entries.slice(-3)) await page.readFile(entry)
      } catch (error) {
        expect((error as Error).constructor.name).toBe('Refusal')
      }
    },
  )
})

describe('the file verifier.html', () => {
  it('is the same each time, with a policy that allows its own script and nothing else', async () => {
    const html = await verifierPage()
    expect(await verifierPage()).toBe(html)
    const [, script = ''] = /<script type="module">([\s\S]*)<\/script>/.exec(html) ?? []
    const hash = createHash('sha256').update(script).digest('base64')
    expect(html.includes(`script-src &#39;sha256-${hash}&#39;`)).toBe(true)
    expect(html.includes('default-src &#39;none&#39;')).toBe(true)
    expect(html.match(/https?:|\bsrc=|href="(?!#)|innerHTML|eval\(|fetch\(|XMLHttp/g)).toBeNull()
    expect(script.match(/^(import|export)\b/m)).toBeNull()
  })

  it('is made of modules that fit into one: no two of their names are the same', async () => {
    const names: string[] = []
    for (const module of moduleNames) {
      const url = new URL(`../../src/reports/evidence/verifier/${module}.js`, import.meta.url)
      const source = await readFile(url, 'utf8')
      const found = source.matchAll(
        /^(?:export )?(?:async )?(?:function|class|const|let) ([A-Za-z0-9_]+)/gm,
      )
      names.push(...[...found].map(([, name = '']) => name))
      const later = moduleNames.slice(moduleNames.indexOf(module))
      for (const [, from = ''] of source.matchAll(/^(?:import .*|\}) from '\.\/(.*)\.js'$/gm)) {
        expect([module, later.includes(from as (typeof moduleNames)[number])]).toEqual([
          module,
          false,
        ])
      }
    }
    expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([])
  })
})
