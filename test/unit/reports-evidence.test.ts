import { createHash } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import {
  BackupReader,
  type Credential,
  type EvidenceOptions,
  type Identity,
  memoryStore,
  recoveryKey,
  type StoreOpener,
  Vault,
} from '../../src/index.ts'
import { parseEvidence } from '../../src/reports/evidence/statement.ts'
import { zipBytes } from '../../src/reports/evidence/zip.ts'
import { verifyStatement } from '../../src/reports/statement.ts'
import { type TestClock, testClock } from '../../src/testing.ts'
import { parseVkey, verifyEventProof, verifyReport } from '../../src/verify.ts'
import { recordsOf, writeRecords } from '../fixtures/auditors.ts'
import {
  checkFiles,
  collected,
  type Files,
  filesAt,
  filesOf,
  textOf,
} from '../fixtures/evidence.ts'

let folder: string
let places = 0
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muniment-evidence-test-'))
})
afterAll(() => rm(folder, { recursive: true }))

const newPath = () => join(folder, `${places++}.zip`)

interface Lived {
  readonly vault: Vault
  readonly clock: TestClock
  readonly store: StoreOpener
  readonly owner: Credential
  readonly auditor: Credential
}

const hostile = 'prod/<img src=x onerror=alert(1)>'

/** A vault with findings, refusals, names that mean harm, and a checkpoint that was kept on the way. */
async function lived(): Promise<Lived> {
  const [store, clock] = [memoryStore(), testClock()]
  const [owner, auditor] = [recoveryKey().credential, recoveryKey().credential]
  const vault = await Vault.create({ store, clock, actor: 'svc/test', unlock: owner })
  await vault.keyslots.add(auditor, { role: 'auditor', label: 'auditor' })
  await vault.write('prod/db', 'one', { type: 'database_password', rotateEvery: 1000 })
  await vault.write('prod/api', 'two')
  await vault.proofs.checkpoint()
  clock.advance(24 * 3600 * 1000)
  await vault.rotate('prod/db', 'three', { trigger: 'compromise' })
  await vault.read('prod/db', { actor: 'user/ana', reason: 'incident 7' })
  await vault.read('prod/none', { actor: hostile }).catch(() => undefined)
  clock.advance(5000)
  return { vault, clock, store, owner, auditor }
}

async function evidenceOf(
  { reports }: Pick<Vault, 'reports'>,
  options: Omit<EvidenceOptions, 'to'> = {},
) {
  const to = newPath()
  const evidence = await reports.evidence({ ...options, to })
  return { to, evidence, files: await filesAt(to) }
}

const trusted = ({ verifier }: Identity) => ({ log: parseVkey(verifier) })

const hashOf = (bytes: Uint8Array | undefined) =>
  createHash('sha256')
    .update(bytes ?? '')
    .digest('hex')

const namesLike = (files: Files, form: RegExp) =>
  [...files.keys()].filter((name) => form.test(name))

async function generated(vault: Vault) {
  const events = []
  for await (const page of vault.audit.query({ type: 'report.generated' })) {
    events.push(...page.events)
  }
  return events
}

describe('evidence of a vault', () => {
  it('is accepted by its own page, under the key that was pinned', async () => {
    const { vault } = await lived()
    const { verifier } = vault.identity()
    const { files, evidence } = await evidenceOf(vault)
    const found = await checkFiles(files, verifier)
    expect(found.files.flatMap(({ problems }) => problems)).toEqual([])
    expect(found.verdict).toBe('holds')
    expect(found.key?.fingerprint).toBe(evidence.fingerprint)
    expect(evidence).toMatchObject({ isSigned: true, verifier, range: { from: 0, to: 7 } })
    expect(evidence.reports.map(({ number }) => number)).toEqual([
      'R1',
      'R2',
      'R3',
      'R4',
      'R5',
      'R6',
      'R7',
      'R8',
    ])
  })

  it('is accepted by what verifies reports, proofs and statements without a page', async () => {
    const { vault } = await lived()
    const trust = trusted(vault.identity())
    const { files } = await evidenceOf(vault)
    const manifests = namesLike(files, /\.manifest$/)
    expect(manifests).toHaveLength(8)
    for (const name of manifests) {
      const base = name.replace('.manifest', '')
      const outputs = namesLike(files, /\.(csv|pdf)$/).filter((each) => each.startsWith(`${base}.`))
      const named = outputs.map((each) => [each.replace('reports/', ''), files.get(each)!] as const)
      expect(named).toHaveLength(2)
      const { isSigned } = verifyReport(files.get(name)!, { trust, files: new Map(named) })
      expect(isSigned).toBe(true)
    }
    const proofs = namesLike(files, /^proofs\//)
    expect(proofs).toEqual(expect.arrayContaining(['proofs/0.tlog-proof', 'proofs/7.tlog-proof']))
    for (const name of proofs) {
      const { event, index } = verifyEventProof(files.get(name)!, trust)
      expect(name).toBe(`proofs/${index}.tlog-proof`)
      expect(event?.position).toBe(index)
    }
    const statement = files.get('evidence.statement')!
    const parsed = parseEvidence(statement)
    verifyStatement(statement, parsed, trust)
    expect(parsed.isSigned).toBe(true)
    expect(parsed.statement.sums).toBe(hashOf(files.get('SHA256SUMS')))
  })

  it('lists every file but the list and the statement, as sha256sum does', async () => {
    const { files } = await evidenceOf((await lived()).vault)
    const listed = textOf(files, 'SHA256SUMS').trimEnd().split('\n')
    const others = [...files.keys()].filter(
      (name) => name !== 'SHA256SUMS' && name !== 'evidence.statement',
    )
    expect(listed).toEqual(others.sort().map((name) => `${hashOf(files.get(name))}  ${name}`))
  })

  it('is on record, report by report, before the first byte goes out', async () => {
    const { vault } = await lived()
    const { file, bytes, ended } = collected()
    let recorded = -1
    const evidence = await vault.reports.evidence({
      to: {
        ...file,
        write: async (piece) => {
          if (recorded < 0) recorded = (await generated(vault)).length
          await file.write(piece)
        },
      },
    })
    expect(recorded).toBe(8)
    const events = await generated(vault)
    expect(events.map(({ data }) => data)).toEqual(
      evidence.reports.map(({ report }) => expect.objectContaining({ report, asOf: 7 })),
    )
    expect(ended()).toBe('whole')
    expect(hashOf(bytes())).toBe(evidence.sha256)
    expect(bytes()).toHaveLength(evidence.bytes)
  })

  it('is the same to the last byte when it is made again of the same events', async () => {
    const { vault, clock } = await lived()
    const first = await evidenceOf(vault, { asOf: { position: 7 } })
    await vault.write('later', 'value')
    clock.advance(100_000)
    await vault.proofs.checkpoint()
    const second = await evidenceOf(vault, { asOf: { position: 7 } })
    expect(second.evidence.sha256).toBe(first.evidence.sha256)
    // The checkpoint of the first time covers the events still; the log itself has gone on.
    expect(second.evidence.covered).toBeLessThan((await generated(vault)).at(-1)!.position)
  })

  it('is of a range by dates, and continues the checkpoint that was kept before it', async () => {
    const { vault } = await lived()
    const kept: Buffer[] = []
    for await (const { note } of vault.proofs.checkpoints()) kept.push(note)
    const { files, evidence } = await evidenceOf(vault, { from: { time: '2026-01-02' } })
    expect(evidence.range).toEqual({ from: 5, to: 7 })
    expect(files.get('earlier.checkpoint')).toEqual(new Uint8Array(kept[0]!))
    expect(textOf(files, 'earlier.consistency')).toMatch(/^old 5\n/)
    const { verdict, statement, files: results } = await checkFiles(files)
    expect([verdict, statement?.range]).toEqual(['holds', { from: 5, to: 7 }])
    expect(results.find(({ name }) => name === 'earlier.consistency')?.says).toContain(
      `the log of ${evidence.covered} events continues that of 5: none of those was changed`,
    )
    expect(
      textOf(files, 'index.html').includes('positions 5 to 7, 2026-01-02T00:00:00.000Z to'),
    ).toBe(true)
  })

  it('is of a range that no event falls into', async () => {
    const { vault } = await lived()
    const { files, evidence } = await evidenceOf(vault, {
      from: { position: 8 },
      asOf: { position: 7 },
    })
    expect(evidence.range).toEqual({ from: 8, to: 7 })
    expect((await checkFiles(files)).verdict).toBe('holds')
    expect(namesLike(files, /^proofs\//)).toContain('proofs/7.tlog-proof')
    expect(textOf(files, 'index.html').includes('no event: the log ended before position 8')).toBe(
      true,
    )
  })

  it('names the findings, links them to their reports, and proves their events', async () => {
    const { vault, clock } = await lived()
    clock.advance(24 * 3600 * 1000)
    await vault.read('prod/api')
    const { files, evidence } = await evidenceOf(vault)
    expect(evidence.reports.map(({ findings }) => findings)).toEqual([0, 1, 0, 0, 0, 0, 0, 0])
    const page = textOf(files, 'index.html')
    expect(page.includes('1 row has a finding.')).toBe(true)
    const [, row] =
      /<a href="reports\/R2-rotation\.csv"><bdi>R2 rotation, row (\d+)</.exec(page) ?? []
    const [, event] = /data-label="event">(\d+)</.exec(page) ?? []
    expect(textOf(files, 'reports/R2-rotation.csv').split('\r\n')[Number(row)]).toContain(event)
    expect([...files.keys()]).toContain(`proofs/${event}.tlog-proof`)
    expect(page.includes('<td class="plain" data-label="control">PCI DSS 10.3</td>')).toBe(true)
  })

  it('shows names as text, and can do nothing', async () => {
    const { vault, clock } = await lived()
    await vault.write(hostile, 'x', { rotateEvery: 1000 })
    clock.advance(24 * 3600 * 1000)
    await vault.read(hostile)
    const page = textOf((await evidenceOf(vault)).files, 'index.html')
    expect(page.match(/<script|<img|javascript:/gi)).toBeNull()
    expect(page.includes('prod/&#60;img src=x onerror=alert(1)&#62;')).toBe(true)
    expect(page.includes('default-src &#39;none&#39;; style-src &#39;sha256-')).toBe(true)
  })

  it('is signed by the key that came after a rotation, and made again under it', async () => {
    const { vault } = await lived()
    const before = vault.identity().verifier
    await evidenceOf(vault, { asOf: { position: 7 } })
    await vault.keys.rotateSigning()
    const { verifier } = vault.identity()
    expect(verifier).not.toBe(before)
    const { files } = await evidenceOf(vault, { asOf: { position: 7 } })
    expect((await checkFiles(files, verifier)).verdict).toBe('holds')
    expect((await checkFiles(files, before)).verdict).toBe('refused')
  })

  it('tells how far it has come, up to the end', async () => {
    const { vault } = await lived()
    const seen: { position: number; size: number }[] = []
    await evidenceOf(vault, { asOf: { position: 7 }, onProgress: (at) => seen.push(at) })
    expect(seen.map(({ position }) => position)).toEqual(
      [...seen].map(({ position }) => position).sort((a, b) => a - b),
    )
    expect(seen.at(-1)).toEqual({ position: 64, size: 64 })
  })
})

describe('evidence that cannot be written', () => {
  it('replaces no file, and puts nothing on record', async () => {
    const { vault } = await lived()
    const to = newPath()
    await writeFile(to, 'theirs')
    await expect(vault.reports.evidence({ to })).rejects.toMatchObject({
      code: 'EXISTS',
      message: `there is a file at ${to} already`,
    })
    expect(await readFile(to, 'utf8')).toBe('theirs')
    expect(await generated(vault)).toEqual([])
  })

  it('leaves nothing behind in any way of failing', async () => {
    const { vault } = await lived()
    const place = await mkdtemp(join(folder, 'empty-'))
    const to = join(place, 'q1.zip')
    const aborted = AbortSignal.abort(new Error('Ctrl-C'))
    await expect(vault.reports.evidence({ to, signal: aborted })).rejects.toMatchObject({
      code: 'ABORTED',
      message: 'the caller aborted',
    })
    await expect(vault.reports.evidence({ to, asOf: { position: 999 } })).rejects.toMatchObject({
      code: 'INVALID',
    })
    const stop = new AbortController()
    const late = vault.reports.evidence({
      to,
      signal: stop.signal,
      onProgress: ({ position, size }) => {
        if (position === size) stop.abort()
      },
    })
    await expect(late).rejects.toMatchObject({ code: 'ABORTED' })
    expect(await readdir(place)).toEqual([])
    await expect(
      vault.reports.evidence({ to: join(place, 'none', 'q1.zip') }),
    ).rejects.toMatchObject({ code: 'INVALID', message: `there is no folder ${place}/none` })
    await expect(vault.reports.evidence({ to: '' })).rejects.toMatchObject({
      code: 'INVALID',
      message: 'to must be a path, or an object with the method write',
    })
    await vault.reports.evidence({ to })
    expect(await readdir(place)).toEqual(['q1.zip'])
  })

  it('takes back what it gave where whoever takes it fails', async () => {
    const { vault } = await lived()
    const { file, ended } = collected()
    const full = new Error('no room')
    const to = { ...file, write: () => Promise.reject(full) }
    const scratch = await mkdtemp(join(folder, 'scratch-'))
    vi.stubEnv('TMPDIR', scratch)
    try {
      await expect(vault.reports.evidence({ to })).rejects.toBe(full)
    } finally {
      vi.unstubAllEnvs()
    }
    expect(ended()).toBe('aborted')
    expect(await readdir(scratch)).toEqual([])
  })
})

describe('evidence of a backup that an auditor opened', () => {
  async function opened() {
    const { vault, auditor } = await lived()
    const from = newPath()
    await vault.backup(from)
    const identity = vault.identity()
    return { vault, identity, backup: await BackupReader.open({ from, unlock: auditor }) }
  }

  it('is signed by no owner, says so, and is proved as far as the checkpoint reaches', async () => {
    const { backup, identity } = await opened()
    const { files, evidence } = await evidenceOf(backup, { asOf: { position: 7 } })
    expect(evidence).toMatchObject({ isSigned: false, verifier: identity.verifier })
    const found = await checkFiles(files, identity.verifier)
    expect(found.files.flatMap(({ problems }) => problems)).toEqual([])
    expect([found.verdict, found.isSigned]).toEqual(['unsigned', false])
    const page = textOf(files, 'index.html')
    expect(page.includes('no owner has signed it')).toBe(true)
    expect(page.includes('Its owner has signed this evidence')).toBe(false)
    await backup.close()
  })

  it('is refused where no checkpoint covers what it is of, and leaves nothing', async () => {
    const { vault, auditor } = await lived()
    const whole = newPath()
    await vault.backup(whole)
    const records = await recordsOf(whole)
    const bare = records.filter(({ kind, ...rest }) => {
      return !(kind === 'file' && 'name' in rest && rest.name.startsWith('checkpoint'))
    })
    expect(bare.length).toBeLessThan(records.length)
    const from = await writeRecords(newPath(), bare)
    const backup = await BackupReader.open({ from, unlock: auditor })
    const place = await mkdtemp(join(folder, 'uncovered-'))
    await expect(
      backup.reports.evidence({ to: join(place, 'q1.zip'), asOf: { position: 7 } }),
    ).rejects.toMatchObject({
      code: 'INTEGRITY',
      message: 'no checkpoint in the backup covers 8 events: the newest is of 0',
    })
    expect(await readdir(place)).toEqual([])
    await backup.close()
  })
})

describe('an archive', () => {
  async function* pieces() {
    yield Buffer.from('one, ')
    yield Buffer.from('two')
  }
  const entries = [{ name: 'a/b.txt', bytes: 8, read: pieces }]

  async function bytesAt(time: number, zone: string): Promise<Buffer> {
    const before = process.env.TZ
    process.env.TZ = zone
    try {
      const all: Uint8Array[] = []
      for await (const piece of zipBytes(entries, time)) all.push(piece)
      return Buffer.concat(all)
    } finally {
      if (before === undefined) delete process.env.TZ
      else process.env.TZ = before
    }
  }

  it('has the same bytes in every zone, and holds what went in', async () => {
    for (const time of [0, Date.UTC(2026, 2, 29, 1, 30), 253_402_300_799_999]) {
      const [here, there] = [await bytesAt(time, 'UTC'), await bytesAt(time, 'Pacific/Auckland')]
      expect(there).toEqual(here)
      expect(await filesOf(here)).toEqual(
        new Map([['a/b.txt', new Uint8Array(Buffer.from('one, two'))]]),
      )
    }
  })

  it('fails with what reading a file fails with', async () => {
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('one')
      throw new RangeError('the disk is gone')
    }
    const drained = async () => {
      for await (const _ of zipBytes([{ name: 'a', bytes: 9, read: broken }], 0)) void _
    }
    await expect(drained()).rejects.toThrow('the disk is gone')
  })
})
