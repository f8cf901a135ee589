import { chmod, cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { eventTypes } from '../../src/events/event-types.ts'
import {
  type AuditEvent,
  type Credential,
  passphrase,
  recoveryKey,
  type SecretValue,
  Vault,
} from '../../src/index.ts'
import { testClock } from '../../src/testing/test-clock.ts'
import { checkVault } from '../fixtures/check-vault.ts'

/** Made by `make.mjs`: what each release wrote, each later one must read. */
const releases = [
  // Of before backups, exports, anchors and the rotation of keys.
  { name: 'v1', later: /^(vault\.restored|export\.|backup\.|keys\.|anchor\.|report\.|policy\.|role\.|rotation_policy\.|auth\.succeeded|token\.|approle\.|mount\.|secret\.(un)?declared)/ },
  // Of before reports, roles and policies.
  { name: 'v2', later: /^(report\.|policy\.|role\.|rotation_policy\.|auth\.succeeded|token\.|approle\.|mount\.|secret\.(un)?declared)/ },
]

interface Expected {
  readonly secrets: readonly { readonly path: string }[]
  readonly histories: Readonly<Record<string, readonly unknown[]>>
  readonly values: Readonly<Record<string, object>>
  readonly events: readonly AuditEvent[]
}

const home = (name: string) => fileURLToPath(new URL(name, import.meta.url))

async function read<T>(name: string, file: string): Promise<T> {
  return JSON.parse(await readFile(join(home(name), file), 'utf8'))
}

function open(folder: string, unlock: Credential): Promise<Vault> {
  const clock = testClock(Date.UTC(2026, 0, 1, 12, 30))
  return Vault.open({ path: folder, unlock, actor: 'svc/later', clock })
}

/** As JSON, which is how it was kept. */
const plain = (value: unknown) => JSON.parse(JSON.stringify(value))

function shown(secret: SecretValue): object {
  const { kind } = secret
  if (kind === 'fields') return { kind, fields: secret.fields() }
  if (kind === 'string') return { kind, text: secret.text() }
  return { kind, hex: secret.bytes().toString('hex') }
}

async function expectAsFrozen(vault: Vault, expected: Expected): Promise<void> {
  const events: AuditEvent[] = []
  for await (const page of vault.audit.query({ limit: 1000 })) events.push(...page.events)
  expect(events.slice(0, expected.events.length)).toEqual(expected.events)
  const { items } = await vault.list()
  // When a value is due is no part of what is kept: this release says it of what both have.
  expect(plain(items.map(({ dueAt: _, ...item }) => item))).toEqual(expected.secrets)
  for (const [path, history] of Object.entries(expected.histories)) {
    expect(plain(await vault.history(path)), path).toEqual(history)
  }
  for (const [name, value] of Object.entries(expected.values)) {
    const [path = '', version] = name.split('@')
    const options = { version: Number(version), allowExpired: true, reason: 'frozen' }
    expect(shown(await vault.read(path, options)), name).toEqual(value)
  }
}

describe.each(releases)('the frozen vault $name', ({ name, later }) => {
  let parent: string
  let folder: string
  let expected: Expected
  let words: Credential
  let printed: Credential

  beforeEach(async () => {
    expected = await read<Expected>(name, 'expected.json')
    const throwAway = await read<{ passphrase: string; recovery: string }>(name, 'credentials.json')
    words = passphrase(throwAway.passphrase)
    printed = recoveryKey.parse(throwAway.recovery)
    parent = await mkdtemp(join(tmpdir(), 'muniment-frozen-'))
    folder = join(parent, 'vault')
    await cp(join(home(name), 'vault'), folder, { recursive: true })
    // git keeps no modes but the executable bit.
    await chmod(folder, 0o700)
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      await chmod(join(folder, entry.name), entry.isDirectory() ? 0o700 : 0o600)
    }
  })
  afterEach(() => rm(parent, { recursive: true }))

  it('has every type of event that its release knew, and values of each kind', () => {
    const known = eventTypes.filter((type) => !later.test(type))
    expect(new Set(expected.events.map(({ type }) => type))).toEqual(new Set(known))
    const kinds = Object.values(expected.values).map((value) => 'kind' in value && value.kind)
    expect(new Set(kinds)).toEqual(new Set(['string', 'bytes', 'fields']))
  })

  it.each(['passphrase', 'recovery key'])('opens by its %s, and tells what it told', async (way) => {
    const unlock = way === 'passphrase' ? words : printed
    const vault = await open(folder, unlock)
    await expectAsFrozen(vault, expected)
    expect(await vault.verify()).toMatchObject({ ok: true, problems: [] })
    await vault.close()
    await checkVault(folder, unlock)
  })

  it('tells the same without what was derived from its log', async () => {
    await rm(join(folder, 'derived'), { recursive: true })
    const vault = await open(folder, words)
    await expectAsFrozen(vault, expected)
    await vault.close()
  })

  it('goes on: what is written to it is read from it', async () => {
    const vault = await open(folder, printed)
    await vault.write('prod/later', 'by a later release')
    await vault.destroy('prod/db/password', { versions: [2] })
    await vault.close()
    const again = await open(folder, words)
    expect((await again.read('prod/later')).text()).toBe('by a later release')
    await again.close()
    await checkVault(folder, printed)
  })

  it('passes every check of its bytes as it stands', async () => {
    const { events, head } = await checkVault(folder, words)
    expect(events).toHaveLength(expected.events.length)
    expect(head).toBe(events.length)
  })
})

describe('docs/format.md', () => {
  it('names every type of event', async () => {
    const page = await readFile(new URL('../../docs/format.md', import.meta.url), 'utf8')
    expect(eventTypes.filter((type) => !page.includes(`\`${type}\``))).toEqual([])
  })
})
