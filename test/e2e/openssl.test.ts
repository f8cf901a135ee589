import { execFile, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { testVault } from '../../src/testing.ts'

/** The recipe of docs/proofs.md, run in a shell as it stands there. */
const recipe = recipeOf(
  readFileSync(new URL('../../docs/proofs.md', import.meta.url), 'utf8'),
  'Check a checkpoint with OpenSSL alone',
)
const missing = ['openssl', 'base64'].filter(
  (program) => spawnSync('sh', ['-c', `command -v ${program}`]).status !== 0,
)
if (missing.length > 0) console.warn(`SKIPPED: the recipe for OpenSSL: no ${missing.join(', ')}`)

function recipeOf(page: string, heading: string): string {
  const section = page.split(/^## /m).find((text) => text.startsWith(heading)) ?? ''
  const [, block = ''] = /^```sh\n(.*?)^```$/ms.exec(section) ?? []
  return block
}

describe.skipIf(missing.length > 0)('a checkpoint, with OpenSSL alone', () => {
  let folder: string
  let verifier: string
  let note: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'muniment-openssl-'))
    const { vault } = await testVault({ 'prod/db': 'hunter2' })
    verifier = vault.identity().verifier
    note = (await vault.proofs.checkpoint()).note.toString()
    await vault.close()
  })
  afterAll(() => rm(folder, { recursive: true }))

  /** What the recipe says, where it stands: its placeholder is the verifier. */
  async function verify(checkpoint: string, vkey = verifier) {
    await writeFile(join(folder, 'checkpoint'), checkpoint)
    expect(recipe.split('muniment/…+…+…')).toHaveLength(2)
    const script = recipe.replace('muniment/…+…+…', vkey)
    return promisify(execFile)('sh', ['-ec', script], { cwd: folder }).then(
      ({ stdout }) => ({ code: 0, stdout }),
      ({ code, stdout }: { code: number; stdout: string }) => ({ code, stdout }),
    )
  }

  it('is verified by the recipe in the documents', async () => {
    expect(await verify(note)).toEqual({ code: 0, stdout: 'Signature Verified Successfully\n' })
  })

  it.each<[string, (text: string) => string]>([
    ['another size', (text) => text.replace(/^(\d+)$/m, '1$1')],
    ['another origin', (text) => text.replace('muniment/', 'muniment/0')],
    ['another root', (text) => text.replace(/^\S{43}=$/m, `${'A'.repeat(43)}=`)],
  ])('is refused with %s', async (_what, change) => {
    expect(change(note)).not.toBe(note)
    expect(await verify(change(note))).toEqual({
      code: 1,
      stdout: 'Signature Verification Failure\n',
    })
  })

  it('is refused under the key of another vault', async () => {
    const { vault } = await testVault()
    const { code, stdout } = await verify(note, vault.identity().verifier)
    expect({ code, stdout }).toEqual({ code: 1, stdout: 'Signature Verification Failure\n' })
    await vault.close()
  })
})
