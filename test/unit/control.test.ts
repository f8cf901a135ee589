import { once } from 'node:events'
import {
  chmod,
  link,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  writeFile,
} from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it, vi } from 'vitest'
import {
  type ControlledVault,
  memoryStore,
  openControl,
  recoveryKey,
  Vault,
} from '../../src/index.ts'
import { parseKeyring } from '../../src/keys/keyring.ts'
import type { Root } from '../../src/keys/keyslot.ts'
import { openSlots } from '../../src/keys/unlock.ts'
import { Calls } from '../../src/vault/calls.ts'
import type { OperatedVault } from '../../src/vault/control/called.ts'
import { ControlDesk } from '../../src/vault/control/desk.ts'
import { proofOf } from '../../src/vault/control/proof.ts'
import { Session } from '../../src/vault/session.ts'
import { checkVault } from '../fixtures/check-vault.ts'
import {
  ask,
  type ControlledPlace,
  claimAt,
  controlledPlace,
  impostor,
} from '../fixtures/control.ts'

const made: ControlledPlace[] = []
afterEach(async () => {
  for (const each of made.splice(0)) await each.remove()
})

async function served(options = {}): Promise<ControlledPlace> {
  const place = await controlledPlace(options)
  made.push(place)
  return place
}

const unserved = () => served({ serve: false })

/** A socket that nobody listens at any more. */
async function leaveBehind(socket: string): Promise<void> {
  const server = createServer().listen(socket)
  await once(server, 'listening')
  await link(socket, `${socket}.kept`)
  await new Promise((resolve) => server.close(resolve))
  await rename(`${socket}.kept`, socket)
}

const refused = (code: string, message: string | RegExp) =>
  expect.objectContaining({
    code,
    message: typeof message === 'string' ? message : expect.stringMatching(message),
  })

describe('the socket of a vault', () => {
  it('is in its folder, for its own user alone, until the vault is closed', async () => {
    const { vault, path, socket } = await unserved()
    const control = await vault.serveControl()
    expect(control.path).toBe(socket)
    const { mode } = await lstat(socket)
    expect((mode & 0o777).toString(8)).toBe('600')
    // The vault may be replacing a file of its own just then.
    await vi.waitFor(async () => {
      expect((await readdir(path)).filter((name) => name.startsWith('.'))).toEqual([])
    })
    await vault.close()
    expect(await readdir(path)).not.toContain('control.sock')
  })

  it('is in nobody’s way: the vault is verified, backed up and opened again', async () => {
    const { vault, folder, path, owner } = await served()
    expect(await vault.verify()).toMatchObject({ ok: true })
    await vault.backup(join(folder, 'backup.muna'))
    await vault.close()
    await checkVault(path, owner)
    const again = await Vault.open({ path, unlock: owner, actor: 'svc/host' })
    await again.close()
  })

  it('is made over what a process that was killed left', async () => {
    const { vault, path, socket, enter } = await unserved()
    await leaveBehind(socket)
    await mkdir(join(path, '.s-abcDE1'))
    await vault.serveControl()
    await enter()
    expect(await readdir(path)).not.toContain('.s-abcDE1')
  })

  it('is not made over one that answers, nor over anything else', async () => {
    const { vault, socket } = await unserved()
    const other = createServer().listen(socket)
    await expect(vault.serveControl()).rejects.toThrow(
      refused('EXISTS', `something answers at ${socket} already`),
    )
    await new Promise((resolve) => other.close(resolve))
    await writeFile(socket, '')
    await expect(vault.serveControl()).rejects.toThrow(refused('EXISTS', `${socket} is no socket`))
    await rm(socket)
    await vault.serveControl()
  })

  it('is there once, and again after it was closed', async () => {
    const { vault, path, enter } = await unserved()
    const control = await vault.serveControl()
    await expect(vault.serveControl()).rejects.toThrow(
      refused('EXISTS', 'the vault is served at its socket already'),
    )
    await Promise.all([control.close(), control.close()])
    await expect(enter()).rejects.toThrow(
      refused('NOT_FOUND', `no process serves the vault at ${path}`),
    )
    await vault.serveControl()
    await enter()
  })

  it('is not left behind where it cannot be served', async () => {
    const { vault, path, enter } = await unserved()
    await expect(vault.serveControl({ mount: 'sys' })).rejects.toThrow(refused('INVALID', /^mount/))
    expect((await readdir(path)).filter((name) => /^\.s-|control/.test(name))).toEqual([])
    await vault.serveControl({ mount: 'team/secrets' })
    await enter()
  })

  it('takes a path that a socket can have', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'muniment-control-'))
    const path = join(folder, 'x'.repeat(100))
    const vault = await Vault.create({ path, unlock: recoveryKey().credential, actor: 'svc/host' })
    const most = process.platform === 'linux' ? 107 : 103
    await expect(vault.serveControl()).rejects.toThrow(
      expect.objectContaining({ code: 'INVALID', expected: most, found: path.length + 13 }),
    )
    await vault.close()
    await rm(folder, { recursive: true })
  })

  it('may have the longest path that there is', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'muniment-control-'))
    const most = process.platform === 'linux' ? 107 : 103
    const path = join(folder, 'x'.repeat(most - 14 - folder.length))
    const { credential: unlock } = recoveryKey()
    const vault = await Vault.create({ path, unlock, actor: 'svc/host' })
    expect((await vault.serveControl()).path).toHaveLength(most)
    const entered = await openControl({ path, unlock, actor: 'user/ana' })
    await entered.close()
    await vault.close()
    await rm(folder, { recursive: true })
  })

  it('takes a vault that is in a folder, and open', async () => {
    const unlock = recoveryKey().credential
    const inMemory = await Vault.create({ store: memoryStore(), unlock, actor: 'svc/host' })
    await expect(inMemory.serveControl()).rejects.toThrow(
      refused('UNSUPPORTED', 'there is no place for a socket at memory'),
    )
    await inMemory.close()
    const { vault } = await unserved()
    await vault.close()
    await expect(vault.serveControl()).rejects.toThrow(refused('CLOSED', 'the vault is closed'))
  })

  // Root writes wherever it likes.
  const isRoot = process.getuid?.() === 0
  it.skipIf(isRoot)('is not made where nothing can be written (skipped as root)', async () => {
    const { vault, path } = await unserved()
    await chmod(path, 0o500)
    await expect(vault.serveControl()).rejects.toThrow(refused('FAILED', /could not make/))
    await chmod(path, 0o700)
  })
})

describe('the wire', () => {
  it('is served at the socket, too, under its mount', async () => {
    const { vault, socket } = await served()
    await vault.write('prod/db', { password: 'hunter2' })
    const { token } = await vault.tokens.issue({ actor: 'svc/billing', policies: ['root'] })
    const answer = await ask(socket, '/v1/secret/data/prod/db', {
      method: 'GET',
      headers: { 'x-vault-token': token.text() },
    })
    expect(JSON.parse(answer.text).data.data).toEqual({ password: 'hunter2' })
    const { status } = await ask(socket, '/v1/secret/data/prod/db', { method: 'GET' })
    expect(status).toBe(403)
  })
})

describe('whoever comes', () => {
  it('is found by the keyslot that he opens, and his coming is on record', async () => {
    const { vault, enter, trail } = await served()
    const [slot] = vault.keyslots.list()
    await (await enter()).close()
    expect((await trail()).at(-1)).toMatchObject({
      type: 'auth.succeeded',
      subject: '',
      actor: 'user/ana',
      context: { auth: { method: 'claimed', id: slot?.id } },
      data: { method: 'keyslot', slot: slot?.id },
    })
  })

  it('is not let in where his credential opens no keyslot, which is on record', async () => {
    const own = await served()
    await expect(own.enter(recoveryKey().credential)).rejects.toThrow(
      refused('WRONG_KEY', 'no keyslot opens: tried 2 of kind recovery out of 2 in all'),
    )
    const failed = (await own.trail()).at(-1)
    expect(failed).toMatchObject({
      type: 'auth.failed',
      actor: 'unknown',
      context: { source: 'local' },
      data: { method: 'keyslot', count: 1 },
    })
    // The record goes to the log itself, and not to the file that a later opening reads.
    expect(await readdir(own.path)).not.toContain('failed-unlocks')
  })

  it('does not fill the log by trying', async () => {
    const { trail, enter } = await served()
    for (let i = 0; i < 30; i++) await enter(recoveryKey().credential).catch(() => undefined)
    const failures = (await trail()).filter(({ type }) => type === 'auth.failed')
    expect(failures.length).toBeLessThanOrEqual(10)
  })

  it('is not let in with a name that is none, or time that is none', async () => {
    const { path, owner: unlock } = await served()
    await expect(openControl({ path, unlock, actor: 'a//b' })).rejects.toThrow(
      refused('INVALID', /^actor/),
    )
    await expect(openControl({ path, unlock, actor: 'a', timeout: 0 })).rejects.toThrow(
      refused('INVALID', /^timeout must be an integer/),
    )
  })

  it('waits for nobody who does not answer', async () => {
    const { vault, path, owner: unlock, socket } = await unserved()
    await vault.close()
    const deaf = createServer().listen(socket)
    const signal = AbortSignal.timeout(50)
    await expect(openControl({ path, unlock, actor: 'a', signal })).rejects.toThrow(
      refused('ABORTED', 'the caller aborted'),
    )
    deaf.close()
  })

  it('tells its host of what nobody foresaw, and the caller nothing of it', async () => {
    const { vault, socket } = await unserved()
    const told: unknown[] = []
    await vault.serveControl({ onUnforeseen: (error) => told.push(error) })
    const failure = new TypeError('it quotes hunter2')
    vault.authenticate = () => Promise.reject(failure)
    const headers = { 'x-vault-token': 'mun_x' }
    const answer = await ask(socket, '/v1/secret/data/a', { method: 'GET', headers })
    expect(answer).toMatchObject({ status: 500, text: expect.not.stringContaining('hunter2') })
    expect(told).toEqual([failure])
  })

  it('is turned away beyond a number, however many come at once', async () => {
    const { enter } = await served()
    const came = await Promise.allSettled(Array.from({ length: 70 }, () => enter()))
    const inside = came.filter(({ status }) => status === 'fulfilled')
    const reasons = came.flatMap((each) => (each.status === 'rejected' ? [each.reason] : []))
    expect(inside).toHaveLength(64)
    for (const reason of reasons) {
      expect(reason).toMatchObject(refused('TOO_LARGE', '64 operators are in already'))
    }
  })

  it('is turned away beyond a number, and let in again once another goes', async () => {
    const { enter } = await served()
    const all: ControlledVault[] = []
    for (let i = 0; i < 64; i++) all.push(await enter())
    await expect(enter()).rejects.toThrow(refused('TOO_LARGE', '64 operators are in already'))
    await all[0]!.close()
    await expect
      .poll(() =>
        enter().then(
          () => 'in',
          () => 'out',
        ),
      )
      .toBe('in')
  })
})

describe('a proof', () => {
  const nonce = 'cd'.repeat(32)
  const claim = { nonce, role: 'owner', proof: 'ab'.repeat(32), actor: 'user/eve', timeout: 5000 }

  it('is asked for before anything is told, and what is told before is no secret', async () => {
    const { socket, vault } = await served()
    const { text } = await ask(socket, '/v1/sys/control/hello')
    expect(Object.keys(JSON.parse(text))).toEqual(['vault', 'nonce'])
    const [slot] = vault.keyslots.list()
    const { status, text: told } = await ask(socket, '/v1/sys/control/enter', {
      body: { ...claim, slot: slot?.id },
    })
    expect([status, told]).toEqual([
      400,
      JSON.stringify({ errors: ['nobody was greeted on this connection'] }),
    ])
  })

  it('is needed for every call', async () => {
    const { socket } = await served()
    for (const token of ['', 'ab'.repeat(32)]) {
      const { text } = await ask(socket, '/v1/sys/control/call', {
        body: { verb: 'read', args: ['a'] },
        headers: { 'muniment-operator': token },
      })
      expect(JSON.parse(text)).toMatchObject({ error: { code: 'CLOSED' } })
    }
  })

  it('is that of the vault, too: what cannot give it is told nothing', async () => {
    const { vault, path, owner: unlock } = await unserved()
    await vault.close()
    const fake = await impostor(path)
    await expect(openControl({ path, unlock, actor: 'user/ana' })).rejects.toThrow(
      refused('INTEGRITY', 'what answers at the socket does not hold the keys of the vault'),
    )
    expect(fake.heard.map(({ url }) => url)).toEqual([
      '/v1/sys/control/hello',
      '/v1/sys/control/enter',
    ])
    const said = JSON.parse(fake.heard[1]!.body)
    expect(Object.keys(said)).toEqual(['nonce', 'slot', 'role', 'proof', 'actor', 'timeout'])
    await fake.close()
  })

  it('is of this vault', async () => {
    const [one, other] = [await unserved(), await unserved()]
    await Promise.all([one.vault.close(), other.vault.close()])
    const fake = await impostor(other.path)
    await rename(other.socket, one.socket)
    await expect(openControl({ path: one.path, unlock: one.owner, actor: 'a' })).rejects.toThrow(
      refused('INTEGRITY', `what serves ${one.path} is another vault`),
    )
    await fake.close()
  })

  it('of an auditor is none of an owner, and none is good twice', async () => {
    const { vault, path, socket, auditor, owner } = await served()
    const sealed = parseKeyring(await readFile(join(path, 'keyring')))
    const slot = vault.keyslots.list().find(({ role }) => role === 'owner')?.id ?? ''
    const claimBy = (root: Root) => (greeted: Buffer) => {
      const clientNonce = Buffer.from(nonce, 'hex')
      const encounter = { nonce: greeted, clientNonce, vaultId: sealed.vaultId, slot }
      const proof = proofOf('client', root, { ...encounter, role: 'owner' }).toString('hex')
      return { ...claim, slot, proof }
    }
    const { root: auditors } = await openSlots(sealed, auditor)
    const { root: owners } = await openSlots(sealed, owner)
    const refusal = { error: { code: 'WRONG_KEY' } }
    for (const text of await claimAt(socket, claimBy(auditors))) {
      expect(JSON.parse(text)).toMatchObject(refusal)
    }
    let held: object = {}
    const own = (greeted: Buffer) => {
      held = claimBy(owners)(greeted)
      return held
    }
    const [entered = ''] = await claimAt(socket, own, 1)
    expect(JSON.parse(entered)).toHaveProperty('token')
    const [again = ''] = await claimAt(socket, () => held, 1)
    expect(JSON.parse(again)).toMatchObject(refusal)
  })

  it('is taken once for each greeting', async () => {
    const { credential: unlock } = recoveryKey()
    const session = await Session.create({ store: memoryStore(), unlock, actor: 'svc/host' })
    const { keyring, root, slot } = session.current
    const vaultFor = () => ({}) as OperatedVault
    const desk = new ControlDesk({ session, calls: new Calls(session), vaultFor })
    const { greeting } = desk.hello()
    const about = { nonce: greeting.nonce, clientNonce: Buffer.from(nonce, 'hex'), slot: slot.id }
    const encounter = { ...about, vaultId: keyring.vaultId, role: 'owner' } as const
    const proof = proofOf('client', { role: 'owner', R: root }, encounter).toString('hex')
    const own = { ...claim, slot: slot.id, proof }
    expect(JSON.parse((await desk.enter(greeting, own)).text)).toHaveProperty('token')
    expect(JSON.parse((await desk.enter(greeting, own)).text)).toMatchObject({
      error: { code: 'WRONG_KEY' },
    })
    await desk.close()
    expect(JSON.parse(desk.hello().text)).toMatchObject({ error: { code: 'CLOSED' } })
    await session.close()
  })
})
