import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { randomKey } from '../../src/crypto/random.ts'
import { createKeyring, parseKeyring, sealKeyring } from '../../src/keys/keyring.ts'
import type { Root, Slot } from '../../src/keys/keyslot.ts'
import { noKdf } from '../../src/keys/no-kdf.ts'
import { passphrase } from '../../src/keys/passphrase.ts'
import { recoveryKey } from '../../src/keys/recovery.ts'
import { addSlot, type Credential, openSlots } from '../../src/keys/unlock.ts'

const root: Root = { role: 'owner', R: randomKey() }
const options = { root, label: 'ops', createdAt: 1_767_225_600_000 }
const cheap = { memoryKiB: 19 * 1024, passes: 2, lanes: 1 } as const
const wrongKey = (message: string | RegExp) =>
  expect.objectContaining({ code: 'WRONG_KEY', message: expect.stringMatching(message) })

async function holderOf(...credentials: readonly Credential[]) {
  let keyring = createKeyring()
  for (const credential of credentials) {
    keyring = (await addSlot(keyring, credential, options)).keyring
  }
  return keyring
}

describe('a keyslot', () => {
  it('gives its root to the credential that made it, and to no other', async () => {
    const holder = await holderOf(passphrase('correct horse', cheap))
    const opened = await openSlots(holder, passphrase('correct horse'))
    expect(opened).toEqual({ slot: holder.slots[0], root })
    await expect(openSlots(holder, passphrase('correct horse!'))).rejects.toEqual(
      wrongKey('^no keyslot opens: tried 1 of kind argon2id or pbkdf2 out of 1 in all$'),
    )
    await expect(openSlots(holder, recoveryKey().credential)).rejects.toEqual(
      wrongKey('^no keyslot opens: tried 0 of kind recovery out of 1 in all$'),
    )
  })

  it('is one of several, each opened by its own credential', async () => {
    const { text, credential } = recoveryKey()
    const holder = await holderOf(passphrase('one', cheap), credential, passphrase('two', cheap))
    expect((await openSlots(holder, passphrase('two'))).slot).toBe(holder.slots[2])
    expect((await openSlots(holder, recoveryKey.parse(text))).slot).toBe(holder.slots[1])
  })

  it('says what it is, in the file too', async () => {
    const holder = await holderOf(passphrase('one', { kdf: 'pbkdf2' }), recoveryKey().credential)
    const { slots } = parseKeyring(sealKeyring(holder, root.R))
    expect(slots).toEqual(holder.slots)
    expect(slots[0]).toMatchObject({
      id: expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/),
      kind: 'pbkdf2',
      kdf: { kdf: 'pbkdf2', iterations: 600_000 },
      role: 'owner',
      label: 'ops',
      createdAt: options.createdAt,
    })
    expect(slots[1]).toMatchObject({ kind: 'recovery', kdf: { kdf: 'recovery' } })
  })

  it('does not open once a byte of it, or of the vault id, is changed', async () => {
    const { credential } = recoveryKey()
    const holder = await holderOf(credential)
    const [slot] = holder.slots
    for (const name of ['params', 'wrapped'] as const) {
      for (let at = 0; at < slot![name].length; at += 1) {
        const changed = Buffer.from(slot![name])
        changed[at]! ^= 1
        const slots = [{ ...slot!, [name]: changed }]
        await expect(openSlots({ ...holder, slots }, credential)).rejects.toEqual(
          wrongKey('no keyslot'),
        )
      }
    }
    const changes: Partial<Slot>[] = [
      { role: 'auditor' },
      { kind: 'argon2id' },
      { id: '00000000-0000-4000-8000-000000000000' },
    ]
    const anyKind: Credential = { ...credential, kinds: ['recovery', 'argon2id'] }
    for (const change of changes) {
      const slots = [{ ...slot!, ...change }]
      await expect(openSlots({ ...holder, slots }, anyKind)).rejects.toEqual(wrongKey('no keyslot'))
    }
    await expect(openSlots({ ...holder, vaultId: Buffer.alloc(16) }, credential)).rejects.toEqual(
      wrongKey('no keyslot'),
    )
  })

  it('with parameters below the floor is refused before they are used', async () => {
    const holder = await holderOf(passphrase('one', cheap))
    const bytes = sealKeyring(holder, root.R)
    // memoryKiB follows the slot's head (20), the time (8), the label's length (1) and the label (3).
    const memoryAt = 32 + 4 + 1 + 20 + 8 + 1 + 3
    expect(bytes.readUInt32BE(memoryAt)).toBe(19 * 1024)
    bytes.writeUInt32BE(8, memoryAt)
    await expect(openSlots(parseKeyring(bytes), passphrase('one'))).rejects.toEqual(
      expect.objectContaining({
        code: 'UNSUPPORTED',
        message: 'argon2id memory in KiB: expected 19456 to 1048576, found 8',
      }),
    )
  })

  it('of kind none is refused by every credential but its own', async () => {
    const holder = await holderOf(noKdf, recoveryKey().credential)
    expect((await openSlots(holder, noKdf)).root).toEqual(root)
    await expect(openSlots(holder, recoveryKey().credential)).rejects.toEqual(
      expect.objectContaining({
        code: 'UNSUPPORTED',
        message: 'a keyslot of kind none protects nothing: only tests open it',
      }),
    )
  })

  it('is not made with parameters that no opening would take', async () => {
    const weak: Credential = {
      kinds: ['argon2id'],
      newKdf: () => ({
        kdf: 'argon2id',
        memoryKiB: 64,
        passes: 3,
        lanes: 1,
        salt: Buffer.alloc(16),
      }),
      key: async () => Buffer.alloc(32),
    }
    await expect(addSlot(createKeyring(), weak, options)).rejects.toMatchObject({
      code: 'UNSUPPORTED',
      message: 'argon2id memory in KiB: expected 19456 to 1048576, found 64',
    })
  })

  it('has a label of at most 128 bytes, and 15 others beside it', async () => {
    const label = 'ü'.repeat(65)
    await expect(addSlot(createKeyring(), noKdf, { ...options, label })).rejects.toEqual(
      expect.objectContaining({
        code: 'INVALID',
        message: 'keyslot label: expected at most 128 bytes, found 130',
      }),
    )
    const full = await holderOf(...Array.from({ length: 17 }, () => noKdf))
    expect(() => sealKeyring(full, root.R)).toThrow('expected 1 to 16 keyslots, found 17')
    const most = sealKeyring({ ...full, slots: full.slots.slice(1) }, root.R)
    expect(parseKeyring(most).slots).toHaveLength(16)
  })
})

describe('a passphrase', () => {
  let folder = ''
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'muniment-passphrase-'))
  })
  afterAll(() => rm(folder, { recursive: true }))
  afterEach(() => {
    vi.unstubAllEnvs()
  })

  const slot = { kdf: { kdf: 'argon2id', ...cheap, salt: Buffer.alloc(16, 9) } } as const
  const invalid = (message: string) => expect.objectContaining({ code: 'INVALID', message })

  it('opens in whatever form its characters were typed', async () => {
    const composed = await passphrase('caf\u00e9 noir').key(slot)
    expect(await passphrase('cafe\u0301\u00a0noir').key(slot)).toEqual(composed)
    expect(await passphrase(Buffer.from('caf\u00e9 noir')).key(slot)).toEqual(composed)
    expect(await passphrase('Caf\u00e9 noir').key(slot)).not.toEqual(composed)
    expect(await passphrase('caf\u00e9 noir ').key(slot)).not.toEqual(composed)
  })

  it('comes from a file without one newline at its end, read when it is needed', async () => {
    const path = join(folder, 'passphrase')
    const fromFile = passphrase.fromFile(path)
    const expected = await passphrase('correct horse').key(slot)
    for (const content of ['correct horse', 'correct horse\n', 'correct horse\r\n']) {
      await writeFile(path, content)
      expect(await fromFile.key(slot)).toEqual(expected)
    }
    await writeFile(path, 'correct horse\n\n')
    expect(await fromFile.key(slot)).toEqual(await passphrase('correct horse\n').key(slot))
    await writeFile(path, Buffer.of(0xff, 0xfe, 0x0a))
    expect(await fromFile.key(slot)).toEqual(await passphrase(Buffer.of(0xff, 0xfe)).key(slot))
  })

  it('names the file that cannot be read or holds none', async () => {
    const absent = join(folder, 'absent')
    await expect(passphrase.fromFile(absent).key(slot)).rejects.toEqual(
      expect.objectContaining({
        code: 'INVALID',
        path: absent,
        message: `passphrase file ${absent} cannot be read: ENOENT`,
      }),
    )
    const empty = join(folder, 'empty')
    await writeFile(empty, '\n')
    await expect(passphrase.fromFile(empty).key(slot)).rejects.toEqual(
      invalid(`passphrase in ${empty}: expected 1 to 4096 bytes, found 0`),
    )
    await expect(passphrase.fromFile('/dev/zero').key(slot)).rejects.toEqual(
      invalid('passphrase in /dev/zero: expected 1 to 4096 bytes, found 4099'),
    )
  })

  it('comes from the environment, read when it is needed', async () => {
    const fromEnv = passphrase.fromEnv('MUNIMENT_TEST_PASSPHRASE')
    await expect(fromEnv.key(slot)).rejects.toEqual(
      invalid('environment variable MUNIMENT_TEST_PASSPHRASE holds no passphrase: not set'),
    )
    vi.stubEnv('MUNIMENT_TEST_PASSPHRASE', '')
    await expect(fromEnv.key(slot)).rejects.toEqual(
      invalid(
        'passphrase in environment variable MUNIMENT_TEST_PASSPHRASE: expected 1 to 4096 bytes, found 0',
      ),
    )
    vi.stubEnv('MUNIMENT_TEST_PASSPHRASE', 'correct horse')
    expect(await fromEnv.key(slot)).toEqual(await passphrase('correct horse').key(slot))
  })

  it('is neither empty, nor overlong, nor half a character', () => {
    expect(() => passphrase('')).toThrow(invalid('passphrase: expected 1 to 4096 bytes, found 0'))
    expect(() => passphrase(Buffer.alloc(4097))).toThrow(
      invalid('passphrase: expected 1 to 4096 bytes, found 4097'),
    )
    expect(() => passphrase('a\ud800')).toThrow(
      invalid('passphrase: expected text, found half a surrogate pair'),
    )
  })

  it('refuses KDF parameters out of bounds at once', () => {
    const refused = (message: string) => expect.objectContaining({ code: 'UNSUPPORTED', message })
    expect(() => passphrase('x', { kdf: 'pbkdf2', iterations: 1000 })).toThrow(
      refused('pbkdf2 iterations: expected 600000 to 10000000, found 1000'),
    )
    expect(() => passphrase.fromFile('absent', { passes: 1 })).toThrow(
      refused('argon2id passes: expected 2 to 16, found 1'),
    )
  })

  it('uses fresh salt for each keyslot', () => {
    const credential = passphrase('x')
    expect(credential.newKdf()).toMatchObject({ kdf: 'argon2id', memoryKiB: 65_536 })
    expect(credential.newKdf()).not.toEqual(credential.newKdf())
  })

  it('and its bytes are not printed', () => {
    expect(inspect(passphrase('hunter2'), { showHidden: true, depth: 9 })).not.toContain('hunter2')
  })
})

describe('a recovery key', () => {
  const pattern = /^MUNIMENT-RECOVERY-([0-9A-HJKMNP-TV-Z]{4}-){13}[0-9A-HJKMNP-TV-Z]{4}$/
  const slot = { kdf: { kdf: 'recovery' } } as const

  it('is text that opens what its credential made, however it is typed', async () => {
    for (let round = 0; round < 50; round += 1) {
      const { text, credential } = recoveryKey()
      expect(text).toMatch(pattern)
      const key = await credential.key(slot)
      const bare = text.replace('MUNIMENT-RECOVERY-', '')
      const typed = [
        text,
        bare,
        text.toLowerCase(),
        ` ${bare.replaceAll('-', ' ')}\n`,
        bare.replaceAll('-', '').replaceAll('0', 'o').replaceAll('1', 'l'),
      ]
      for (const form of typed) expect(await recoveryKey.parse(form).key(slot)).toEqual(key)
    }
  })

  it('is another each time', () => {
    expect(recoveryKey().text).not.toBe(recoveryKey().text)
  })

  it('finds every mistyped character and every swap of neighbours', () => {
    const { text } = recoveryKey()
    const bare = text.replace('MUNIMENT-RECOVERY-', '').replaceAll('-', '')
    const refused = expect.objectContaining({
      code: 'INVALID',
      message: 'recovery key: its check fails, so a character is mistyped',
    })
    for (let at = 0; at < bare.length; at += 1) {
      const other = bare[at] === 'Z' ? '7' : 'Z'
      const mistyped = bare.slice(0, at) + other + bare.slice(at + 1)
      expect(() => recoveryKey.parse(mistyped)).toThrow(refused)
      const [a, b] = [bare[at] ?? '', bare[at + 1] ?? '']
      const swapped = bare.slice(0, at) + b + a + bare.slice(at + 2)
      if (a !== b && b !== '') expect(() => recoveryKey.parse(swapped)).toThrow(refused)
    }
  })

  it('says what is wrong, and nothing of the key', () => {
    const { text } = recoveryKey()
    const refusal = (message: string) => expect.objectContaining({ code: 'INVALID', message })
    expect(() => recoveryKey.parse(text.slice(0, -1))).toThrow(
      refusal('recovery key: expected 56 characters, found 55'),
    )
    expect(() => recoveryKey.parse('')).toThrow(
      refusal('recovery key: expected 56 characters, found 0'),
    )
    const bare = text.replace('MUNIMENT-RECOVERY-', '')
    expect(() => recoveryKey.parse(`${bare.slice(0, 6)}U${bare.slice(7)}`)).toThrow(
      refusal('recovery key: character 2 of group 2 is none of its alphabet'),
    )
  })
})
