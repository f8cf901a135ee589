import { cp, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { memoryStore, type OutputSink, type SignedCheckpoint, Vault } from '../../src/index.ts'
import { noKdf } from '../../src/keys/no-kdf.ts'
import type { Vkey } from '../../src/proofs/vkey.ts'
import { canonicalJson } from '../../src/reports/canonical.ts'
import { testVault } from '../../src/testing/test-vault.ts'
import { listKept } from '../../src/vault/checkpoints.ts'
import { smallestCovering } from '../../src/vault/reporting/covering.ts'
import { vaultSource } from '../../src/vault/reporting/report-source.ts'
import { Session } from '../../src/vault/session.ts'
import { parseManifest, parseVkey, verifyReport } from '../../src/verify.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'reports-verify-'))
})
afterAll(() => rm(folder, { recursive: true }))

const nowhere: OutputSink = {
  open: async () => ({
    write: async () => undefined,
    end: async () => undefined,
    abort: async () => undefined,
  }),
}

/** A sink that keeps what it is given, by name. */
function kept() {
  const files = new Map<string, Buffer>()
  const sink: OutputSink = {
    open: async (name) => ({
      write: async (piece) => {
        files.set(name, Buffer.concat([files.get(name) ?? Buffer.alloc(0), piece]))
      },
      end: async () => undefined,
      abort: async () => undefined,
    }),
  }
  return { files, sink }
}

async function manifestOf(vault: Vault): Promise<Buffer> {
  const { files, sink } = kept()
  await vault.reports.write('rotation', { formats: ['csv', 'json'], to: sink, subject: '**' })
  return files.get('rotation.manifest') as Buffer
}

/** A statement as it stands in a manifest, or anything else in its place. */
interface Json {
  readonly outputs: readonly { readonly name: string; readonly bytes: number }[]
}

/** The same without its signature, and with something else in it. */
function unsigned(manifest: Buffer, change: (statement: Json) => object = () => ({})): Buffer {
  const [title, json = ''] = manifest.toString().split('\n')
  const statement = JSON.parse(json)
  return Buffer.from(`${title}\n${canonicalJson({ ...statement, ...change(statement) })}\n`)
}

describe('a manifest of a copied vault', () => {
  it('is of another history than the log that it was copied from, once both have gone on', async () => {
    const [path, copy] = [join(folder, 'one'), join(folder, 'two')]
    const options = { unlock: noKdf, actor: 'test' }
    const first = await Vault.create({ path, ...options })
    await first.write('prod/db', 'one')
    await first.close()
    await cp(path, copy, { recursive: true })
    const theirs = await Vault.open({ path: copy, ...options })
    await theirs.write('prod/elsewhere', 'two')
    const made = kept()
    const { manifest } = await theirs.reports.write('rotation', {
      formats: ['csv'],
      to: made.sink,
      asOf: { position: 1 },
    })
    // What both have in common, under a checkpoint of what they do not.
    const from = { ...manifest.head, root: Buffer.from(manifest.head.root, 'hex') }
    const checkpoint = await theirs.proofs.checkpoint()
    const { proof } = await theirs.proofs.consistency({ ...checkpoint, ...from }, checkpoint)
    await theirs.close()
    const forked = unsigned(made.files.get('rotation.manifest') as Buffer, () => ({
      checkpoint: checkpoint.note.toString(),
      consistency: proof.map((hash) => hash.toString('base64')),
    }))
    const ours = await Vault.open({ path, ...options })
    for (let i = 0; i < 10; i++) await ours.write('prod/here', `${i}`)
    expect((await ours.reports.verify(forked)).problems).toEqual([
      `its checkpoint of ${checkpoint.size} events is of another history than this log`,
    ])
    const shared = unsigned(made.files.get('rotation.manifest') as Buffer)
    expect((await ours.reports.verify(shared)).problems).toEqual([])
    await ours.close()
  })

  it('is of more events than a log that was put back holds', async () => {
    const [path, copy] = [join(folder, 'three'), join(folder, 'four')]
    const options = { unlock: noKdf, actor: 'test' }
    const first = await Vault.create({ path, ...options })
    await first.close()
    await cp(path, copy, { recursive: true })
    const later = await Vault.open({ path, ...options })
    for (let i = 0; i < 20; i++) await later.write('a', `${i}`)
    const made = kept()
    await later.reports.write('keys', { formats: ['csv'], to: made.sink, asOf: { position: 19 } })
    await later.close()
    const early = await Vault.open({ path: copy, ...options })
    const { problems } = await early.reports.verify(made.files.get('keys.manifest') as Buffer)
    expect(problems[0]).toMatch(/^its checkpoint is of \d+ events, and the log holds \d$/)
    await early.close()
  })
})

describe('a manifest that no owner signed', () => {
  let vault: Vault
  let manifest: Buffer
  beforeAll(async () => {
    vault = (await testVault({ 'prod/db': 'one' })).vault
    manifest = await manifestOf(vault)
  })

  const problemsOf = async (change: (statement: Json) => object) =>
    (await vault.reports.verify(unsigned(manifest, change))).problems

  it('holds as it was made', async () => {
    expect(await problemsOf(() => ({}))).toEqual([])
  })

  it.each<[string, (statement: Json) => object, (string | RegExp)[]]>([
    ['other parameters', () => ({ params: { subject: '**', colour: 'red' } }), [/^params is /]],
    ['an output less', ({ outputs: [first] }: Json) => ({ outputs: [first] }), []],
    ['no outputs', () => ({ outputs: [] }), ['the manifest names outputs that no report has']],
    [
      'an output more',
      ({ outputs }: Json) => ({
        outputs: [...outputs, { ...outputs[0], name: 'rotation-1-of-2.csv' }],
      }),
      ['rotation-1-of-2.csv is not among the outputs when made again'],
    ],
    [
      'another length',
      ({ outputs: [first, last] }: Json) => ({
        outputs: [{ ...first, bytes: 1 }, last],
      }),
      ['rotation.csv has other bytes when made again'],
    ],
    [
      'a part of several left out',
      ({ outputs: [first] }: Json) => ({
        outputs: [{ ...first, name: 'rotation-1-of-2.csv' }],
      }),
      [
        'rotation-1-of-2.csv is not among the outputs when made again',
        'the manifest leaves out rotation.csv, which is made as well',
      ],
    ],
    [
      'a parameter that no report takes so',
      () => ({ params: { dueWithin: 'soon' } }),
      [/^it cannot be made again: dueWithin must be an integer/],
    ],
    [
      'a pattern that is a number',
      () => ({ params: { subject: 7 } }),
      ['it cannot be made again: subject: expected a string'],
    ],
    [
      'a report that there is not',
      () => ({ report: 'made-up' }),
      [/^it cannot be made again: there is no report of that name/],
    ],
    [
      'a beginning behind its end',
      () => ({ range: { from: 99, to: 3 } }),
      [/^it cannot be made again: from is position 99/],
    ],
  ])('with %s is told, not thrown', async (_, change, expected) => {
    const problems = await problemsOf(change)
    expect(problems).toHaveLength(expected.length)
    for (const [i, words] of expected.entries()) expect(problems[i]).toMatch(words)
  })

  it.each(['../up', 'a/b', 'a\\b', '..', 'a\nb'])('names no output %j', (name) => {
    const bytes = unsigned(manifest, ({ outputs: [first] }: Json) => ({
      outputs: [{ ...first, name }],
    }))
    expect(() => parseManifest(bytes)).toThrow(
      expect.objectContaining({
        code: 'INVALID',
        message: expect.stringContaining('the name of a file'),
      }),
    )
  })

  it('names no output twice', () => {
    const bytes = unsigned(manifest, ({ outputs: [first] }: Json) => ({
      outputs: [first, first],
    }))
    expect(() => parseManifest(bytes)).toThrow('expected distinct names, found a name twice')
  })

  it.each<[string, object, string]>([
    ['end', { range: { from: 0, to: 1 } }, 'its range does not end with its last event'],
    [
      'population',
      { population: { first: 0, last: 1, events: 1, gaps: 0 } },
      'it does not take every event of its range',
    ],
    [
      'gaps',
      { population: { first: 0, last: 1, events: 2, gaps: 1 } },
      'it does not take every event of its range',
    ],
  ])('does not hold without its vault either where its %s is another', (_, change, words) => {
    const log = parseVkey(vault.identity().verifier)
    const { range } = parseManifest(manifest).statement
    const whole = 'population' in change && { range }
    const bytes = unsigned(manifest, () => ({ ...change, ...whole }))
    expect(() => verifyReport(bytes, { trust: { log } })).toThrow(
      expect.objectContaining({ code: 'INTEGRITY', message: `statement: ${words}` }),
    )
    expect(() => verifyReport(unsigned(manifest), { trust: { log } })).not.toThrow()
  })

  it('is held against the hashes of files that are too large to hold', async () => {
    const { outputs } = parseManifest(manifest).statement
    const hashes = new Map(outputs.map(({ name, sha256 }) => [name, sha256]))
    expect((await vault.reports.verify(manifest, { hashes })).problems).toEqual([])
    hashes.set('rotation.csv', '0'.repeat(64))
    expect((await vault.reports.verify(manifest, { hashes })).problems).toEqual([
      'rotation.csv is not the file that the manifest was made of',
    ])
    const log = parseVkey(vault.identity().verifier)
    expect(() => verifyReport(manifest, { trust: { log }, hashes })).toThrow(
      'rotation.csv is not what the manifest was made of',
    )
  })
})

describe('the checkpoint of a report', () => {
  it('is the same whenever the report is made again', async () => {
    const { vault } = await testVault({ 'prod/db': 'one' })
    const asOf = { position: 1 }
    const write = async () => {
      const made = kept()
      await vault.reports.write('rotation', { formats: ['csv'], to: made.sink, asOf })
      return made.files.get('rotation.manifest')?.toString()
    }
    const first = await write()
    await vault.write('prod/db', 'two')
    await vault.proofs.checkpoint()
    expect(await write()).toBe(first)
  })

  it('is the smallest that is kept by the time that the report is on record', async () => {
    const { vault } = await testVault({ 'prod/db': 'one' })
    const asOf = { position: 1 }
    const sizes: number[] = []
    // As the timer does at every thousandth event: one is kept while the report is on its way.
    const sink: OutputSink = {
      open: async (name) => {
        await vault.proofs.checkpoint()
        return nowhere.open(name)
      },
    }
    for (let i = 0; i < 2; i++) {
      const { manifest } = await vault.reports.write('keys', { formats: ['csv'], to: sink, asOf })
      sizes.push(Number(manifest.checkpoint.split('\n')[1]))
    }
    expect(sizes[1]).toBe(sizes[0])
  })
})

describe('what is no place, no name or no moment', () => {
  it.each<[string, object, RegExp]>([
    ['an empty name', { name: '' }, /^name must be the name of a file/],
    ['a name with a way in it', { name: '../up' }, /^name must be the name of a file/],
    ['a name of several lines', { name: 'a\nb' }, /^name must be the name of a file/],
    ['a name that is too long', { name: 'n'.repeat(234) }, /of at most 233 bytes/],
    ['no place', { to: undefined }, /^to must be a path, or an object with the method open$/],
    ['an empty place', { to: '' }, /^to must be a path/],
    ['a place that takes nothing', { to: {} }, /^to must be a path/],
    ['null as a moment', { asOf: null }, /^asOf must be a moment/],
    ['null as a beginning', { from: null }, /^from must be a moment/],
    ['a beginning without a position', { from: { position: undefined } }, /^from must be a moment/],
  ])('%s is refused before anything is on record', async (_, options, message) => {
    const { vault } = await testVault()
    const { size } = await vault.health()
    const given = { formats: ['csv'] as const, to: nowhere, ...options } as never
    await expect(vault.reports.write('rotation', given)).rejects.toMatchObject({
      code: 'INVALID',
      message: expect.stringMatching(message),
    })
    expect((await vault.health()).size).toBe(size)
  })

  it.each([{}, { to: {} }, { to: nowhere }, undefined])('%j is no evidence', async (options) => {
    const { vault } = await testVault()
    await expect(vault.reports.evidence(options as never)).rejects.toMatchObject({
      code: 'INVALID',
      message: 'to must be a path, or an object with the method write',
    })
  })

  it('a null moment of evidence is refused, and of what stood as of then', async () => {
    const { vault } = await testVault()
    const to = join(folder, 'null.zip')
    for (const moments of [{ asOf: null }, { from: null }]) {
      const made = vault.reports.evidence({ to, ...moments } as never)
      await expect(made).rejects.toMatchObject({ code: 'INVALID' })
    }
    await expect(vault.asOf(null as never)).rejects.toMatchObject({ code: 'INVALID' })
  })

  it('a name as long as a file may have fits', async () => {
    const { vault } = await testVault()
    const name = 'n'.repeat(233)
    await vault.reports.write('keys', { formats: ['csv'], to: folder, name })
    expect((await readFile(join(folder, `${name}.manifest`))).length).toBeGreaterThan(0)
    const to = join(folder, `${'z'.repeat(251)}.zip`)
    await vault.reports.evidence({ to })
    expect((await readFile(to)).length).toBeGreaterThan(0)
  })
})

describe('a checkpoint that covers', () => {
  async function opened() {
    const session = await Session.create({ store: memoryStore(), unlock: noKdf, actor: 'test' })
    const engine = session.engine()
    const checkpoints: SignedCheckpoint[] = []
    for (let i = 0; i < 3; i++) {
      checkpoints.push(await engine.checkpoints.sign({ kept: true }))
      await engine.record([{ type: 'backup.created', subject: '', data: {} }])
    }
    return { engine, checkpoints }
  }

  it('is looked for again where others were kept while one was signed', async () => {
    const { engine, checkpoints } = await opened()
    const [first, second, third] = checkpoints as [
      SignedCheckpoint,
      SignedCheckpoint,
      SignedCheckpoint,
    ]
    const there = [first]
    const key = vaultSource(engine, {} as never)
      .vkeys(engine.origin)
      .at(-1)
    const choice = {
      kept: async function* () {
        yield* there
      },
      key: key as Vkey,
      newest: async () => {
        there.push(second, third)
        return third
      },
    }
    expect((await smallestCovering(choice, first.size + 1)).size).toBe(second.size)
  })

  it('has its signature verified once, by whom the same keyring is asked with', async () => {
    const { engine } = await opened()
    let asked = 0
    const { keyring, store } = engine
    const counted = new Proxy(keyring, {
      get: (target, name, receiver) => {
        if (name === 'log') asked++
        return Reflect.get(target, name, receiver)
      },
    })
    const sizes = async () => {
      const found = []
      for await (const { size } of listKept(store.files, counted)) found.push(size)
      return found
    }
    const first = await sizes()
    expect([first.length, asked]).toEqual([3, 3])
    expect(await sizes()).toEqual(first)
    expect(asked).toBe(3)
  })
})
