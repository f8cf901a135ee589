import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { VaultEvent } from '../../src/events/catalogue.ts'
import { passphrase } from '../../src/index.ts'
import { checkVault } from '../fixtures/check-vault.ts'
import { lightKdf, Shell, words } from '../fixtures/cli.ts'
import {
  type FolderServer,
  startFolderServer,
  withVault,
} from '../fixtures/server/folder-server.ts'
import { head, RawConnection } from '../fixtures/server/raw-client.ts'
import { long, random } from './vault-material.ts'

const rounds = long ? 30 : 5
const timeout = long ? 900_000 : 120_000
const processes = 3
const token = 'token-of-the-callers'
const script = fileURLToPath(new URL('server-caller.mjs', import.meta.url))

let shell: Shell
let server: FolderServer | undefined
beforeEach(async () => {
  shell = await Shell.withVault()
  await withVault(shell, async (vault) => {
    await vault.tokens.issue({ actor: 'svc/caller', policies: ['root'], token })
    await vault.kv.configure('secret', { maxVersions: 1_000_000 })
  })
})
afterEach(async () => {
  if (server?.child.exitCode === null) await server.end('SIGKILL')
  await shell.remove()
})

/** A request that a caller was answered. */
interface Ack {
  readonly operation: 'write' | 'rotate' | 'patch' | 'read' | 'readVersion'
  readonly path: string
  readonly version: number
  /** Of the call that wrote what was written, or read. */
  readonly id: string
  readonly requestId: string
}

/** Calls from several processes until the server is gone; what they were answered, in whole lines. */
async function load(url: string, round: number, onAck: (count: number) => void): Promise<Ack[]> {
  const acks: Ack[] = []
  const callers = Array.from({ length: processes }, async (_, n) => {
    const child = spawn(process.execPath, [script, url, `${round}.${n}`], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env.PATH, VAULT_TOKEN: token },
    })
    let complaint = ''
    child.stderr.on('data', (text) => {
      complaint += text
    })
    createInterface(child.stdout).on('line', (line) => {
      acks.push(JSON.parse(line))
      onAck(acks.length)
    })
    const [code] = await once(child, 'close')
    expect({ code, complaint }).toEqual({ code: 0, complaint: '' })
  })
  await Promise.all(callers)
  return acks
}

const isRead = ({ operation }: Ack) => operation.startsWith('read')
const name = ({ path, version }: { readonly path: string; readonly version: number }) =>
  `${path}@${version}`

/** Every write that was acknowledged, as the server gives it out by now. */
async function expectReadable(url: string, writes: readonly Ack[]): Promise<void> {
  const connections = 8
  const share = (n: number) => writes.filter((_, at) => at % connections === n)
  const readAll = async (own: readonly Ack[]) => {
    const connection = await RawConnection.to(url)
    for (const [at, ack] of own.entries()) {
      const path = `/v1/secret/data/${ack.path}?version=${ack.version}`
      await connection.send(head(`GET ${path}`, `X-Vault-Token: ${token}`))
      const answer = (await connection.answered(at + 1))[at]
      expect([name(ack), answer?.status]).toEqual([name(ack), 200])
      expect(JSON.parse(answer?.body ?? '').data.data.id.trimEnd()).toBe(ack.id)
    }
    connection.drop()
  }
  await Promise.all(Array.from({ length: connections }, (_, n) => readAll(share(n))))
}

/** Every request that was acknowledged has its event, which names it as the answer did. */
function expectRecorded(acks: readonly Ack[], events: readonly VaultEvent[]): void {
  const byRequest = new Map<string, VaultEvent[]>()
  for (const event of events) {
    const { correlationId = '' } = event.context
    byRequest.set(correlationId, [...(byRequest.get(correlationId) ?? []), event])
  }
  for (const ack of acks) {
    const found = byRequest.get(ack.requestId) ?? []
    expect(found, `${ack.operation} ${ack.requestId}`).toMatchObject([
      {
        type: isRead(ack)
          ? 'secret.accessed'
          : expect.stringMatching(/^secret\.(written|rotated)$/),
        subject: ack.path,
        actor: 'svc/caller',
        data: { version: ack.version },
        context: { source: '127.0.0.1', auth: { method: 'token' } },
      },
    ])
  }
}

describe('a server that is killed with SIGKILL', () => {
  it('under the load of many clients, keeps whatever it acknowledged', { timeout }, async () => {
    const next = random(Number(process.env.FC_SEED ?? 17))
    const acks: Ack[] = []
    for (let round = 0; round < rounds; round++) {
      const started = await startFolderServer(shell)
      server = started
      const enough = 30 + Math.floor(next() * (long ? 3000 : 400))
      acks.push(
        ...(await load(started.url, round, (count) => {
          if (count === enough) started.child.kill('SIGKILL')
        })),
      )
      const { signal, stderr } = await started.end('SIGKILL')
      expect({ signal, stderr }).toEqual({ signal: 'SIGKILL', stderr: '' })
    }
    const writes = acks.filter((ack) => !isRead(ack))
    expect(writes.length).toBeGreaterThan(rounds * 10)
    expect(acks.length - writes.length).toBeGreaterThan(rounds * 10)
    // No version was acknowledged twice, to no two callers.
    expect(new Set(writes.map(name)).size).toBe(writes.length)

    server = await startFolderServer(shell)
    await expectReadable(server.url, writes)
    const { code, stderr } = await server.end()
    expect({ code, stderr }).toEqual({ code: 143, stderr: '' })

    const { events, versions } = await checkVault(shell.vault, passphrase(words, lightKdf))
    expectRecorded(acks, events)
    const held = new Map(versions.map((version) => [name(version), version.value]))
    for (const ack of acks) {
      const value = held.get(name(ack)) as { readonly id: string } | undefined
      expect([name(ack), value?.id.trimEnd()]).toEqual([name(ack), ack.id])
    }
    const verified = await withVault(shell, (vault) => vault.verify())
    expect(verified).toMatchObject({ ok: true, problems: [] })
  })
})
