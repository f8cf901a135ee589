import { setImmediate as turn } from 'node:timers/promises'
import type { Asked } from '../access/asked.ts'
import { VaultError } from '../errors.ts'
import type { SecretMeta } from '../events/catalogue.ts'
import { checkPrefix } from '../events/path.ts'
import { keyIdName, openBox } from '../keys/box.ts'
import { decodeValue } from '../keys/value.ts'
import type { Command } from '../log/queue.ts'
import { expectOngoing } from '../ongoing.ts'
import type { EntryVersion, TransferEntry } from '../transfer/entry.ts'
import { type Call, permitted } from './call.ts'
import type { Engine } from './engine.ts'
import {
  type Held,
  type HeldSecrets,
  type HeldVersion,
  holdSecrets,
  keptVersions,
  validityOf,
} from './held-secrets.ts'
import { underPolicy } from './permit.ts'
import { type SealedVersion, sealedBoxes } from './sealed-boxes.ts'

/** Secrets on their way out of a vault, as of the event that says so. */
export interface Export {
  /** 32 hexadecimal digits. */
  readonly vaultId: string
  /** Of its `export.created`: what was written later is not in it. */
  readonly position: number
  /** Secrets with a version that was live then, and all such versions. */
  readonly secrets: number
  readonly versions: number
  /**
   * In the order of paths, to be gone through once. What is destroyed before its turn comes is left out; a scope that may
   * not read a secret any more when its turn comes is refused there, with `DENIED`.
   */
  readonly entries: AsyncGenerator<TransferEntry, void, void>
}

/** Values that are opened before other work of the process gets its turn. */
const opensPerTurn = 16

/** Hands out nothing before `export.created` is on disk. `engine` gives the one that is open at the time. */
export async function exportSecrets(
  engine: () => Engine,
  call: Call,
  prefix: string,
): Promise<Export> {
  checkPrefix(prefix)
  const asked = engine()
  const { signal } = call.limits
  // A prefix ends in a slash, a subject does not.
  const subject = prefix.replace(/\/$/, '')
  // Whether all of it may be read does not depend on what is there, and nothing of that is looked at before.
  const wanted: Asked = { operation: 'export', subject, below: { prefix, reach: 'all' } }
  await permitted(asked, call, wanted)
  // Most of the work is done outside the writer, which looks again only at what changed meanwhile.
  let found = await holdSecrets(asked, prefix, { before: new Map(), signal })
  const command: Command = {
    actor: call.actor,
    context: call.context,
    prepare: async () => {
      found = await holdSecrets(asked, prefix, { before: found })
    },
    decide: () => {
      const data = { prefix, ...countsOf(found) }
      return { facts: [{ type: 'export.created', subject, data }] }
    },
  }
  const [event] = await asked.append(underPolicy(call, wanted, command), call.limits)
  if (event === undefined) throw new RangeError('an export appends that it was made')
  return {
    vaultId: Buffer.from(asked.epochs.vaultId).toString('hex'),
    position: event.position,
    ...countsOf(found),
    entries: entriesOf(engine, call, found),
  }
}

function countsOf(held: HeldSecrets): { secrets: number; versions: number } {
  const counts = [...held.values()].map(({ versions }) => versions.length)
  return {
    secrets: counts.filter((count) => count > 0).length,
    versions: counts.reduce((sum, count) => sum + count, 0),
  }
}

async function* entriesOf(
  engine: () => Engine,
  call: Call,
  held: HeldSecrets,
): AsyncGenerator<TransferEntry, void, void> {
  const { permit, limits } = call
  const { signal } = limits
  let opened = 0
  const all = [...held.values()].flatMap(({ versions }) => versions)
  const sealed = sealedBoxes(all.map(({ position }) => position))
  for (const secret of held.values()) {
    expectOngoing(signal)
    const wanted: Asked = { operation: 'export', subject: secret.path }
    if (permit?.judge(wanted).allowed === false) await permitted(engine(), call, wanted)
    const versions = await openVersions(engine(), sealed, secret)
    if (versions.length > 0) yield { path: secret.path, meta: metaOf(secret.row.meta), versions }
    opened += versions.length
    if (opened < opensPerTurn) continue
    opened = 0
    await turn()
  }
}

/** Without what belongs to each version, or is read out of its value. */
function metaOf({ expiresAt: _, notBefore: __, fingerprint: ___, ...meta }: SecretMeta) {
  return meta
}

async function openVersions(
  engine: Engine,
  sealed: ReturnType<typeof sealedBoxes>,
  held: Held,
): Promise<readonly EntryVersion[]> {
  const plains: (Buffer | undefined)[] = []
  for (const version of held.versions) {
    const found = await sealed(engine, version.position)
    plains.push(await openVersion(engine, found, { path: held.path, version }))
  }
  // A missing key was destroyed: perhaps by a commit that is on disk and not yet folded.
  if (plains.includes(undefined)) await engine.log.settled()
  const kept = await keptVersions(engine, held)
  const values = held.versions.flatMap((version, i): EntryVersion[] => {
    if (!kept.has(keyIdName(version.keyId))) return []
    const plain = plains[i]
    if (plain !== undefined) return [{ value: decodeValue(plain), ...validityOf(version) }]
    const what = `the value key of version ${version.version} of ${held.path}`
    throw new VaultError('INTEGRITY', `${what} is missing, and no event destroyed it`)
  })
  for (const plain of plains) plain?.fill(0)
  return values
}

/** The plaintext of its box, or undefined where its key is gone. */
async function openVersion(
  engine: Engine,
  { event, first }: SealedVersion,
  { path: subject, version: held }: { path: string; version: HeldVersion },
): Promise<Buffer | undefined> {
  const { keyId, version } = held
  const { box } = event.data
  if (event.subject !== subject || event.data.version !== version) {
    throw new VaultError('INTEGRITY', `position ${held.position} does not hold ${subject}`, {
      path: subject,
    })
  }
  const valueKey = await engine.keyRows.get({ keyId, first })
  if (valueKey === undefined) return undefined
  return openBox({ vaultId: engine.epochs.vaultId, subject, version, box, keyId, valueKey })
}
