import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { Level } from 'level'
import { unpack } from 'msgpackr'
import { sha256 } from '../dist/crypto/hash.js'
import { levelStore, passphrase, Vault } from '../dist/index.js'
import { openKeyring, parseKeyring } from '../dist/keys/keyring.js'
import { openSlots } from '../dist/keys/unlock.js'
import { leafHashesOf, openCommit } from '../dist/log/commit.js'
import { openEpochs } from '../dist/log/epochs.js'
import { emptyFrontier, grow as growTree } from '../dist/proofs/tree.js'
import { grow, inFolder, median, options, pathOf, readAll, timed, vaultWith } from './material.js'

const secrets = 10_000

/** Puts, one after another, with sync, of as many bytes as a commit of `events` reads takes. */
async function rawPuts(folder, { commits, bytes }) {
  const db = new Level(join(folder, 'raw'), {
    keyEncoding: 'buffer',
    valueEncoding: 'buffer',
    compression: false,
  })
  await db.open()
  const key = Buffer.alloc(8)
  const { ms } = await timed(async () => {
    for (let i = 0; i < commits; i++) {
      key.writeBigUInt64BE(BigInt(i))
      await db.put(key, Buffer.alloc(bytes, i), { sync: true })
    }
  })
  await db.close()
  await rm(join(folder, 'raw'), { recursive: true })
  return ms
}

/** How many bytes a sealed commit of so many reads has. */
async function commitBytes(vault, folder, events) {
  const { size } = await vault.health()
  await vault.close()
  const store = await levelStore(join(folder, 'vault')).open()
  let bytes = 0
  for await (const batch of store.read({ from: size - 2 - events, to: size - 2 })) {
    for (const { sealed } of batch) bytes = Math.max(bytes, sealed.length)
  }
  await store.close()
  return bytes
}

/** Audited reads, against the same number of events put raw in as many synced puts. */
export async function reads({ callers, cache }) {
  return inFolder(async (folder) => {
    const total = callers === 1 ? 3_000 : 60_000
    const more = cache === undefined ? {} : { cache: { values: cache } }
    const vault = await vaultWith(join(folder, 'vault'), secrets, more)
    await readAll(vault, { callers, total: total / 10, secrets })
    const rates = []
    const raw = []
    const perCommit = Math.min(callers, 128)
    const bytes = 64 + perCommit * 190
    for (let round = 0; round < 3; round++) {
      const { ms } = await timed(() => readAll(vault, { callers, total, secrets }))
      rates.push((total / ms) * 1000)
      const rawMs = await rawPuts(folder, { commits: total / perCommit / 3, bytes })
      raw.push((total / 3 / rawMs) * 1000)
    }
    const real = await commitBytes(vault, folder, perCommit)
    return { rate: median(rates), raw: median(raw), bytesAssumed: bytes, bytesReal: real }
  })
}

export async function bulkWrite(count = 100_000) {
  return inFolder(async (folder) => {
    const vault = await Vault.create(options(join(folder, 'vault')))
    const { ms } = await timed(() =>
      Promise.all(Array.from({ length: count }, (_, i) => vault.write(pathOf(i), 'x'.repeat(64)))),
    )
    await vault.close()
    return { rate: (count / ms) * 1000 }
  })
}

/** Iterate, open and decode generically: what a rebuild of every projection is held against. */
async function generic(path) {
  const store = await levelStore(path).open()
  const sealedKeyring = parseKeyring(await store.files.read('keyring'))
  const { root } = await openSlots(sealedKeyring, options(path).unlock)
  const epochs = openEpochs(openKeyring(sealedKeyring, root))
  let seen = 0
  const { ms } = await timed(async () => {
    for await (const batch of store.read({ from: 0 })) {
      for (const stored of batch) {
        const plain = openCommit(epochs, stored)
        for (const [start, end] of plain.spans) {
          if (unpack(plain.buffer.subarray(start, end)).length === 8) seen++
        }
      }
    }
  })
  await store.close()
  return { ms, seen }
}

/** The first page of a list as of moments far apart, each looked at for the first time, and of their neighbours. */
async function lookBack(vault) {
  const { size } = await vault.health()
  const listed = async (position) => {
    const { ms } = await timed(async () => (await vault.asOf({ position })).list())
    return ms
  }
  const first = []
  const neighbours = []
  for (const part of [0.5, 0.9, 0.2]) {
    const position = Math.floor(size * part)
    first.push(await listed(position))
    for (let i = 1; i <= 10; i++) neighbours.push(await listed(position + i * 97))
  }
  return { first: median(first), neighbour: median(neighbours) }
}

/** Opening, rebuilding and querying a vault of so many events. */
export async function atSize(events) {
  return inFolder(async (folder) => {
    const path = join(folder, 'vault')
    let vault = await vaultWith(path, secrets)
    await grow(vault, { events: events - 1, secrets })
    await vault.close()
    const kdf = []
    const opens = []
    for (let round = 0; round < 5; round++) {
      const { ms, result } = await timed(() => Vault.open(options(path)))
      opens.push(ms)
      await result.close()
      kdf.push(await kdfMs())
    }
    vault = await Vault.open(options(path))
    const firstPage = []
    for (let i = 0; i < 50; i++) {
      const query = { subject: pathOf((i * 97) % secrets), limit: 100 }
      firstPage.push((await timed(() => vault.audit.query(query).next())).ms)
    }
    const asOf = await lookBack(vault)
    const delay = monitorEventLoopDelay({ resolution: 1 })
    await vault.close()
    await rm(join(path, 'derived'), { recursive: true })
    delay.enable()
    const rebuild = await timed(() => Vault.open(options(path)))
    delay.disable()
    const { size } = await rebuild.result.health()
    await rebuild.result.close()
    const { ms: genericMs, seen } = await generic(path)
    return {
      events,
      openMs: median(opens) - median(kdf),
      queryMs: median(firstPage),
      asOfMs: asOf.first,
      neighbourMs: asOf.neighbour,
      rebuildRate: (size / (rebuild.ms - median(kdf))) * 1000,
      genericRate: (seen / genericMs) * 1000,
      loopDelayP99Ms: delay.percentile(99) / 1e6,
      loopDelayMaxMs: delay.max / 1e6,
    }
  })
}

/** Iterate, open with MACs, and hash leaves: what full verification is held against. */
async function leaves(path) {
  const store = await levelStore(path).open()
  const sealedKeyring = parseKeyring(await store.files.read('keyring'))
  const { root } = await openSlots(sealedKeyring, options(path).unlock)
  const epochs = openEpochs(openKeyring(sealedKeyring, root))
  let hashed = 0
  const { ms } = await timed(async () => {
    for await (const batch of store.read({ from: 0 })) {
      for (const stored of batch) {
        const { first } = stored
        hashed += leafHashesOf(epochs.at(first), first, openCommit(epochs, stored)).length
      }
    }
  })
  await store.close()
  return (hashed / ms) * 1000
}

/** Full verification of a vault of so many events, three times, and the host's event loop meanwhile. */
export async function verification(events) {
  return inFolder(async (folder) => {
    const path = join(folder, 'vault')
    let vault = await vaultWith(path, secrets)
    await grow(vault, { events: events - 1, secrets })
    await vault.close()
    const rates = []
    const against = []
    const p99s = []
    const maxima = []
    for (let round = 0; round < 3; round++) {
      against.push(await leaves(path))
      vault = await Vault.open(options(path))
      const delay = monitorEventLoopDelay({ resolution: 1 })
      delay.enable()
      const { ms, result } = await timed(() => vault.verify())
      delay.disable()
      if (!result.ok) throw new Error('the vault that the bench made does not verify')
      rates.push((result.size / ms) * 1000)
      p99s.push(delay.percentile(99) / 1e6)
      maxima.push(delay.max / 1e6)
      await vault.close()
    }
    return {
      rate: median(rates),
      leafRate: median(against),
      loopDelayP99Ms: median(p99s),
      loopDelayMaxMs: median(maxima),
    }
  })
}

/** Proofs of events here and there in a log of so many. */
export async function proving(events) {
  return inFolder(async (folder) => {
    const vault = await vaultWith(join(folder, 'vault'), secrets)
    await grow(vault, { events: events - 1, secrets })
    const { size } = await vault.proofs.checkpoint()
    const runs = []
    for (let i = 0; i < 200; i++) {
      const position = (i * 7_919) % size
      runs.push((await timed(() => vault.proofs.event(position))).ms)
    }
    await vault.close()
    return { ms: median(runs), most: Math.max(...runs) }
  })
}

/** What the tree costs an event on its way in, beside the salted hash of its leaf, in microseconds. */
export async function treeCost() {
  const leaves = Array.from({ length: 128 }, (_, i) => sha256(Buffer.alloc(200, i)))
  const append = await timed(() => {
    let frontier = emptyFrontier
    for (let i = 0; i < 2_000; i++) frontier = growTree(frontier, leaves).frontier
  })
  const hash = await timed(() => {
    const leaf = Buffer.alloc(217)
    for (let i = 0; i < 2_000 * 128; i++) sha256(leaf)
  })
  const each = ({ ms }) => (ms * 1000) / (2_000 * 128)
  return { append: each(append), hash: each(hash) }
}

async function kdfMs() {
  const { unlock } = options('unused')
  const kdf = unlock.newKdf()
  return (await timed(() => unlock.key({ kdf }))).ms
}

/** The two key derivations at their defaults. */
export async function derivations() {
  const of = async (unlock) => {
    const kdf = unlock.newKdf()
    const runs = []
    for (let i = 0; i < 5; i++) runs.push((await timed(() => unlock.key({ kdf }))).ms)
    return median(runs)
  }
  return {
    argon2id_ms: await of(passphrase('bench')),
    pbkdf2_ms: await of(passphrase('bench', { kdf: 'pbkdf2' })),
  }
}
