import { expect, it } from 'vitest'
import { sha256 } from '../../src/crypto/hash.ts'
import { randomBytes } from '../../src/crypto/random.ts'
import { xaes } from '../../src/crypto/xaes.ts'
import type { DraftEvent, EventType } from '../../src/events/catalogue.ts'
import { uuidv7 } from '../../src/events/uuid.ts'
import { keyIdOf } from '../../src/keys/box.ts'
import { type KeyRowEntry, sealKeyRow } from '../../src/keys/key-row.ts'
import { createKeyring, type OwnerKeyring } from '../../src/keys/keyring.ts'
import { addLogEpoch, addSigner } from '../../src/keys/rotate.ts'
import { CommitWriter, sealCommit } from '../../src/log/commit.ts'
import { openEpochs } from '../../src/log/epochs.ts'
import { memoryStore } from '../../src/store/memory.ts'
import type { Store } from '../../src/store/port.ts'
import { testVault } from '../../src/testing.ts'
import { type Verification, verifyLog } from '../../src/vault/verify.ts'

/** An event to be; time goes on by 1 ms an event unless it is said. */
interface Draft {
  readonly type: EventType
  readonly subject: string
  readonly data: object
  readonly time?: number
  readonly id?: string
  /** Whether a caller chose its id. */
  readonly isGiven?: true
}

const start = Date.UTC(2026, 0, 1)
const meta = { type: 'generic' }
const key = (n: number) => Buffer.alloc(32, n)
const keyId = (n: number) => keyIdOf(key(n))

const about = (type: EventType, data: object, more: Partial<Draft> = {}): Draft => ({
  type,
  subject: '',
  data,
  ...more,
})
const on = (type: EventType, data: object, more: Partial<Draft> = {}): Draft =>
  about(type, data, { subject: 'a', ...more })

const created = ({ vaultId }: OwnerKeyring) =>
  about('vault.created', { vaultId, generation: 1, keyslots: [] })
const opened = about('vault.opened', {
  slot: 's',
  clean: true,
  pid: 1,
  host: 'h',
  muniment: '1',
})
const written = (version: number, more: object = {}): Draft =>
  on('secret.written', {
    version,
    changed: true,
    meta,
    keyId: keyId(version),
    box: Buffer.alloc(16),
    ...more,
  })
const read = (version: number) => on('secret.accessed', { operation: 'read', version })
const destroyed = (version: number, previous: number, id = keyId(version)) =>
  on('secret.destroyed', { versions: [{ version, keyId: id }], cause: 'request', previous })
const rotated = (data: object) => about('keys.rotated', { generation: 1, epoch: 2, ...data })

/** Keys that stand in the store, of the versions that `written` made, by the commit that they lie with. */
type Keys = Readonly<Record<number, readonly number[]>>

interface Made {
  readonly keyring?: OwnerKeyring
  readonly keys?: Keys
  /** Changes the plaintext of the last event before it is sealed: what no encoder of ours writes. */
  readonly spoil?: (event: Buffer) => void
}

/** A log that an owner's keys have sealed, whatever it says: `created` and `opened` stand first. */
async function makeLog(commits: readonly (readonly Draft[])[], made: Made = {}) {
  const { keyring = createKeyring(), keys = {}, spoil } = made
  const store = await memoryStore().create()
  const epochs = openEpochs(keyring)
  const [wrap] = keyring.values.wraps
  const all = [[created(keyring)], [opened], ...commits]
  let first = 0
  for (const [n, drafts] of all.entries()) {
    const plain = new CommitWriter()
    plain.clear()
    for (const [i, draft] of drafts.entries()) plain.add(eventOf(draft, first + i))
    const [from, to] = plain.spans.at(-1) ?? [0, 0]
    if (n === all.length - 1) spoil?.(plain.buffer.subarray(from, to))
    const sealed = sealCommit(epochs.at(first), { vaultId: keyring.vaultId, first, plain })
    const entries: KeyRowEntry[] = (keys[first] ?? []).map((number) => ({
      keyId: keyId(number),
      valueKey: key(number),
    }))
    const place = { vaultId: keyring.vaultId, first, block: 0 }
    const row = () => sealKeyRow({ epoch: 1, cipher: xaes(wrap?.key ?? key(0)) }, place, entries)
    await store.commit({
      first,
      sealed,
      ...(entries.length > 0 && { keys: { put: [{ id: { first, block: 0 }, bytes: row() }] } }),
    })
    first += drafts.length
  }
  return { store, keyring }
}

function eventOf({ type, subject, data, time, id, isGiven }: Draft, position: number): DraftEvent {
  const at = time ?? start + position
  return {
    schema: 1,
    id: id ?? uuidv7(at, randomBytes(10)),
    type,
    time: at,
    actor: 'svc/test',
    subject,
    context: {
      auth: { method: 'claimed', id: 'x' },
      ...(isGiven && { given: { request: '0'.repeat(32) } }),
    },
    data: data as DraftEvent['data'],
  }
}

const codes = ({ problems }: Verification) => problems.map(({ code }) => code)

it('finds nothing in a log that could have been', async () => {
  const { store, keyring } = await makeLog(
    [
      [written(1)],
      [read(1), on('secret.denied', { operation: 'read', cause: 'absent', version: 9 })],
      [written(2, { previous: 2 })],
      [on('secret.deleted', { versions: [1], previous: 5 })],
      [on('secret.restored', { versions: [1], previous: 6 })],
      [destroyed(1, 7)],
      [on('secret.annotated', { meta, previous: 8 })],
      [about('clock.corrected', { from: start + 10, to: start }, { time: start })],
      [about('vault.closed', {}, { time: start })],
    ],
    { keys: { 5: [2] } },
  )
  const found = await verifyLog({ store, keyring })
  expect(found).toEqual({
    ok: true,
    size: 12,
    root: expect.stringMatching(/^[0-9a-f]{64}$/),
    events: 12,
    commits: 11,
    checkpoints: 0,
    unsigned: 12,
    anchored: 0,
    macs: 'checked',
    keys: 'checked',
    problems: [],
  })
  expect(JSON.parse(JSON.stringify(found))).toEqual(found)
})

const hour = 3_600_000
const givenId = (ms: number) => uuidv7(start + ms, randomBytes(10))

it('lets an id that a caller chose be of another time, by an hour', async () => {
  const [early, late] = [givenId(-hour + 3), givenId(hour + 2)]
  const { store, keyring } = await makeLog(
    [
      [{ ...written(1), id: late, isGiven: true }],
      [on('secret.annotated', { meta, previous: 2 }, { id: early, isGiven: true })],
    ],
    { keys: { 2: [1] } },
  )
  expect((await verifyLog({ store, keyring })).problems).toEqual([])
})

it('gives the root of an empty log', async () => {
  const found = await verifyLog({ store: await memoryStore().create(), keyring: createKeyring() })
  expect(found).toMatchObject({ ok: true, size: 0, root: sha256(Buffer.alloc(0)).toString('hex') })
})

const purged = on('secret.purged', { version: 1, previous: 3 })
const chosenTwice = uuidv7(start + 3 * hour, randomBytes(10))
const sameId = uuidv7(start + 2, randomBytes(10))

it.each<[string, (readonly Draft[])[], Keys, string, RegExp]>([
  [
    'time that goes back',
    [[about('vault.closed', {}, { time: start })]],
    {},
    'time',
    /event 2 lies 1 ms before the one before it/,
  ],
  [
    'an id of another time',
    [[about('vault.closed', {}, { id: uuidv7(start, randomBytes(10)) })]],
    {},
    'id',
    /the id of event 2 is of another time/,
  ],
  [
    'an id that was another event’s',
    [[about('vault.closed', {}, { id: sameId })], [{ ...opened, time: start + 2, id: sameId }]],
    {},
    'id',
    /event 3 has the id of an earlier one/,
  ],
  [
    'an id that a caller chose, of more than an hour before',
    [[about('vault.closed', {}, { id: givenId(-hour - 1), isGiven: true })]],
    {},
    'id',
    /the id of event 2 is of another time/,
  ],
  [
    'an id that callers chose twice, hours of other ids between',
    [
      [about('vault.closed', {}, { id: givenId(hour), isGiven: true })],
      [about('vault.closed', {}, { time: start + hour, id: givenId(hour + 1), isGiven: true })],
      [about('vault.closed', {}, { time: start + 2 * hour, id: chosenTwice, isGiven: true })],
      [about('vault.closed', {}, { time: start + 4 * hour, id: chosenTwice, isGiven: true })],
    ],
    {},
    'id',
    /event 5 has the id of an earlier one/,
  ],
  [
    'a second creation',
    [[created(createKeyring())]],
    {},
    'created',
    /created again, at position 2/,
  ],
  ['a version left out', [[written(2)]], { 2: [2] }, 'version', /makes version 2, expected 1/],
  [
    'a change that skips the one before it',
    [[written(1)], [written(2)]],
    { 2: [1], 3: [2] },
    'chain',
    /event 3 names none as the change before it, expected 2/,
  ],
  [
    'a change that names one that was none of the secret',
    [[written(1)], [written(2, { previous: 1 })]],
    { 2: [1], 3: [2] },
    'chain',
    /event 3 names 1 as the change before it, expected 2/,
  ],
  [
    'one key for two versions',
    [[written(1)], [written(2, { previous: 2, keyId: keyId(1) })]],
    { 2: [1] },
    'key-id',
    /event 3 has the value key of the version at 2/,
  ],
  [
    'a destruction that names another key',
    [[written(1)], [destroyed(1, 2, keyId(9))]],
    {},
    'state',
    /event 3 \(secret.destroyed\) cannot have happened: version 1 has another key/,
  ],
  [
    'a read of a destroyed version',
    [[written(1)], [destroyed(1, 2)], [read(1)]],
    {},
    'state',
    /event 4 \(secret.accessed\) cannot have happened: version 1 is destroyed/,
  ],
  [
    'a read of a deleted version',
    [[written(1)], [on('secret.deleted', { versions: [1], previous: 2 })], [read(1)]],
    { 2: [1] },
    'state',
    /version 1 is deleted/,
  ],
  ['a read of nothing', [[read(1)]], {}, 'state', /version 1 is not there/],
  [
    'a restoration of what is live',
    [[written(1)], [on('secret.restored', { versions: [1], previous: 2 })]],
    { 2: [1] },
    'state',
    /version 1 is live/,
  ],
  [
    'a rotation of nothing',
    [[{ ...written(1), type: 'secret.rotated', data: { ...written(1).data, trigger: 'manual' } }]],
    { 2: [1] },
    'state',
    /there is nothing to rotate/,
  ],
  [
    'an annotation of nothing',
    [[on('secret.annotated', { meta })]],
    {},
    'state',
    /the secret is not there/,
  ],
  [
    'a purge that leaves a version',
    [[written(1)], [on('secret.purged', { version: 1, previous: 2 })]],
    { 2: [1] },
    'state',
    /leaves a version behind/,
  ],
  [
    'a purge of another version than the newest',
    [[written(1)], [destroyed(1, 2)], [{ ...purged, data: { version: 2, previous: 3 } }]],
    {},
    'state',
    /the newest version is 1/,
  ],
  ['a key that is missing', [[written(1)]], {}, 'key-missing', /the version at 2 is missing/],
  [
    'a key that is back',
    [[written(1)], [destroyed(1, 2)]],
    { 2: [1] },
    'key-back',
    /the destroyed key of the version at 2 is back/,
  ],
  ['a key of no version', [[opened]], { 2: [7] }, 'key-stray', /commit at 2 is of no version/],
  [
    'a key that lies with another commit',
    [[written(1)], [opened]],
    { 3: [1] },
    'key-stray',
    /the version at 2 lies with the commit at 3, expected 2/,
  ],
  [
    'a key that stands there twice',
    [[written(1)], [opened]],
    { 2: [1, 1] },
    'key-stray',
    /a key of the commit at 2 stands there twice/,
  ],
  [
    'a generation that the keyring has not reached',
    [[about('keys.shredded', { generation: 2, epoch: 2, keys: 0 })]],
    {},
    'generation',
    /generation 2, expected 1 to 1/,
  ],
  [
    'a generation that goes back',
    [
      [
        about('keyslot.removed', {
          slot: 's',
          kind: 'none',
          role: 'owner',
          label: '',
          generation: 0,
        }),
      ],
    ],
    {},
    'generation',
    /generation 0, expected 1 to 1/,
  ],
  [
    'a rotation that begins no epoch',
    [[rotated({ what: 'log' })], [opened]],
    {},
    'rotation',
    /event 2 begins epoch 2, and the keyring has no epoch there/,
  ],
  [
    'a signing key that the keyring lacks',
    [[rotated({ what: 'signing', key: key(9) })], [opened]],
    {},
    'rotation',
    /event 2 names a signing key that the keyring lacks/,
  ],
  [
    'a restore of another log',
    [[about('vault.restored', { origin: 'o', size: 2, root: key(1), key: key(2) })]],
    {},
    'restored',
    /event 2 does not name the log that stands before it/,
  ],
])('tells %s', async (_what, commits, keys, code, message) => {
  const found = await verifyLog(await makeLog(commits, { keys }))
  expect(codes(found)).toEqual([code])
  expect(found.problems[0]?.message).toMatch(message)
  expect(found.ok).toBe(false)
  // Nothing kept it from reading on.
  expect(found).toMatchObject({ events: found.size, root: expect.any(String) })
})

it('tells a key that is not the one that its id names', async () => {
  const { store, keyring } = await makeLog([[written(1)]])
  const [wrap] = keyring.values.wraps
  const id = { first: 2, block: 0 }
  const bytes = sealKeyRow(
    { epoch: 1, cipher: xaes(wrap?.key ?? key(0)) },
    { vaultId: keyring.vaultId, ...id },
    [{ keyId: keyId(1), valueKey: key(2) }],
  )
  await store.commit({ first: 3, keys: { put: [{ id, bytes }] } })
  const { problems } = await verifyLog({ store, keyring })
  expect(problems).toEqual([
    { code: 'key-row', position: 2, message: 'a key of the commit at 2 is another than its id' },
  ])
})

it.each<[string, (keyring: OwnerKeyring) => Draft, string]>([
  [
    'another vault’s creation',
    () => created(createKeyring()),
    'the first event creates another vault than the keyring is of',
  ],
  ['a first event that is none', () => opened, 'the first event creates no vault, at position 0'],
])('tells %s', async (_what, first, message) => {
  const keyring = createKeyring()
  const { vaultId } = keyring
  const store = await memoryStore().create()
  const plain = new CommitWriter()
  plain.clear()
  plain.add(eventOf(first(keyring), 0))
  const sealed = sealCommit(openEpochs(keyring).at(0), { vaultId, first: 0, plain })
  await store.commit({ first: 0, sealed })
  const { problems } = await verifyLog({ store, keyring })
  expect(problems).toEqual([{ code: 'created', position: 0, message }])
})

it('tells an event that no release writes, one of a newer release, and reads on', async () => {
  const inContext = (bytes: Buffer) => {
    // The byte of the context's map: 0x81 becomes a list.
    bytes[bytes.indexOf('auth') - 2] = 0x91
  }
  const bad = await verifyLog(await makeLog([[written(1), read(1)]], { spoil: inContext }))
  expect(codes(bad)).toEqual(['event'])
  expect(bad.problems[0]).toMatchObject({ position: 3 })
  expect(bad).toMatchObject({ size: 4, events: 3, root: expect.any(String) })

  const schema = (bytes: Buffer) => bytes.writeUInt8(2, 1)
  const newer = await verifyLog(await makeLog([[opened]], { spoil: schema }))
  expect(newer.problems).toEqual([
    {
      code: 'schema',
      position: 2,
      message: 'event 2: vault.opened has schema 2, this release reads up to 1',
    },
  ])
})

it('holds nothing against a secret whose changes could not be read', async () => {
  const lost = (bytes: Buffer) => bytes.writeUInt8(0x99, 0)
  // Its destruction is the event that is lost.
  const found = await verifyLog(
    await makeLog([[written(1)], [read(1), destroyed(1, 2)]], { spoil: lost }),
  )
  expect(codes(found)).toEqual(['event'])
})

it('follows the keys of the log and of its signatures through their rotations', async () => {
  const first = createKeyring()
  // created, opened, rotated | opened
  const keyring = addSigner(addLogEpoch(first, 3))
  const signer = keyring.log.signers.at(-1)
  const commits = [
    [rotated({ what: 'log' })],
    [opened],
    [rotated({ what: 'signing', key: signer?.publicKey })],
    [opened],
  ]
  expect(await verifyLog(await makeLog(commits, { keyring }))).toMatchObject({ ok: true })

  const together = [[opened, rotated({ what: 'log' })], [opened]]
  const notAlone = await verifyLog(await makeLog(together, { keyring: addLogEpoch(first, 4) }))
  expect(notAlone.problems).toEqual([
    {
      code: 'rotation',
      position: 3,
      message: 'the rotation at position 3 is not alone, or not the last, in its commit',
    },
  ])

  const unsaid = await verifyLog(
    await makeLog([[opened], [opened]], { keyring: addLogEpoch(first, 3) }),
  )
  expect(unsaid.problems).toEqual([
    {
      code: 'rotation',
      position: 3,
      message: 'epoch 2 begins at position 3, behind no event that rotates keys',
    },
  ])
})

it('tells an epoch that is left out, and a commit sealed under another than its own', async () => {
  const keyring = addLogEpoch(createKeyring(), 3)
  const { store } = await makeLog([[rotated({ what: 'log' })], [opened], [opened]], { keyring })
  const [one, two] = keyring.log.epochs
  const gap = {
    ...keyring,
    log: { ...keyring.log, epochs: [one!, { ...two!, epoch: 5 }] },
    values: {
      ...keyring.values,
      appends: keyring.values.appends.map((append, i) =>
        i === 1 ? { ...append, epoch: 5 } : append,
      ),
    },
  }
  const found = await verifyLog({ store, keyring: gap })
  expect(found.problems.map(({ code, message }) => `${code}: ${message}`)).toEqual([
    'epoch: the keyring has epoch 5 after 1',
    'rotation: event 2 begins epoch 2, and the keyring has epoch 5 there',
    'epoch: the commit at position 3 is sealed under epoch 2, expected 5',
    'epoch: the commit at position 4 is sealed under epoch 2, expected 5',
    expect.stringContaining('unproved: from position 3 on'),
  ])
})

/** A store whose commits are others than it holds: what a store of a host's own could give. */
function giving(
  store: Store,
  change: (batch: readonly { first: number; sealed: Uint8Array }[]) => unknown,
) {
  return {
    ...store,
    async *read(range: { from: number; to?: number }) {
      const all = []
      for await (const batch of store.read(range)) all.push(...batch)
      yield change(all) as never
    },
  } as Store
}

it('tells positions that are missing, and a commit within another', async () => {
  const { store, keyring } = await makeLog([[opened], [opened]])
  const without = await verifyLog({ store: giving(store, ([a, , c, d]) => [a, c, d]), keyring })
  expect(without.problems.map(({ code, message }) => `${code}: ${message}`)).toEqual([
    'position: positions 1 to 1 are missing',
    expect.stringContaining('unproved: from position 1 on'),
  ])
  const twice = await verifyLog({
    store: giving(store, ([a, b, c, d]) => [a, b, b, c, d]),
    keyring,
  })
  expect(twice.problems).toEqual([
    {
      code: 'position',
      position: 1,
      message: 'a commit begins at position 1, within the one before it',
    },
  ])
  const short = await verifyLog({ store: giving(store, ([a, b]) => [a, b]), keyring })
  expect(codes(short)).toEqual(['position', 'unproved'])
})

it('tells a commit whose header is none', async () => {
  const { store, keyring } = await makeLog([[opened], [opened]])
  const found = await verifyLog({
    store: giving(store, ([a, b, c, d]) => [a, b, { ...c, sealed: changed(c!.sealed) }, d]),
    keyring,
  })
  expect(found.problems[0]).toEqual({
    code: 'header',
    position: 2,
    message: 'the commit at position 2 does not begin with MUN1',
  })
  expect(codes(found)).toEqual(['header', 'unproved'])
  expect(found).toMatchObject({ size: 4, events: 3, commits: 4, root: null })

  function changed(sealed: Uint8Array) {
    const bytes = sealed.slice()
    bytes[0] = 0
    return bytes
  }
})

it('compares no keys where the store does not give all of them', async () => {
  const { store, keyring } = await makeLog([[written(1)]], { keys: { 2: [1] } })
  const entries = () => ({
    [Symbol.asyncIterator]: () => ({
      // A store of a host's own, with errors of its own.
      next: () => Promise.reject(Object.assign(new Error('block 7'), { code: 'INTEGRITY' })),
    }),
  })
  const keys = { ...store.keys, entries }
  const { problems } = await verifyLog({ store: { ...store, keys }, keyring })
  expect(problems).toEqual([{ code: 'key-row', message: 'block 7' }])
})

it('lists a bounded number of problems', async () => {
  const commits = Array.from({ length: 1100 }, () => [read(1)])
  const { problems } = await verifyLog(await makeLog(commits))
  expect(problems).toHaveLength(1001)
  expect(problems.at(-1)).toEqual({ code: 'more', message: 'there are more than 1000 problems' })
})

it('checks no MAC and no key where an auditor’s keys are given, and says so', async () => {
  const { store, keyring } = await makeLog([[written(1)]])
  const { values: _, ...auditor } = keyring
  expect(await verifyLog({ store, keyring: auditor })).toMatchObject({
    ok: true,
    events: 3,
    macs: 'not checked: auditor',
    keys: 'not checked: auditor',
  })
})

it('verifies an open vault while it grows, and tells how far it has come', async () => {
  const { vault } = await testVault({ 'prod/a': 'one', 'prod/b': 'two' })
  await vault.rotate('prod/a', 'three')
  await vault.destroy('prod/a', { versions: [1] })
  await vault.keys.rotate()
  await vault.keys.rotateSigning()
  await vault.write('prod/c', 'four')
  await vault.keys.shred()
  const { size } = await vault.health()
  const told: number[] = []
  const verifying = vault.verify({ onProgress: ({ position }) => told.push(position) })
  await vault.write('prod/d', 'five')
  const found = await verifying
  expect(found).toMatchObject({ ok: true, events: found.size, anchored: 0, problems: [] })
  expect([size, size + 1]).toContain(found.size)
  expect(told.at(-1)).toBe(found.size)
  expect((await vault.health()).size).toBe(size + 1)
  await vault.close()
})

it('ends when it is aborted, and when the vault is closed', async () => {
  const { vault } = await testVault({ 'prod/a': 'one' })
  const reason = new Error('enough')
  await expect(vault.verify({ signal: AbortSignal.abort(reason) })).rejects.toMatchObject({
    code: 'ABORTED',
    cause: reason,
  })
  const halfway = new AbortController()
  await expect(
    vault.verify({ signal: halfway.signal, onProgress: () => halfway.abort(reason) }),
  ).rejects.toMatchObject({ code: 'ABORTED', message: 'the caller aborted' })
  await vault.close()
  await expect(vault.verify()).rejects.toMatchObject({ code: 'CLOSED' })
})
