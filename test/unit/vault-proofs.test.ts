import { describe, expect, it } from 'vitest'
import { memoryStore, Vault } from '../../src/index.ts'
import { noKdf } from '../../src/keys/no-kdf.ts'
import { openCheckpoint } from '../../src/proofs/checkpoint.ts'
import { verifyConsistency } from '../../src/proofs/consistency.ts'
import { verifyProofFile } from '../../src/proofs/proof-file.ts'
import { parseVkey } from '../../src/proofs/vkey.ts'
import { testVault } from '../../src/testing.ts'

async function listed(vault: Vault) {
  const found = []
  for await (const checkpoint of vault.proofs.checkpoints()) found.push(checkpoint)
  return found
}

async function filled(events: number) {
  const { vault } = await testVault({ 'a/b': 'x' })
  await Promise.all(Array.from({ length: events }, () => vault.read('a/b')))
  return vault
}

describe('proofs of events', () => {
  it('proves every event of a log to whoever has pinned the verifier', async () => {
    const vault = await filled(700)
    const trust = { log: parseVkey(vault.identity().verifier) }
    const { size } = await vault.proofs.checkpoint()
    for (const position of [0, 1, 255, 256, 257, 511, 512, size - 1]) {
      const { file } = await vault.proofs.event(position)
      const proved = verifyProofFile(file, trust)
      expect(proved).toMatchObject({ index: position, size, origin: vault.identity().origin })
    }
    await vault.close()
  })

  it('signs a checkpoint where none covers the event yet', async () => {
    const vault = await filled(3)
    const before = await vault.proofs.checkpoint()
    await vault.read('a/b')
    const { size } = await vault.proofs.event(before.size)
    expect(size).toBe(before.size + 1)
    await vault.close()
  })

  it('refuses a position that the log does not have', async () => {
    const vault = await filled(1)
    const { size } = await vault.health()
    await expect(vault.proofs.event(size)).rejects.toMatchObject({
      code: 'INVALID',
      message: `position is ${size}, and the log ends at ${size - 1}`,
    })
    await vault.close()
  })

  it('computes from the events what is missing of the tree that is kept', async () => {
    const opener = memoryStore()
    const { vault, clock } = await testVault({ 'a/b': 'x' }, { store: opener })
    await Promise.all(Array.from({ length: 600 }, () => vault.read('a/b')))
    const trust = { log: parseVkey(vault.identity().verifier) }
    const { file } = await vault.proofs.event(3)
    await vault.close()
    const store = await opener.open()
    await store.derived.clear()
    await store.close()
    const again = await Vault.open({ store: opener, unlock: noKdf, actor: 'test', clock })
    const { file: later } = await again.proofs.event(3)
    expect(verifyProofFile(later, trust).extra).toEqual(verifyProofFile(file, trust).extra)
    await again.close()
  })
})

describe('checkpoints', () => {
  it('keeps one for each closing and each that was asked for, and any two are consistent', async () => {
    const vault = await filled(300)
    const first = await vault.proofs.checkpoint()
    await Promise.all(Array.from({ length: 300 }, () => vault.read('a/b')))
    const second = await vault.proofs.checkpoint()
    expect((await listed(vault)).map(({ size }) => size)).toEqual([first.size, second.size])
    const { proof } = await vault.proofs.consistency(first, second)
    verifyConsistency({
      from: first.size,
      to: second.size,
      proof,
      fromRoot: first.root,
      toRoot: second.root,
    })
    const trust = { log: parseVkey(vault.identity().verifier) }
    expect(openCheckpoint(second.note, trust)).toMatchObject({
      size: second.size,
      root: second.root,
      cosigners: [],
    })
    await vault.close()
  })

  it('signs a size once, however often it is asked', async () => {
    const vault = await filled(1)
    const [one, two] = await Promise.all([vault.proofs.checkpoint(), vault.proofs.checkpoint()])
    expect(one.note).toEqual(two.note)
    expect(await listed(vault)).toHaveLength(1)
    await vault.close()
  })

  it('refuses two logs of which one does not continue the other', async () => {
    const vault = await filled(5)
    const other = await filled(9)
    const foreign = await other.proofs.checkpoint()
    await expect(vault.proofs.consistency({ ...foreign, size: 3 })).rejects.toMatchObject({
      code: 'INTEGRITY',
    })
    await Promise.all([vault.close(), other.close()])
  })
})
