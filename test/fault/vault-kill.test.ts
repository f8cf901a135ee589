import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { VaultEvent } from '../../src/events/catalogue.ts'
import { passphrase, secrets } from '../../src/index.ts'
import { type CheckedVault, checkVault } from '../fixtures/check-vault.ts'
import { long, open, random, scratch } from './vault-material.ts'

const words = 'kept by nobody, used by this test'
const unlock = passphrase(words)
const rounds = long ? 30 : 5
const timeout = long ? 600_000 : 90_000

let parent: string
let folder: string
beforeEach(async () => {
  parent = await scratch()
  folder = join(parent, 'vault')
})
afterEach(() => rm(parent, { recursive: true }))

interface Ack {
  readonly correlationId: string
  readonly operation: string
  readonly path: string
  readonly position?: number
  readonly id?: string
  readonly version?: number
  /** Of reads: what was handed out, and the position of the event that wrote it. */
  readonly value?: string
  readonly written?: number
}

/** Runs a script in a process of its own; what it said in whole lines, once it has ended. */
async function run(
  script: string,
  args: readonly string[],
  onLine: (count: number, kill: () => void) => void = () => undefined,
): Promise<readonly string[]> {
  const path = fileURLToPath(new URL(script, import.meta.url))
  const env = { ...process.env, MUNIMENT_PASSPHRASE: words }
  const child = spawn(process.execPath, [path, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env,
  })
  const lines: string[] = []
  let complaint = ''
  child.stderr.on('data', (data) => {
    complaint += data
  })
  createInterface(child.stdout).on('line', (line) => {
    lines.push(line)
    onLine(lines.length, () => child.kill('SIGKILL'))
  })
  await once(child, 'close')
  expect(complaint).toBe('')
  return lines
}

const types: Readonly<Record<string, string>> = {
  write: 'secret.written',
  rotate: 'secret.rotated',
  delete: 'secret.deleted',
  restore: 'secret.restored',
  destroy: 'secret.destroyed',
  purge: 'secret.purged',
  read: 'secret.accessed',
  denied: 'secret.denied',
}

/** Every acknowledged operation has its event where the caller was told, and every value is that of its writer. */
function expectAcked(acks: readonly Ack[], { events, versions }: CheckedVault): void {
  const byCall = new Map<string, VaultEvent[]>()
  for (const event of events) {
    const { correlationId = '' } = event.context
    byCall.set(correlationId, [...(byCall.get(correlationId) ?? []), event])
  }
  for (const ack of acks) {
    const found = byCall.get(ack.correlationId) ?? []
    const event = found.find(({ type }) => type === types[ack.operation])
    // Naming a version that is there already changes nothing, and appends nothing.
    const changesNothing = ['delete', 'restore', 'destroy'].includes(ack.operation)
    if (event === undefined && changesNothing && found.length === 0) continue
    expect(event, `${ack.operation} ${ack.correlationId}`).toMatchObject({ subject: ack.path })
    if (ack.id !== undefined) expect(event?.id).toBe(ack.id)
    if (ack.position !== undefined) expect(found.map((e) => e.position)).toContain(ack.position)
    if (ack.version !== undefined) expect(event?.data).toMatchObject({ version: ack.version })
    if (ack.written === undefined) continue
    expect(events[ack.written]?.context.correlationId, 'what a read gave out').toBe(ack.value)
  }
  for (const { position, value, state } of versions) {
    if (state === 'destroyed') continue
    expect(String(value).trimEnd()).toBe(events[position]?.context.correlationId)
  }
}

/** Whole lines only: a torn last one was not read by whoever it was meant for. */
const parsed = (lines: readonly string[]): Ack[] =>
  lines.filter((line) => line.endsWith('}')).map((line) => JSON.parse(line))

describe('killed with SIGKILL', () => {
  it('under the load of many callers, it keeps whatever was acknowledged', {
    timeout,
  }, async () => {
    const next = random(Number(process.env.FC_SEED ?? 9))
    const acks: Ack[] = []
    let size = 0
    for (let round = 0; round < rounds; round++) {
      const enough = 20 + Math.floor(next() * (long ? 5000 : 500))
      const lines = await run('vault-writer.mjs', [folder, String(round)], (count, kill) => {
        if (count === enough) kill()
      })
      acks.push(...parsed(lines))
      const checked = await checkVault(folder, unlock)
      expect(checked.size).toBeGreaterThan(size)
      size = checked.size
      expectAcked(acks, checked)
    }
    const vault = await open({ path: folder }, { unlock })
    const live = await vault.project(secrets)
    const replayed = await vault.replay(secrets)
    expect(new Map(live.view)).toEqual(new Map(replayed.view))
    expect((await vault.list()).items.length).toBeGreaterThan(0)
    await vault.close()
    expectAcked(acks, await checkVault(folder, unlock))
  })

  it('before each step of create, open, write and close', { timeout }, async () => {
    const wrote: number[] = []
    const live = async (...args: [how: string, step: string, n: number]) => {
      const lines = await run('vault-step.mjs', [folder, ...args.map(String)])
      for (const line of lines) if (line.startsWith('wrote ')) wrote.push(Number(line.slice(6)))
      return lines.at(-1)
    }
    // A create that came to nothing leaves nothing that could be opened, and is made over.
    expect(await live('create', 'files.replace', 0)).toBe('killed before files.replace')
    expect(await live('create', 'commit', 0)).toBe('killed before commit')
    const kills = [
      // What the create left is gone on with: its event, then the keyring that says so.
      ['files.replace', 0],
      ['commit', 0],
      ['commit', 1],
      ['files.overwrite', 0],
      ['commit', 2],
      ['derived.write', 0],
    ] as const
    for (const [step, n] of kills) {
      expect(await live('open', step, n)).toBe(`killed before ${step}`)
      const { events } = await checkVault(folder, unlock)
      for (const position of wrote) expect(events[position]?.type).toBe('secret.written')
    }
    expect(await live('open', 'none', 0)).toBe('closed')
    expect(wrote.length).toBeGreaterThanOrEqual(3)
    const { head, size } = await checkVault(folder, unlock)
    expect(head).toBe(size)
  })
})
