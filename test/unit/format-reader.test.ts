import { cp, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type FormatEvent,
  type ReadVault,
  readVault,
  recoveryBytes,
} from '../fixtures/format-reader.ts'

const home = fileURLToPath(new URL('../frozen/v1', import.meta.url))
const json = async (name: string) => JSON.parse(await readFile(join(home, name), 'utf8'))

let parent: string
let vault: ReadVault
beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), 'muniment-format-'))
  vault = await readCopy({ passphrase: (await json('credentials.json')).passphrase })
})
afterAll(() => rm(parent, { recursive: true }))

async function readCopy(secret: Parameters<typeof readVault>[1]): Promise<ReadVault> {
  const copy = join(parent, 'vault')
  await rm(copy, { recursive: true, force: true })
  await cp(join(home, 'vault'), copy, { recursive: true })
  return readVault(copy, secret)
}

/** As the audit trail shows an event: bytes in hex, and no box. */
function shown({ data: { box: _, ...data }, ...event }: FormatEvent): unknown {
  const plain = (value: unknown): unknown => {
    if (Buffer.isBuffer(value)) return value.toString('hex')
    if (Array.isArray(value)) return value.map(plain)
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, plain(field)]))
  }
  return { ...event, data: plain(data) }
}

function shownValue({ kind, bytes }: { kind: number; bytes: Buffer }): unknown {
  if (kind === 3) return { kind: 'fields', fields: JSON.parse(bytes.toString()) }
  if (kind === 2) return { kind: 'bytes', hex: bytes.toString('hex') }
  return { kind: 'string', text: bytes.toString() }
}

describe('a reader written from docs/format.md alone', () => {
  it('reads every event of the frozen vault as the package does', async () => {
    const { events } = await json('expected.json')
    expect(vault.events.map(shown)).toEqual(events)
  })

  it('opens every value that was not destroyed', async () => {
    const { values } = await json('expected.json')
    for (const [name, value] of Object.entries(values)) {
      const found = vault.values.get(name)
      expect(found && shownValue(found), name).toEqual(value)
    }
    // The one that is not valid yet and the one that is deleted have their keys, and no destroyed one has.
    const others = [...vault.values.keys()].filter((name) => !(name in values))
    expect(others.sort()).toEqual(['prod/early@1', 'prod/gone@1'])
  })

  it('opens the vault with its recovery key too', async () => {
    const { recovery } = await json('credentials.json')
    const { events } = await readCopy({ recovery: recoveryBytes(recovery) })
    expect(events.map(({ id }) => id)).toEqual(vault.events.map(({ id }) => id))
  })

  it('opens nothing with another passphrase', async () => {
    await expect(readCopy({ passphrase: 'another' })).rejects.toThrow(/authenticate/)
  })
})
