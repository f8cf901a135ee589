import { setImmediate as turn } from 'node:timers/promises'
import { keyIdName } from '../keys/box.ts'
import type { KeyRef, KeyRows } from '../log/key-rows.ts'
import type { Log } from '../log/log.ts'
import { eventAt, type LogSource } from '../log/reader.ts'
import type { BuiltIns } from './built-ins.ts'

/** What a sweep needs of an open vault. */
export interface Swept extends LogSource {
  readonly state: Pick<BuiltIns, 'audit'>
  readonly keyRows: KeyRows
  readonly log: Pick<Log, 'append' | 'size'>
}

/** Destroyed keys looked for in one pass over the key rows. */
const keysPerPass = 100_000
const rowsPerTurn = 32

/**
 * Deletes again every value key that the log says is destroyed and that stands in the store all the same: one that
 * came back with an older copy of the key rows. Gives the number of keys it found. Reads refuse such a version by what
 * the log says, with or without its key.
 */
export async function sweepKeys(vault: Swept): Promise<number> {
  let found = 0
  for await (const destroyed of destroyedKeys(vault)) {
    const back = await keysThatStand(vault, destroyed)
    if (back.length === 0) continue
    found += back.length
    // In the writer, as every change of key rows: it builds on what the changes before it left.
    await vault.log.append({
      actor: '',
      context: {},
      aggregate: '',
      alone: true,
      decide: () => ({ facts: [], removeKeys: back }),
    })
  }
  return found
}

/** Key ids that the log says are destroyed, in sets of a bounded size. */
async function* destroyedKeys(vault: Swept): AsyncGenerator<ReadonlySet<string>, void, void> {
  let keys = new Set<string>()
  const candidates = vault.state.audit.fold.state.candidates({
    groups: [[{ kind: 'type', text: 'secret.destroyed' }]],
    from: 0,
    to: vault.log.size,
    order: 'oldest',
  })
  for await (const positions of candidates) {
    for (const position of positions) {
      const { event } = await eventAt(vault, position)
      if (event.type !== 'secret.destroyed') continue
      for (const { keyId } of event.data.versions) keys.add(keyIdName(keyId))
      if (keys.size < keysPerPass) continue
      yield keys
      keys = new Set()
    }
  }
  if (keys.size > 0) yield keys
}

async function keysThatStand(vault: Swept, destroyed: ReadonlySet<string>): Promise<KeyRef[]> {
  const found: KeyRef[] = []
  let seen = 0
  for await (const { first, keyIds } of vault.keyRows.ids()) {
    for (const keyId of keyIds) if (destroyed.has(keyIdName(keyId))) found.push({ keyId, first })
    if (++seen % rowsPerTurn === 0) await turn()
  }
  return found
}
