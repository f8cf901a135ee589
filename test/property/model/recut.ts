import { openKeyring, parseKeyring } from '../../../src/keys/keyring.ts'
import { noKdf } from '../../../src/keys/no-kdf.ts'
import { openSlots } from '../../../src/keys/unlock.ts'
import { CommitWriter, sealCommit } from '../../../src/log/commit.ts'
import { type Epochs, openEpochs } from '../../../src/log/epochs.ts'
import { readCommits } from '../../../src/log/reader.ts'
import { memoryStore } from '../../../src/store/memory.ts'
import type { Store, StoreOpener } from '../../../src/store/port.ts'

/**
 * The same events, keyring and head in another store, cut into commits of these sizes, over and over. Its tree is the
 * same, since a leaf is one event; values cannot be read there, since a key row lies with the commit that wrote it.
 */
export async function recut(from: StoreOpener, sizes: readonly number[]): Promise<StoreOpener> {
  const to = memoryStore()
  const [source, target] = [await from.open(), await to.create()]
  for (const name of await source.files.list()) {
    await target.files.replace(name, (await source.files.read(name)) ?? new Uint8Array())
  }
  await copyEvents(source, target, sizes)
  await source.close()
  await target.close()
  return to
}

async function copyEvents(store: Store, target: Store, sizes: readonly number[]): Promise<void> {
  const epochs = await epochsOf(store)
  const events = []
  for await (const commit of readCommits({ store, epochs }, { from: 0 })) {
    events.push(...commit.events)
  }
  const { vaultId, current } = epochs
  const plain = new CommitWriter()
  for (let first = 0, n = 0; first < events.length; n++) {
    const commit = events.slice(first, first + (sizes[n % sizes.length] ?? 1))
    plain.clear()
    for (const event of commit) plain.add(event)
    await target.commit({ first, sealed: sealCommit(current, { vaultId, first, plain }) })
    first += commit.length
  }
}

/** The log keys of a vault that `noKdf` opens. */
async function epochsOf({ files }: Store): Promise<Epochs> {
  const sealed = parseKeyring((await files.read('keyring')) ?? new Uint8Array())
  const { root } = await openSlots(sealed, noKdf)
  return openEpochs(openKeyring(sealed, root))
}
