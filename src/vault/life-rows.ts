import { VaultError } from '../errors.ts'
import type { SecretMeta, VaultEvent } from '../events/catalogue.ts'
import { BoundedCache } from '../log/bounded-cache.ts'
import type { LogSource } from '../log/reader.ts'
import type { Life } from '../projections/derived/life-table.ts'
import type { LivesAt } from '../projections/derived/lives-at.ts'
import type { SecretRow } from '../projections/secrets.ts'
import { eventsAt } from './events-at.ts'

export interface LifeRow {
  readonly path: string
  readonly life: Life
  readonly row: SecretRow
}

/** What an event says of its secret that the columns do not hold. */
interface Said {
  readonly subject: string
  readonly actor: string
  readonly meta?: SecretMeta
  readonly keyId?: Uint8Array
}

/**
 * The rows of those paths that had a secret, as the projection `secrets` had them: what the columns hold, and what three
 * events of each say besides. Throws `INTEGRITY` where they do not say it.
 */
export async function rowsOfLives(
  source: LogSource,
  lives: Pick<LivesAt, 'life'>,
  paths: readonly string[],
): Promise<readonly LifeRow[]> {
  const found = paths.flatMap((path) => {
    const life = lives.life(path)
    return life === undefined ? [] : [{ path, life }]
  })
  const positions = found.flatMap(({ life }) => [life.position, life.metaAt, life.last])
  const said = await saidAt(source, positions)
  return found.map(({ path, life }) => ({ path, life, row: rowOf(path, life, said) }))
}

function rowOf(path: string, life: Life, said: ReadonlyMap<number, Said>): SecretRow {
  const expect = <V>(position: number, what: (said: Said) => V | undefined): V => {
    const event = said.get(position)
    const value = event?.subject === path ? what(event) : undefined
    if (value !== undefined) return value
    throw new VaultError('INTEGRITY', `position ${position} is no change of ${path}`, { path })
  }
  const { version, state, position, oldest, last, createdAt, updatedAt, valueChangedAt } = life
  return {
    version,
    state,
    position,
    keyId: expect(position, ({ keyId }) => keyId),
    oldest,
    last,
    meta: expect(life.metaAt, ({ meta }) => meta),
    createdAt,
    updatedAt,
    valueChangedAt,
    updatedBy: expect(last, ({ actor }) => actor),
  }
}

const keptBytesMax = 1024 * 1024

/** What was read last of each log that is open; events never change, and neighbouring moments share nearly all of them. */
const keptByLog = new WeakMap<LogSource['epochs'], BoundedCache<Said>>()

function keptOf({ epochs }: LogSource): BoundedCache<Said> {
  const kept = keptByLog.get(epochs) ?? new BoundedCache<Said>(keptBytesMax, bytesOf)
  keptByLog.set(epochs, kept)
  return kept
}

/** About as much memory as it takes. */
function bytesOf(said: Said): number {
  return 512 + 2 * JSON.stringify(said.meta ?? '').length
}

async function saidAt(
  source: LogSource,
  positions: readonly number[],
): Promise<ReadonlyMap<number, Said>> {
  const kept = keptOf(source)
  const said = new Map<number, Said>()
  const left: number[] = []
  for (const position of new Set(positions.toSorted((a, b) => a - b))) {
    const known = kept.get(`${position}`)
    if (known === undefined) left.push(position)
    else said.set(position, known)
  }
  for await (const event of eventsAt(source, left)) {
    const found = saidBy(event)
    kept.put(`${event.position}`, found)
    said.set(event.position, found)
  }
  return said
}

/** Copies: an event holds the whole of its commit. */
function saidBy({ subject, actor, data }: VaultEvent): Said {
  const { meta, keyId } = data as { readonly meta?: SecretMeta; readonly keyId?: Uint8Array }
  return {
    subject,
    actor,
    ...(meta !== undefined && { meta }),
    ...(keyId !== undefined && { keyId: Buffer.from(keyId) }),
  }
}
