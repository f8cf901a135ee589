import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'vitest'
import { levelStore } from '../../src/store/level.ts'
import { memoryStore } from '../../src/store/memory.ts'
import type { StoreOpener } from '../../src/store/port.ts'
import { faultStore } from '../../src/testing/fault-store.ts'
import type { StorePlace } from '../../src/testing/store-contract.ts'
import { storeContract } from '../../src/testing/store-contract.ts'

// Plain JavaScript from outside: imported by a path that the type checker does not follow.
const example = new URL('../../examples/file-store/file-store.js', import.meta.url).href
const { fileStore }: { fileStore: (folder: string) => StoreOpener } = await import(example)

async function inFolder(opener: (folder: string) => StoreOpener): Promise<StorePlace> {
  const folder = await mkdtemp(join(tmpdir(), 'muniment-store-'))
  return {
    ...opener(join(folder, 'vault')),
    cleanup: () => rm(folder, { recursive: true, force: true }),
  }
}

describe('the LevelDB store keeps the contract', () => {
  storeContract({ test: it, open: () => inFolder((folder) => levelStore(folder)) })
})

describe('the memory store keeps the contract', () => {
  storeContract({ test: it, open: memoryStore })
})

describe('the fault store without faults keeps the contract', () => {
  storeContract({ test: it, open: () => faultStore(memoryStore()) })
})

describe('a store written by an outsider keeps the contract', () => {
  storeContract({ test: it, open: () => inFolder(fileStore) })
})
