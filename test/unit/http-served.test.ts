import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createApp } from '../../src/http/app.ts'
import { embedded } from '../../src/http/served.ts'
import { ServedFolder } from '../../src/http/served-folder.ts'
import { Unsealing } from '../../src/http/unsealing.ts'
import { passphrase, recoveryKey, shares, Vault, VaultError } from '../../src/index.ts'
import { parseKeyring } from '../../src/keys/keyring.ts'
import { encodeShare, parseShare } from '../../src/keys/share.ts'
import { testClock, testVault } from '../../src/testing.ts'
import { checkVault } from '../fixtures/check-vault.ts'
import { ask } from '../fixtures/http.ts'

vi.mock('../../src/keys/keyring.ts', async (original) => {
  const keyring = await original<typeof import('../../src/keys/keyring.ts')>()
  return { ...keyring, parseKeyring: vi.fn(keyring.parseKeyring) }
})

let folder: string
let path: string
const opened: { close(): Promise<void> }[] = []

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muniment-served-'))
  path = join(folder, 'vault')
})
afterEach(async () => {
  for (const each of opened.splice(0)) await each.close()
  await rm(folder, { recursive: true, force: true })
})

async function serveFolder(options: Partial<Parameters<typeof ServedFolder.open>[0]> = {}) {
  const served = await ServedFolder.open({ path, ...options })
  opened.push(served)
  return served
}

const refusal = (status: number, ...errors: string[]) =>
  expect.objectContaining({ name: 'WireError', status, errors })

async function eventsOf(vault: Vault, type: 'auth.failed' | 'vault.opened' | 'token.issued') {
  const events = []
  for await (const page of vault.audit.query({ type })) events.push(...page.events)
  return events
}

describe('the vault of a folder', () => {
  it('is made sealed, is opened by as many shares as it takes, and sealed again', async () => {
    const served = await serveFolder()
    expect(served.state).toBe('uninitialised')
    expect(() => served.vault()).toThrow(refusal(503, 'Vault is sealed'))
    const { keys, rootToken } = await served.init({ shares: 3, threshold: 2 })
    expect(keys).toHaveLength(3)
    expect(served.state).toBe('sealed')
    expect(await served.status()).toEqual({
      state: 'sealed',
      shares: 3,
      threshold: 2,
      progress: 0,
      nonce: '',
    })

    const first = await served.unseal(keys[2]!)
    expect(first).toMatchObject({ state: 'sealed', progress: 1 })
    expect(first.nonce).toMatch(/^[0-9a-f-]{36}$/)
    expect(await served.unseal(keys[0]!)).toEqual({
      state: 'open',
      shares: 3,
      threshold: 2,
      progress: 0,
      nonce: '',
    })
    const scope = await served.vault().authenticate(rootToken, { source: '10.0.0.7' })
    await scope.write('a', 'b')
    expect(scope.token).toMatchObject({ actor: 'root', policies: ['root'] })
    expect(scope.token.expiresAt).toBeUndefined()

    await served.seal()
    expect(served.state).toBe('sealed')
    expect(() => served.vault()).toThrow(refusal(503, 'Vault is sealed'))
    await served.seal()
    await served.unseal(keys[1]!)
    await served.unseal(keys[2]!)
    expect((await served.vault().read('a')).text()).toBe('b')
    const openings = await eventsOf(served.vault(), 'vault.opened')
    expect(openings.map(({ actor }) => actor)).toEqual(Array(3).fill('svc/muniment-server'))
    await served.close()
    await checkVault(path, await shares.parse(keys.slice(1)))
  })

  it('is opened by one key, where one alone was asked for', async () => {
    const served = await serveFolder()
    const { keys } = await served.init({ shares: 1, threshold: 1 })
    expect(keys).toEqual([expect.stringMatching(/^MUNIMENT-RECOVERY-/)])
    expect(await served.status()).toMatchObject({ shares: 0, threshold: 0 })
    const bare = keys[0]!.replace('MUNIMENT-RECOVERY-', '').toLowerCase()
    expect((await served.unseal(bare)).state).toBe('open')
  })

  it('is opened by keys in Base64, as some clients show them', async () => {
    const served = await serveFolder()
    const { keys } = await served.init({ shares: 2, threshold: 2 })
    for (const key of keys) await served.unseal(Buffer.from(key).toString('base64'))
    expect(served.state).toBe('open')
  })

  it('is not made twice, whoever made it', async () => {
    const [served, other] = [await serveFolder(), await serveFolder()]
    await expect(other.unseal('x')).rejects.toEqual(refusal(400, 'Vault is not initialized'))
    await served.init({ shares: 2, threshold: 2 })
    const again = refusal(400, 'Vault is already initialized')
    await expect(served.init({ shares: 2, threshold: 2 })).rejects.toEqual(again)
    await expect(other.init({ shares: 2, threshold: 2 })).rejects.toEqual(again)
    expect(await other.status()).toMatchObject({ state: 'sealed', threshold: 2 })
  })

  it('is opened at once by its key, however many wrong ones are sent', async () => {
    const clock = testClock()
    const served = await serveFolder({ clock })
    const { keys } = await served.init({ shares: 1, threshold: 1 })
    const wrong = async () => {
      const { text } = recoveryKey()
      await expect(served.unseal(text)).rejects.toMatchObject({ code: 'WRONG_KEY' })
    }
    const opening = vi.spyOn(Vault, 'open')
    for (let i = 0; i < 30; i++) await wrong()
    expect(opening).toHaveBeenCalledTimes(10)
    clock.advance(60_000)
    await wrong()
    expect(opening).toHaveBeenCalledTimes(11)
    for (let i = 0; i < 10; i++) await wrong()
    expect((await served.unseal(keys[0]!)).state).toBe('open')
    expect(opening).toHaveBeenCalledTimes(21)
    opening.mockRestore()
    expect(await eventsOf(served.vault(), 'auth.failed')).toHaveLength(20)
  })

  it('is made once of two who ask at once', async () => {
    const served = await serveFolder()
    const both = await Promise.allSettled([
      served.init({ shares: 2, threshold: 2 }),
      served.init({ shares: 3, threshold: 2 }),
    ])
    expect(both.map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
    expect(await served.status()).toMatchObject({ shares: 2 })
  })

  it('is opened once, however many shares come at once', async () => {
    const served = await serveFolder()
    const { keys } = await served.init({ shares: 4, threshold: 2 })
    const answers = await Promise.all(keys.map((key) => served.unseal(key)))
    expect(answers.map(({ state }) => state)).toEqual(['sealed', 'open', 'open', 'open'])
    expect(await eventsOf(served.vault(), 'vault.opened')).toHaveLength(2)
  })

  it('refuses a mistyped share, one of another set and a forged one, and goes on', async () => {
    const served = await serveFolder()
    const { keys } = await served.init({ shares: 3, threshold: 3 })
    const { texts } = await shares({ threshold: 2, of: 2 })
    await served.unseal(keys[0]!)
    await expect(served.unseal(`${keys[1]!.slice(0, -1)}!`)).rejects.toMatchObject({
      code: 'INVALID',
    })
    await expect(served.unseal(texts[0]!)).rejects.toMatchObject({
      code: 'INVALID',
      message: 'this share is of no set that opens the vault',
    })
    expect(await served.unseal(keys[0]!)).toMatchObject({ progress: 1 })
    await served.unseal(keys[1]!)
    expect((await served.unseal(keys[2]!)).state).toBe('open')
  })

  it('takes no share of a stranger, who would keep those out that open it', async () => {
    const served = await serveFolder()
    const { keys } = await served.init({ shares: 2, threshold: 2 })
    const { texts } = await shares({ threshold: 2, of: 2 })
    const foreign = { code: 'INVALID', message: 'this share is of no set that opens the vault' }
    await expect(served.unseal(texts[0]!)).rejects.toMatchObject(foreign)
    // As anybody could write it who has one share of the set: what it says of the set is not what the vault's keyslot says.
    const { number, point, setId } = parseShare(keys[0]!, 'share')
    const forged = encodeShare({ setId, threshold: 2, of: 3, number, point })
    await expect(served.unseal(forged)).rejects.toMatchObject(foreign)
    expect(await served.status()).toMatchObject({ state: 'sealed', progress: 0, nonce: '' })
    for (const key of keys) await served.unseal(key)
    expect(served.state).toBe('open')
  })

  it('is opened by no shares of an auditor, nor by any where it has no keyslot of shares', async () => {
    const served = await serveFolder()
    const { keys } = await served.init({ shares: 1, threshold: 1 })
    const auditors = await shares({ threshold: 2, of: 2 })
    const unlock = recoveryKey.parse(keys[0]!)
    const vault = await Vault.open({ path, unlock, actor: 'user/ana' })
    await vault.keyslots.add(auditors.credential, { role: 'auditor', label: 'external' })
    await vault.close()
    await expect(served.unseal(auditors.texts[0]!)).rejects.toMatchObject({ code: 'INVALID' })
    expect(await served.status()).toMatchObject({ threshold: 0, progress: 0 })
  })

  it('records a key that is not its own', async () => {
    const served = await serveFolder()
    const { keys } = await served.init({ shares: 2, threshold: 2 })
    await expect(served.unseal(recoveryKey().text)).rejects.toMatchObject({ code: 'WRONG_KEY' })
    for (const key of keys) await served.unseal(key)
    const failed = await eventsOf(served.vault(), 'auth.failed')
    expect(failed.map(({ data }) => data)).toMatchObject([{ method: 'keyslot', count: 1 }])
  })

  it('is asked for its status by anybody, and reads its keyring when that is another one', async () => {
    const served = await serveFolder()
    const { keys } = await served.init({ shares: 3, threshold: 2 })
    await served.unseal(keys[0]!)
    await served.unseal(keys[1]!)
    await served.status()
    vi.mocked(parseKeyring).mockClear()
    for (let n = 0; n < 10; n++) expect(await served.status()).toMatchObject({ shares: 3 })
    expect(parseKeyring).not.toHaveBeenCalled()
    const { credential } = await shares({ threshold: 3, of: 5 })
    const vault = served.vault()
    await vault.keyslots.add(credential, { label: 'board' })
    for (const { id, label } of await vault.keyslots.list()) {
      if (label !== 'board') await vault.keyslots.remove(id)
    }
    expect(await served.status()).toMatchObject({ shares: 5, threshold: 3 })
  })

  it('forgets what was given when told to', async () => {
    const served = await serveFolder()
    const { keys } = await served.init({ shares: 2, threshold: 2 })
    await served.unseal(keys[0]!)
    expect(await served.resetUnseal()).toMatchObject({ progress: 0, nonce: '' })
    expect(await served.unseal(keys[1]!)).toMatchObject({ state: 'sealed', progress: 1 })
    await served.unseal(keys[0]!)
    await expect(served.resetUnseal()).rejects.toEqual(refusal(400, 'vault is unsealed'))
  })

  it('is open from the start with an unlock, and tells of no shares where there are none', async () => {
    const unlock = passphrase('correct horse battery staple', {
      memoryKiB: 19 * 1024,
      passes: 2,
      lanes: 1,
    })
    const vault = await Vault.create({ path, unlock, actor: 'user/ana' })
    await vault.close()
    const served = await serveFolder({ unlock, actor: 'svc/other' })
    expect(await served.status()).toMatchObject({ state: 'open', shares: 0, threshold: 0 })
    const [, opening] = await eventsOf(served.vault(), 'vault.opened')
    expect(opening?.actor).toBe('svc/other')
    await served.seal()
    await expect(served.unseal('correct horse battery staple')).rejects.toMatchObject({
      code: 'INVALID',
    })
  })

  it('is not there where it is to be opened: NOT_FOUND', async () => {
    const { credential } = recoveryKey()
    await expect(ServedFolder.open({ path, unlock: credential })).rejects.toMatchObject({
      code: 'NOT_FOUND',
    })
  })

  it('tells who else holds it, and is unsealed once they let go', async () => {
    const served = await serveFolder()
    const { keys } = await served.init({ shares: 1, threshold: 1 })
    const other = await Vault.open({
      path,
      unlock: recoveryKey.parse(keys[0]!),
      actor: 'user/ana',
    })
    await expect(served.unseal(keys[0]!)).rejects.toMatchObject({ code: 'IN_USE' })
    expect(served.state).toBe('sealed')
    await other.close()
    expect((await served.unseal(keys[0]!)).state).toBe('open')
  })

  it('answers what is under way before it is sealed, and nothing once it is closed for good', async () => {
    const served = await serveFolder()
    const { keys } = await served.init({ shares: 1, threshold: 1 })
    await served.unseal(keys[0]!)
    const vault = served.vault()
    const writes = Array.from({ length: 50 }, (_, i) => vault.write(`p${i}`, 'x'))
    const sealing = served.seal()
    expect(await Promise.all(writes)).toHaveLength(50)
    await sealing
    await served.close()
    await served.close()
    await expect(served.unseal(keys[0]!)).rejects.toEqual(refusal(503, 'Vault is sealed'))
    expect(served.state).toBe('sealed')
    await checkVault(path, recoveryKey.parse(keys[0]!))
  })

  it('lets go of the vault where it is closed while it opens', async () => {
    const served = await serveFolder()
    const { keys } = await served.init({ shares: 1, threshold: 1 })
    const opening = served.unseal(keys[0]!)
    // By then it has begun; one that waits for its turn is refused.
    await Promise.resolve()
    await served.close()
    expect((await opening).state).toBe('open')
    expect(served.state).toBe('sealed')
    const again = await Vault.open({ path, unlock: recoveryKey.parse(keys[0]!), actor: 'user/ana' })
    await again.close()
  })
})

describe('a vault of a folder whose write failed', () => {
  it('is opened again by the next request, without a share', async () => {
    const served = await serveFolder()
    const { keys, rootToken } = await served.init({ shares: 1, threshold: 1 })
    await served.unseal(keys[0]!)
    const vault = served.vault()
    const app = createApp(served)
    const get = () => ask(app, 'GET', '/v1/secret/data/a', { token: rootToken })
    expect((await get()).status).toBe(404)
    const reopened = vi.spyOn(vault, 'reopen')
    const failing = vi
      .spyOn(vault, 'authenticate')
      .mockRejectedValueOnce(new VaultError('FAILED', 'an earlier write failed'))
    expect((await get()).status).toBe(500)
    expect(reopened).toHaveBeenCalledTimes(1)
    failing.mockRestore()
    await reopened.mock.results[0]?.value
    expect((await get()).status).toBe(404)
    expect(await eventsOf(vault, 'vault.opened')).toHaveLength(3)
  })

  it('is tried again by itself after a while, and not by each request', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const served = await serveFolder()
    const { keys } = await served.init({ shares: 1, threshold: 1 })
    await served.unseal(keys[0]!)
    const reopened = vi
      .spyOn(served.vault(), 'reopen')
      .mockRejectedValue(new VaultError('NO_SPACE', 'no space is left'))
    served.recover()
    served.recover()
    await served.resetUnseal().catch(() => undefined)
    served.recover()
    expect(reopened).toHaveBeenCalledTimes(1)
    await vi.advanceTimersByTimeAsync(1000)
    await served.resetUnseal().catch(() => undefined)
    expect(reopened).toHaveBeenCalledTimes(2)
    expect(served.reopening).toMatchObject({ opened: 0, failed: 2, hasGivenUp: false })
    vi.useRealTimers()
  })

  it('is given up where no waiting helps, stays not ready, and is so until it is opened anew', async () => {
    const steps: object[] = []
    const served = await serveFolder({ onReopening: (step) => steps.push(step) })
    const { keys } = await served.init({ shares: 1, threshold: 1 })
    await served.unseal(keys[0]!)
    const vault = served.vault()
    const app = createApp(served, { metrics: { open: true } })
    const ready = () => ask(app, 'GET', '/health/ready', { token: null })
    const metrics = async () => (await app.inject('/metrics')).body
    expect((await ready()).status).toBe(200)
    vi.spyOn(vault, 'identity').mockImplementation(() => {
      throw new VaultError('FAILED', 'an earlier write failed')
    })
    vi.spyOn(vault, 'reopen').mockRejectedValue(new VaultError('INTEGRITY', 'the log is cut'))
    await expect.poll(async () => (await ready()).body).toMatchObject({ code: 'FAILED' })
    await expect.poll(() => steps).toEqual([{ step: 'given up', attempt: 1, code: 'INTEGRITY' }])
    expect(await metrics()).toContain('muniment_reopening_given_up 1\n')
    expect(await metrics()).toContain('muniment_reopen_attempts_total{outcome="failed"} 1\n')
    await served.seal()
    expect((await ready()).body).toMatchObject({ status: 503, code: 'CLOSED' })
    await served.unseal(keys[0]!)
    await expect.poll(async () => (await ready()).status, { timeout: 5000 }).toBe(200)
    expect(await metrics()).toContain('muniment_reopening_given_up 0\n')
    await app.close()
  })
})

describe('unsealing', () => {
  const setsOf = ([text = '']: readonly string[]) => [parseShare(text, 'share')]

  it('holds no point of a share once they were used, or given up', async () => {
    const { texts } = await shares({ threshold: 2, of: 3 })
    const unsealing = new Unsealing()
    expect(await unsealing.take(texts[0]!, setsOf(texts))).toBeUndefined()
    expect(unsealing.count).toMatchObject({ threshold: 2, of: 3 })
    expect(unsealing.progress).toBe(1)
    expect(await unsealing.take(texts[0]!, setsOf(texts))).toBeUndefined()
    expect(unsealing.progress).toBe(1)
    expect(await unsealing.take(texts[1]!, setsOf(texts))).toMatchObject({ kinds: ['shares'] })
    expect([unsealing.progress, unsealing.nonce, unsealing.count]).toEqual([0, '', undefined])
  })

  it('names each attempt anew', async () => {
    const { texts } = await shares({ threshold: 2, of: 2 })
    const unsealing = new Unsealing()
    await unsealing.take(texts[0]!, setsOf(texts))
    const { nonce } = unsealing
    unsealing.reset()
    await unsealing.take(texts[0]!, setsOf(texts))
    expect(unsealing.nonce).not.toBe(nonce)
  })

  it('never says what it was given', async () => {
    const unsealing = new Unsealing()
    for (const text of ['', 'hunter2', 'MUNIMENT-SHARE-hunter2', 'aHVudGVyMg==']) {
      const refused = await unsealing.take(text, []).catch((error: Error) => error.message)
      expect(refused).not.toContain('hunter2')
    }
  })
})

describe('a vault that its host opened', () => {
  it('is neither made, unsealed nor sealed over the wire', async () => {
    const { vault } = await testVault()
    const served = embedded(vault)
    expect(served.state).toBe('open')
    expect(served.vault()).toBe(vault)
    const own = refusal(400, 'the service that this vault is part of opens and closes it')
    await expect(served.seal()).rejects.toEqual(own)
    await expect(served.unseal('x')).rejects.toEqual(own)
    await expect(served.resetUnseal()).rejects.toEqual(own)
    await expect(served.init({ shares: 2, threshold: 2 })).rejects.toEqual(
      refusal(400, 'Vault is already initialized'),
    )
    await vault.close()
    expect(served.state).toBe('sealed')
    const { status, body } = await ask(createApp(served), 'GET', '/v1/secret/data/a')
    expect([status, body]).toEqual([503, { errors: ['Vault is sealed'] }])
  })
})
