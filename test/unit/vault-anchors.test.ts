import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Vault } from '../../src/index.ts'
import { noKdf } from '../../src/keys/no-kdf.ts'
import { openCheckpoint } from '../../src/proofs/checkpoint.ts'
import { parseVkey } from '../../src/proofs/vkey.ts'
import { checkVault } from '../fixtures/check-vault.ts'
import { startWitness } from '../fixtures/witness.ts'

let folder: string
let path: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muniment-anchors-'))
  path = join(folder, 'vault')
})
afterEach(() => rm(folder, { recursive: true }))

const about = () => ({ path, unlock: noKdf, actor: 'svc/test' })
const opened = (from: Vault, bytes: Uint8Array, witnesses: string[] = []) =>
  openCheckpoint(bytes, {
    log: parseVkey(from.identity().verifier),
    witnesses: witnesses.map(parseVkey),
  })

describe('a file elsewhere', () => {
  it('holds each checkpoint that is kept, and tells a folder that was rolled back', async () => {
    const file = join(folder, 'elsewhere.checkpoint')
    const first = await Vault.create(about())
    const added = await first.anchors.add({ file }, { reason: 'audit' })
    expect(added).toMatchObject({ kind: 'file', target: file })
    expect(opened(first, await readFile(file)).size).toBe(added.size)
    await first.close()
    await cp(path, join(folder, 'copy'), { recursive: true })

    const second = await Vault.open(about())
    await second.write('a', 'b')
    const [state] = await second.anchors.now()
    expect(state?.size).toBe((await second.health()).size)
    await second.close()
    await checkVault(path, noKdf)

    // The folder goes back to its copy: it alone looks like what it was.
    await rm(path, { recursive: true })
    await cp(join(folder, 'copy'), path, { recursive: true })
    await checkVault(path, noKdf)
    const third = await Vault.open(about())
    const [told] = await third.anchors.now()
    expect(told?.failure).toMatch(
      /holds a checkpoint of \d+ events, and the log has \d+: it was rolled back/,
    )
    expect((await third.health()).anchors[0]?.failure).toBe(told?.failure)
    await third.close()
  })

  it('tells a log that went another way after the copy was taken', async () => {
    const file = join(folder, 'elsewhere.checkpoint')
    const first = await Vault.create(about())
    await first.anchors.add({ file })
    await first.close()
    await cp(path, join(folder, 'copy'), { recursive: true })
    const second = await Vault.open(about())
    await second.write('a', 'b')
    await second.close()
    await rm(path, { recursive: true })
    await cp(join(folder, 'copy'), path, { recursive: true })
    const fork = await Vault.open(about())
    for (let i = 0; i < 9; i++) await fork.write(`c/${i}`, 'd')
    const [told] = await fork.anchors.now()
    expect(told?.failure).toMatch(/^consistency proof: /)
    await fork.close()
  })

  it('never holds up the log where it cannot be written, and says so', async () => {
    const vault = await Vault.create(about())
    const added = await vault.anchors.add({ file: join(folder, 'absent', 'checkpoint') })
    expect(added.failure).toMatch(/could not write .*ENOENT/)
    await vault.write('a', 'b')
    expect((await vault.health()).status).toBe('ok')
    await vault.anchors.remove(added.target)
    expect(await vault.anchors.list()).toEqual([])
    await vault.close()
  })

  it('is not written anew where it is gone: it would vouch for whatever the log is by then', async () => {
    const file = join(folder, 'elsewhere.checkpoint')
    const vault = await Vault.create(about())
    await vault.anchors.add({ file })
    await rm(file)
    const [state] = await vault.anchors.now()
    expect(state?.failure).toMatch(/the anchor's file is gone, which held a checkpoint of 3 events/)
    expect(existsSync(file)).toBe(false)
    await vault.close()
  })

  it('is no pipe, on which reading would not end', async () => {
    const vault = await Vault.create(about())
    const file = join(folder, 'pipe')
    execFileSync('mkfifo', [file])
    const { failure } = await vault.anchors.add({ file })
    expect(failure).toBe(`${file} is no file that holds a checkpoint`)
    await vault.close()
  })

  it('is no file of another vault, nor one in the folder itself by any name', async () => {
    const vault = await Vault.create(about())
    await symlink(path, join(folder, 'alias'))
    for (const name of ['vault/checkpoint', 'vault/..checkpoint', 'alias/checkpoint']) {
      await expect(vault.anchors.add({ file: join(folder, name) })).rejects.toMatchObject({
        code: 'INVALID',
        message: `${join(path, basename(name))} is in the vault's own folder, and falls with it`,
      })
    }
    const other = await Vault.create({ ...about(), path: join(folder, 'other') })
    const file = join(folder, 'theirs')
    await writeFile(file, (await other.proofs.checkpoint()).note)
    expect((await vault.anchors.add({ file })).failure).toMatch(/is of another vault/)
    expect(opened(other, await readFile(file)).origin).toBe(other.identity().origin)
    await Promise.all([vault.close(), other.close()])
  })
})

describe('a witness', () => {
  it('cosigns what continues the log that it has seen', async () => {
    const witness = await startWitness()
    const vault = await Vault.create(about())
    witness.trust(vault.identity().verifier)
    const { url, vkey } = witness
    const added = await vault.anchors.add({ witness: url, vkey })
    expect(added).toMatchObject({ kind: 'witness', target: url, vkey })
    expect(added.failure).toBeUndefined()
    await vault.write('a', 'b')
    await vault.anchors.now()
    await vault.close()

    const again = await Vault.open(about())
    const [state] = await again.anchors.now()
    expect(state?.size).toBe((await again.health()).size)
    expect(await again.verify()).toMatchObject({ ok: true, anchored: state?.size })
    expect(witness.requests.map(({ status }) => status)).toEqual(Array(4).fill(200))
    await again.close()
    await witness.close()
  })

  it('is asked again from where it says it stands', async () => {
    const witness = await startWitness()
    const vault = await Vault.create(about())
    witness.trust(vault.identity().verifier)
    await vault.anchors.add({ witness: witness.url, vkey: witness.vkey })
    await vault.close()
    await rm(join(path, 'anchored'))
    const again = await Vault.open(about())
    const [state] = await again.anchors.now()
    expect(state?.failure).toBeUndefined()
    expect(witness.requests.map(({ status }) => status)).toEqual([200, 200, 409, 200])
    await again.close()
    await witness.close()
  })

  it('tells of a rollback and of a fork, which the folder alone does not show', async () => {
    const witness = await startWitness()
    const first = await Vault.create(about())
    witness.trust(first.identity().verifier)
    await first.anchors.add({ witness: witness.url, vkey: witness.vkey })
    await first.close()
    await cp(path, join(folder, 'copy'), { recursive: true })
    const second = await Vault.open(about())
    for (let i = 0; i < 5; i++) await second.write(`a/${i}`, 'b')
    await second.close()
    await rm(path, { recursive: true })
    await cp(join(folder, 'copy'), path, { recursive: true })
    await checkVault(path, noKdf)

    const fork = await Vault.open(about())
    const [rolledBack] = await fork.anchors.now()
    expect(rolledBack?.failure).toMatch(
      /the witness has seen a log of \d+ events, and this one holds/,
    )
    for (let i = 0; i < 20; i++) await fork.write(`c/${i}`, 'd')
    const [forked] = await fork.anchors.now()
    expect(forked?.failure).toBe(
      'the witness finds that the log does not continue the one that it has seen (HTTP 422)',
    )
    await fork.close()
    await witness.close()
  })

  it('that cannot be reached holds up neither the log nor the closing', async () => {
    const witness = await startWitness()
    const { url, vkey } = witness
    await witness.close()
    const vault = await Vault.create(about())
    const added = await vault.anchors.add({ witness: url, vkey })
    expect(added).toMatchObject({ size: 0, failure: `the witness at ${url} cannot be reached` })
    await vault.write('a', 'b')
    await vault.close()
    await checkVault(path, noKdf)
  })

  it.each([
    [{ witness: 'ftp://x', vkey: '' }, 'vkey: expected name+key id in 8 hex digits+base64'],
    [{ file: '' }, 'file must be the path of a file'],
  ])('is refused: %o', async (place, message) => {
    const vault = await Vault.create(about())
    await expect(vault.anchors.add(place)).rejects.toMatchObject({ code: 'INVALID', message })
    await vault.close()
  })
})
